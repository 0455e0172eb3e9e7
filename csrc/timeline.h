/* SPDX-License-Identifier: GPL-3.0-or-later
 * Puts the two sides of a call on one time line, to the sample: pure arithmetic over ticks, no files and no clock.
 *
 * The right side left at its tick, which is on a grid as exact as the samples. The left side came in left_age_us before the tick that
 * plays it: laid beside the right untouched, every pause between a caller's last word and the answer would read shorter than it was.
 * So each side stands at its time on the wire, and what is missing is silence.
 *
 *   index      0 = start_us        base                     left.pos          right.pos
 *   frames     | taken already ... | whole, can be taken    | one side only   | nothing yet: zeros     | base + size */
#ifndef MC_TIMELINE_H
#define MC_TIMELINE_H

#include "tap.h"

struct mc_track {
    bool apart;  /* nothing was placed just before: what comes stands where it belongs, to the sample */
    int64_t pos; /* index of the sample that comes next */
    int64_t off; /* samples that came while the error was too large */
};

struct mc_timeline {
    uint32_t rate;
    uint64_t start_us;
    uint64_t from_us; /* as of the last tick */
    int64_t age_us;   /* of the left side when it last sounded */
    struct mc_track left, right;
    int64_t base, size; /* frames; size is a power of two */
    int16_t *pcm;       /* interleaved; frame i is at i % size; zeros where nothing was placed */
};

int mc_timeline_init(struct mc_timeline *tl, uint32_t rate, uint64_t start_us);
void mc_timeline_free(struct mc_timeline *tl);
/* Before put: when the tick lies beyond the window, what is before it becomes whole, silence included. Take it all, then put. */
void mc_timeline_open(struct mc_timeline *tl, const struct mc_tap_head *head);
void mc_timeline_put(struct mc_timeline *tl, const struct mc_tap_head *head, const int16_t *left, const int16_t *right);
/* No tick of before t_us will come: what is missing until then is silence. */
void mc_timeline_pass(struct mc_timeline *tl, uint64_t t_us);
/* Nothing will come any more: the shorter side ends in silence. */
void mc_timeline_finish(struct mc_timeline *tl);
/* Up to max frames that are whole, interleaved; returns how many. */
size_t mc_timeline_take(struct mc_timeline *tl, int16_t *stereo, size_t max);

#endif
