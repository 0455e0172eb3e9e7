/* SPDX-License-Identifier: GPL-3.0-or-later
 * G.711 with vectors. Encoding: a code is the exponent and the upper four bits of the fraction of the magnitude, and that is what a
 * float holds side by side: (bits >> 19) less the exponent of the least segment. Decoding: the step times a power of two. */
#include "g711.h"

#define ULAW_BIAS 33
#define ULAW_CLIP 0x1fff
/* seg << 4 | step of a magnitude v, as float bits >> 19, is this much too large: segment 0 begins at v = 32 (mu-law, biased), segment 1 at
 * v = 16 (A-law). */
#define ULAW_BASE ((127 + 5) << 4)
#define ALAW_BASE ((127 + 3) << 4)

#if defined(__x86_64__)
#include <immintrin.h>

#define SSE __attribute__((target("sse4.1")))
#define AVX __attribute__((target("avx2")))

static bool have_sse41(void) {
    return __builtin_cpu_supports("sse4.1");
}

static bool have_avx2(void) {
    return __builtin_cpu_supports("avx2");
}

/* --- 8 samples at a time --- */

SSE static __m128i code8(__m128i magnitude, int base) {
    __m128 lo = _mm_cvtepi32_ps(_mm_cvtepi16_epi32(magnitude));
    __m128 hi = _mm_cvtepi32_ps(_mm_cvtepi16_epi32(_mm_srli_si128(magnitude, 8)));
    __m128i codes = _mm_packs_epi32(_mm_srli_epi32(_mm_castps_si128(lo), 19), _mm_srli_epi32(_mm_castps_si128(hi), 19));
    return _mm_sub_epi16(codes, _mm_set1_epi16((int16_t)base));
}

/* 0x80 for positive samples. */
SSE static __m128i sign8(__m128i negative) {
    return _mm_andnot_si128(negative, _mm_set1_epi16(0x80));
}

SSE static void store8(uint8_t *out, __m128i words) {
    _mm_storel_epi64((__m128i *)out, _mm_packus_epi16(words, words));
}

SSE static void to_ulaw_sse41(const int16_t *pcm, uint8_t *out, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m128i x = _mm_loadu_si128((const __m128i *)(pcm + i));
        __m128i negative = _mm_srai_epi16(x, 15);
        __m128i m = _mm_add_epi16(_mm_srli_epi16(_mm_xor_si128(x, negative), 2), _mm_set1_epi16(ULAW_BIAS));
        __m128i code = code8(_mm_min_epi16(m, _mm_set1_epi16(ULAW_CLIP)), ULAW_BASE);
        store8(out + i, _mm_or_si128(_mm_xor_si128(code, _mm_set1_epi16(0x7f)), sign8(negative)));
    }
    mc_g711_scalar.to_ulaw(pcm + i, out + i, n - i);
}

SSE static void to_alaw_sse41(const int16_t *pcm, uint8_t *out, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m128i x = _mm_loadu_si128((const __m128i *)(pcm + i));
        __m128i negative = _mm_srai_epi16(x, 15);
        __m128i m = _mm_srli_epi16(_mm_xor_si128(x, negative), 4);
        __m128i linear = _mm_cmplt_epi16(m, _mm_set1_epi16(16)); /* segment 0 */
        __m128i code = _mm_blendv_epi8(code8(m, ALAW_BASE), m, linear);
        store8(out + i, _mm_xor_si128(_mm_or_si128(code, sign8(negative)), _mm_set1_epi16(0x55)));
    }
    mc_g711_scalar.to_alaw(pcm + i, out + i, n - i);
}

/* 2^segment, or what `powers` has for it; the upper byte of each lane is 0. */
SSE static __m128i power8(__m128i powers, __m128i segment) {
    return _mm_shuffle_epi8(powers, _mm_or_si128(segment, _mm_set1_epi16((int16_t)0x8000)));
}

/* Minus where bit 7 of the byte is clear. */
SSE static __m128i signed8(__m128i magnitude, __m128i byte) {
    __m128i negative = _mm_cmplt_epi16(byte, _mm_set1_epi16(0x80));
    return _mm_sub_epi16(_mm_xor_si128(magnitude, negative), negative);
}

SSE static void from_ulaw_sse41(const uint8_t *in, int16_t *pcm, size_t n) {
    const __m128i powers = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m128i byte = _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(in + i)));
        __m128i c = _mm_andnot_si128(byte, _mm_set1_epi16(0x7f));
        __m128i step = _mm_add_epi16(_mm_slli_epi16(_mm_and_si128(c, _mm_set1_epi16(15)), 1), _mm_set1_epi16(ULAW_BIAS));
        __m128i v = _mm_mullo_epi16(step, power8(powers, _mm_srli_epi16(c, 4)));
        v = _mm_slli_epi16(_mm_sub_epi16(v, _mm_set1_epi16(ULAW_BIAS)), 2);
        _mm_storeu_si128((__m128i *)(pcm + i), signed8(v, byte));
    }
    mc_g711_scalar.from_ulaw(in + i, pcm + i, n - i);
}

SSE static void from_alaw_sse41(const uint8_t *in, int16_t *pcm, size_t n) {
    const __m128i powers = _mm_setr_epi8(2, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m128i byte = _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(in + i)));
        __m128i c = _mm_and_si128(_mm_xor_si128(byte, _mm_set1_epi16(0x55)), _mm_set1_epi16(0x7f));
        __m128i segment = _mm_srli_epi16(c, 4);
        __m128i bias = _mm_and_si128(_mm_cmpgt_epi16(segment, _mm_setzero_si128()), _mm_set1_epi16(32));
        __m128i step = _mm_slli_epi16(_mm_and_si128(c, _mm_set1_epi16(15)), 1);
        step = _mm_add_epi16(_mm_add_epi16(step, _mm_set1_epi16(1)), bias);
        __m128i v = _mm_slli_epi16(_mm_mullo_epi16(step, power8(powers, segment)), 2);
        _mm_storeu_si128((__m128i *)(pcm + i), signed8(v, byte));
    }
    mc_g711_scalar.from_alaw(in + i, pcm + i, n - i);
}

/* --- 16 samples at a time: the same, twice as wide --- */

AVX static __m256i code16(__m256i magnitude, int base) {
    __m256 lo = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm256_castsi256_si128(magnitude)));
    __m256 hi = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm256_extracti128_si256(magnitude, 1)));
    __m256i codes = _mm256_packs_epi32(_mm256_srli_epi32(_mm256_castps_si256(lo), 19),
                                       _mm256_srli_epi32(_mm256_castps_si256(hi), 19));
    return _mm256_sub_epi16(_mm256_permute4x64_epi64(codes, 0xd8), _mm256_set1_epi16((int16_t)base)); /* in order again */
}

AVX static __m256i sign16(__m256i negative) {
    return _mm256_andnot_si256(negative, _mm256_set1_epi16(0x80));
}

AVX static void store16(uint8_t *out, __m256i words) {
    _mm_storeu_si128((__m128i *)out, _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}

AVX static void to_ulaw_avx2(const int16_t *pcm, uint8_t *out, size_t n) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(pcm + i));
        __m256i negative = _mm256_srai_epi16(x, 15);
        __m256i m = _mm256_add_epi16(_mm256_srli_epi16(_mm256_xor_si256(x, negative), 2), _mm256_set1_epi16(ULAW_BIAS));
        __m256i code = code16(_mm256_min_epi16(m, _mm256_set1_epi16(ULAW_CLIP)), ULAW_BASE);
        store16(out + i, _mm256_or_si256(_mm256_xor_si256(code, _mm256_set1_epi16(0x7f)), sign16(negative)));
    }
    mc_g711_scalar.to_ulaw(pcm + i, out + i, n - i);
}

AVX static void to_alaw_avx2(const int16_t *pcm, uint8_t *out, size_t n) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(pcm + i));
        __m256i negative = _mm256_srai_epi16(x, 15);
        __m256i m = _mm256_srli_epi16(_mm256_xor_si256(x, negative), 4);
        __m256i linear = _mm256_cmpgt_epi16(_mm256_set1_epi16(16), m);
        __m256i code = _mm256_blendv_epi8(code16(m, ALAW_BASE), m, linear);
        store16(out + i, _mm256_xor_si256(_mm256_or_si256(code, sign16(negative)), _mm256_set1_epi16(0x55)));
    }
    mc_g711_scalar.to_alaw(pcm + i, out + i, n - i);
}

AVX static __m256i power16(__m128i powers, __m256i segment) {
    __m256i both = _mm256_broadcastsi128_si256(powers);
    return _mm256_shuffle_epi8(both, _mm256_or_si256(segment, _mm256_set1_epi16((int16_t)0x8000)));
}

AVX static __m256i signed16(__m256i magnitude, __m256i byte) {
    __m256i negative = _mm256_cmpgt_epi16(_mm256_set1_epi16(0x80), byte);
    return _mm256_sub_epi16(_mm256_xor_si256(magnitude, negative), negative);
}

AVX static void from_ulaw_avx2(const uint8_t *in, int16_t *pcm, size_t n) {
    const __m128i powers = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i byte = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(in + i)));
        __m256i c = _mm256_andnot_si256(byte, _mm256_set1_epi16(0x7f));
        __m256i step = _mm256_slli_epi16(_mm256_and_si256(c, _mm256_set1_epi16(15)), 1);
        step = _mm256_add_epi16(step, _mm256_set1_epi16(ULAW_BIAS));
        __m256i v = _mm256_mullo_epi16(step, power16(powers, _mm256_srli_epi16(c, 4)));
        v = _mm256_slli_epi16(_mm256_sub_epi16(v, _mm256_set1_epi16(ULAW_BIAS)), 2);
        _mm256_storeu_si256((__m256i *)(pcm + i), signed16(v, byte));
    }
    mc_g711_scalar.from_ulaw(in + i, pcm + i, n - i);
}

AVX static void from_alaw_avx2(const uint8_t *in, int16_t *pcm, size_t n) {
    const __m128i powers = _mm_setr_epi8(2, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i byte = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(in + i)));
        __m256i c = _mm256_and_si256(_mm256_xor_si256(byte, _mm256_set1_epi16(0x55)), _mm256_set1_epi16(0x7f));
        __m256i segment = _mm256_srli_epi16(c, 4);
        __m256i bias = _mm256_and_si256(_mm256_cmpgt_epi16(segment, _mm256_setzero_si256()), _mm256_set1_epi16(32));
        __m256i step = _mm256_slli_epi16(_mm256_and_si256(c, _mm256_set1_epi16(15)), 1);
        step = _mm256_add_epi16(_mm256_add_epi16(step, _mm256_set1_epi16(1)), bias);
        __m256i v = _mm256_slli_epi16(_mm256_mullo_epi16(step, power16(powers, segment)), 2);
        _mm256_storeu_si256((__m256i *)(pcm + i), signed16(v, byte));
    }
    mc_g711_scalar.from_alaw(in + i, pcm + i, n - i);
}

static const struct mc_g711 sse41 = {"sse4.1", have_sse41, to_ulaw_sse41, to_alaw_sse41, from_ulaw_sse41, from_alaw_sse41};
static const struct mc_g711 avx2 = {"avx2", have_avx2, to_ulaw_avx2, to_alaw_avx2, from_ulaw_avx2, from_alaw_avx2};

const struct mc_g711 *const mc_g711_kinds[] = {&avx2, &sse41, &mc_g711_scalar, NULL};

#else

const struct mc_g711 *const mc_g711_kinds[] = {&mc_g711_scalar, NULL};

#endif

const struct mc_g711 *mc_g711_best(void) {
    for (const struct mc_g711 *const *kind = mc_g711_kinds; *kind != NULL; kind++) {
        if ((*kind)->here()) {
            return *kind;
        }
    }
    return &mc_g711_scalar;
}
