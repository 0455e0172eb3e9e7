/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "delay.h"

#include <math.h>
#include <string.h>

#define WINDOW_US 2000000 /* the base is the least of one to two of these: long enough to see a fast packet, short for drift */
#define TOO_LATE 0.04f    /* share of packets that may come after their time */
#define FORGET_US 2500000.0f /* a trouble that ended so long ago weighs less than that share */
#define WEIGHT_MAX 1e6f      /* then all is scaled down, floats stay exact enough */
#define STEP_MAX_US 200000   /* a pause in the stream forgets no more than this */

void mc_delay_init(struct mc_delay *d) {
    memset(d, 0, sizeof *d);
}

/* The base moved by n bins: what was measured against the old one is measured anew. */
static void shift(struct mc_delay *d, int64_t n) {
    float old[MC_DELAY_BINS];
    memcpy(old, d->bin, sizeof old);
    memset(d->bin, 0, sizeof d->bin);
    for (int64_t i = 0; i < MC_DELAY_BINS; i++) {
        int64_t to = n > MC_DELAY_BINS ? MC_DELAY_BINS : n < -MC_DELAY_BINS ? -MC_DELAY_BINS : n;
        to = i - to;
        to = to < 0 ? 0 : to >= MC_DELAY_BINS ? MC_DELAY_BINS - 1 : to;
        d->bin[to] += old[i];
    }
    d->origin_us += n * MC_DELAY_BIN_US;
}

static void follow_base(struct mc_delay *d) {
    int64_t off = mc_delay_base_us(d) - d->origin_us;
    int64_t n = off >= 0 ? off / MC_DELAY_BIN_US : -((-off + MC_DELAY_BIN_US - 1) / MC_DELAY_BIN_US);
    if (n != 0) {
        shift(d, n);
    }
}

static void forget(struct mc_delay *d, uint64_t now_us) {
    float step = now_us > d->last_us ? (float)(now_us - d->last_us) : 0;
    d->weight *= expf((step > STEP_MAX_US ? STEP_MAX_US : step) * -logf(TOO_LATE) / FORGET_US);
    if (d->weight > WEIGHT_MAX) {
        for (int i = 0; i < MC_DELAY_BINS; i++) {
            d->bin[i] /= d->weight;
        }
        d->total /= d->weight;
        d->weight = 1;
    }
}

void mc_delay_add(struct mc_delay *d, uint64_t now_us, int64_t ts_us) {
    int64_t transit = (int64_t)now_us - ts_us;
    if (!d->started) {
        d->started = true;
        d->origin_us = d->min_us = d->prev_min_us = transit;
        d->window_us = d->last_us = now_us;
        d->weight = 1;
    }
    if (now_us > d->window_us && now_us - d->window_us > WINDOW_US) {
        d->prev_min_us = d->min_us;
        d->min_us = transit;
        d->window_us = now_us;
    }
    if (transit < d->min_us) {
        d->min_us = transit;
    }
    follow_base(d);
    forget(d, now_us);
    d->last_us = now_us;
    int64_t late = (transit - d->origin_us) / MC_DELAY_BIN_US;
    d->bin[late < 0 ? 0 : late >= MC_DELAY_BINS ? MC_DELAY_BINS - 1 : late] += d->weight;
    d->total += d->weight;
}

int64_t mc_delay_base_us(const struct mc_delay *d) {
    return d->min_us < d->prev_min_us ? d->min_us : d->prev_min_us;
}

uint32_t mc_delay_target_us(const struct mc_delay *d) {
    float above = 0;
    int i = MC_DELAY_BINS;
    while (i > 0 && above + d->bin[i - 1] <= d->total * TOO_LATE) {
        above += d->bin[--i];
    }
    return d->started ? (uint32_t)i * MC_DELAY_BIN_US : 0;
}
