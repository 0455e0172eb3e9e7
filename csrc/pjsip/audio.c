/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where PJSIP asks for an audio stream, once SDP is settled, it gets a leg of the media core. Sip thread, except what is marked
 * as the worker's.
 *
 * Order that keeps the worker off a transport that is being torn down: start = attach (packets may come), then leg_start;
 * stop = in one turn of the worker leg_bye, when the call is over, and detach (no packet comes any more, sending fails harmlessly),
 * then leg_stop (synchronous: the wire is not called any more). Only then does pjsua stop SRTP and close the transport.
 *
 * With every re-INVITE pjsua stops the stream and starts it again. The stop waits for what follows: a start on the same transport
 * changes over what is different, in one command of the worker, and the sound goes on; the end of the transport is a real stop. */
#include "../err.h"
#include "../latch.h"
#include "../rtcp.h"
#include "../rtp.h"
#include "mc_pjsip.h"
#include "pj_internal.h"

#define THIS_FILE "mc_audio"

/* What a description settles. */
struct change {
    pjmedia_transport *adapter; /* that negotiated the keys */
    pj_sockaddr rtp, rtcp;      /* of the peer */
    struct mc_leg_params params;
    pj_time_val call_start;
    bool running; /* the transport is attached */
};

struct stream {
    struct mc_leg *leg; /* a reference; NULL: this call has no audio stream now */
    const struct mc_seam *seam;
    pjmedia_transport *tp; /* ours, below keying.c */
    struct mc_srtp *srtp;  /* the transport's; NULL: plain */
    unsigned med_idx;
    bool stopped;                /* by pjsua, and perhaps about to go on */
    const struct change *change; /* while it is applied */
    bool waits;          /* for a handshake's keys: nothing is heard or said. The worker's while the transport is attached */
    struct change later; /* what is settled meanwhile */
    uint8_t rx_pt, event_pt, cn_pt;
    pj_time_val call_start; /* of the call that the latch belongs to: ids are used again */
    struct mc_latch latch;  /* worker's while the transport is attached */
};

_Static_assert(PJSUA_MAX_CALLS <= MC_SEAM_MAX_CALLS, "a call id must fit the seam");
static struct stream streams[PJSUA_MAX_CALLS]; /* by call id, as pjsua keeps its calls */

/* --- media worker --- */

/* Reports may go where this packet came from: SRTP opened it, or it is of the stream that we hear (of any while we hear none). */
static bool shows_the_way(const struct stream *s, const uint8_t *pkt, size_t size) {
    struct mc_rtcp first;
    size_t at = 0;
    uint32_t ssrc;

    return mc_rtcp_check(pkt, size) == MC_OK && mc_rtcp_next(&first, pkt, size, &at) && mc_rtcp_ssrc(&first, &ssrc) == MC_OK &&
           (s->srtp || !s->latch.heard || ssrc == s->latch.ssrc);
}

/* True = goes on: it was opened, or there is nothing to open. What is refused is counted. */
static bool opened(const struct stream *s, enum mc_srtp_verdict (*open)(struct mc_srtp *, uint8_t *, size_t *), void *pkt,
                   size_t *len) {
    switch (s->srtp ? open(s->srtp, pkt, len) : MC_SRTP_OPENED) {
    case MC_SRTP_OPENED:
        return true;
    case MC_SRTP_REPLAYED:
        s->seam->leg_source(s->leg, MC_SOURCE_REPLAYED);
        return false;
    case MC_SRTP_FORGED:
        s->seam->leg_source(s->leg, MC_SOURCE_FORGED);
        return false;
    }
    return false;
}

static void on_rtcp(void *user, void *pkt, pj_ssize_t size) {
    struct stream *s = user;
    size_t len = (size_t)size;

    if (size > 0 && !s->waits && opened(s, mc_srtp_open_rtcp, pkt, &len)) {
        if (shows_the_way(s, pkt, len)) {
            mc_transport_confirm_rtcp();
        }
        s->seam->leg_rtcp(s->leg, pkt, len, mc_transport_now_us());
    }
}

static void on_stranger(void *ctx) {
    struct stream *s = ctx;

    s->seam->leg_source(s->leg, MC_SOURCE_STRANGER);
}

static bool is_ours(const struct stream *s, uint8_t pt) {
    return pt == s->rx_pt || pt == s->event_pt || (s->cn_pt != 0 && pt == s->cn_pt);
}

static void on_rtp(pjmedia_tp_cb_param *param) {
    struct stream *s = param->user_data;
    const struct sockaddr *from = (const struct sockaddr *)param->src_addr;
    uint64_t now_us = mc_transport_now_us();
    enum mc_latch_verdict verdict;
    size_t len = (size_t)param->size;
    struct mc_rtp rtp;

    if (param->size <= 0 || s->waits) {
        return;
    }
    if (mc_rtp_is_rtcp(param->pkt, len)) { /* multiplexed, RFC 5761; SRTP leaves the payload type in the clear */
        if (s->srtp || mc_latch_is_peer(&s->latch, from)) {
            on_rtcp(s, param->pkt, param->size);
        } else {
            on_stranger(s);
        }
        return;
    }
    if (!opened(s, mc_srtp_open, param->pkt, &len)) {
        return;
    }
    if (mc_rtp_parse(&rtp, param->pkt, len) != MC_OK || !is_ours(s, rtp.pt)) {
        if (mc_latch_is_peer(&s->latch, from)) { /* the leg counts it */
            s->seam->leg_rtp(s->leg, param->pkt, len, now_us);
        } else {
            on_stranger(s);
        }
        return;
    }
    verdict = mc_latch_packet(&s->latch, from, rtp.ssrc, rtp.seq, s->srtp != NULL, now_us);
    switch (verdict) {
    case MC_LATCH_STRANGER:
        on_stranger(s);
        return;
    case MC_LATCH_CANDIDATE:
        s->seam->leg_source(s->leg, MC_SOURCE_CANDIDATE);
        return;
    case MC_LATCH_MOVE:
        s->seam->leg_source(s->leg, MC_SOURCE_MOVED);
        param->rem_switch = PJ_TRUE;
        break;
    case MC_LATCH_ACCEPT:
        break;
    }
    s->seam->leg_rtp(s->leg, param->pkt, len, now_us);
}

static int wire_rtp(void *ctx, const void *pkt, size_t len) {
    const struct stream *s = ctx;
    const void *out = s->srtp ? mc_srtp_seal(s->srtp, pkt, &len) : pkt;

    if (!out) {
        return MC_E_STATE;
    }
    return pjmedia_transport_send_rtp(s->tp, out, len) == PJ_SUCCESS ? MC_OK : MC_E_FULL;
}

static int wire_rtcp(void *ctx, const void *pkt, size_t len) {
    const struct stream *s = ctx;
    const void *out = s->srtp ? mc_srtp_seal_rtcp(s->srtp, pkt, &len) : pkt;

    if (!out) {
        return MC_E_STATE;
    }
    return pjmedia_transport_send_rtcp(s->tp, out, len) == PJ_SUCCESS ? MC_OK : MC_E_FULL;
}

/* What the worker reads of a stream. On the worker, or while nothing is attached. */
static int apply(void *ctx) {
    struct stream *s = ctx;
    const struct change *c = s->change;
    const struct sockaddr *said = (const struct sockaddr *)&c->rtp;
    socklen_t len = (socklen_t)pj_sockaddr_get_len(&c->rtp);

    if (mc_srtp_negotiated(c->adapter, mc_transport_srtp(s->tp)) != PJ_SUCCESS) {
        return MC_E_ARG;
    }
    s->srtp = *mc_transport_srtp(s->tp);
    mc_transport_dtls(s->tp, mc_keying_handle(c->adapter), mc_keying_peer(c->adapter));
    s->waits = mc_keying_waits(c->adapter);
    s->rx_pt = c->params.rx_pt;
    s->event_pt = c->params.event_rx_pt;
    s->cn_pt = c->params.cn_rx_pt;
    if (PJ_TIME_VAL_EQ(s->call_start, c->call_start)) {
        mc_latch_renew(&s->latch, said, len);
    } else {
        mc_latch_init(&s->latch, said, len);
        s->call_start = c->call_start;
    }
    return !c->running || mc_transport_aim(s->tp, &c->rtp, &c->rtcp, (const pj_sockaddr *)&s->latch.current) ? MC_OK : MC_E_ARG;
}

/* --- sip thread --- */

/* Media is torn down for good, and not by a re-INVITE: whoever hangs up, pjsua notes the time first. */
static bool call_is_over(const pjsua_call *call) {
    return call->dis_time.sec != 0;
}

/* On the worker, in one turn. */
static int fall_silent(void *arg) {
    const struct stream *s = arg;

    pjmedia_transport_detach(s->tp, arg);
    return MC_OK;
}

static int say_bye(void *arg) {
    const struct stream *s = arg;

    s->seam->leg_bye(s->leg);
    return fall_silent(arg);
}

static void let_go(struct stream *s) {
    s->seam->leg_unref(s->leg);
    s->leg = NULL;
}

static void stop(struct stream *s, bool over) {
    s->seam->on_worker(s->seam->host, over ? say_bye : fall_silent, s);
    s->seam->leg_stop(s->leg);
    let_go(s);
    s->tp = NULL;
    s->srtp = NULL;
    s->stopped = false;
    s->waits = false;
}

static void on_gone(void *ctx, const pjmedia_transport *tp) {
    struct stream *s = ctx;

    if (s->leg && s->tp == tp) {
        stop(s, false);
    }
}

static pj_status_t attach(struct stream *s, const struct change *c) {
    pjmedia_transport_attach_param param = {.stream = s, .media_type = PJMEDIA_TYPE_AUDIO, .user_data = s};

    mc_transport_watch(s->tp, (const pj_sockaddr *)&s->latch.current, on_stranger, on_gone, s, s->leg);
    param.rem_addr = c->rtp;
    param.rem_rtcp = c->rtcp;
    param.addr_len = pj_sockaddr_get_len(&c->rtp);
    param.rtp_cb2 = on_rtp;
    param.rtcp_cb = on_rtcp;
    return pjmedia_transport_attach2(s->tp, &param);
}

/* Starts the leg, or changes over one that runs: the worker applies the change and switches codecs between two packets. */
static pj_status_t start(struct stream *s, int call_id, const struct change *c) {
    const struct mc_wire wire = {.ctx = s, .begin = c->running ? apply : NULL, .send_rtp = wire_rtp, .send_rtcp = wire_rtcp};
    pj_status_t status = PJ_SUCCESS;
    int rc = MC_OK;

    s->change = c;
    if (!c->running) {
        rc = apply(s);
        status = rc < 0 ? PJMEDIA_SRTP_ENOTSUPCRYPTO : attach(s, c);
        if (status != PJ_SUCCESS) {
            let_go(s);
            s->change = NULL;
            return status;
        }
    }
    if (mc_keying_waits(c->adapter)) { /* only handshake packets go, and come; mc_audio_keyed goes on */
        s->change = NULL;
        s->stopped = false;
        s->later = *c;
        s->later.running = true;
        mc_transport_hold(s->tp);
        mc_keying_go(c->adapter, &c->rtp);
        return PJ_SUCCESS;
    }
    rc = s->seam->leg_start(s->leg, &c->params, &wire);
    s->change = NULL;
    if (rc < 0) {
        PJ_LOG(1, (THIS_FILE, "call %d: %s/%u does not start: %s", call_id, c->params.codec, c->params.clock, mc_strerror(rc)));
        stop(s, false);
        return PJMEDIA_CODEC_EFAILED;
    }
    s->stopped = false;
    return PJ_SUCCESS;
}

bool mc_audio_waits(int call_id) {
    return streams[call_id].leg && streams[call_id].waits;
}

void mc_audio_keyed(int call_id) {
    struct stream *s = &streams[call_id];
    struct change later = s->later;

    if (!mc_audio_waits(call_id)) {
        return; /* held before it was heard: the keys are there when it is resumed */
    }
    if (start(s, call_id, &later) != PJ_SUCCESS) {
        mc_audio_unkeyed(call_id, "DTLS-SRTP: the keys can't be used");
        return;
    }
    mc_transport_release(s->tp);
    if (!pjsua_var.calls[call_id].hanging_up && pjsua_var.ua_cfg.cb.on_call_media_state) {
        pjsua_var.ua_cfg.cb.on_call_media_state(call_id);
    }
}

pj_status_t pjsua_aud_channel_update(pjsua_call_media *call_med, pj_pool_t *tmp_pool, pjmedia_stream_info *si,
                                     const pjmedia_sdp_session *local_sdp, const pjmedia_sdp_session *remote_sdp) {
    int call_id = call_med->call->index;
    struct stream *s = &streams[call_id];
    const struct mc_seam *seam = mc_seam_get();
    struct mc_leg *leg = seam ? seam->leg_of_call(call_id) : NULL;
    pjmedia_transport *bottom = mc_transport_bottom(call_med->tp);
    struct change change = {.adapter = call_med->tp, .rtp = si->rem_addr, .call_start = call_med->call->start_time};

    if (s->leg && s->stopped && (si->dir == PJMEDIA_DIR_NONE || s->tp != bottom || s->leg != leg)) {
        stop(s, false);
    }
    if (si->dir == PJMEDIA_DIR_NONE) {
        return PJ_SUCCESS;
    }
    if (!leg) {
        PJ_LOG(1, (THIS_FILE, "call %d: no media leg is bound to it", call_id));
        return PJ_EINVALIDOP;
    }
    if (s->leg && !s->stopped) {
        PJ_LOG(2, (THIS_FILE, "call %d: audio line %u ignored, the leg serves line %u", call_id, call_med->idx, s->med_idx));
        return PJ_ETOOMANY;
    }
    if (!bottom) {
        PJ_LOG(1, (THIS_FILE, "call %d: media transport is not the core's (ICE and loop are not served)", call_id));
        return PJ_ENOTSUP;
    }
    if (si->tx_pt > 127 || si->rx_pt > 127) {
        return PJMEDIA_EINVALIDPT;
    }

    if (s->leg && (s->waits || mc_keying_waits(call_med->tp))) {
        stop(s, false); /* another handshake comes first */
    }
    change.running = s->leg != NULL;
    if (!s->leg) {
        seam->leg_ref(leg);
    }
    s->seam = seam;
    s->leg = leg;
    s->tp = bottom;
    s->med_idx = call_med->idx;
    /* Both sides said a=rtcp-mux (RFC 5761 section 5.1.1): PJSIP still names the port beside RTP's. */
    change.rtcp = si->rtcp_mux ? si->rem_addr : si->rem_rtcp;
    mc_leg_params_fill(&change.params, si, local_sdp->media[call_med->idx], remote_sdp->media[call_med->idx],
                       mc_srtp_is_on(call_med->tp));
    return start(s, call_id, &change);
}

void pjsua_aud_stop_stream(pjsua_call_media *call_med) {
    struct stream *s = &streams[call_med->call->index];

    if (s->leg && s->med_idx == call_med->idx) {
        if (call_is_over(call_med->call)) {
            stop(s, true);
        } else {
            s->stopped = true;
        }
    }
}

PJ_DEF(pj_bool_t) pjsua_call_has_media(pjsua_call_id call_id) {
    return call_id >= 0 && call_id < PJSUA_MAX_CALLS && streams[call_id].leg;
}

pj_status_t pjsua_aud_subsys_init(void) {
    return mc_codecs_register(pjsua_var.med_endpt);
}

pj_status_t pjsua_aud_subsys_start(void) {
    return PJ_SUCCESS;
}

pj_status_t pjsua_aud_subsys_destroy(void) {
    return pjsua_var.med_endpt ? mc_codecs_unregister(pjsua_var.med_endpt) : PJ_SUCCESS;
}

void pjsua_check_snd_dev_idle(void) {
}
