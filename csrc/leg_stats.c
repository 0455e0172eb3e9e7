/* SPDX-License-Identifier: GPL-3.0-or-later
 * Statistics of a leg: summed up by the worker, read by any thread. Published word by word under a sequence count, so a reader
 * never waits for the worker nor the worker for a reader. */
#include <string.h>

#include "leg_int.h"

_Static_assert(sizeof(struct mc_leg_stats) % sizeof(uint64_t) == 0, "only 64-bit members");

/* What is published with every tick. */
static void collect_often(const struct mc_leg *leg, struct mc_leg_stats *out) {
    const struct mc_leg_past *past = &leg->past;
    out->rx_packets = past->rx_packets;
    out->rx_bytes = past->rx_bytes;
    out->rx_late = leg->count.rx_late;
    out->rx_dup = past->rx_dup;
    out->rx_reordered = past->rx_reordered;
    out->rx_restarts = past->rx_restarts;
    out->rx_lost = past->rx_lost;
    out->rx_last_us = past->rx_last_us;
    out->rx_jitter_us = past->rx_jitter_us;
    out->jb_target_ms = out->jb_depth_ms = 0;
    out->ear_frames = leg->count.ear_frames;
    out->tx_packets = leg->count.tx_packets;
    out->tx_bytes = leg->count.tx_bytes;
    out->tx_late_max_us = leg->count.tx_late_max_us;
    const struct mc_path *path = mc_leg_hears(leg);
    if (path == NULL) {
        return;
    }
    const struct mc_rx_stats *rs = &path->rx.stats;
    out->rx_packets += rs->n_received + path->rx.n_before;
    out->rx_bytes += rs->n_bytes;
    out->rx_dup += rs->n_dup;
    out->rx_reordered += rs->n_reordered;
    out->rx_restarts += rs->n_restart;
    out->rx_lost += path->rx.lost_before + (rs->started ? mc_rx_stats_lost(rs) : 0);
    if (rs->started) {
        out->rx_last_us = rs->last_us;
        out->rx_jitter_us = (uint64_t)(mc_rx_stats_jitter_ms(rs) * 1000);
    }
    struct mc_jb_stats js;
    mc_human_stats(path, &js);
    out->jb_target_ms = js.target_ms;
    out->jb_depth_ms = js.depth_ms;
}

static void publish_words(struct mc_leg *leg, const struct mc_leg_stats *now, size_t n) {
    uint64_t words[MC_LEG_STATS_WORDS];
    memcpy(words, now, n * sizeof *words);
    uint32_t seq = atomic_load_explicit(&leg->pub_seq, memory_order_relaxed);
    atomic_store_explicit(&leg->pub_seq, seq + 1, memory_order_relaxed);
    for (size_t i = 0; i < n; i++) {
        atomic_store_explicit(&leg->pub[i], words[i], memory_order_release); /* a reader that sees it sees the odd count too */
    }
    atomic_store_explicit(&leg->pub_seq, seq + 2, memory_order_release);
}

void mc_leg_publish(struct mc_leg *leg) {
    struct mc_leg_stats now;
    bool all = leg->rare_changed;
    if (all) {
        leg->rare_changed = false;
        now = leg->rare;
        mc_leg_rtcp_stats(leg, &now);
    }
    collect_often(leg, &now);
    publish_words(leg, &now, all ? MC_LEG_STATS_WORDS : MC_LEG_STATS_RARE / sizeof(uint64_t));
}

void mc_leg_fold_stats(struct mc_leg *leg) {
    if (leg->path == NULL) {
        return;
    }
    struct mc_leg_stats now;
    collect_often(leg, &now);
    leg->past = (struct mc_leg_past){.rx_packets = now.rx_packets,
                                     .rx_bytes = now.rx_bytes,
                                     .rx_dup = now.rx_dup,
                                     .rx_reordered = now.rx_reordered,
                                     .rx_restarts = now.rx_restarts,
                                     .rx_lost = now.rx_lost,
                                     .rx_last_us = now.rx_last_us,
                                     .rx_jitter_us = now.rx_jitter_us};
}

void mc_leg_stats(const struct mc_leg *leg, struct mc_leg_stats *out) {
    uint64_t words[MC_LEG_STATS_WORDS];
    uint32_t before, after;
    do {
        before = atomic_load_explicit(&leg->pub_seq, memory_order_acquire);
        for (size_t i = 0; i < MC_LEG_STATS_WORDS; i++) {
            words[i] = atomic_load_explicit(&leg->pub[i], memory_order_acquire);
        }
        after = atomic_load_explicit(&leg->pub_seq, memory_order_relaxed);
    } while ((before & 1) != 0 || before != after);
    memcpy(out, words, sizeof *out);
}
