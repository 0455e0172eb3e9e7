/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the gate must know of a SIP message (RFC 3261 section 7) before any parser that builds objects sees it. Nothing is copied:
 * the spans point into the message. */
#ifndef MC_SIP_SCAN_H
#define MC_SIP_SCAN_H

#include "span.h"

#define MC_SIP_MAX_HEADERS 128 /* header lines, those that continue one not counted */
#define MC_SIP_MAX_LINE 4096   /* bytes of one line; a signed identity (RFC 8224) takes about 1,500 */

enum mc_sip_flaw {
    MC_SIP_FLAW_MISSING = 1,  /* a header that RFC 3261 section 8.1.1 demands is not there */
    MC_SIP_FLAW_TWICE = 2,    /* one that may stand there once stands there again */
    MC_SIP_FLAW_CSEQ = 4,     /* no number below 2**31 and method, or not the method of the request line */
    MC_SIP_FLAW_LENGTH = 8,   /* Content-Length is no number */
    MC_SIP_FLAW_VERSION = 16, /* not SIP/2.0 */
    MC_SIP_FLAW_LINE = 32,    /* the request line is not "METHOD URI VERSION" with one space between */
    MC_SIP_FLAW_SCHEME = 128, /* the request is for no sip:, sips: or tel: URI */
    MC_SIP_FLAW_FORWARDS = 64 /* Max-Forwards is no number of 0 to 255 */
};

struct mc_sip_scan {
    struct mc_span method; /* of a request; of a response: that in CSeq */
    struct mc_span uri;    /* of a request */
    struct mc_span line;   /* the first one, without its end */
    int status;            /* of a response, 0 = it is a request */
    struct mc_span call_id, from, to, user_agent, length;
    bool in_dialog;         /* To has a tag */
    int64_t content_length; /* -1 = not given, or no number; `length` has its text */
    unsigned flaws;         /* MC_SIP_FLAW_ bits */
    size_t start;           /* bytes of empty lines before the message */
    size_t body;            /* where the body starts, behind the empty line */
};

/* MC_OK; MC_E_SHORT: no empty line after the headers (of a stream: not yet); MC_E_FORMAT: not SIP, or a NUL among the headers;
 * MC_E_FULL: more or longer header lines than we read. */
int mc_sip_scan(struct mc_sip_scan *out, const char *buf, size_t len);

#endif
