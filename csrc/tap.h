/* SPDX-License-Identifier: GPL-3.0-or-later
 * Recording tap: what a leg's human ear heard beside what it sent, tick by tick. The worker puts, one other thread takes; neither
 * waits for the other. Whoever takes lays both sides on one time line (timeline.h). */
#ifndef MC_TAP_H
#define MC_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mc_tap;

/* Most samples of one side in a tick: 60 ms at 48 kHz. */
#define MC_TAP_MAX 2880

struct mc_tap_head {
    uint64_t t_us;            /* the tick, on the leg's grid: when the right side left */
    uint64_t from_us;         /* what was on the wire before it may not be kept: start, or the end of a pause */
    int64_t left_age_us;      /* t_us - arrival of what the left side begins with */
    uint32_t n_left, n_right; /* samples at the leg's rate; right: a whole packet, or none between packets */
};

int mc_tap_new(struct mc_tap **out, uint32_t rate, uint64_t from_us);
void mc_tap_free(struct mc_tap *tap); /* NULL is fine */

/* Any thread. Nothing of a later tick is stored while paused; the time goes on. */
void mc_tap_pause(struct mc_tap *tap);
void mc_tap_resume(struct mc_tap *tap, uint64_t now_us);
bool mc_tap_paused(const struct mc_tap *tap);
/* Any thread: samples of a side that found no room. */
uint64_t mc_tap_dropped(const struct mc_tap *tap);

/* Worker. Of *head the first three fields but from_us, and the counts. False: no room; it is counted. */
bool mc_tap_put(struct mc_tap *tap, struct mc_tap_head *head, const int16_t *left, const int16_t *right);

/* The other thread: false = nothing there; else `left` and `right`, MC_TAP_MAX long each, are filled. */
bool mc_tap_take(struct mc_tap *tap, struct mc_tap_head *head, int16_t *left, int16_t *right);

#endif
