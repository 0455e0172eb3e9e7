/* SPDX-License-Identifier: GPL-3.0-or-later
 * The age that is aimed at, and by how much a frame is made shorter or longer to come to it.
 *
 * A packet that is played at age d must be here at the player's tick before that. So of all ages only those matter at which the player
 * has no sound left over when a packet is due: d, d + g, d + 2 g, ... (g: greatest common divisor of packet time and tick; packets
 * shorter than a tick are due at several places in it). Of these the target is the one of the least
 *
 *     cost(d) = d + price * share of packets later than d
 *
 * which weighs overtaking, jitter and spikes alike: a tail that would need much delay for few packets is let go. The place that
 * playing is at now is kept while it costs little more: the histogram is never still, and each change is heard. */
#include <math.h>

#include "jitter_int.h"

#define GRAIN_MIN_US 2500    /* of g */
#define MARGIN_US 10000      /* in the middle of sound the place is left when that pays by this much: scaling is heard ... */
#define QUIET_MARGIN_US 3000 /* ... and where it is quiet: two places of like cost are no reason to go to and fro */
#define SLIP_US 2000         /* a place so far below the least age is kept, not gone to */
#define WORTH_US 10000       /* nor is sound scaled for less than this */
#define PERCENT_PER_SHARE 100

struct grid {
    int64_t first_us, step_us;
    int64_t n_parts; /* places in a tick where packets are due */
};

static uint32_t gcd(uint32_t a, uint32_t b) {
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static struct grid grid_of(const struct mc_jb *jb, int64_t age_us, uint32_t ahead_us) {
    uint32_t g = gcd((uint32_t)mc_jb_us(jb, jb->step), jb->tick_us);
    g = g < GRAIN_MIN_US ? GRAIN_MIN_US : g;
    const int64_t first_us = (age_us - ahead_us % g) % g;
    return (struct grid){first_us < 0 ? first_us + g : first_us, g, jb->tick_us > g ? jb->tick_us / g : 1};
}

static float cost_of(const struct mc_jb *jb, const struct mc_delay_late *late, const struct grid *grid, int64_t age_us) {
    float share = 0;
    for (int64_t k = 0; k < grid->n_parts; k++) {
        share += mc_delay_later_than(late, age_us - k * grid->step_us);
    }
    return (float)age_us + (float)jb->price_us * PERCENT_PER_SHARE * share / (float)grid->n_parts;
}

void mc_jb_aim(struct mc_jb *jb, int64_t age_us, uint32_t ahead_us) {
    struct mc_delay_late late;
    const struct grid grid = grid_of(jb, age_us, ahead_us);
    const int64_t was_us = jb->idle ? jb->target_us : age_us;
    const int64_t low_us = (int64_t)jb->min_us - SLIP_US;
    const int64_t up_us = low_us > grid.first_us ? low_us - grid.first_us + grid.step_us - 1 : 0;
    int64_t at_us = grid.first_us + up_us / grid.step_us * grid.step_us;
    int64_t best_us = at_us, kept_us = at_us;
    float least = INFINITY, kept = INFINITY;
    mc_delay_late(&jb->delay, &late);
    do {
        const float cost = cost_of(jb, &late, &grid, at_us);
        if (at_us - was_us <= grid.step_us / 2 && was_us - at_us <= grid.step_us / 2) { /* playing is here */
            kept = cost;
            kept_us = at_us;
        }
        if (cost < least && at_us >= jb->min_us) {
            least = cost;
            best_us = at_us;
        }
        at_us += grid.step_us;
    } while (at_us <= jb->max_us || least == INFINITY);
    jb->quiet_target_us = (int32_t)(kept < least + QUIET_MARGIN_US ? kept_us : best_us);
    jb->target_us = (int32_t)(kept < least + MARGIN_US ? kept_us : best_us);
}

int32_t mc_jb_scale_us(const struct mc_jb *jb, bool quiet) {
    const int32_t off_us = jb->age_us - (quiet ? jb->quiet_target_us : jb->target_us);
    return quiet || off_us > WORTH_US || off_us < -WORTH_US ? off_us : 0;
}
