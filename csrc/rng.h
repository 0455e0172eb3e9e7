/* SPDX-License-Identifier: GPL-3.0-or-later
 * Random numbers from a seed, the same ones everywhere for the same seed: splitmix64. Not for keys. */
#ifndef MC_RNG_H
#define MC_RNG_H

#include <stdint.h>

static inline uint64_t mc_rng_next(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 <= x < 1 */
static inline double mc_rng_unit(uint64_t *state) {
    return (double)(mc_rng_next(state) >> 11) / 9007199254740992.0; /* 2^53 */
}

#endif
