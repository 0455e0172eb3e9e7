/* SPDX-License-Identifier: GPL-3.0-or-later
 * The gate before the SIP stack: which messages it gets to see, and how much of them. It parses nothing into objects, allocates
 * nothing and answers nobody; csrc/pjsip/gate.c does what it says. Judged on the signalling thread, set from any. */
#ifndef MC_GATE_H
#define MC_GATE_H

#include <pthread.h>

#include "sip_scan.h"
#include "sources.h"

#define MC_GATE_MAX_NETS 512
#define MC_GATE_MAX_SCANNERS 32
#define MC_GATE_MAX_BYTES 7999      /* of a message: PJSIP's buffer (PJSIP_MAX_PKT_LEN) cuts longer ones */
#define MC_GATE_LAG_OLD_US 1000000u /* a report of the dialogue side counts for so long */

/* Why a message is not for the stack as it is. The names stand in mc_gate_names. */
enum mc_gate_reason {
    MC_GATE_PASS,
    MC_GATE_MALFORMED, /* not SIP */
    MC_GATE_TOO_LARGE,
    MC_GATE_HEADERS, /* too many, or too long */
    MC_GATE_FLAWED,  /* a header or the request line breaks RFC 3261 */
    MC_GATE_VERSION,
    MC_GATE_LENGTH, /* Content-Length and what came don't agree */
    MC_GATE_BODY,   /* too large */
    MC_GATE_SDP,    /* beyond the bounds of sdp_scan.h */
    MC_GATE_METHOD, /* not served */
    MC_GATE_SCANNER,
    MC_GATE_RATE,      /* the source sends too much */
    MC_GATE_CALL_RATE, /* the source calls too often */
    MC_GATE_NUMBER,    /* the source calls a number that is not there: by mc_gate_blame */
    MC_GATE_DRAINING,
    MC_GATE_OVERLOAD,
    MC_GATE_REASONS
};
extern const char *const mc_gate_names[MC_GATE_REASONS];

enum mc_gate_action {
    MC_GATE_TAKE,
    MC_GATE_STRIP,  /* take it, without its body */
    MC_GATE_DROP,   /* without a word */
    MC_GATE_CLOSE,  /* nobody can say where the next message of this stream starts */
    MC_GATE_REFUSE, /* parse it without its body, answer with `code`, without state */
    MC_GATE_BUSY    /* 503 with Retry-After, unless it is a repetition of what was taken before */
};

/* How often a source was turned away for one reason since the last time that somebody asked. */
struct mc_gate_event {
    struct sockaddr_storage from;
    enum mc_gate_reason reason;
    uint32_t n;
};
#define MC_GATE_MAX_EVENTS 256 /* further sources are not told until somebody has asked */

struct mc_gate_verdict {
    enum mc_gate_reason reason;
    enum mc_gate_action action;
    int code;
    size_t size; /* of a stream: bytes of this message; 0 = it is not whole yet. Of a datagram: what of it is the message */
    struct mc_span call_id; /* in the message; empty = it was not read so far */
    bool opens;             /* an INVITE outside dialogs */
};

struct mc_gate {
    pthread_mutex_t lock; /* of all but the __atomic ones */
    struct mc_net nets[MC_GATE_MAX_NETS];
    char scanners[MC_GATE_MAX_SCANNERS][32]; /* lower case */
    size_t n_nets, n_scanners;
    struct mc_sources sources;
    struct mc_rate crowd;            /* new calls of all sources together that have a rate */
    uint64_t crowd_tokens, crowd_us; /* in millionths, and as of when */
    struct mc_gate_event events[MC_GATE_MAX_EVENTS];
    size_t n_events;
    uint64_t n[MC_GATE_REASONS]; /* messages judged, by reason; __atomic */
    int draining;                /* __atomic, as the rest */
    uint32_t most_wait_us;       /* that a new call may have waited unread; 0 = any time */
    uint32_t retry_after_s;      /* of a 503 */
    uint64_t lag_us, lag_at_us;  /* how late the dialogue side was, and when it said so */
};

/* The one of this process. */
struct mc_gate *mc_gate_the(void);

/* Lets everything pass that is well-formed and served. */
void mc_gate_init(struct mc_gate *g);
/* Each replaces what was before. MC_OK, MC_E_ARG (too many), MC_E_FORMAT (not a network). */
int mc_gate_trust(struct mc_gate *g, const char *const *nets, size_t n);
int mc_gate_scanners(struct mc_gate *g, const char *const *words, size_t n);
/* Forgets who sent how much so far. */
void mc_gate_rates(struct mc_gate *g, uint64_t seed, const struct mc_rate rates[MC_BUCKETS]);
/* Calls of all together that are not trusted, so that a flood of many sources takes no room from those that are. Rate 0 = any. */
void mc_gate_crowd(struct mc_gate *g, struct mc_rate rate);
void mc_gate_drain(struct mc_gate *g, bool on);
void mc_gate_overload(struct mc_gate *g, uint32_t most_wait_us, uint32_t retry_after_s);
/* The dialogue side took up a call so long after it came. */
void mc_gate_lag(struct mc_gate *g, uint64_t lag_us, uint64_t now_us);
uint64_t mc_gate_count(const struct mc_gate *g, enum mc_gate_reason reason);

/* Somebody else turned this source away, for such a reason. */
void mc_gate_blame(struct mc_gate *g, enum mc_gate_reason reason, const struct sockaddr *from);

/* Takes what happened since the last time: how many entries. */
size_t mc_gate_events(struct mc_gate *g, struct mc_gate_event *out, size_t max);

/* One message; of a stream the first one in buf, or a part of it. `waited_us`: how long it lay in the socket, 0 = not known. */
struct mc_gate_verdict mc_gate_judge(struct mc_gate *g, const char *buf, size_t len, bool stream, const struct sockaddr *from,
                                     uint64_t waited_us, uint64_t now_us);

/* Writes zeros over the value of Content-Length, so that the message is whole without its body: returns its new size. */
size_t mc_gate_strip(char *buf, size_t len);
/* The same for a request that is to be refused, whose request line becomes one that any parser takes: an answer repeats nothing of
 * it. */
size_t mc_gate_mend(char *buf, size_t len);

#endif
