/* SPDX-License-Identifier: GPL-3.0-or-later
 * The door for time. The leg keeps its own grid: a late call makes up for the ticks that were due, so that sequence numbers and
 * timestamps stay on it; after a long sleep only the last few are made up for and the timestamp jumps over the rest. Soon after
 * a late call none are made up for: the worker has more to do than it can, and packets in bunches would only cost it more. */
#include "leg_int.h"

#define TICK_US 20000
#define SHORT_TICK_US 10000
#define CALM 50 /* calls in time until ticks are made up for again */

uint32_t mc_leg_period_us(const struct mc_leg *leg) {
    if (leg->path == NULL) {
        return 0;
    }
    return leg->path->params.ptime_ms == 10 ? SHORT_TICK_US : TICK_US;
}

void mc_leg_set_grid(struct mc_leg *leg, uint64_t first_us) {
    leg->next_us = first_us;
}

uint64_t mc_leg_due_us(const struct mc_leg *leg) {
    return leg->next_us;
}

/* due_us: where the tick lies on the grid; now_us: when it happens. */
static void one_tick(struct mc_leg *leg, struct mc_path *path, uint32_t period_us, uint64_t due_us, uint64_t now_us) {
    int16_t sent[MC_TX_MAX_PCM];
    size_t n_sent;
    struct mc_path *heard_by = mc_leg_hears(leg);
    mc_rx_tick(leg, heard_by, now_us);
    mc_tx_tick(leg, path, sent, &n_sent, now_us);
    struct mc_tap *tap = leg->tap;
    const struct mc_sink *sink = mc_leg_sink(leg);
    if (!mc_leg_tapped(leg) && sink->play == NULL) {
        return;
    }
    int16_t heard[MC_TICK_MAX_RATE / 50];
    size_t n = (size_t)leg->cfg.rate / 1000 * period_us / 1000;
    int64_t age_us = mc_human_play(leg, heard_by, heard, n, now_us);
    mc_human_out(heard_by, heard, n);
    mc_listen_heard(leg->listeners, heard, n);
    if (sink->play != NULL) {
        int16_t room[MC_TICK_MAX_RATE / 50];
        sink->play(sink, leg, mc_listen_to_other(leg->listeners, heard, n, room), n, now_us);
    }
    if (tap != NULL) {
        struct mc_tap_head head = {.t_us = due_us,
                                   .left_age_us = age_us - (int64_t)(now_us - due_us),
                                   .n_left = (uint32_t)n,
                                   .n_right = (uint32_t)n_sent};
        if (!mc_tap_put(tap, &head, heard, sent)) {
            mc_leg_rare(leg)->tap_dropped++;
        }
    }
}

int mc_leg_on_tick(struct mc_leg *leg, uint64_t now_us) {
    struct mc_path *path = leg->path;
    uint32_t period = mc_leg_period_us(leg);
    if (path == NULL) {
        return 0;
    }
    if (leg->next_us == 0) {
        leg->next_us = now_us;
    }
    if (now_us < leg->next_us) {
        return 0;
    }
    uint64_t late = now_us - leg->next_us;
    leg->count.tx_late_max_us = late > leg->count.tx_late_max_us ? late : leg->count.tx_late_max_us;
    uint64_t due = late / period + 1;
    const uint64_t most = leg->strained > 0 ? TICK_US / period : MC_TICK_CATCH_UP;
    leg->strained = late >= TICK_US ? CALM : leg->strained > 0 ? leg->strained - 1 : 0;
    if (due > most) {
        uint64_t skip = due - most;
        mc_tx_skip(path, skip);
        mc_leg_rare(leg)->tx_skipped += skip;
        leg->next_us += skip * period;
        due = most;
    }
    for (uint64_t i = 0; i < due; i++) {
        one_tick(leg, path, period, leg->next_us, now_us);
        leg->next_us += period;
    }
    mc_leg_rtcp_tick(leg, path, now_us);
    mc_leg_publish(leg);
    return (int)due;
}
