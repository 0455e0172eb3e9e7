/* SPDX-License-Identifier: GPL-3.0-or-later
 * Tones: call progress (ITU-T E.180) and in-band DTMF (ITU-T Q.23). A plan says what sounds when; a tone plays it in pieces of any
 * length, each step fading in and out so that nothing clicks. */
#ifndef MC_TONE_H
#define MC_TONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MC_TONE_STEPS 6
#define MC_DTMF_DIGITS "123A456B789C*0#D" /* row by row */

struct mc_tone_step {
    uint32_t ms;    /* 0 = for ever */
    uint16_t hz[2]; /* 0 = none */
};

struct mc_tone_plan {
    const char *name;
    int8_t dbm0[2];                           /* level of hz[0] and hz[1]; a full-scale sine is +3.14 dBm0 */
    bool repeat;                              /* else it ends after the last step */
    struct mc_tone_step steps[MC_TONE_STEPS]; /* up to the first with neither length nor sound */
};

struct mc_tone {
    struct mc_tone_plan plan;
    uint32_t rate;
    unsigned step;      /* MC_TONE_STEPS = over */
    uint64_t at, len;   /* samples of this step; len UINT64_MAX = for ever */
    double turn[2][2];  /* rotation by one sample: cos, sin */
    double phase[2][2]; /* cos, sin, times the amplitude */
};

extern const struct mc_tone_plan mc_tone_plans[]; /* name NULL at the end */
/* NULL: there is none of that name. */
const struct mc_tone_plan *mc_tone_find(const char *name);
/* Row and column of a digit (0-9 * # A-D): 1, or 0 when it is none. */
int mc_dtmf_hz(char digit, uint16_t hz[2]);
/* One digit and the silence after it. MC_E_ARG: not a digit, or no length. */
int mc_tone_dtmf(struct mc_tone_plan *out, char digit, uint32_t on_ms, uint32_t off_ms);

/* MC_E_ARG: rate is none of 8000, 16000, 24000, 48000, or the plan is empty or above half the rate. */
int mc_tone_init(struct mc_tone *tone, const struct mc_tone_plan *plan, uint32_t rate);
/* Writes n samples, or fewer when the plan ends; returns how many. */
size_t mc_tone_run(struct mc_tone *tone, int16_t *pcm, size_t n);

#endif
