/* SPDX-License-Identifier: GPL-3.0-or-later
 * Adding sounds: exact as long as the sum stays below the knee, bent smoothly above it, never past full scale. Without memory: the same
 * sum always gives the same sample, so parties may come and go without a step. */
#ifndef MC_LIMIT_H
#define MC_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#define MC_LIMIT_KNEE 24576 /* -2.5 dB of full scale */

/* Odd, monotonic, with a continuous slope. */
static inline int16_t mc_limit(int32_t v) {
    const int64_t room = INT16_MAX - MC_LIMIT_KNEE;
    int64_t over = (v < 0 ? -(int64_t)v : v) - MC_LIMIT_KNEE;
    if (over <= 0) {
        return (int16_t)v;
    }
    int32_t bent = MC_LIMIT_KNEE + (int32_t)(room * over / (room + over));
    return (int16_t)(v < 0 ? -bent : bent);
}

/* to += pcm */
void mc_limit_add(int16_t *to, const int16_t *pcm, size_t n);

#endif
