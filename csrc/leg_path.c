/* SPDX-License-Identifier: GPL-3.0-or-later
 * What negotiation settled for a leg: built by the signalling side, swapped in and driven by the worker. */
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "leg_int.h"

#define SOUNDS_ON_US 200000 /* a shorter pause between two paths is none to the ear: it doesn't click */

void mc_path_free(struct mc_path *path) {
    while (path != NULL) {
        struct mc_path *next = path->next;
        mc_rx_inband_close(&path->rx);
        mc_ear_free(&path->rx.ear);
        mc_human_free(&path->rx.human);
        mc_tx_free(&path->tx);
        free(path);
        path = next;
    }
}

static bool params_ok(const struct mc_leg_params *p) {
    bool ptime = p->ptime_ms == 10 || p->ptime_ms == 20 || p->ptime_ms == 40 || p->ptime_ms == 60;
    bool pts = p->tx_pt < 128 && p->rx_pt < 128 && (p->event_tx_pt < 128 || p->event_tx_pt == MC_PT_NONE) &&
               (p->event_rx_pt < 128 || p->event_rx_pt == MC_PT_NONE) && p->cn_tx_pt < 128 && p->cn_rx_pt < 128;
    return ptime && pts && memchr(p->codec, '\0', sizeof p->codec) != NULL && memchr(p->fmtp, '\0', sizeof p->fmtp) != NULL;
}

int mc_path_new(struct mc_path **out, struct mc_leg *leg, const struct mc_leg_params *params) {
    if (!params_ok(params)) {
        return MC_E_ARG;
    }
    const struct mc_codec *codec = mc_codec_find(params->codec, params->clock);
    if (codec == NULL) {
        return MC_E_CODEC;
    }
    struct mc_path *path = malloc(sizeof *path);
    if (path == NULL) {
        return MC_E_NOMEM;
    }
    memset(path, 0, offsetof(struct mc_path, held));
    path->rx.ear.store = path->held;
    path->params = *params;
    path->codec = codec;
    path->rate = leg->cfg.rate;
    mc_rx_stats_init(&path->rx.stats, params->clock);
    mc_dtmf_rx_init(&path->rx.dtmf);
    int rc = mc_ear_init(&path->rx.ear, codec, path->rate);
    if (rc == MC_OK && leg->cfg.inband_dtmf) {
        rc = mc_rx_inband_open(&path->rx, path->rate);
    }
    if (rc == MC_OK) {
        uint64_t seed = leg->cfg.seed + atomic_fetch_add_explicit(&leg->n_paths, 1, memory_order_relaxed);
        rc = mc_tx_init(&path->tx, codec, &path->params, &leg->cfg, seed);
    }
    if (rc == MC_OK) { /* last: what is hardly ever touched lies behind what is in use */
        rc = mc_human_init(&path->rx.human, codec, &leg->cfg, params->clock);
    }
    if (rc != MC_OK) {
        mc_path_free(path);
        return rc;
    }
    *out = path;
    return MC_OK;
}

/* Only directions, protection or the wire changed: hold and resume keep codec state and jitter buffer. */
static bool same_media(const struct mc_path *a, const struct mc_path *b) {
    const struct mc_leg_params *p = &a->params, *q = &b->params;
    return a->codec == b->codec && p->tx_pt == q->tx_pt && p->rx_pt == q->rx_pt && p->event_tx_pt == q->event_tx_pt &&
           p->event_rx_pt == q->event_rx_pt && p->cn_tx_pt == q->cn_tx_pt && p->cn_rx_pt == q->cn_rx_pt &&
           p->ptime_ms == q->ptime_ms && strcmp(p->fmtp, q->fmtp) == 0;
}

static void keep_stream(struct mc_leg *leg, const struct mc_path *path, uint64_t now_us) {
    const struct mc_tx *tx = &path->tx;
    leg->kept = (struct mc_kept){.valid = true,
                                 .playing = tx->playing,
                                 .params = path->params,
                                 .clock = path->params.clock,
                                 .ssrc = tx->ssrc,
                                 .ts = mc_relay_own_ts(tx),
                                 .n_packets = tx->n_packets,
                                 .n_octets = tx->n_octets,
                                 .n_flush = tx->n_flush,
                                 .seq = tx->seq,
                                 .us = now_us,
                                 .end = tx->splice};
}

/* Another codec on the same clock goes on in the same RTP stream; another clock is a new source (RFC 7160 section 4.1). */
static void inherit_stream(struct mc_leg *leg, struct mc_path *path, uint64_t now_us) {
    const struct mc_kept *kept = &leg->kept;
    struct mc_tx *tx = &path->tx;
    if (!kept->valid) {
        return;
    }
    tx->playing = kept->playing;
    tx->n_flush = kept->n_flush;
    if (now_us - kept->us < SOUNDS_ON_US) {
        mc_splice_carry(&tx->splice, &kept->end);
    }
    if (path->params.clock == kept->clock) {
        tx->ssrc = kept->ssrc;
        tx->seq = kept->seq;
        tx->n_packets = kept->n_packets;
        tx->n_octets = kept->n_octets;
        tx->ts = kept->ts + (uint32_t)((now_us - kept->us) * kept->clock / 1000000);
    }
}

static void spend(struct mc_leg *leg, struct mc_path *path) {
    path->next = leg->spent;
    leg->spent = path;
}

static struct mc_path *take_spent(struct mc_leg *leg) {
    struct mc_path *spent = leg->spent;
    leg->spent = NULL;
    return spent;
}

static bool same_sound(const struct mc_path *a, const struct mc_path *b) {
    const struct mc_leg_params *p = &a->params, *q = &b->params;
    return a->codec == b->codec && p->rx_pt == q->rx_pt && p->event_rx_pt == q->event_rx_pt && p->cn_rx_pt == q->cn_rx_pt;
}

static void hear_by(struct mc_leg *leg, struct mc_path *path) {
    mc_leg_fold_stats(leg);
    mc_human_inherit(path, mc_leg_hears(leg));
    if (leg->former != NULL) {
        spend(leg, leg->former);
        leg->former = NULL;
    }
}

void mc_leg_hear_new(struct mc_leg *leg) {
    hear_by(leg, leg->path);
    mc_leg_rtcp_restart(leg);
}

/* `path` comes in the place of the leg's. What comes is heard by the old one for as long as a payload type tells whose it is (RFC 3264
 * section 8.3.2), or for good where nothing of that changes. */
static void replace(struct mc_leg *leg, struct mc_path *path, uint64_t now_us) {
    struct mc_path *old = leg->path, *heard = mc_leg_hears(leg);
    keep_stream(leg, old, now_us);
    if (old->params.recv && path->params.recv && (same_sound(heard, path) || heard->params.rx_pt != path->params.rx_pt)) {
        leg->former = heard;
    } else {
        hear_by(leg, path);
    }
    if (old != leg->former) {
        spend(leg, old);
    }
}

struct mc_path *mc_leg_start(struct mc_leg *leg, struct mc_path *path, const struct mc_wire *wire, uint64_t now_us) {
    struct mc_path *old = leg->path;
    const bool anew = old == NULL || !same_media(old, path);
    leg->wire = *wire;
    if (!anew) {
        bool resumed = path->params.recv && !old->params.recv;
        old->params = path->params;
        spend(leg, path);
        path = old;
        if (resumed) {
            mc_ear_restart(&mc_leg_hears(leg)->rx.ear);
        }
    } else {
        if (old != NULL) {
            replace(leg, path, now_us);
        }
        inherit_stream(leg, path, now_us);
    }
    leg->path = path;
    mc_leg_hears(leg)->rx.heard_us = now_us;
    mc_leg_hears(leg)->rx.timed_out = false;
    mc_leg_rtcp_begin(leg, path, anew, now_us);
    atomic_store_explicit(&leg->can_dtmf, path->params.event_tx_pt != MC_PT_NONE, memory_order_release);
    atomic_store_explicit(&leg->started, 1, memory_order_release);
    mc_leg_publish(leg);
    mc_leg_event(leg, MC_EV_STARTED, 0, 0, now_us);
    return take_spent(leg);
}

struct mc_path *mc_leg_stop(struct mc_leg *leg, uint64_t now_us) {
    struct mc_path *old = leg->path;
    if (old == NULL) {
        return NULL;
    }
    mc_leg_rtcp_judge(leg, mc_leg_hears(leg), now_us);
    mc_leg_fold_stats(leg);
    keep_stream(leg, old, now_us);
    if (leg->former != NULL) {
        spend(leg, leg->former);
        leg->former = NULL;
    }
    spend(leg, old);
    leg->path = NULL;
    memset(&leg->wire, 0, sizeof leg->wire);
    leg->next_us = 0;
    atomic_store_explicit(&leg->can_dtmf, 0, memory_order_release);
    atomic_store_explicit(&leg->started, 0, memory_order_release);
    mc_leg_publish(leg);
    mc_leg_event(leg, MC_EV_STOPPED, 0, 0, now_us);
    return take_spent(leg);
}

void mc_leg_close(struct mc_leg *leg) {
    leg->closed = true;
}

bool mc_leg_closed(const struct mc_leg *leg) {
    return leg->closed;
}

const struct mc_leg_params *mc_leg_params(const struct mc_leg *leg) {
    return leg->path != NULL ? &leg->path->params : NULL;
}

const struct mc_leg_params *mc_leg_last_params(const struct mc_leg *leg) {
    return leg->path != NULL ? &leg->path->params : leg->kept.valid ? &leg->kept.params : NULL;
}
