/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tone.h"

#include <math.h>
#include <string.h>

#include "err.h"

#define FADE_DIV 200         /* 1/200 s = 5 ms; at most a quarter of the step */
#define FULL_SCALE_DBM0 3.14 /* of a sine, ITU-T G.711 table 5 (A-law) */
#define DTMF_LOW_DBM0 (-8)   /* the higher tone louder, for lines that dampen it */
#define DTMF_HIGH_DBM0 (-6)

/* ITU-T E.180 and its supplement 2: what a country's callers know. */
const struct mc_tone_plan mc_tone_plans[] = {
    {"dial-eu", {-10, 0}, true, {{0, {425, 0}}}},
    {"ringback-eu", {-10, 0}, true, {{1000, {425, 0}}, {4000, {0, 0}}}},
    {"busy-eu", {-10, 0}, true, {{500, {425, 0}}, {500, {0, 0}}}},
    {"congestion-eu", {-10, 0}, true, {{250, {425, 0}}, {250, {0, 0}}}},
    {"dial-us", {-13, -13}, true, {{0, {350, 440}}}},
    {"ringback-us", {-16, -16}, true, {{2000, {440, 480}}, {4000, {0, 0}}}},
    {"busy-us", {-16, -16}, true, {{500, {480, 620}}, {500, {0, 0}}}},
    {"congestion-us", {-16, -16}, true, {{250, {480, 620}}, {250, {0, 0}}}},
    {"dial-uk", {-13, -13}, true, {{0, {350, 450}}}},
    {"ringback-uk", {-16, -16}, true, {{400, {400, 450}}, {200, {0, 0}}, {400, {400, 450}}, {2000, {0, 0}}}},
    {"busy-uk", {-13, 0}, true, {{375, {400, 0}}, {375, {0, 0}}}},
    {"congestion-uk", {-13, 0}, true, {{400, {400, 0}}, {350, {0, 0}}, {225, {400, 0}}, {525, {0, 0}}}},
    {"information", {-13, 0}, true, {{330, {950, 0}}, {330, {1400, 0}}, {330, {1800, 0}}, {1000, {0, 0}}}},
    {"waiting", {-16, 0}, true, {{300, {440, 0}}, {9700, {0, 0}}}},
    {"beep", {-13, 0}, false, {{250, {1000, 0}}}},
    {NULL, {0, 0}, false, {{0, {0, 0}}}},
};

const struct mc_tone_plan *mc_tone_find(const char *name) {
    for (const struct mc_tone_plan *p = mc_tone_plans; p->name != NULL; p++) {
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

int mc_dtmf_hz(char digit, uint16_t hz[2]) {
    static const char digits[] = MC_DTMF_DIGITS;
    static const uint16_t rows[4] = {697, 770, 852, 941};
    static const uint16_t columns[4] = {1209, 1336, 1477, 1633};
    const char *at = digit != '\0' ? strchr(digits, digit) : NULL;
    if (at == NULL) {
        return 0;
    }
    hz[0] = rows[(at - digits) / 4];
    hz[1] = columns[(at - digits) % 4];
    return 1;
}

int mc_tone_dtmf(struct mc_tone_plan *out, char digit, uint32_t on_ms, uint32_t off_ms) {
    *out = (struct mc_tone_plan){.name = "dtmf", .dbm0 = {DTMF_LOW_DBM0, DTMF_HIGH_DBM0}};
    if (on_ms == 0 || !mc_dtmf_hz(digit, out->steps[0].hz)) {
        return MC_E_ARG;
    }
    out->steps[0].ms = on_ms;
    out->steps[1].ms = off_ms;
    return MC_OK;
}

static bool is_step(const struct mc_tone *tone, unsigned i) {
    return i < MC_TONE_STEPS &&
           (tone->plan.steps[i].ms != 0 || tone->plan.steps[i].hz[0] != 0 || tone->plan.steps[i].hz[1] != 0);
}

static void begin(struct mc_tone *tone, unsigned i) {
    if (!is_step(tone, i)) {
        i = tone->plan.repeat ? 0 : MC_TONE_STEPS;
    }
    tone->step = i;
    tone->at = 0;
    if (i == MC_TONE_STEPS) {
        return;
    }
    const struct mc_tone_step *s = &tone->plan.steps[i];
    tone->len = s->ms == 0 ? UINT64_MAX : (uint64_t)tone->rate * s->ms / 1000;
    for (int k = 0; k < 2; k++) {
        double w = 2 * M_PI * s->hz[k] / tone->rate;
        tone->turn[k][0] = cos(w);
        tone->turn[k][1] = sin(w);
        tone->phase[k][0] = s->hz[k] != 0 ? 32767 * pow(10, (tone->plan.dbm0[k] - FULL_SCALE_DBM0) / 20) : 0;
        tone->phase[k][1] = 0;
    }
}

int mc_tone_init(struct mc_tone *tone, const struct mc_tone_plan *plan, uint32_t rate) {
    if (rate != 8000 && rate != 16000 && rate != 24000 && rate != 48000) {
        return MC_E_ARG;
    }
    for (int i = 0; i < MC_TONE_STEPS; i++) {
        if (plan->steps[i].hz[0] >= rate / 2 || plan->steps[i].hz[1] >= rate / 2) {
            return MC_E_ARG;
        }
    }
    *tone = (struct mc_tone){.plan = *plan, .rate = rate};
    if (!is_step(tone, 0)) {
        return MC_E_ARG;
    }
    begin(tone, 0);
    return MC_OK;
}

/* 0 ... 1: where the sample lies in the step's fades. */
static double gain(const struct mc_tone *tone) {
    uint64_t fade = tone->rate / FADE_DIV;
    fade = fade < tone->len / 4 ? fade : tone->len / 4;
    uint64_t left = tone->len - 1 - tone->at;
    uint64_t edge = tone->at < left ? tone->at : left;
    return edge < fade ? (double)(edge + 1) / (double)(fade + 1) : 1;
}

static double rotate(struct mc_tone *tone, int k) {
    double c = tone->phase[k][0];
    double s = tone->phase[k][1];
    tone->phase[k][0] = c * tone->turn[k][0] - s * tone->turn[k][1];
    tone->phase[k][1] = s * tone->turn[k][0] + c * tone->turn[k][1];
    return s;
}

static int16_t round_clip(double v) {
    return (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : lrint(v));
}

size_t mc_tone_run(struct mc_tone *tone, int16_t *pcm, size_t n) {
    size_t i = 0;
    while (i < n && tone->step < MC_TONE_STEPS) {
        if (tone->at == tone->len) {
            begin(tone, tone->step + 1);
            continue;
        }
        pcm[i++] = round_clip(gain(tone) * (rotate(tone, 0) + rotate(tone, 1)));
        tone->at++;
    }
    return i;
}
