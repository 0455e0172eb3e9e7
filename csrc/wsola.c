/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One search serves both. A lag L is good when the window around the seam (pcm[0]) looks like the window L further on (shorten) or L
 * before (stretch):
 *
 *           past      | coming                      shorten: from the window cross over into the window L further on; what lay between
 *   ....[  window  ]..|..                                    is gone
 *       -BACK   0 AHEAD                             stretch: from the window cross over into the window L before, and play on from
 *                                                            there: what lay between is heard twice
 */
#include "wsola.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "level.h"

#define PERIOD_MIN_US 2500 /* 400 Hz */
#define PERIOD_MAX_US (MC_WSOLA_PERIOD_MS * 1000)
#define BACK_US 5000     /* of the window lie in the past */
#define AHEAD_US 7500    /* and so much in what comes, or half of it when it is short */
#define QUIET_DDB (-500) /* as leg_human.c has it */
#define LIKE 0.8         /* normalised correlation from which on a join is not heard */
#define COARSE_RATE 8000 /* of the first search */
#define BLOCK 16
#define COARSE_MAX 512 /* its samples: the longest window and the longest lag */
#define FADE_MAX_US 5000

struct span {
    uint32_t rate;
    const int16_t *pcm; /* the seam */
    int dir;            /* 1: the other window lies ahead, -1: behind */
    size_t back, ahead; /* the window's parts */
    size_t low, high;   /* lags, samples */
};

static size_t samples(uint32_t rate, uint32_t us) {
    return (size_t)((uint64_t)rate * us / 1000000);
}

static size_t least_of(size_t a, size_t b) {
    return a < b ? a : b;
}

/* In blocks that the compiler makes vectors of; 2 bits less, and a block's sum fits. */
static int64_t dot(const int16_t *a, const int16_t *b, size_t n) {
    int64_t sum = 0;
    for (; n >= BLOCK; n -= BLOCK, a += BLOCK, b += BLOCK) {
        int32_t part = 0;
        for (int i = 0; i < BLOCK; i++) {
            part += (a[i] >> 2) * (b[i] >> 2);
        }
        sum += part;
    }
    int32_t rest = 0;
    for (size_t i = 0; i < n; i++) {
        rest += (a[i] >> 2) * (b[i] >> 2);
    }
    return sum + rest;
}

/* The lag, low ... high, at which the sound before or behind is most like the window, by normalised correlation; 0 = nowhere at all. */
static size_t best_lag(const int16_t *window, size_t n, int dir, size_t low, size_t high, double *likeness) {
    const double own = (double)dot(window, window, n);
    const int16_t *other = window + dir * (ptrdiff_t)low;
    int64_t energy = dot(other, other, n);
    size_t best = 0;
    double most = 0;
    for (size_t lag = low; lag <= high; lag++) {
        double match = (double)dot(window, other, n);
        if (match > 0 && match * match > most * (double)energy) {
            most = match * match / (double)energy;
            best = lag;
        }
        if (lag < high) { /* one sample on: one comes, one goes */
            const int16_t *in = dir > 0 ? other + n : other - 1, *out = dir > 0 ? other : other + n - 1;
            energy += (*in >> 2) * (*in >> 2) - (*out >> 2) * (*out >> 2);
            other += dir;
        }
    }
    *likeness = own > 0 ? sqrt(most / own) : 0;
    return best;
}

/* The sound around the seam at about 8 kHz; answers the best lag there, in its samples. */
static size_t coarse_lag(const struct span *s, size_t step) {
    int16_t thin[COARSE_MAX] = {0};
    const size_t n_window = (s->back + s->ahead) / step, low = (s->low + step - 1) / step, high = s->high / step;
    const int16_t *from = s->pcm - s->back - (s->dir < 0 ? high * step : 0);
    double likeness;
    if (n_window + high > COARSE_MAX || low > high) {
        return 0;
    }
    for (size_t i = 0; i < n_window + high; i++) {
        int32_t sum = 0;
        for (size_t k = 0; k < step; k++) {
            sum += from[i * step + k];
        }
        thin[i] = (int16_t)(sum / (int32_t)step);
    }
    return best_lag(s->dir < 0 ? thin + high : thin, n_window, s->dir, low, high, &likeness);
}

/* 0: nothing is like it. */
static size_t find_lag(const struct span *s) {
    const size_t step = s->rate > COARSE_RATE ? s->rate / COARSE_RATE : 1;
    const size_t near = coarse_lag(s, step) * step;
    double likeness = 0;
    if (near == 0) {
        return 0;
    }
    const size_t low = near - least_of(step, near - s->low), high = least_of(near + step, s->high);
    const size_t lag = best_lag(s->pcm - s->back, s->back + s->ahead, s->dir, low, high, &likeness);
    return likeness >= LIKE ? lag : 0;
}

static bool quiet(const int16_t *pcm, size_t n) {
    return mc_level_ddb(pcm, n) < QUIET_DDB;
}

/* Crosses over from a to b. */
static void cross(int16_t *out, const int16_t *a, const int16_t *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int32_t late = (int32_t)(i + 1), early = (int32_t)(n - i);
        out[i] = (int16_t)((a[i] * early + b[i] * late) / (int32_t)(n + 1));
    }
}

size_t mc_wsola_shorten(uint32_t rate, int16_t *pcm, size_t n_past, size_t n, size_t most) {
    struct span s = {.rate = rate, .pcm = pcm, .dir = 1};
    s.back = least_of(n_past, samples(rate, BACK_US));
    s.ahead = least_of(n / 2, samples(rate, AHEAD_US));
    s.low = samples(rate, PERIOD_MIN_US);
    s.high = least_of(least_of(n - s.ahead, most), samples(rate, PERIOD_MAX_US));
    if (rate == 0 || rate > MC_WSOLA_MAX_RATE || s.ahead == 0) {
        return 0;
    }
    size_t lag = least_of(n - s.ahead, most);
    if (!quiet(pcm - s.back, s.back + lag + s.ahead)) {
        lag = s.high >= s.low ? find_lag(&s) : 0;
    }
    if (lag > 0) {
        size_t fade = least_of(n - lag, samples(rate, FADE_MAX_US));
        cross(pcm, pcm, pcm + lag, fade);
        memmove(pcm + fade, pcm + fade + lag, (n - lag - fade) * sizeof *pcm);
    }
    return lag;
}

size_t mc_wsola_stretch(uint32_t rate, int16_t *pcm, size_t n_past, size_t n, size_t most) {
    struct span s = {.rate = rate, .pcm = pcm, .dir = -1};
    s.ahead = least_of(n / 2, samples(rate, AHEAD_US));
    s.low = samples(rate, PERIOD_MIN_US);
    s.back = least_of(n_past / 2, samples(rate, BACK_US));
    s.high = least_of(least_of(n_past - s.back, most), samples(rate, PERIOD_MAX_US));
    if (rate == 0 || rate > MC_WSOLA_MAX_RATE || s.ahead == 0 || s.high == 0) {
        return 0;
    }
    size_t lag = s.high;
    if (!quiet(pcm - s.back - lag, s.back + lag + s.ahead)) {
        lag = s.high >= s.low ? find_lag(&s) : 0;
    }
    if (lag > 0) {
        size_t fade = least_of(least_of(n, lag), samples(rate, FADE_MAX_US));
        memmove(pcm + lag, pcm, n * sizeof *pcm);
        cross(pcm, pcm + lag, pcm - lag, fade);
        memcpy(pcm + fade, pcm - lag + fade, (lag - fade) * sizeof *pcm);
    }
    return lag;
}
