/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plc.h"

#include <math.h>
#include <string.h>

#include "err.h"

/* Milliseconds, as in G.711 appendix I where it has them. */
#define PERIOD_MIN_US 2500  /* 400 Hz */
#define PERIOD_MAX_US 15000 /* 66 Hz */
#define WINDOW_US 10000     /* what the search compares */
#define HOLD_US 10000       /* full level */
#define FADE_US 50000       /* then down to nothing: 20 % each 10 ms */
#define SEAM_US 4000        /* cross-fade back to the good signal */
#define STEP_US 1500        /* the jump at the start dies away */

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

/* Likeness of the last `window` samples to those one lag before. */
static float likeness(const int16_t *end, uint32_t window, uint32_t lag, uint32_t stride) {
    float cross = 0;
    float energy = 1;
    for (uint32_t i = 1; i <= window; i += stride) {
        float past = end[-(ptrdiff_t)(i + lag)];
        cross += past * end[-(ptrdiff_t)i];
        energy += past * past;
    }
    return cross <= 0 ? 0 : cross * cross / energy;
}

static uint32_t find_period(const struct mc_plc *plc) {
    const int16_t *end = plc->hist + MC_PLC_HIST;
    uint32_t window = samples(plc, WINDOW_US);
    uint32_t stride = plc->rate > 8000 ? 2 : 1;
    uint32_t best = samples(plc, PERIOD_MAX_US); /* noise: the longest sounds least like a tone */
    float best_likeness = 0;
    for (uint32_t lag = samples(plc, PERIOD_MIN_US); lag <= samples(plc, PERIOD_MAX_US); lag++) {
        float v = likeness(end, window, lag, stride);
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

static void begin(struct mc_plc *plc) {
    const int16_t *end = plc->hist + MC_PLC_HIST;
    uint32_t period = find_period(plc);
    memcpy(plc->loop, end - period, period * sizeof *end);
    uint32_t seam = period / 4;
    for (uint32_t i = 0; i < seam; i++) { /* the end flows into what came before the beginning, so the loop closes */
        uint32_t at = period - seam + i;
        plc->loop[at] = blend(plc->loop[at], end[(ptrdiff_t)at - 2 * (ptrdiff_t)period], i + 1, seam);
    }
    plc->period = period;
    plc->step = end[-1] - end[-1 - (ptrdiff_t)period];
}

static int16_t clip(int32_t v) {
    return (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
}

static int16_t next_sample(struct mc_plc *plc) {
    uint32_t hold = samples(plc, HOLD_US);
    uint32_t fade = samples(plc, FADE_US);
    uint32_t step = samples(plc, STEP_US);
    uint32_t i = plc->n_lost;
    if (i >= hold + fade) {
        return 0;
    }
    plc->n_lost++;
    int32_t v = plc->loop[i % plc->period];
    if (i < step) {
        v += plc->step * (int32_t)(step - i) / (int32_t)step;
    }
    return clip(i < hold ? v : (int32_t)((int64_t)v * (hold + fade - i) / fade));
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

void mc_plc_conceal(struct mc_plc *plc, int16_t *pcm, size_t n) {
    if (n > 0 && plc->n_lost == 0) {
        begin(plc);
    }
    for (size_t i = 0; i < n; i++) {
        pcm[i] = next_sample(plc);
    }
    remember(plc, pcm, n);
}
