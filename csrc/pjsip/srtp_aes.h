/* SPDX-License-Identifier: GPL-3.0-or-later
 * AES (FIPS 197) by the processor's own instructions: key expansion and four counter blocks at a time. */
#ifndef MC_SRTP_AES_H
#define MC_SRTP_AES_H

#ifdef __x86_64__
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define MC_AES __attribute__((target("aes,ssse3,sse4.1,pclmul")))

struct mc_aes {
    __m128i key[15]; /* n + 1 round keys */
    int n;           /* rounds: 10 or 14 */
};

/* FIPS 197 section 5.2: the words of a round key are running sums of the one before, plus `with`. */
MC_AES static inline __m128i mc_aes_next(__m128i key, __m128i with) {
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, with);
}

/* aeskeygenassist takes its round constant as an immediate. */
#define MC_AES_ODD(key, rcon) _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, rcon), 0xff)
#define MC_AES_EVEN(key) _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, 0), 0xaa)

MC_AES static inline void mc_aes_init_128(struct mc_aes *aes, const uint8_t *key) {
    __m128i *k = aes->key;

    aes->n = 10;
    k[0] = _mm_loadu_si128((const __m128i *)key);
#define STEP(i, rcon) k[i] = mc_aes_next(k[(i)-1], MC_AES_ODD(k[(i)-1], rcon))
    STEP(1, 0x01);
    STEP(2, 0x02);
    STEP(3, 0x04);
    STEP(4, 0x08);
    STEP(5, 0x10);
    STEP(6, 0x20);
    STEP(7, 0x40);
    STEP(8, 0x80);
    STEP(9, 0x1b);
    STEP(10, 0x36);
#undef STEP
}

MC_AES static inline void mc_aes_init_256(struct mc_aes *aes, const uint8_t *key) {
    __m128i *k = aes->key;

    aes->n = 14;
    k[0] = _mm_loadu_si128((const __m128i *)key);
    k[1] = _mm_loadu_si128((const __m128i *)(key + 16));
#define STEP(i, rcon)                                                                                                          \
    k[i] = mc_aes_next(k[(i)-2], MC_AES_ODD(k[(i)-1], rcon));                                                                  \
    if ((i) < 14) {                                                                                                            \
        k[(i) + 1] = mc_aes_next(k[(i)-1], MC_AES_EVEN(k[i]));                                                                 \
    }
    STEP(2, 0x01)
    STEP(4, 0x02)
    STEP(6, 0x04)
    STEP(8, 0x08)
    STEP(10, 0x10)
    STEP(12, 0x20)
    STEP(14, 0x40)
#undef STEP
}

MC_AES static inline void mc_aes_4(const struct mc_aes *aes, __m128i x[4]) {
    for (int j = 0; j < 4; j++) {
        x[j] = _mm_xor_si128(x[j], aes->key[0]);
    }
    for (int r = 1; r < aes->n; r++) {
        for (int j = 0; j < 4; j++) {
            x[j] = _mm_aesenc_si128(x[j], aes->key[r]);
        }
    }
    for (int j = 0; j < 4; j++) {
        x[j] = _mm_aesenclast_si128(x[j], aes->key[aes->n]);
    }
}

MC_AES static inline __m128i mc_bytes_reversed(__m128i x) {
    return _mm_shuffle_epi8(x, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* XORs the key stream onto buf in place. counter: the next block's, bytes reversed; its lowest 32 bits count (RFC 3711 section
 * 4.1.1 has 16 of them, which no packet exhausts; NIST SP 800-38D 32). Returns the counter to go on with. */
MC_AES static inline __m128i mc_aes_ctr(const struct mc_aes *aes, __m128i counter, uint8_t *buf, size_t len) {
    const __m128i one = _mm_set_epi32(0, 0, 0, 1);

    while (len > 0) {
        size_t n = len < 64 ? len : 64;
        uint8_t last[64];
        uint8_t *at = buf;
        __m128i x[4];

        for (size_t j = 0; j < 4; j++) {
            x[j] = mc_bytes_reversed(counter);
            if (j * 16 < n) {
                counter = _mm_add_epi32(counter, one);
            }
        }
        mc_aes_4(aes, x);
        if (n < 64) {
            memcpy(last, buf, n);
            at = last;
        }
        for (size_t j = 0; j < 4 && j * 16 < n; j++) {
            __m128i *text = (__m128i *)(at + j * 16);

            _mm_storeu_si128(text, _mm_xor_si128(x[j], _mm_loadu_si128(text)));
        }
        if (n < 64) {
            memcpy(buf, last, n);
        }
        buf += n;
        len -= n;
    }
    return counter;
}

#endif
#endif
