/* SPDX-License-Identifier: GPL-3.0-or-later
 * The seam between a signalling stack and the media core: one struct of functions that the core installs and the stack
 * calls. The core never names the stack; csrc/pjsip never names a codec. Lives in libmediacore, so both sides see one copy. */
#ifndef MC_SEAM_H
#define MC_SEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct mc_leg;
struct mc_sock;

/* What SDP negotiation settled for one audio leg. */
struct mc_leg_params {
    char codec[16]; /* SDP encoding name */
    uint32_t clock; /* RTP clock, Hz */
    uint8_t tx_pt;  /* payload types, 0-127 */
    uint8_t rx_pt;
    uint8_t event_tx_pt; /* telephone-event, or MC_PT_NONE */
    uint8_t event_rx_pt;
    uint8_t cn_tx_pt; /* comfort noise (RFC 3389); 0 = none, for 0 is PCMU's for ever */
    uint8_t cn_rx_pt;
    uint16_t ptime_ms; /* of what we send: 10, 20, 40 or 60 */
    bool send, recv;   /* our direction (RFC 3264 section 6.1) */
    bool secure;       /* SRTP is on; for describe() only */
    char fmtp[256];    /* remote fmtp of the codec, "" when none */
};

/* How the leg's packets leave. Called on the media worker only. 0 or an MC_E_ value; must not block. send_rtcp NULL: no RTCP. begin: once,
 * right before the leg goes over to this wire, so that what changes outside does so together with it; below 0: it doesn't. May be
 * NULL. */
struct mc_wire {
    void *ctx;
    int (*begin)(void *ctx);
    int (*send_rtp)(void *ctx, const void *pkt, size_t len);
    int (*send_rtcp)(void *ctx, const void *pkt, size_t len);
};

/* What the transport made of a packet that it kept from the leg, or of the one that it brings next. */
enum mc_source {
    MC_SOURCE_STRANGER,  /* not the peer's: dropped */
    MC_SOURCE_CANDIDATE, /* perhaps the peer's, from an address that proves itself first: dropped */
    MC_SOURCE_MOVED,     /* the peer is at another address from now on */
    MC_SOURCE_FORGED,    /* not sealed with the peer's key (SRTP): dropped */
    MC_SOURCE_REPLAYED,  /* a sealed packet that came before: dropped */
};

/* A datagram came in. Called on the media worker only; buf is valid inside the call. */
typedef void mc_sock_fn(void *ctx, uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len, uint64_t now_us);

struct mc_seam {
    void *host; /* first argument of the functions that take one: the worker */
    /* Set before signalling starts. rest: legs may rest in pauses, SDP offers comfort noise (RFC 3389). ask: what peers' encoders
     * are asked for, in the words of codecs that have some (RFC 7587 section 6.1); "" = nothing. */
    bool rest;
    char ask[160];

    /* The leg bound to a call by mc_seam_bind, or NULL. Signalling thread. */
    struct mc_leg *(*leg_of_call)(int call_id);
    /* References: the stack holds a leg for as long as it may name it, whatever is bound to the call by then, for it tears media down
     * after it told everybody that the call is over. Any thread. */
    void (*leg_ref)(struct mc_leg *leg);
    void (*leg_unref)(struct mc_leg *leg);
    /* SDP is settled, first time or again: takes copies. Signalling thread; returns when the worker has switched over. */
    int (*leg_start)(struct mc_leg *leg, const struct mc_leg_params *params, const struct mc_wire *wire);
    /* The call is over: the leg's last RTCP report goes out, with BYE. Signalling thread, before leg_stop, while `wire` still sends. */
    void (*leg_bye)(struct mc_leg *leg);
    /* Signalling thread. After it returned the worker calls `wire` no more. The leg itself, its rings and counters live on. */
    void (*leg_stop)(struct mc_leg *leg);
    /* One decrypted RTP / RTCP packet. Media worker. */
    void (*leg_rtp)(struct mc_leg *leg, const uint8_t *buf, size_t len, uint64_t now_us);
    void (*leg_rtcp)(struct mc_leg *leg, const uint8_t *buf, size_t len, uint64_t now_us);
    void (*leg_source)(struct mc_leg *leg, enum mc_source what);
    /* A datagram of the leg's came, whatever it is, or goes, sealed as it is: for a capture file. Media worker. */
    void (*leg_seen)(struct mc_leg *leg, bool sent, const struct sockaddr *ours, const struct sockaddr *theirs,
                     const uint8_t *buf, size_t len);

    /* The worker's sockets. add: signalling thread; callbacks may run before it returns. del: signalling thread, synchronous (after it
     * no callback runs); the descriptor stays the caller's to close after it. send: media worker, at once. */
    int (*sock_add)(void *host, int fd, mc_sock_fn *fn, void *ctx, struct mc_sock **out);
    void (*sock_del)(struct mc_sock *sock);
    int (*sock_send)(struct mc_sock *sock, const void *buf, size_t len, const struct sockaddr *to, socklen_t to_len);

    /* Runs fn on the media worker, between two batches, and returns what it returned. What is synchronous otherwise is done at once in
     * there: several such steps cost one hand-over. */
    int (*on_worker)(void *host, int (*fn)(void *arg), void *arg);
};

/* The installed seam, or NULL. Set before signalling starts, cleared after it ended. */
const struct mc_seam *mc_seam_get(void);
void mc_seam_set(const struct mc_seam *seam);

/* call_id -> leg, 0 <= call_id < MC_SEAM_MAX_CALLS. Signalling thread. NULL unbinds. Holds a reference to the leg. */
#define MC_SEAM_MAX_CALLS 8192
int mc_seam_bind(int call_id, struct mc_leg *leg);

#endif
