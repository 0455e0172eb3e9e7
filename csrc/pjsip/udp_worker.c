/* SPDX-License-Identifier: GPL-3.0-or-later
 * The media worker's side of transport_udp.c: each datagram that comes, and each that goes. */
#include "../clock.h"
#include "../err.h"
#include "dtls.h"
#include "udp_int.h"

static _Thread_local uint64_t arrival_us;
static _Thread_local bool rtcp_confirmed;

uint64_t mc_transport_now_us(void) {
    return arrival_us;
}

void mc_transport_confirm_rtcp(void) {
    rtcp_confirmed = true;
}

static void copy_addr(pj_sockaddr *to, const struct sockaddr *from, socklen_t len) {
    pj_bzero(to, sizeof(*to));
    pj_memcpy(to, from, PJ_MIN((size_t)len, sizeof(*to)));
}

static void deliver(void *ctx, uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len, uint64_t now_us) {
    struct udp *udp = ctx;
    pj_sockaddr source;

    arrival_us = now_us;
    copy_addr(&source, from, from_len);
    if (udp->rtp_cb2) {
        pjmedia_tp_cb_param param = {.user_data = udp->user, .pkt = buf, .size = (pj_ssize_t)len, .src_addr = &source};

        udp->rtp_cb2(&param);
        if (param.rem_switch) {
            mc_ways_follow(&udp->ways, &source);
        }
    } else if (udp->rtp_cb) {
        udp->rtp_cb(udp->user, buf, (pj_ssize_t)len);
    }
}

/* Each that goes on wakes the sip thread. */
static void on_dtls(const struct udp *udp, const uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len) {
    pj_sockaddr source;

    copy_addr(&source, from, from_len);
    if (!pj_sockaddr_has_addr(&udp->dtls_peer) || !pj_sockaddr_cmp(&source, &udp->dtls_peer)) {
        mc_dtls_post(udp->dtls, buf, len, from, from_len);
    }
}

void mc_udp_on_rtp(void *ctx, uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len, uint64_t now_us) {
    struct udp *udp = ctx;
    struct mc_early *early = atomic_load_explicit(&udp->early, memory_order_acquire);

    if (udp->dtls != 0 && mc_is_dtls(buf, len)) {
        on_dtls(udp, buf, len, from, from_len);
        return;
    }
    udp->seam->leg_seen(udp->leg, false, (const struct sockaddr *)&udp->name[MC_RTP], from, buf, len);
    if (early) {
        mc_early_put(early, buf, len, from, from_len, now_us);
    } else {
        deliver(udp, buf, len, from, from_len, now_us);
    }
}

int mc_udp_release(void *arg) {
    struct udp *udp = arg;

    const struct mc_early *early = atomic_exchange(&udp->early, NULL);

    if (early) {
        mc_early_each(early, mc_clock_us(), deliver, udp);
    }
    return MC_OK;
}

void mc_udp_on_rtcp(void *ctx, uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len, uint64_t now_us) {
    struct udp *udp = ctx;
    pj_sockaddr source;

    if (udp->dtls != 0 && mc_is_dtls(buf, len)) {
        return; /* a handshake for RTCP alone is not served */
    }
    arrival_us = now_us;
    copy_addr(&source, from, from_len);
    udp->seam->leg_seen(udp->leg, false, (const struct sockaddr *)&udp->name[MC_RTCP], from, buf, len);
    if (!udp->rtcp_cb || !mc_ways_is_peer(&udp->ways, &source, now_us)) {
        if (udp->on_stranger) {
            udp->on_stranger(udp->watcher);
        }
        return;
    }
    rtcp_confirmed = false;
    udp->rtcp_cb(udp->user, buf, (pj_ssize_t)len);
    if (rtcp_confirmed) {
        mc_ways_learn(&udp->ways, &source, now_us);
    }
}

static pj_status_t send_on(struct udp *udp, int which, const pj_sockaddr_t *to, const void *pkt, pj_size_t size) {
    const int way = udp->ways.rtcp_mux ? MC_RTP : which;
    struct mc_sock *sock = atomic_load_explicit(&udp->sock[way], memory_order_acquire);

    if (!sock) {
        return PJ_EINVALIDOP;
    }
    udp->seam->leg_seen(udp->leg, true, (const struct sockaddr *)&udp->name[way], to, pkt, size);
    return udp->seam->sock_send(sock, pkt, size, to, pj_sockaddr_get_len(to)) < 0 ? PJ_EBUSY : PJ_SUCCESS;
}

pj_status_t mc_udp_send_rtp(pjmedia_transport *tp, const void *pkt, pj_size_t size) {
    struct udp *udp = (struct udp *)tp;

    return send_on(udp, MC_RTP, &udp->ways.remote[MC_RTP], pkt, size);
}

pj_status_t mc_udp_send_rtcp2(pjmedia_transport *tp, const pj_sockaddr_t *addr, unsigned addr_len, const void *pkt,
                              pj_size_t size) {
    struct udp *udp = (struct udp *)tp;

    return send_on(udp, MC_RTCP, addr ? addr : &udp->ways.remote[MC_RTCP], pkt, size);
}

pj_status_t mc_udp_send_rtcp(pjmedia_transport *tp, const void *pkt, pj_size_t size) {
    return mc_udp_send_rtcp2(tp, NULL, 0, pkt, size);
}
