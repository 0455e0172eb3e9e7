/* SPDX-License-Identifier: GPL-3.0-or-later
 * The door for packets: parse, statistics, telephone-event, then the sink and the two ears. Whatever the wire brings that is not
 * ours is counted and forgotten. */
#include "err.h"
#include "leg_int.h"

static bool is_cn(const struct mc_leg_params *params, uint8_t pt) {
    return params->cn_rx_pt != 0 && pt == params->cn_rx_pt;
}

static bool wants_human(const struct mc_leg *leg, const struct mc_sink *sink) {
    return mc_leg_tapped(leg) || sink->play != NULL;
}

/* The source's own numbering (RFC 3550 A.1). False: not from the source we listen to. */
static bool account(struct mc_leg *leg, struct mc_rx *rx, const struct mc_rtp *pkt, uint64_t now_us) {
    uint64_t received = rx->stats.n_received;
    int64_t lost = rx->stats.started ? mc_rx_stats_lost(&rx->stats) : 0;
    switch (mc_rx_stats_packet(&rx->stats, pkt, now_us)) {
    case MC_SEQ_IGNORE:
        mc_leg_rare(leg)->rx_ignored++;
        return false;
    case MC_SEQ_DUP:
        return false; /* counted by the statistics */
    case MC_SEQ_RESTART:
        rx->n_before += received;
        rx->lost_before += lost;
        mc_leg_rtcp_restart(leg);
        mc_ear_restart(&rx->ear);
        if (rx->human.on) {
            mc_jb_reset(rx->human.jb);
        }
        return true;
    case MC_SEQ_NEXT:
    case MC_SEQ_GAP:
    case MC_SEQ_OLD:
        return true;
    }
    return false;
}

static void digit(struct mc_leg *leg, const struct mc_path *path, const struct mc_dtmf_event *ev, uint64_t now_us) {
    uint32_t ms = (uint32_t)((uint64_t)ev->duration * 1000 / path->params.clock);
    const struct mc_sink *sink = mc_leg_sink(leg);
    if (sink->digit != NULL) {
        sink->digit(sink, leg, ev->digit, ms);
    }
    mc_leg_event(leg, MC_EV_DTMF, ev->digit, ms, now_us);
}

void mc_leg_count_source(struct mc_leg *leg, enum mc_source what) {
    mc_leg_rare(leg)->rx_strangers += what == MC_SOURCE_STRANGER;
    mc_leg_rare(leg)->rx_candidates += what == MC_SOURCE_CANDIDATE;
    mc_leg_rare(leg)->rx_moves += what == MC_SOURCE_MOVED;
    mc_leg_rare(leg)->rx_forged += what == MC_SOURCE_FORGED;
    mc_leg_rare(leg)->rx_replayed += what == MC_SOURCE_REPLAYED;
}

/* Comfort noise (RFC 3389). */
static void noise(struct mc_leg *leg, struct mc_path *path, const struct mc_rtp *pkt) {
    mc_leg_rare(leg)->rx_cn++;
    if (path->rx.human.on) {
        mc_human_noise(path, pkt);
    }
}

/* Telephone-event, comfort noise, or what was never agreed on; its sequence number is not a loss. */
static void no_audio(struct mc_leg *leg, struct mc_path *path, const struct mc_rtp *pkt, uint32_t ext, uint64_t now_us) {
    struct mc_rx *rx = &path->rx;
    struct mc_dtmf_event ev;
    const struct mc_sink *sink = mc_leg_sink(leg);
    if (sink->aside != NULL) {
        sink->aside(sink, leg, pkt, now_us);
    }
    bool is_noise = is_cn(&path->params, pkt->pt);
    if (is_noise) {
        noise(leg, path, pkt);
    } else if (pkt->pt != path->params.event_rx_pt) {
        mc_leg_rare(leg)->rx_ignored++;
    } else {
        int rc = mc_dtmf_rx_packet(&rx->dtmf, pkt, now_us, &ev);
        if (rc > 0) {
            digit(leg, path, &ev, now_us);
        } else if (rc < 0) {
            mc_leg_rare(leg)->rx_malformed++;
        }
    }
    mc_ear_packet(leg, path, pkt, ext, is_noise ? MC_EAR_NOISE : MC_EAR_OTHER, now_us);
    if (rx->human.on) {
        mc_jb_void(rx->human.jb, pkt);
    }
}

static void audio(struct mc_leg *leg, struct mc_path *path, const struct mc_rtp *pkt, uint32_t ext, uint64_t now_us) {
    struct mc_rx *rx = &path->rx;
    const struct mc_sink *sink = mc_leg_sink(leg);
    if (sink->packet != NULL && sink->packet(sink, leg, pkt, now_us)) {
        if (rx->ear.started) {
            mc_ear_restart(&rx->ear); /* nobody listens: no gap is to be filled when somebody does again */
        }
        rx->human.on = false;
        return;
    }
    mc_ear_packet(leg, path, pkt, ext, MC_EAR_AUDIO, now_us);
    if (wants_human(leg, sink)) {
        mc_human_packet(leg, path, pkt, now_us);
    } else {
        rx->human.on = false;
    }
}

void mc_leg_on_packet(struct mc_leg *leg, const uint8_t *buf, size_t len, uint64_t now_us) {
    struct mc_path *path = leg->path;
    if (path == NULL || !path->params.recv) {
        mc_leg_rare(leg)->rx_ignored++;
        return;
    }
    struct mc_rtp pkt;
    if (mc_rtp_parse(&pkt, buf, len) != MC_OK) {
        mc_leg_rare(leg)->rx_malformed++;
        return;
    }
    if (leg->former != NULL && pkt.pt == path->params.rx_pt && pkt.pt != leg->former->params.rx_pt) {
        mc_leg_hear_new(leg);
    }
    path = mc_leg_hears(leg);
    struct mc_rx *rx = &path->rx;
    bool is_audio = pkt.pt == path->params.rx_pt;
    bool known = is_audio || pkt.pt == path->params.event_rx_pt || is_cn(&path->params, pkt.pt) ||
                 (rx->stats.started && pkt.ssrc == rx->stats.ssrc);
    if (!known) {
        mc_leg_rare(leg)->rx_ignored++;
        return;
    }
    if (!account(leg, rx, &pkt, now_us)) {
        return;
    }
    rx->heard_us = now_us;
    rx->timed_out = false;
    uint32_t ext = mc_rx_stats_ext_seq(&rx->stats, pkt.seq);
    uint64_t n_late = leg->count.rx_late;
    if (is_audio) {
        audio(leg, path, &pkt, ext, now_us);
    } else {
        no_audio(leg, path, &pkt, ext, now_us);
    }
    mc_loss_packet(&leg->rtcp.loss, ext, leg->count.rx_late != n_late);
}

void mc_rx_tick(struct mc_leg *leg, struct mc_path *path, uint64_t now_us) {
    struct mc_rx *rx = &path->rx;
    struct mc_dtmf_event ev;
    if (!leg->path->params.recv) {
        rx->heard_us = now_us;
        return;
    }
    if (mc_dtmf_rx_tick(&rx->dtmf, now_us, &ev) > 0) {
        digit(leg, path, &ev, now_us);
    }
    mc_ear_tick(leg, path, now_us);
    uint64_t limit_us = (uint64_t)mc_leg_rx_timeout(leg) * 1000;
    if (limit_us != 0 && !rx->timed_out && now_us > rx->heard_us && now_us - rx->heard_us >= limit_us) {
        rx->timed_out = true;
        mc_leg_event(leg, MC_EV_RX_TIMEOUT, (int64_t)((now_us - rx->heard_us) / 1000), 0, now_us);
    }
}
