/* SPDX-License-Identifier: GPL-3.0-or-later
 * csrc/jitter*.c, csrc/delay.c and csrc/scale.c as a leg uses them (leg_human.c): the same calls in the same order on the same sound,
 * so a packet's first sample plays when the leg would play it; tests/lab/test_audio.py holds the two against each other. */
#include <string.h>

#include "jitter.h"
#include "level.h"
#include "plc.h"
#include "policy.h"
#include "scale.h"

#define MIN_MS 5 /* as in leg_human.c */
#define MAX_MS 400
#define PACKETS 128
#define QUIET_DDB (-500)
#define PIECE (POLICY_CLOCK / 400)

struct player {
    const struct policy_line *line;
    struct policy_played *played;
    struct mc_jb *jb;
    struct mc_plc plc;
    struct mc_scale scale;
    size_t n; /* samples of the store: only their number matters */
};

static int64_t us_of(int64_t samples) {
    return samples * 1000000 / POLICY_CLOCK;
}

/* A packet's worth; for want of one, what the tick lacks. */
static void pull(struct player *pl, size_t lacks, uint64_t now_us) {
    int16_t pcm[MC_SCALE_MAX_PCM];
    struct mc_jb_frame f;
    const int64_t ahead_us = us_of((int64_t)pl->n);
    int64_t n = POLICY_STEP, most = 0;
    struct policy_played *one = NULL;
    mc_jb_get(pl->jb, now_us, (uint32_t)ahead_us, &f);
    if (f.what == MC_JB_FRAME) {
        uint32_t packet;
        memcpy(&packet, f.payload, sizeof packet);
        one = &pl->played[packet];
        memcpy(pcm, pl->line->pcm + (size_t)packet * POLICY_STEP, POLICY_STEP * sizeof *pcm);
        mc_plc_good(&pl->plc, pcm, POLICY_STEP);
        most = (int64_t)mc_jb_scale_us(pl->jb, mc_level_ddb(pcm, POLICY_STEP) < QUIET_DDB) * POLICY_CLOCK / 1000000;
    } else if (f.payload != NULL) { /* the packet behind the gap */
        uint32_t packet;
        memcpy(&packet, f.payload, sizeof packet);
        mc_plc_between(&pl->plc, pcm, POLICY_STEP, pl->line->pcm + (size_t)packet * POLICY_STEP, POLICY_STEP);
    } else {
        n = f.what == MC_JB_EMPTY ? (int64_t)((lacks + PIECE - 1) / PIECE * PIECE) : POLICY_STEP;
        mc_plc_conceal(&pl->plc, pcm, (size_t)n);
    }
    n -= mc_scale_run(&pl->scale, pcm, (size_t)n, (int32_t)most);
    if (one != NULL) {
        *one = (struct policy_played){(int64_t)now_us + ahead_us, us_of(n)};
    }
    pl->n += (size_t)n;
}

int policy_run(const struct policy_line *line, struct policy_played *played) {
    struct mc_jb_cfg cfg = {.clock = POLICY_CLOCK, .min_ms = MIN_MS, .max_ms = MAX_MS, .capacity = PACKETS};
    cfg.tick_us = (uint32_t)line->tick_us;
    cfg.price_us = line->price_ms * 1000;
    if (line->max_ms > 0) {
        cfg.min_ms = line->min_ms;
        cfg.max_ms = line->max_ms;
    }
    struct player pl = {.line = line, .played = played, .jb = mc_jb_new(&cfg)};
    if (pl.jb == NULL || mc_plc_init(&pl.plc, POLICY_CLOCK) != 0) {
        return -1;
    }
    mc_scale_init(&pl.scale, POLICY_CLOCK);
    const size_t n_tick = (size_t)(line->tick_us * POLICY_CLOCK / 1000000);
    for (size_t tick = 0, next = 0; tick < line->n_ticks; tick++) {
        const uint64_t now = line->first_tick_us + tick * line->tick_us;
        for (; next < line->n_arrivals && line->arrivals[next].us <= now; next++) {
            const uint32_t n = line->arrivals[next].n;
            const struct mc_rtp pkt = {.seq = (uint16_t)n,
                                       .ts = n * POLICY_STEP,
                                       .ssrc = 1,
                                       .marker = n == 0,
                                       .payload = (const uint8_t *)&n,
                                       .len = sizeof n};
            mc_jb_put(pl.jb, &pkt, line->arrivals[next].us);
        }
        for (int turn = 0; pl.n < n_tick && turn < 16; turn++) {
            pull(&pl, n_tick - pl.n, now);
        }
        pl.n -= pl.n < n_tick ? pl.n : n_tick;
    }
    mc_jb_free(pl.jb);
    return 0;
}

int policy_render(const int16_t *pcm, const int32_t *ticks, size_t n_ticks, int16_t *out) {
    struct mc_plc plc;
    if (mc_plc_init(&plc, POLICY_CLOCK) != 0) {
        return -1;
    }
    for (size_t tick = 0; tick < n_ticks; tick++, out += POLICY_STEP) {
        if (ticks[tick] >= 0) {
            memcpy(out, pcm + (size_t)ticks[tick] * POLICY_STEP, POLICY_STEP * sizeof *out);
            mc_plc_good(&plc, out, POLICY_STEP);
        } else {
            mc_plc_conceal(&plc, out, POLICY_STEP);
        }
    }
    return 0;
}
