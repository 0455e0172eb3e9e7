/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plc.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "err.h"

#define PERIOD_MIN_US 2500  /* 400 Hz */
#define PERIOD_MAX_US 15000 /* 66 Hz */
#define WINDOW_US 4000      /* what the search compares: the wave nearest to the gap says most about what it would have been */
#define HOLD_US 10000       /* full level */
#define FADE_US 70000       /* then down to nothing */
#define SEAM_US 6000        /* cross-fade back to the good signal */
#define STEP_US 1500        /* the jump at the edge dies away */

static uint32_t samples(const struct mc_plc *plc, uint32_t us) {
    return (uint32_t)((uint64_t)plc->rate * us / 1000000);
}

int mc_plc_init(struct mc_plc *plc, uint32_t rate) {
    if (rate == 0 || rate > MC_PLC_MAX_RATE) {
        return MC_E_ARG;
    }
    memset(plc, 0, sizeof *plc);
    plc->rate = rate;
    return MC_OK;
}

/* Good sound on one side of a gap: at(0) is next to it, at(n - 1) the farthest. */
struct side {
    const int16_t *edge;
    ptrdiff_t away; /* -1: before the gap, 1: behind it */
    size_t n;
};

static int32_t at(const struct side *s, size_t i) {
    return s->edge[s->away * (ptrdiff_t)i];
}

/* Likeness of the window at the edge to the one a lag away. */
static float likeness(const struct side *s, uint32_t window, uint32_t lag, uint32_t stride) {
    float cross = 0;
    float energy = 1;
    for (uint32_t i = 0; i < window; i += stride) {
        float other = (float)at(s, i + lag);
        cross += other * (float)at(s, i);
        energy += other * other;
    }
    return cross <= 0 ? 0 : cross * cross / energy;
}

/* Between the shortest and `most`. */
static uint32_t find_period(const struct mc_plc *plc, const struct side *s, uint32_t most) {
    uint32_t window = samples(plc, WINDOW_US);
    uint32_t stride = plc->rate > 8000 ? 2 : 1;
    uint32_t best = most; /* noise: the longest sounds least like a tone */
    float best_likeness = 0;
    for (uint32_t lag = samples(plc, PERIOD_MIN_US); lag <= most; lag++) {
        float v = likeness(s, window, lag, stride);
        if (v > best_likeness) {
            best_likeness = v;
            best = lag;
        }
    }
    return best ? best : 1;
}

static int16_t blend(int32_t from, int32_t to, uint32_t i, uint32_t n) {
    return (int16_t)((from * (int32_t)(n - i) + to * (int32_t)i) / (int32_t)n);
}

/* The period at the edge, in the order in which it goes on into the gap. Its end flows into what lies before its beginning, so that
 * the loop closes; where there is no more sound that far from the gap, it need not. */
static void make_wave(struct mc_plc_wave *w, const struct side *s, uint32_t period) {
    uint32_t seam = period / 4;
    for (uint32_t i = 0; i < period; i++) {
        w->loop[i] = (int16_t)at(s, period - 1 - i);
        if (i >= period - seam && 2 * period - i <= s->n) {
            w->loop[i] = blend(w->loop[i], at(s, 2 * period - 1 - i), i - (period - seam) + 1, seam);
        }
    }
    w->period = period;
    w->step = at(s, 0) - at(s, period < s->n ? period : period - 1);
}

static int16_t clip(int32_t v) {
    return (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
}

/* Sample i of the gap, counted from the wave's edge. */
static int16_t go_on(const struct mc_plc *plc, const struct mc_plc_wave *w, uint32_t i) {
    const uint32_t hold = samples(plc, HOLD_US);
    const uint32_t fade = samples(plc, FADE_US);
    const uint32_t step = samples(plc, STEP_US);
    if (i >= hold + fade) {
        return 0;
    }
    int32_t v = w->period > 0 ? w->loop[i % w->period] : 0;
    if (i < step) {
        v += w->step * (int32_t)(step - i) / (int32_t)step;
    }
    return clip(i < hold ? v : (int32_t)((int64_t)v * (hold + fade - i) / fade));
}

static int16_t next_sample(struct mc_plc *plc) {
    int16_t v = go_on(plc, &plc->wave, plc->n_lost);
    plc->n_lost += plc->n_lost < plc->rate; /* long since silent */
    return v;
}

static void remember(struct mc_plc *plc, const int16_t *pcm, size_t n) {
    if (n >= MC_PLC_HIST) {
        memcpy(plc->hist, pcm + n - MC_PLC_HIST, sizeof plc->hist);
        return;
    }
    memmove(plc->hist, plc->hist + n, (MC_PLC_HIST - n) * sizeof *pcm);
    memcpy(plc->hist + MC_PLC_HIST - n, pcm, n * sizeof *pcm);
}

void mc_plc_good(struct mc_plc *plc, int16_t *pcm, size_t n) {
    if (plc->n_lost > 0 && n > 0) {
        uint32_t seam = samples(plc, SEAM_US);
        seam = seam > n ? (uint32_t)n : seam;
        for (uint32_t i = 0; i < seam; i++) {
            pcm[i] = blend(next_sample(plc), pcm[i], i + 1, seam + 1);
        }
        plc->n_lost = 0;
    }
    remember(plc, pcm, n);
}

static void begin(struct mc_plc *plc) {
    struct side before = {plc->hist + MC_PLC_HIST - 1, -1, MC_PLC_HIST};
    make_wave(&plc->wave, &before, find_period(plc, &before, samples(plc, PERIOD_MAX_US)));
}

static void go_on_alone(struct mc_plc *plc, int16_t *pcm, size_t n) {
    for (size_t i = 0; i < n; i++) {
        pcm[i] = next_sample(plc);
    }
    remember(plc, pcm, n);
}

void mc_plc_conceal(struct mc_plc *plc, int16_t *pcm, size_t n) {
    if (n > 0 && plc->n_lost == 0) {
        begin(plc);
    }
    go_on_alone(plc, pcm, n);
}

/* Of what lies behind the gap; when that is too short to tell, a voice is taken to have kept its pitch. */
static uint32_t period_behind(const struct mc_plc *plc, const struct side *behind) {
    size_t window = samples(plc, WINDOW_US), longest = samples(plc, PERIOD_MAX_US);
    size_t most = behind->n > window ? behind->n - window : 0;
    most = most < longest ? most : longest;
    return plc->wave.period > most ? plc->wave.period : find_period(plc, behind, (uint32_t)most);
}

void mc_plc_between(struct mc_plc *plc, int16_t *pcm, size_t n, const int16_t *next, size_t n_next) {
    struct side behind = {next, 1, n_next};
    struct mc_plc_wave back;
    if (n > 0 && plc->n_lost == 0) {
        begin(plc);
    }
    uint32_t period = n > 0 && n <= plc->rate ? period_behind(plc, &behind) : 0;
    if (period == 0 || period > n_next) {
        go_on_alone(plc, pcm, n);
        return;
    }
    make_wave(&back, &behind, period);
    for (uint32_t i = 0; i < n; i++) {
        pcm[i] = blend(next_sample(plc), go_on(plc, &back, (uint32_t)n - 1 - i), i + 1, (uint32_t)n + 1);
    }
    plc->n_lost = 0; /* joined already */
    remember(plc, pcm, n);
}
