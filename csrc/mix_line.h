/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sound at places on a time line that has no beginning: the last quarter of a second of it. */
#ifndef MC_MIX_LINE_H
#define MC_MIX_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "splice.h"

/* Of one party: what it added, so that it can be taken away again. */
struct mc_mix_lane {
    int16_t *pcm;
    uint64_t mask, end;      /* valid: [end - mask - 1, end) */
    struct mc_splice splice; /* of its own end */
    bool open;               /* there is sound up to `end` */
};

/* Of all. */
struct mc_mix_sum {
    int32_t *pcm;
    uint64_t mask, end;
    uint64_t read; /* somebody read up to here: who comes late begins behind it */
};

size_t mc_mix_line_size(uint32_t rate); /* samples */
int mc_mix_sum_init(struct mc_mix_sum *sum, uint32_t rate);
int mc_mix_lane_init(struct mc_mix_lane *lane, uint32_t rate);
void mc_mix_sum_free(struct mc_mix_sum *sum);
void mc_mix_lane_free(struct mc_mix_lane *lane);

/* n samples at place `at`, those before `read` left out, into the lane and, unless NULL, the sum. Where they do not follow what the lane holds, and where
 * digital silence begins or ends, the two ends fade. */
void mc_mix_say(struct mc_mix_lane *lane, struct mc_mix_sum *sum, uint64_t read, uint64_t at, const int16_t *pcm, size_t n);
/* Nothing more comes for now: what was said last fades out. */
void mc_mix_hush(struct mc_mix_lane *lane, struct mc_mix_sum *sum);
/* to[i] = sum, or 0 where nobody was. */
void mc_mix_read(struct mc_mix_sum *sum, uint64_t at, int32_t *to, size_t n);
/* to[i] += sign * what the lane holds there. */
void mc_mix_lane_add(const struct mc_mix_lane *lane, uint64_t at, int32_t *to, size_t n, int sign);

#endif
