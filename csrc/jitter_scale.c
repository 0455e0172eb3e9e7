/* SPDX-License-Identifier: GPL-3.0-or-later
 * The age that is aimed at, and by how much a frame is made shorter or longer to come to it.
 *
 * A packet that is played at age d must be here at the player's tick before that. So of all ages only those matter at which the player
 * has no sound left over when a packet is due: d, d + g, d + 2 g, ... (g: greatest common divisor of packet time and tick; packets
 * shorter than a tick are due at several places in it). Of these the target is the one of the least
 *
 *     cost(d) = d + price * share of packets later than d
 *
 * which weighs overtaking, jitter and spikes alike: a tail that would need much delay for few packets is let go. */
#include <math.h>

#include "jitter_int.h"

#define GRAIN_MIN_US 2500 /* of g */
#define MARGIN_US 3000    /* in the middle of sound the target changes when it pays by this much */
#define WORTH_US 10000    /* nor is sound scaled for less than this */
#define LIKELY_LATE 0.2f  /* a packet that comes too late with this probability is prepared for ... */
#define PREPARE_US 15000  /* ... by stretching each frame until then, by so much ... */
#define PREPARED_US 40000 /* ... and so far above the target */
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
    const int64_t was_us = jb->target_us;
    const int64_t up_us = jb->min_us > grid.first_us ? jb->min_us - grid.first_us + grid.step_us - 1 : 0;
    int64_t best_us = grid.first_us + up_us / grid.step_us * grid.step_us;
    mc_delay_late(&jb->delay, &late);
    float least = cost_of(jb, &late, &grid, best_us), kept = INFINITY;
    int64_t kept_us = 0;
    for (int64_t at_us = best_us; at_us <= jb->max_us; at_us += grid.step_us) {
        const float cost = cost_of(jb, &late, &grid, at_us);
        if (cost < least) {
            least = cost;
            best_us = at_us;
        }
        if (at_us - was_us <= grid.step_us / 2 && was_us - at_us <= grid.step_us / 2) { /* drift moves the places */
            kept = cost;
            kept_us = at_us;
        }
    }
    jb->quiet_target_us = (int32_t)best_us;
    jb->target_us = (int32_t)(kept < least + MARGIN_US ? kept_us : best_us);
}

bool mc_jb_runs_low(const struct mc_jb *jb, uint64_t now_us, int64_t due_us) {
    const int64_t late_us = (int64_t)now_us - mc_jb_us(jb, jb->max_at + jb->step) - mc_delay_base_us(&jb->delay);
    struct mc_delay_late late;
    if (late_us <= 0) {
        return false;
    }
    mc_delay_late(&jb->delay, &late);
    return mc_delay_later_than(&late, due_us) > LIKELY_LATE * mc_delay_later_than(&late, late_us);
}

int32_t mc_jb_scale_us(const struct mc_jb *jb, bool quiet) {
    const int32_t off_us = jb->age_us - (quiet ? jb->quiet_target_us : jb->target_us);
    if (quiet) {
        return off_us;
    }
    if (jb->runs_low && off_us < PREPARED_US) {
        return -PREPARE_US;
    }
    return off_us > WORTH_US || off_us < -WORTH_US ? off_us : 0;
}
