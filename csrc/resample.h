/* SPDX-License-Identifier: GPL-3.0-or-later
 * Polyphase FIR between any two of 8, 16, 24 and 48 kHz. State carries over chunk borders: no jump there. */
#ifndef MC_RESAMPLE_H
#define MC_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#define MC_RESAMPLE_TAPS 192 /* the longest prototype's history, samples */

struct mc_resample {
    uint32_t rate_in;
    uint32_t up, down; /* rate_out / rate_in in lowest terms */
    uint32_t phase;    /* of the next output sample, 0 ... up - 1, plus whole input samples still to come */
    uint32_t n_taps;   /* per phase */
    const float *coef; /* up x n_taps, shared and constant */
    float hist[MC_RESAMPLE_TAPS];
};

/* MC_E_ARG for a rate that is not one of the four. Equal rates are legal and copy. Call before the media path starts: the
 * first use of a pair computes its table. */
int mc_resample_init(struct mc_resample *rs, uint32_t rate_in, uint32_t rate_out);
/* Takes all n samples; returns how many came out (about n * up / down), or MC_E_SHORT when max could not hold them. */
int mc_resample_run(struct mc_resample *rs, const int16_t *in, size_t n, int16_t *out, size_t max);
/* Group delay, microseconds. */
uint32_t mc_resample_delay_us(const struct mc_resample *rs);

#endif
