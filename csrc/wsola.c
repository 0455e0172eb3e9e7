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
#define AHEAD_US 5000    /* and as much in what comes, or half of it when it is short */
#define QUIET_DDB (-500) /* as leg_human.c has it */
#define LIKE 0.85        /* normalised correlation from which on a join is not heard */
#define COARSE_RATE 8000 /* of the first search */
#define COARSE_MAX 512   /* its samples: the longest window and the longest lag */
#define FADE_MAX_US 10000

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

/* Normalised correlation of n samples, -1 ... 1. */
static double likeness(const int16_t *a, const int16_t *b, size_t n) {
    int64_t ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (int32_t)a[i] * b[i];
        aa += (int32_t)a[i] * a[i];
        bb += (int32_t)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? (double)ab / sqrt((double)aa * (double)bb) : 0;
}

static double likeness_at(const struct span *s, size_t lag) {
    const int16_t *from = s->pcm - s->back;
    return likeness(from, from + s->dir * (ptrdiff_t)lag, s->back + s->ahead);
}

/* The best lag at a rate of about 8 kHz, in samples of the full rate. */
static size_t coarse_lag(const struct span *s) {
    int16_t thin[COARSE_MAX];
    const size_t step = s->rate > COARSE_RATE ? s->rate / COARSE_RATE : 1;
    const size_t n_window = (s->back + s->ahead) / step, n_high = s->high / step;
    const size_t n = least_of(n_window + n_high, COARSE_MAX);
    const int16_t *from = s->pcm - s->back - (s->dir < 0 ? n_high * step : 0);
    for (size_t i = 0; i < n; i++) {
        int32_t sum = 0;
        for (size_t k = 0; k < step; k++) {
            sum += from[i * step + k];
        }
        thin[i] = (int16_t)(sum / (int32_t)step);
    }
    const int16_t *window = s->dir < 0 ? thin + n_high : thin;
    size_t best = 0;
    double best_likeness = -1;
    for (size_t lag = (s->low + step - 1) / step; lag <= n_high && n_window + lag <= n; lag++) {
        double v = likeness(window, window + s->dir * (ptrdiff_t)lag, n_window);
        if (v > best_likeness) {
            best_likeness = v;
            best = lag;
        }
    }
    return best * step;
}

/* 0: nothing is like it. */
static size_t find_lag(const struct span *s) {
    const size_t step = s->rate > COARSE_RATE ? s->rate / COARSE_RATE : 1;
    size_t coarse = coarse_lag(s), best = 0;
    double best_likeness = LIKE;
    for (size_t lag = coarse > s->low + step ? coarse - step : s->low; lag <= least_of(coarse + step, s->high); lag++) {
        double v = likeness_at(s, lag);
        if (v > best_likeness) {
            best_likeness = v;
            best = lag;
        }
    }
    return best;
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
