/* SPDX-License-Identifier: GPL-3.0-or-later
 * The clock's face: one absolute 20 ms round, cut into 10 phase buckets of 2 ms. A leg sits in one bucket for as long as it runs (two,
 * 10 ms apart, when it ticks every 10 ms), so legs never meet all at once and each keeps its phase. */
#ifndef MC_GRID_H
#define MC_GRID_H

#include <stdint.h>

#include "leg.h"

#define MC_GRID_ROUND 10 /* buckets */
#define MC_GRID_BUCKET_US UINT64_C(2000)

struct mc_grid {
    struct mc_leg *bucket[MC_GRID_ROUND];
    uint32_t load[MC_GRID_ROUND];
    uint64_t next;                                           /* first bucket not yet visited, counted since time 0 */
    uint64_t visited_us;                                     /* time of the last tick */
    uint64_t n_visits, late_sum_us, late_max_us, n_overruns; /* of buckets with legs; overrun: more than a round late */
};

/* Takes the next bucket but two that is no fuller than the average: the first tick comes 4 ms after now_us, or as soon as can be
 * after that. Between two runs. */
void mc_grid_add(struct mc_grid *g, struct mc_leg *leg, uint64_t now_us);
void mc_grid_remove(struct mc_grid *g, struct mc_leg *leg);
/* Ticks every leg whose bucket has come; `clock` is read once a bucket. */
void mc_grid_run(struct mc_grid *g, uint64_t now_us, uint64_t (*clock)(void));
unsigned mc_grid_n_buckets(const struct mc_grid *g); /* that have legs */
/* When the next bucket that has legs comes; UINT64_MAX when there are none. */
uint64_t mc_grid_due_us(const struct mc_grid *g);

#endif
