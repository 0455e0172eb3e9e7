/* SPDX-License-Identifier: GPL-3.0-or-later
 * SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"): of bytes that strangers choose, where nobody may choose what
 * collides. */
#ifndef MC_SIPHASH_H
#define MC_SIPHASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t mc_siphash_turn(uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

static inline void mc_siphash_round(uint64_t v[4]) {
    v[0] += v[1];
    v[1] = mc_siphash_turn(v[1], 13) ^ v[0];
    v[0] = mc_siphash_turn(v[0], 32);
    v[2] += v[3];
    v[3] = mc_siphash_turn(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = mc_siphash_turn(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = mc_siphash_turn(v[1], 17) ^ v[2];
    v[2] = mc_siphash_turn(v[2], 32);
}

/* The second half of the key is made of the first. */
static inline uint64_t mc_siphash(uint64_t key, const void *bytes, size_t len) {
    uint64_t key2 = ~mc_siphash_turn(key, 29), word;
    uint64_t v[4] = {key ^ UINT64_C(0x736f6d6570736575), key2 ^ UINT64_C(0x646f72616e646f6d),
                     key ^ UINT64_C(0x6c7967656e657261), key2 ^ UINT64_C(0x7465646279746573)};
    const uint8_t *at = bytes;
    size_t left = len;

    for (; left >= 8; at += 8, left -= 8) {
        memcpy(&word, at, 8);
        v[3] ^= word;
        mc_siphash_round(v);
        v[0] ^= word;
    }
    word = 0;
    memcpy(&word, at, left);
    word |= (uint64_t)len << 56;
    v[3] ^= word;
    mc_siphash_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    mc_siphash_round(v);
    mc_siphash_round(v);
    mc_siphash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
