/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "delay.h"

#include <math.h>
#include <string.h>

#define BASE_US 4000000 /* long enough to see a fast packet, short for drift */
#define LEVEL_US 500000
#define BLOCK_LEAST_US 100000
#define BLOCK_PER_LONGEST 0.4F /* of what is waited for at most: a spike is about as long as it is high */
#define SHIFT_US 30000         /* a way that is longer by less is no other way */
#define WEIGHT_MAX 1e6f        /* then all is scaled down, floats stay exact enough */
#define STEP_MAX_US 200000     /* a pause in the stream forgets no more than this */

/* A packet weighs 1/e after this time. Chosen on networks of other seeds than the benchmark's (docs/lab.md); around here little
 * depends on them. */
static const float forget_us[MC_DELAY_MEMORIES] = {2e6f, 9e6f, 27e6f};

void mc_delay_init(struct mc_delay *d, uint32_t longest_us) {
    memset(d, 0, sizeof *d);
    d->block_us = (uint32_t)((float)longest_us * BLOCK_PER_LONGEST);
    d->block_us = d->block_us < BLOCK_LEAST_US ? BLOCK_LEAST_US : d->block_us;
    d->usual_us = SHIFT_US;
}

static int64_t least_of(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t most_of(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t bound(int64_t v, int64_t low, int64_t high) {
    return v < low ? low : v > high ? high : v;
}

static void follow(struct mc_delay_least *l, uint64_t window_us, uint64_t now_us, int64_t us) {
    if (now_us > l->since_us && now_us - l->since_us > window_us) {
        l->prev_us = l->us;
        l->us = us;
        l->since_us = now_us;
    }
    l->us = least_of(us, l->us);
}

int64_t mc_delay_base_us(const struct mc_delay *d) {
    return least_of(d->base.us, d->base.prev_us);
}

/* 0 when it is the base but for chance. */
static int64_t above_base(const struct mc_delay *d, int64_t level_us) {
    const int64_t us = level_us - mc_delay_base_us(d);
    return us < d->usual_us ? 0 : us;
}

static void begin(struct mc_delay_block *b, uint64_t now_us, int64_t transit) {
    b->began_us = now_us;
    b->lasted_us = 0;
    b->first_us = b->least_us = transit;
    b->n = 0;
}

static void start(struct mc_delay *d, uint64_t now_us, int64_t transit) {
    d->started = true;
    d->base = d->level = (struct mc_delay_least){transit, transit, now_us};
    d->last_us = now_us;
    d->before_us = transit;
    begin(&d->old, now_us, transit);
    begin(&d->now, now_us, transit);
    for (int i = 0; i < MC_DELAY_MEMORIES; i++) {
        d->memory[i].weight = 1;
    }
}

static void forget(struct mc_delay_memory *m, float times) {
    m->weight *= expf(times);
    if (m->weight > WEIGHT_MAX) {
        for (int i = 0; i < MC_DELAY_BINS; i++) {
            m->bin[i] /= m->weight;
        }
        m->total /= m->weight;
        m->weight = 1;
    }
}

static void count(float *bin, int64_t late_us, float weight) {
    bin[bound(late_us / MC_DELAY_BIN_US, 0, MC_DELAY_BINS - 1)] += weight;
}

/* How late half of the packets are. */
static int64_t median_us(const struct mc_delay_memory *m) {
    float below = 0;
    int64_t i = 0;
    while (i < MC_DELAY_BINS - 1 && (below += m->bin[i]) < m->total / 2) {
        i++;
    }
    return i * MC_DELAY_BIN_US;
}

/* How far each of the old block's packets stands out of the level around it. Until a packet came the way was as short as the shortest
 * from the block before on, and from then on as the shortest until now: the longer of both is the level. So a way that is longer for
 * two blocks makes nobody late. */
static void stand_out(const struct mc_delay *d, int64_t *late_us) {
    const struct mc_delay_block *b = &d->old;
    int64_t level_us = d->now.least_us;
    for (uint32_t k = b->n; k-- > 0;) {
        level_us = least_of(level_us, b->first_us + b->off_us[k]);
        late_us[k] = level_us;
    }
    level_us = d->before_us;
    for (uint32_t k = 0; k < b->n; k++) {
        const int64_t us = b->first_us + b->off_us[k];
        level_us = least_of(level_us, us);
        late_us[k] = us - mc_delay_base_us(d) - above_base(d, most_of(level_us, late_us[k]));
    }
}

static void settle(struct mc_delay *d) {
    const struct mc_delay_block *b = &d->old;
    int64_t late_us[MC_DELAY_BLOCK] = {0};
    stand_out(d, late_us);
    for (int i = 0; i < MC_DELAY_MEMORIES; i++) {
        struct mc_delay_memory *m = &d->memory[i];
        forget(m, (float)b->lasted_us / forget_us[i]);
        for (uint32_t k = 0; k < b->n; k++) {
            count(m->bin, late_us[k], m->weight);
        }
        m->total += m->weight * (float)b->n;
    }
    d->usual_us = most_of(median_us(&d->memory[1]), SHIFT_US);
    d->before_us = b->least_us;
    d->old = d->now;
}

void mc_delay_add(struct mc_delay *d, uint64_t now_us, int64_t ts_us) {
    const int64_t transit = (int64_t)now_us - ts_us;
    struct mc_delay_block *b = &d->now;
    if (!d->started) {
        start(d, now_us, transit);
    }
    follow(&d->base, BASE_US, now_us, transit);
    follow(&d->level, LEVEL_US, now_us, transit);
    if (now_us > b->began_us && now_us - b->began_us >= d->block_us) {
        settle(d);
        begin(b, now_us, transit);
    }
    const uint64_t step_us = now_us > d->last_us ? now_us - d->last_us : 0;
    d->last_us = now_us;
    b->lasted_us += step_us > STEP_MAX_US ? STEP_MAX_US : step_us;
    b->least_us = least_of(b->least_us, transit);
    if (b->n < MC_DELAY_BLOCK) {
        b->off_us[b->n++] = (int32_t)bound(transit - b->first_us, -INT32_MAX, INT32_MAX);
    }
}

static void count_fresh(const struct mc_delay *d, const struct mc_delay_block *b, float *bin) {
    for (uint32_t k = 0; k < b->n; k++) {
        count(bin, b->first_us + b->off_us[k] - mc_delay_base_us(d), 1);
    }
}

/* The memories' bins begin `from` bins above the base, those of the newest packets at it. */
void mc_delay_late(const struct mc_delay *d, struct mc_delay_late *out) {
    const int64_t level_us = least_of(d->level.us, d->level.prev_us);
    const int64_t from = bound((above_base(d, level_us) + MC_DELAY_BIN_US / 2) / MC_DELAY_BIN_US, 0, MC_DELAY_BINS);
    const float fresh_us = (float)(d->old.lasted_us + d->now.lasted_us);
    const float n_fresh = (float)(d->old.n + d->now.n);
    float settled[MC_DELAY_BINS] = {0}, fresh[MC_DELAY_BINS] = {0}, share_settled = 0, share_fresh = 0;
    count_fresh(d, &d->old, fresh);
    count_fresh(d, &d->now, fresh);
    for (int i = 0; i < MC_DELAY_MEMORIES; i++) {
        const struct mc_delay_memory *m = &d->memory[i];
        const float weight = m->weight * expf(fresh_us / forget_us[i]);
        const float total = m->total + weight * n_fresh;
        const float scale = total > 0 ? 1 / (total * MC_DELAY_MEMORIES) : 0;
        for (int k = 0; k < MC_DELAY_BINS; k++) {
            settled[k] += m->bin[k] * scale;
        }
        share_fresh += weight * scale;
        share_settled += m->total * scale;
    }
    float above = 0, above_fresh = 0;
    memset(out, 0, sizeof *out);
    for (int64_t i = MC_DELAY_BINS - 1; i >= 0; i--) {
        if (i + from < MC_DELAY_BINS) {
            out->part[i + from] += above;
        }
        out->part[i] += above_fresh * share_fresh + (i < from ? share_settled : 0); /* below their bins all are later */
        above += settled[i];
        above_fresh += fresh[i];
    }
}

float mc_delay_later_than(const struct mc_delay_late *late, int64_t us) {
    const int64_t i = us / MC_DELAY_BIN_US;
    if (us < 0) {
        return 1;
    }
    if (i >= MC_DELAY_BINS) {
        return 0;
    }
    const float before = i > 0 ? late->part[i - 1] : 1;
    return before + (late->part[i] - before) * (float)(us % MC_DELAY_BIN_US) / MC_DELAY_BIN_US;
}
