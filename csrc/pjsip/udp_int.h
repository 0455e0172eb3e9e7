/* SPDX-License-Identifier: GPL-3.0-or-later
 * What transport_udp.c (sip thread) and udp_worker.c (media worker) share: the transport. */
#ifndef MC_UDP_INT_H
#define MC_UDP_INT_H

#include <stdatomic.h>

#include "early.h"
#include "pj_internal.h"
#include "ways.h"

struct udp {
    pjmedia_transport base;
    pj_pool_t *pool;
    const struct mc_seam *seam;
    unsigned media_options;
    bool used; /* was attached before */
    pj_sock_t fd[MC_N_WAYS];
    pj_sockaddr name[MC_N_WAYS]; /* as written in SDP */
    uint16_t port;               /* of RTP, here */

    /* The worker's while attached. */
    void *user;
    void (*rtp_cb)(void *, void *, pj_ssize_t);
    void (*rtp_cb2)(pjmedia_tp_cb_param *);
    void (*rtcp_cb)(void *, void *, pj_ssize_t);
    struct mc_ways ways;
    pj_sockaddr found; /* where the stream above knows the peer to be */
    void (*on_stranger)(void *ctx);
    void (*on_gone)(void *ctx, const pjmedia_transport *bottom);
    void *watcher;
    struct mc_leg *leg;
    struct mc_srtp *srtp; /* NULL: no keys were ever negotiated */

    uint32_t dtls;         /* mc_dtls_post */
    pj_sockaddr dtls_peer; /* no address: the handshake is under way */

    _Atomic(struct mc_early *) early;          /* keeps what comes; NULL: it is heard */
    _Atomic(struct mc_sock *) sock[MC_N_WAYS]; /* NULL: not attached, nothing is sent */
};

/* udp_worker.c: what comes, what goes. */
void mc_udp_on_rtp(void *ctx, uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len, uint64_t now_us);
void mc_udp_on_rtcp(void *ctx, uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len, uint64_t now_us);
pj_status_t mc_udp_send_rtp(pjmedia_transport *tp, const void *pkt, pj_size_t size);
pj_status_t mc_udp_send_rtcp(pjmedia_transport *tp, const void *pkt, pj_size_t size);
pj_status_t mc_udp_send_rtcp2(pjmedia_transport *tp, const pj_sockaddr_t *addr, unsigned addr_len, const void *pkt,
                              pj_size_t size);
/* A step of the worker's, of a struct udp: hands over what was kept early, and keeps no more. */
int mc_udp_release(void *arg);

#endif
