/* SPDX-License-Identifier: GPL-3.0-or-later
 * PJSIP's media transport over sockets that our media worker polls. pjsua makes the RTP and RTCP sockets and hands them to
 * pjmedia_transport_udp_attach; the linker's --wrap brings them here instead. keying.c then stands on top: it negotiates keys, and
 * packets go past it (srtp.c).
 *
 *     worker: socket -> on_rtp -> audio.c -> SRTP opens         SRTP seals -> audio.c -> send_rtp -> socket: worker
 *     sip thread: create, attach, detach, SDP, destroy
 *
 * While attached, the sockets and all that the worker reads here belong to the worker. Signalling changes those fields only when
 * no socket is with the worker: sock_add and sock_del are synchronous. */
#include "../err.h"
#include "mc_pjsip.h"
#include "udp_int.h"

static atomic_int n_transports;
static pjmedia_transport_op udp_op;

int mc_pjsip_n_transports(void) {
    return atomic_load(&n_transports);
}

pjmedia_transport *mc_transport_bottom(pjmedia_transport *tp) {
    pjmedia_transport_info info;

    pjmedia_transport_info_init(&info);
    if (pjmedia_transport_get_info(tp, &info) != PJ_SUCCESS) {
        return NULL;
    }
    for (unsigned i = 0; i < info.specific_info_cnt; i++) {
        if (info.spc_info[i].tp && info.spc_info[i].tp->op == &udp_op) {
            return info.spc_info[i].tp;
        }
    }
    return NULL;
}

struct mc_srtp **mc_transport_srtp(pjmedia_transport *bottom) {
    return &((struct udp *)bottom)->srtp;
}

void mc_transport_watch(pjmedia_transport *bottom, const pj_sockaddr *found, void (*on_stranger)(void *ctx),
                        void (*on_gone)(void *ctx, const pjmedia_transport *bottom), void *ctx, struct mc_leg *leg) {
    struct udp *udp = (struct udp *)bottom;

    udp->found = *found;
    udp->on_stranger = on_stranger;
    udp->on_gone = on_gone;
    udp->watcher = ctx;
    udp->leg = leg;
}

bool mc_transport_aim(pjmedia_transport *bottom, const pj_sockaddr *rtp, const pj_sockaddr *rtcp, const pj_sockaddr *found) {
    struct udp *udp = (struct udp *)bottom;

    if (rtp->addr.sa_family != udp->name[MC_RTP].addr.sa_family) {
        return false;
    }
    udp->found = *found;
    mc_ways_aim(&udp->ways, rtp, rtcp, found);
    return true;
}

void mc_transport_dtls(pjmedia_transport *bottom, uint32_t handle, const pj_sockaddr *peer) {
    struct udp *udp = (struct udp *)bottom;

    udp->dtls = handle;
    pj_bzero(&udp->dtls_peer, sizeof(udp->dtls_peer));
    if (peer) {
        udp->dtls_peer = *peer;
    }
}

int mc_transport_fd(pjmedia_transport *bottom) {
    return (int)((struct udp *)bottom)->fd[MC_RTP];
}

/* --- signalling thread --- */

void mc_transport_hold(pjmedia_transport *bottom) {
    struct udp *udp = (struct udp *)bottom;

    if (!atomic_load(&udp->early)) {
        atomic_store(&udp->early, mc_early_new());
    }
}

void mc_transport_release(pjmedia_transport *bottom) {
    struct udp *udp = (struct udp *)bottom;
    struct mc_early *early = atomic_load(&udp->early);

    if (early && udp->seam->on_worker(udp->seam->host, mc_udp_release, udp) == MC_OK) { /* else it goes with the transport */
        mc_early_free(early);
    }
}

static void detach(pjmedia_transport *tp, void *user_data) {
    struct udp *udp = (struct udp *)tp;

    for (int i = 0; i < MC_N_WAYS; i++) {
        struct mc_sock *sock = atomic_exchange(&udp->sock[i], NULL);

        if (sock) {
            udp->seam->sock_del(sock);
        }
    }
    udp->rtp_cb = NULL;
    udp->rtp_cb2 = NULL;
    udp->rtcp_cb = NULL;
    udp->user = NULL;
}

static pj_status_t attach2(pjmedia_transport *tp, pjmedia_transport_attach_param *param) {
    struct udp *udp = (struct udp *)tp;
    static mc_sock_fn *const on_packet[MC_N_WAYS] = {mc_udp_on_rtp, mc_udp_on_rtcp};

    PJ_ASSERT_RETURN(param && param->addr_len, PJ_EINVAL);
    if (param->rem_addr.addr.sa_family != udp->name[MC_RTP].addr.sa_family) {
        return PJ_EAFNOTSUP;
    }
    detach(tp, NULL);
    mc_early_free(atomic_exchange(&udp->early, NULL));

    mc_ways_aim(&udp->ways, &param->rem_addr, &param->rem_rtcp, &udp->found);
    udp->user = param->user_data;
    udp->rtp_cb = param->rtp_cb;
    udp->rtp_cb2 = param->rtp_cb2;
    udp->rtcp_cb = param->rtcp_cb;

    for (int i = 0; i < MC_N_WAYS; i++) {
        struct mc_sock *sock;

        if (udp->used) {
            mc_media_sock_drain(udp->fd[i]);
        }
        if (udp->seam->sock_add(udp->seam->host, (int)udp->fd[i], on_packet[i], udp, &sock) < 0) {
            detach(tp, NULL);
            return PJ_ETOOMANY;
        }
        atomic_store_explicit(&udp->sock[i], sock, memory_order_release);
    }
    udp->used = true;
    return PJ_SUCCESS;
}

static pj_status_t get_info(pjmedia_transport *tp, pjmedia_transport_info *info) {
    struct udp *udp = (struct udp *)tp;

    info->sock_info.rtp_sock = udp->fd[MC_RTP];
    info->sock_info.rtcp_sock = udp->fd[MC_RTCP];
    info->sock_info.rtp_addr_name = udp->name[MC_RTP];
    info->sock_info.rtcp_addr_name = udp->name[udp->ways.rtcp_mux ? MC_RTP : MC_RTCP];
    /* src_rtp_name stays empty: where packets come from is the worker's, and the leg tells it (describe). */
    if (info->specific_info_cnt < PJ_ARRAY_SIZE(info->spc_info)) {
        pjmedia_transport_specific_info *own = &info->spc_info[info->specific_info_cnt++];

        own->type = PJMEDIA_TRANSPORT_TYPE_UDP;
        own->cbsize = 0;
        own->tp = tp;
    }
    return PJ_SUCCESS;
}

static pj_status_t media_create(pjmedia_transport *tp, pj_pool_t *pool, unsigned options, const pjmedia_sdp_session *remote,
                                unsigned index) {
    ((struct udp *)tp)->media_options = options;
    return PJ_SUCCESS;
}

static pj_status_t encode_sdp(pjmedia_transport *tp, pj_pool_t *pool, pjmedia_sdp_session *local,
                              const pjmedia_sdp_session *remote, unsigned index) {
    mc_sdp_complete(pool, local->media[index], remote, remote && index < remote->media_count ? remote->media[index] : NULL,
                    ((struct udp *)tp)->media_options & PJMEDIA_TPMED_RTCP_MUX);
    return PJ_SUCCESS;
}

static pj_status_t media_start(pjmedia_transport *tp, pj_pool_t *pool, const pjmedia_sdp_session *local,
                               const pjmedia_sdp_session *remote, unsigned index) {
    return PJ_SUCCESS; /* attach does it */
}

static pj_status_t media_stop(pjmedia_transport *tp) {
    return PJ_SUCCESS; /* detach does it */
}

static pj_status_t simulate_lost(pjmedia_transport *tp, pjmedia_dir dir, unsigned percent) {
    return PJ_ENOTSUP; /* bad networks are simulated in virtual time, on the leg */
}

static void on_destroy(void *arg) {
    struct udp *udp = arg;

    pj_pool_safe_release(&udp->pool);
    atomic_fetch_sub(&n_transports, 1);
}

static pj_status_t destroy(pjmedia_transport *tp) {
    struct udp *udp = (struct udp *)tp;

    if (udp->on_gone) {
        udp->on_gone(udp->watcher, tp);
    }
    detach(tp, NULL);
    for (int i = 0; i < MC_N_WAYS; i++) {
        pj_sock_close(udp->fd[i]);
    }
    mc_media_sock_rest(udp->port);
    mc_srtp_free(udp->srtp);
    udp->srtp = NULL;
    mc_early_free(atomic_exchange(&udp->early, NULL));
    pj_grp_lock_dec_ref(tp->grp_lock); /* the last one runs on_destroy */
    return PJ_SUCCESS;
}

static pjmedia_transport_op udp_op = {
    .get_info = get_info,
    .detach = detach,
    .send_rtp = mc_udp_send_rtp,
    .send_rtcp = mc_udp_send_rtcp,
    .send_rtcp2 = mc_udp_send_rtcp2,
    .media_create = media_create,
    .encode_sdp = encode_sdp,
    .media_start = media_start,
    .media_stop = media_stop,
    .simulate_lost = simulate_lost,
    .destroy = destroy,
    .attach2 = attach2,
};

static pj_status_t create(pjmedia_endpt *endpt, const char *name, const pjmedia_sock_info *si, pjmedia_transport **p_tp) {
    struct udp *udp;
    pj_pool_t *pool = pjmedia_endpt_create_pool(endpt, name ? name : "mcudp%p", 1024, 512);
    pj_status_t status;

    if (!pool) {
        return PJ_ENOMEM;
    }
    udp = PJ_POOL_ZALLOC_T(pool, struct udp);
    udp->pool = pool;
    udp->seam = mc_seam_get();
    pj_memcpy(udp->base.name, pool->obj_name, PJ_MAX_OBJ_NAME);
    udp->base.op = &udp_op;
    udp->base.type = PJMEDIA_TRANSPORT_TYPE_UDP;
    udp->fd[MC_RTP] = si->rtp_sock;
    udp->fd[MC_RTCP] = si->rtcp_sock;
    udp->name[MC_RTP] = si->rtp_addr_name;
    udp->name[MC_RTCP] = si->rtcp_addr_name;
    udp->port = pj_sockaddr_get_port(&si->rtp_addr_name);
    status = pj_grp_lock_create_w_handler(pool, NULL, udp, on_destroy, &udp->base.grp_lock);
    if (status != PJ_SUCCESS) {
        pj_pool_release(pool);
        return status;
    }
    pj_grp_lock_add_ref(udp->base.grp_lock);
    atomic_fetch_add(&n_transports, 1);
    *p_tp = &udp->base;
    return PJ_SUCCESS;
}

static pj_status_t try_attach(pjmedia_endpt *endpt, const char *name, pjmedia_sock_info *si, pjmedia_transport **p_tp) {
    pj_status_t status;

    if (!mc_seam_get()) {
        return PJ_EINVALIDOP;
    }
    /* An address to write into SDP: the account's mediaConfig.transportConfig.boundAddress or publicAddress. */
    if (!pj_sockaddr_has_addr(&si->rtp_addr_name)) {
        return PJ_EINVAL;
    }
    status = mc_media_sock_move(si);
    if (status != PJ_SUCCESS) {
        return status;
    }
    status = create(endpt, name, si, p_tp);
    if (status != PJ_SUCCESS) {
        mc_media_sock_rest(pj_sockaddr_get_port(&si->rtp_addr_name));
    }
    return status;
}

/* In place of PJSIP's function of this name. The sockets are ours from here on: pjsua forgets them when this fails. */
pj_status_t __wrap_pjmedia_transport_udp_attach(pjmedia_endpt *endpt, const char *name, const pjmedia_sock_info *si,
                                                unsigned options, pjmedia_transport **p_tp) {
    pjmedia_sock_info socks = *si;
    pj_status_t status = try_attach(endpt, name, &socks, p_tp);

    if (status != PJ_SUCCESS) {
        pj_sock_close(socks.rtp_sock);
        pj_sock_close(socks.rtcp_sock);
    }
    return status;
}
