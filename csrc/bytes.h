/* SPDX-License-Identifier: GPL-3.0-or-later
 * Numbers in network byte order, and, for files, the other one. The caller has checked that the bytes are there. */
#ifndef MC_BYTES_H
#define MC_BYTES_H

#include <stdint.h>

static inline uint16_t mc_get16(const uint8_t *p) {
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t mc_get24(const uint8_t *p) {
    return (uint32_t)p[0] << 16 | mc_get16(p + 1);
}

static inline uint32_t mc_get32(const uint8_t *p) {
    return (uint32_t)mc_get16(p) << 16 | mc_get16(p + 2);
}

static inline void mc_put16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void mc_put24(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 16);
    mc_put16(p + 1, (uint16_t)v);
}

static inline void mc_put32(uint8_t *p, uint32_t v) {
    mc_put16(p, (uint16_t)(v >> 16));
    mc_put16(p + 2, (uint16_t)v);
}

/* Little-endian; returns what is behind it. */
static inline uint8_t *mc_put_le(uint8_t *p, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
    return p + bytes;
}

#endif
