/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTCP of a leg: reports in and out, and once a second how good the call sounds (E-model) from what was lost, how, and how late.
 *
 *   rx: stats > loss (bursts) \                         wire.send_rtcp < SR/RR, CNAME, XR < due?
 *   rtcp in > session > rtt  --> E-model > R, MOS ------------------------------------- /
 */
#include <math.h>

#include "err.h"
#include "leg_int.h"

#define JUDGE_US 1000000  /* the E-model's figures may be so old */
#define HEADERS 40        /* bytes of IPv4, UDP and RTP */
#define UNKNOWN_BPS 40000 /* of a codec whose packets differ in size: RTCP's share then follows from the 5 s minimum anyway */

/* RTP with lower layers, bits a second: RFC 3550 section 6.2 counts them. */
static uint32_t session_bps(const struct mc_path *path) {
    if (path->tx.n_quiet == 0) {
        return UNKNOWN_BPS;
    }
    return (uint32_t)(path->tx.n_quiet + HEADERS) * 8 * 1000 / path->params.ptime_ms;
}

void mc_leg_rtcp_begin(struct mc_leg *leg, struct mc_path *path, bool new_path, uint64_t now_us) {
    struct mc_leg_rtcp *rtcp = &leg->rtcp;
    if (!rtcp->on) {
        struct mc_rtcp_session_cfg cfg = {
            .seed = ~leg->cfg.seed, .wall_us = leg->cfg.wall_us, .session_bps = session_bps(path)};
        mc_rtcp_session_init(&rtcp->session, &cfg, now_us);
        mc_loss_init(&rtcp->loss);
        rtcp->on = true;
        rtcp->judged_us = now_us;
    } else if (new_path) {
        mc_rtcp_timer_session(&rtcp->session.timer, session_bps(path));
        if (leg->former == NULL) {
            mc_leg_rtcp_restart(leg);
        }
    }
    mc_rtcp_session_ssrc(&rtcp->session, path->tx.ssrc, path->params.clock);
}

void mc_leg_rtcp_restart(struct mc_leg *leg) {
    mc_rtcp_session_restart(&leg->rtcp.session);
    mc_loss_restart(&leg->rtcp.loss);
}

/* Milliseconds of one received packet. */
static double packet_ms(const struct mc_path *path) {
    uint32_t n = path->rx.ear.frame;
    return n > 0 ? n * 1000.0 / path->codec->rate : path->params.ptime_ms;
}

/* From a packet's arrival to the ear: what waits in the jitter buffer. The machine ear waits for nothing. */
static uint32_t playout_ms(const struct mc_path *path) {
    struct mc_jb_stats js;
    mc_human_stats(path, &js);
    return js.depth_ms;
}

void mc_leg_rtcp_judge(struct mc_leg *leg, const struct mc_path *path, uint64_t now_us) {
    struct mc_leg_rtcp *rtcp = &leg->rtcp;
    const struct mc_emodel_codec *codec = mc_emodel_codec(path->params.codec);
    struct mc_loss_metrics loss;
    leg->rare_changed = true;
    rtcp->judged_us = now_us;
    if (rtcp->loss.n_judged == 0) {
        return;
    }
    mc_loss_metrics(&rtcp->loss, &loss);
    double end_ms = packet_ms(path) + codec->lookahead_us / 1000.0 + playout_ms(path);
    struct mc_emodel_line line = {.ie = codec->ie,
                                  .bpl = codec->bpl,
                                  .loss = loss.lost + loss.discarded,
                                  .burst_ratio = loss.burst_ratio,
                                  .delay_ms = (double)rtcp->session.st.rtt_us / 2000 + end_ms};
    rtcp->r_factor = mc_emodel_r(&line);
    rtcp->mos_cq = mc_emodel_mos(rtcp->r_factor);
    line.delay_ms = 0;
    rtcp->mos_lq = mc_emodel_mos(mc_emodel_r(&line));
}

static uint8_t in_256(double part) {
    return part >= 1 ? 255 : (uint8_t)(part * 256);
}

static uint16_t in_ms(double ms) {
    return ms >= UINT16_MAX ? UINT16_MAX : (uint16_t)ms;
}

/* RFC 3611 section 4.7. */
static struct mc_xr_voip voip_of(const struct mc_leg *leg, const struct mc_path *path) {
    const struct mc_leg_rtcp *rtcp = &leg->rtcp;
    struct mc_loss_metrics loss;
    struct mc_jb_stats js;
    bool judged = rtcp->loss.n_judged > 0;
    mc_loss_metrics(&rtcp->loss, &loss);
    mc_human_stats(path, &js);
    double one_ms = packet_ms(path);
    uint16_t most_ms = path->rx.human.on ? (uint16_t)path->rx.human.max_ms : MC_HOLD_MAX_US / 1000;
    return (struct mc_xr_voip){
        .loss_rate = in_256(loss.lost),
        .discard_rate = in_256(loss.discarded),
        .burst_density = in_256(loss.burst_density),
        .gap_density = in_256(loss.gap_density),
        .burst_ms = in_ms(loss.burst_packets * one_ms),
        .gap_ms = in_ms(loss.gap_packets * one_ms),
        .end_system_ms = in_ms(one_ms + mc_emodel_codec(path->params.codec)->lookahead_us / 1000.0 + js.depth_ms),
        .signal_dbm = MC_XR_UNKNOWN,
        .noise_dbm = MC_XR_UNKNOWN,
        .rerl_db = MC_XR_UNKNOWN,
        .gmin = MC_XR_GMIN,
        .r_factor = judged ? (uint8_t)lround(rtcp->r_factor) : MC_XR_UNKNOWN,
        .ext_r_factor = MC_XR_UNKNOWN,
        .mos_lq = judged ? (uint8_t)lround(rtcp->mos_lq * 10) : MC_XR_UNKNOWN,
        .mos_cq = judged ? (uint8_t)lround(rtcp->mos_cq * 10) : MC_XR_UNKNOWN,
        .config = MC_XR_PLC_STANDARD | MC_XR_JB_ADAPTIVE,
        .jb_nominal_ms = in_ms(js.target_ms),
        .jb_max_ms = most_ms,
        .jb_abs_max_ms = most_ms,
    };
}

/* The RTP timestamp of now: tx->ts is that of the next packet, and the grid says when it is due. */
static uint32_t rtp_now(const struct mc_leg *leg, const struct mc_path *path, uint64_t now_us) {
    const struct mc_tx *tx = &path->tx;
    if (tx->relay.on) { /* the source's clock, from its last packet on */
        return tx->relay.ts_end - tx->step + (uint32_t)((now_us - tx->relay.us) * path->params.clock / 1000000);
    }
    if (leg->next_us == 0) {
        return tx->ts;
    }
    int64_t ahead_us = (int64_t)(leg->next_us + (uint64_t)tx->wait * mc_leg_period_us(leg)) - (int64_t)now_us;
    return tx->ts - (uint32_t)(ahead_us * path->params.clock / 1000000);
}

static struct mc_rtcp_ours ours_of(const struct mc_leg *leg, const struct mc_path *path, uint64_t now_us) {
    return (struct mc_rtcp_ours){.ssrc = path->tx.ssrc,
                                 .clock = path->params.clock,
                                 .rtp_ts = rtp_now(leg, path, now_us),
                                 .n_packets = path->tx.n_packets,
                                 .n_octets = path->tx.n_octets,
                                 .rx = &mc_leg_hears(leg)->rx.stats};
}

static void send_out(struct mc_leg *leg, const uint8_t *buf, int n) {
    leg->rare_changed = true;
    if (n > 0 && leg->wire.send_rtcp(leg->wire.ctx, buf, (size_t)n) < 0) {
        leg->rtcp.errors++;
    }
}

void mc_leg_rtcp_tick(struct mc_leg *leg, const struct mc_path *path, uint64_t now_us) {
    struct mc_leg_rtcp *rtcp = &leg->rtcp;
    uint8_t buf[MC_RTCP_MAX_BUILT];
    if (now_us >= rtcp->judged_us + JUDGE_US) {
        mc_leg_rtcp_judge(leg, mc_leg_hears(leg), now_us);
    }
    if (leg->wire.send_rtcp == NULL || now_us < rtcp->session.timer.next_us) {
        return;
    }
    struct mc_xr_voip voip = voip_of(leg, mc_leg_hears(leg));
    struct mc_rtcp_ours ours = ours_of(leg, path, now_us);
    ours.voip = &voip;
    send_out(leg, buf, mc_rtcp_session_poll(&rtcp->session, &ours, buf, sizeof buf, now_us));
}

void mc_leg_bye(struct mc_leg *leg, uint64_t now_us) {
    const struct mc_path *path = leg->path;
    uint8_t buf[MC_RTCP_MAX_BUILT];
    if (path == NULL || leg->wire.send_rtcp == NULL) {
        return;
    }
    mc_leg_rtcp_judge(leg, mc_leg_hears(leg), now_us);
    struct mc_xr_voip voip = voip_of(leg, mc_leg_hears(leg));
    struct mc_rtcp_ours ours = ours_of(leg, path, now_us);
    ours.voip = &voip;
    send_out(leg, buf, mc_rtcp_session_bye(&leg->rtcp.session, &ours, buf, sizeof buf, now_us));
}

void mc_leg_on_rtcp(struct mc_leg *leg, const uint8_t *buf, size_t len, uint64_t now_us) {
    if (leg->path != NULL) {
        leg->rare_changed = true;
        mc_rtcp_session_packet(&leg->rtcp.session, buf, len, now_us); /* it counts what is wrong */
    }
}

void mc_leg_rtcp_stats(const struct mc_leg *leg, struct mc_leg_stats *out) {
    const struct mc_rtcp_session_stats *st = &leg->rtcp.session.st;
    out->rtcp_sent = st->n_sent;
    out->rtcp_received = st->n_received;
    out->rtcp_malformed = st->n_malformed;
    out->rtcp_errors = leg->rtcp.errors;
    out->rtcp_bye = st->bye;
    out->rtt_known = st->have_rtt;
    out->rtt_us = st->rtt_us;
    out->rtt_max_us = st->rtt_max_us;
    out->remote_known = st->have_report;
    out->remote_lost = st->remote_lost;
    out->remote_fraction = st->remote_fraction;
    out->remote_jitter_us = st->remote_jitter_us;
    out->remote_mos_cq = st->have_xr && st->xr.mos_cq != MC_XR_UNKNOWN ? st->xr.mos_cq / 10.0 : 0;
    out->r_factor = leg->rtcp.r_factor;
    out->mos_cq = leg->rtcp.mos_cq;
    out->mos_lq = leg->rtcp.mos_lq;
}
