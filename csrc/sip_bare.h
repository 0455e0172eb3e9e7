/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MC_SIP_BARE_H
#define MC_SIP_BARE_H

#include <stddef.h>

/* Leaves of a request what an answer repeats of it (RFC 3261 section 8.2.6.2), with a Content-Length of zeros, and no body: its new
 * size. 0, and nothing is changed: it is a response or an ACK, which nobody answers, or no SIP. */
size_t mc_sip_bare(char *buf, size_t len);

#endif
