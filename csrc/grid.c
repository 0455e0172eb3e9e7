/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "grid.h"

#define HALF (MC_GRID_ROUND / 2)
#define AHEAD 3 /* buckets, until a first tick: 4 to 6 ms in which the engine can have said its first words */

/* Which of its two lanes a leg uses in bucket b. */
static int lane_of(struct mc_leg *leg, int b) {
    return mc_leg_seat(leg)->bucket == b ? 0 : 1;
}

static void link_into(struct mc_grid *g, struct mc_leg *leg, int lane, int b) {
    struct mc_seat *s = mc_leg_seat(leg);
    struct mc_leg *second = g->bucket[b];
    s->prev[lane] = NULL;
    s->next[lane] = second;
    if (second != NULL) {
        mc_leg_seat(second)->prev[lane_of(second, b)] = leg;
    }
    g->bucket[b] = leg;
    g->load[b]++;
}

static void unlink_from(struct mc_grid *g, struct mc_leg *leg, int lane, int b) {
    struct mc_seat *s = mc_leg_seat(leg);
    if (s->prev[lane] != NULL) {
        mc_leg_seat(s->prev[lane])->next[lane_of(s->prev[lane], b)] = s->next[lane];
    } else {
        g->bucket[b] = s->next[lane];
    }
    if (s->next[lane] != NULL) {
        mc_leg_seat(s->next[lane])->prev[lane_of(s->next[lane], b)] = s->prev[lane];
    }
    g->load[b]--;
}

static uint32_t load_of(const struct mc_grid *g, int n_buckets, int b) {
    return g->load[b] + (n_buckets == 2 ? g->load[b + HALF] : 0);
}

/* The bucket, counted since time 0, of a first tick at `from` or later: the soonest that is no fuller than the average, so that
 * filling them one by one keeps them even. */
static uint64_t soonest(const struct mc_grid *g, int n_buckets, uint64_t from) {
    uint64_t round = (uint64_t)(MC_GRID_ROUND / n_buckets), sum = 0;
    for (uint64_t b = 0; b < round; b++) {
        sum += load_of(g, n_buckets, (int)b);
    }
    while (load_of(g, n_buckets, (int)(from % round)) > sum / round) {
        from++;
    }
    return from;
}

void mc_grid_add(struct mc_grid *g, struct mc_leg *leg, uint64_t now_us) {
    struct mc_seat *s = mc_leg_seat(leg);
    int n = mc_leg_period_us(leg) == 10000 ? 2 : 1;
    if (s->bucket >= 0 && s->n_buckets == n) {
        return; /* started again: keeps its phase */
    }
    mc_grid_remove(g, leg);
    uint64_t first = soonest(g, n, now_us / MC_GRID_BUCKET_US + AHEAD);
    int b = (int)(first % (uint64_t)(MC_GRID_ROUND / n));
    s->n_buckets = n;
    s->bucket = b;
    for (int lane = 0; lane < n; lane++) {
        link_into(g, leg, lane, b + lane * HALF);
    }
    mc_leg_set_grid(leg, first * MC_GRID_BUCKET_US);
}

void mc_grid_remove(struct mc_grid *g, struct mc_leg *leg) {
    struct mc_seat *s = mc_leg_seat(leg);
    if (s->bucket < 0) {
        return;
    }
    for (int lane = 0; lane < s->n_buckets; lane++) {
        unlink_from(g, leg, lane, s->bucket + lane * HALF);
    }
    s->bucket = -1;
}

static struct mc_leg *behind(struct mc_leg *leg, int b) {
    return mc_leg_seat(leg)->next[lane_of(leg, b)];
}

static void visit(struct mc_grid *g, int b, uint64_t now_us) {
    struct mc_leg *next;
    for (struct mc_leg *leg = g->bucket[b]; leg != NULL; leg = next) {
        next = behind(leg, b);
        if (next != NULL) {
            struct mc_leg *after = behind(next, b);
            mc_leg_expect_path(next);
            if (after != NULL) {
                mc_leg_expect(after);
            }
        }
        mc_leg_on_tick(leg, now_us);
    }
}

static void account(struct mc_grid *g, uint64_t late_us) {
    g->n_visits++;
    g->late_sum_us += late_us;
    g->late_max_us = late_us > g->late_max_us ? late_us : g->late_max_us;
    g->n_overruns += late_us > MC_GRID_ROUND * MC_GRID_BUCKET_US;
}

void mc_grid_run(struct mc_grid *g, uint64_t now_us, uint64_t (*clock)(void)) {
    uint64_t now = now_us / MC_GRID_BUCKET_US;
    if (now >= g->next + MC_GRID_ROUND) {
        g->next = now - MC_GRID_ROUND + 1; /* one round finds every leg; each makes up for its own ticks */
    }
    while (g->next <= now) {
        int b = (int)(g->next % MC_GRID_ROUND);
        if (g->load[b] > 0) {
            uint64_t at = clock();
            account(g, at - g->next * MC_GRID_BUCKET_US);
            g->visited_us = at;
            visit(g, b, at);
        }
        g->next++;
    }
}

unsigned mc_grid_n_buckets(const struct mc_grid *g) {
    unsigned n = 0;
    for (int b = 0; b < MC_GRID_ROUND; b++) {
        n += g->load[b] > 0;
    }
    return n;
}

uint64_t mc_grid_due_us(const struct mc_grid *g) {
    for (uint64_t n = g->next; n < g->next + MC_GRID_ROUND; n++) {
        if (g->load[n % MC_GRID_ROUND] > 0) {
            return n * MC_GRID_BUCKET_US;
        }
    }
    return UINT64_MAX;
}
