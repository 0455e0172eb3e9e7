/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * RFC 3389 section 3:
 *
 *    0 1 2 3 4 5 6 7
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+- ... -+-+-+-+-+-+-+-+
 *   |0|   level     |      N1       |            NM        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+- ... -+-+-+-+-+-+-+-+
 *
 * level in -dBov, and the spectrum as reflection coefficients ki = 258 * (Ni - 127) / 32768 of an all-pole filter. */
#include "cng.h"

#include <math.h>
#include <string.h>

#include "err.h"
#include "rng.h"

#define K_SCALE (258.0F / 32768.0F)
#define K_MAX 0.98F
#define FULL_SCALE 32768.0F
#define SETTLE_DIV 50 /* 1/50 s: a new level is reached over 20 ms */
#define N_MIDDLE 127

int mc_cn_parse(struct mc_cn *out, const uint8_t *payload, size_t len) {
    if (len == 0) {
        return MC_E_SHORT;
    }
    memset(out, 0, sizeof *out);
    out->level = payload[0] & 127;
    out->order = (uint8_t)(len - 1 < MC_CN_ORDER ? len - 1 : MC_CN_ORDER);
    for (int i = 0; i < out->order; i++) {
        int n = payload[1 + i] - N_MIDDLE;
        out->k[i] = (int8_t)(n > 127 ? 127 : n); /* 255 is not used */
    }
    return MC_OK;
}

size_t mc_cn_build(const struct mc_cn *cn, uint8_t payload[MC_CN_PAYLOAD]) {
    payload[0] = cn->level & 127;
    for (int i = 0; i < cn->order; i++) {
        payload[1 + i] = (uint8_t)(cn->k[i] + N_MIDDLE);
    }
    return 1u + cn->order;
}

void mc_cng_init(struct mc_cng *cng, uint64_t seed) {
    memset(cng, 0, sizeof *cng);
    cng->rng = seed;
}

void mc_cng_set(struct mc_cng *cng, const struct mc_cn *cn, uint32_t rate) {
    for (int i = 0; i < MC_CN_ORDER; i++) {
        float k = i < cn->order ? (float)cn->k[i] * K_SCALE : 0;
        cng->k[i] = k > K_MAX ? K_MAX : k < -K_MAX ? -K_MAX : k;
        cng->c[i] = sqrtf(1 - cng->k[i] * cng->k[i]);
    }
    cng->gain_to = cn->level == MC_CN_SILENT ? 0 : FULL_SCALE * powf(10, -(float)cn->level / 20);
    cng->slope = (cng->gain_to - cng->gain) / ((float)rate / SETTLE_DIV);
}

/* Near enough to Gauss, variance 1: four uniform numbers of 16 bits. */
static float white(struct mc_cng *cng) {
    uint64_t r = mc_rng_next(&cng->rng);
    int32_t sum = (int32_t)(r & 0xffff) + (int32_t)(r >> 16 & 0xffff) + (int32_t)(r >> 32 & 0xffff) + (int32_t)(r >> 48);
    return (float)(sum - 2 * 0xffff) * (1.7320508F / 65536.0F);
}

/* All-pole filter as a normalised lattice: rotations only, so as much power comes out as goes in, also while the coefficients change. */
static float shape(struct mc_cng *cng, float v) {
    for (int i = MC_CN_ORDER - 1; i >= 0; i--) {
        float back = cng->memory[i];
        cng->memory[i + 1] = cng->k[i] * v + cng->c[i] * back;
        v = cng->c[i] * v - cng->k[i] * back;
    }
    cng->memory[0] = v;
    return v;
}

void mc_cng_run(struct mc_cng *cng, int16_t *pcm, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (cng->gain != cng->gain_to) {
            float next = cng->gain + cng->slope;
            bool there = cng->slope >= 0 ? next >= cng->gain_to : next <= cng->gain_to;
            cng->gain = there ? cng->gain_to : next;
        }
        float v = shape(cng, white(cng) * cng->gain);
        pcm[i] = (int16_t)(v >= 32767 ? 32767 : v <= -32768 ? -32768 : lrintf(v));
    }
}
