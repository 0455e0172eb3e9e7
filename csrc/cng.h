/* SPDX-License-Identifier: GPL-3.0-or-later
 * Comfort noise, RFC 3389: what a silent line sounds like, in a few bytes. The payload, the noise that a receiver makes of it, and the
 * description that a sender makes of its own line. */
#ifndef MC_CNG_H
#define MC_CNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MC_CN_PT 13      /* RFC 3551 table 4, at 8 kHz */
#define MC_CN_ORDER 10   /* reflection coefficients that we use; more are passed over */
#define MC_CN_SILENT 127 /* softest level there is */
#define MC_CN_PAYLOAD (1 + MC_CN_ORDER)

struct mc_cn {
    uint8_t level; /* -dBov: 0 = a full-scale square wave, 127 = silence */
    uint8_t order;
    int8_t k[MC_CN_ORDER]; /* reflection coefficients, -127 ... 127 for -1 ... 1 */
};

/* MC_E_SHORT: empty. */
int mc_cn_parse(struct mc_cn *out, const uint8_t *payload, size_t len);
/* Bytes written. */
size_t mc_cn_build(const struct mc_cn *cn, uint8_t payload[MC_CN_PAYLOAD]);

struct mc_cng {
    uint64_t rng;
    float gain, gain_to; /* moves there over some milliseconds */
    float slope;
    float k[MC_CN_ORDER], c[MC_CN_ORDER]; /* sine and cosine of each rotation of the lattice */
    float memory[MC_CN_ORDER + 1];
};

void mc_cng_init(struct mc_cng *cng, uint64_t seed);
/* The noise is to be like this from now on. `rate` Hz is how fast the change goes. */
void mc_cng_set(struct mc_cng *cng, const struct mc_cn *cn, uint32_t rate);
void mc_cng_run(struct mc_cng *cng, int16_t *pcm, size_t n);

/* The noise behind what is said, from the softest packets of the last seconds. */
struct mc_cn_floor {
    float level_db; /* dBov */
    struct mc_cn cn;
};

void mc_cn_floor_init(struct mc_cn_floor *floor);
/* A packet that is sent; at least 80 samples, at most 120 ms. */
void mc_cn_floor_hear(struct mc_cn_floor *floor, const int16_t *pcm, size_t n, uint32_t rate);

#endif
