/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "delay.h"

#include <math.h>
#include <string.h>

#define BASE_US 4000000 /* long enough to see a fast packet, short for drift */
#define LEVEL_US 500000
#define WEIGHT_MAX 1e6f    /* then all is scaled down, floats stay exact enough */
#define STEP_MAX_US 200000 /* a pause in the stream forgets no more than this */

/* A packet weighs 1/e after this time. Chosen on networks of other seeds than the benchmark's (docs/lab.md); around here little
 * depends on them. */
static const float forget_us[MC_DELAY_MEMORIES] = {2e6f, 9e6f, 27e6f};

void mc_delay_init(struct mc_delay *d) {
    memset(d, 0, sizeof *d);
}

static int64_t least(const struct mc_delay_least *l) {
    return l->us < l->prev_us ? l->us : l->prev_us;
}

static void follow(struct mc_delay_least *l, uint64_t window_us, uint64_t now_us, int64_t us) {
    if (now_us > l->since_us && now_us - l->since_us > window_us) {
        l->prev_us = l->us;
        l->us = us;
        l->since_us = now_us;
    }
    l->us = us < l->us ? us : l->us;
}

static int64_t bound(int64_t v, int64_t low, int64_t high) {
    return v < low ? low : v > high ? high : v;
}

static int64_t bins_of(int64_t us) {
    return (us + (us < 0 ? -MC_DELAY_BIN_US : MC_DELAY_BIN_US) / 2) / MC_DELAY_BIN_US;
}

/* The first memory's bins move along with the base, by whole ones: they always begin at it, so jitter less than a bin wide lies in one
 * bin. What comes to lie below counts as in time. */
static void follow_base(struct mc_delay *d) {
    const int64_t n = bound(bins_of(mc_delay_base_us(d) - d->origin_us), -MC_DELAY_BINS, MC_DELAY_BINS);
    d->origin_us = mc_delay_base_us(d);
    if (n == 0) {
        return;
    }
    float old[MC_DELAY_BINS];
    float *bin = d->memory[0].bin;
    memcpy(old, bin, sizeof old);
    memset(bin, 0, sizeof old);
    for (int64_t i = 0; i < MC_DELAY_BINS; i++) {
        bin[bound(i - n, 0, MC_DELAY_BINS - 1)] += old[i];
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

static void start(struct mc_delay *d, uint64_t now_us, int64_t transit) {
    d->started = true;
    d->base = d->level = (struct mc_delay_least){transit, transit, now_us};
    d->origin_us = transit;
    d->last_us = now_us;
    for (int i = 0; i < MC_DELAY_MEMORIES; i++) {
        d->memory[i].weight = 1;
    }
}

void mc_delay_add(struct mc_delay *d, uint64_t now_us, int64_t ts_us) {
    const int64_t transit = (int64_t)now_us - ts_us;
    if (!d->started) {
        start(d, now_us, transit);
    }
    follow(&d->base, BASE_US, now_us, transit);
    follow(&d->level, LEVEL_US, now_us, transit);
    follow_base(d);
    const uint64_t step_us = now_us > d->last_us ? now_us - d->last_us : 0;
    d->last_us = now_us;
    for (int i = 0; i < MC_DELAY_MEMORIES; i++) {
        struct mc_delay_memory *m = &d->memory[i];
        const int64_t late_us = transit - (i == 0 ? d->origin_us : least(&d->level));
        forget(m, (float)(step_us > STEP_MAX_US ? STEP_MAX_US : step_us) / forget_us[i]);
        m->bin[bound(late_us / MC_DELAY_BIN_US, 0, MC_DELAY_BINS - 1)] += m->weight;
        m->total += m->weight;
    }
}

int64_t mc_delay_base_us(const struct mc_delay *d) {
    return least(&d->base);
}

/* Adds what a memory says whose bins begin `from` bins above the base. */
static void add(const struct mc_delay_memory *m, int64_t from, struct mc_delay_late *out) {
    const float scale = m->total > 0 ? 1 / (m->total * MC_DELAY_MEMORIES) : 0;
    float above = 0;
    for (int64_t i = MC_DELAY_BINS - 1; i >= 0; i--) {
        if (i + from < MC_DELAY_BINS) {
            out->part[i + from] += above * scale;
        }
        above += m->bin[i];
    }
    for (int64_t i = 0; i < from && i < MC_DELAY_BINS; i++) {
        out->part[i] += above * scale; /* all are later than that */
    }
}

void mc_delay_late(const struct mc_delay *d, struct mc_delay_late *out) {
    const int64_t from = bins_of(least(&d->level) - mc_delay_base_us(d));
    memset(out, 0, sizeof *out);
    for (int i = 0; i < MC_DELAY_MEMORIES; i++) {
        add(&d->memory[i], i == 0 ? 0 : from, out);
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
