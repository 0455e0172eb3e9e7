/* SPDX-License-Identifier: GPL-3.0-or-later
 * csrc/jitter*.c as a leg uses it (leg_human.c). */
#include <string.h>

#include "jitter.h"
#include "plc.h"
#include "policy.h"

#define MIN_MS 20 /* as in leg_human.c */
#define MAX_MS 400
#define PACKETS 64

int policy_run(const struct policy_line *line, int32_t *played) {
    struct mc_jb_cfg cfg = {.clock = POLICY_CLOCK, .min_ms = MIN_MS, .max_ms = MAX_MS, .capacity = PACKETS};
    if (line->max_ms > 0) {
        cfg.min_ms = line->min_ms;
        cfg.max_ms = line->max_ms;
    }
    struct mc_jb *jb = mc_jb_new(&cfg);
    if (jb == NULL) {
        return -1;
    }
    size_t next = 0;
    for (size_t tick = 0; tick < line->n_ticks; tick++) {
        const uint64_t now = line->first_tick_us + tick * line->tick_us;
        for (; next < line->n_arrivals && line->arrivals[next].us <= now; next++) {
            const uint32_t n = line->arrivals[next].n;
            const struct mc_rtp pkt = {.seq = (uint16_t)n,
                                       .ts = n * POLICY_STEP,
                                       .ssrc = 1,
                                       .marker = n == 0,
                                       .payload = (const uint8_t *)&n,
                                       .len = sizeof n};
            mc_jb_put(jb, &pkt, line->arrivals[next].us);
        }
        struct mc_jb_frame frame;
        mc_jb_get(jb, now, &frame);
        played[tick] = POLICY_NONE;
        if (frame.what == MC_JB_FRAME) {
            uint32_t n;
            memcpy(&n, frame.payload, sizeof n);
            played[tick] = (int32_t)n;
            if (line->quiet[n]) {
                mc_jb_quiet(jb);
            }
        }
    }
    mc_jb_free(jb);
    return 0;
}

int policy_render(const int16_t *pcm, const int32_t *played, size_t n_ticks, int16_t *out) {
    struct mc_plc plc;
    if (mc_plc_init(&plc, POLICY_CLOCK) != 0) {
        return -1;
    }
    for (size_t tick = 0; tick < n_ticks; tick++, out += POLICY_STEP) {
        if (played[tick] >= 0) {
            memcpy(out, pcm + (size_t)played[tick] * POLICY_STEP, POLICY_STEP * sizeof *out);
            mc_plc_good(&plc, out, POLICY_STEP);
        } else {
            mc_plc_conceal(&plc, out, POLICY_STEP);
        }
    }
    return 0;
}
