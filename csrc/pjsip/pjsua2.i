/* SPDX-License-Identifier: GPL-3.0-or-later
 * PJSIP's own pjsua2 module plus the few entry points of csrc/pjsip. scripts/pjsip turns this into the wrapper object, which
 * takes minutes to compile: keep it short and stable. */
%module(directors="1") pjsua2
%{
extern "C" {
#include "mc_pjsip.h"
}
%}
%include "pjsua2_upstream.i"
%include "mc_pjsip.h"
