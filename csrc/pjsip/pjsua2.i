/* SPDX-License-Identifier: GPL-3.0-or-later
 * PJSIP's own pjsua2 module plus the few entry points of csrc/pjsip. scripts/pjsip turns this into the wrapper object, which
 * takes minutes to compile: keep it short and stable. */
%module(directors="1") pjsua2
%{
extern "C" {
#include "mc_pjsip.h"
}
%}

/* The GIL is let go of where a call may take its time: the poll, and what waits for the media worker. Reading a field of a struct must
 * not hand the interpreter to whoever waits for it. Callbacks take the GIL anyway. */
%nothreadallow;
%threadallow pj::Endpoint::libHandleEvents;
%threadallow pj::Endpoint::libInit;
%threadallow pj::Endpoint::libStart;
%threadallow pj::Endpoint::libDestroy;
%threadallow pj::Endpoint::transportCreate;
%threadallow pj::Account::create;
%threadallow pj::Account::setRegistration;
%threadallow pj::Call::~Call;
%threadallow pj::Call::makeCall;
%threadallow pj::Call::answer;
%threadallow pj::Call::hangup;
%threadallow pj::Call::setHold;
%threadallow pj::Call::reinvite;
%threadallow pj::Call::update;
%threadallow mc_pjsip_start;
%threadallow mc_pjsip_stop;

%include "pjsua2_upstream.i"
%include "mc_pjsip.h"
