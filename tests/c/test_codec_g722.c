/* SPDX-License-Identifier: GPL-3.0-or-later
 * The codec is defined to the bit, so whole streams are compared by a hash of them. The expected ones were made with another
 * implementation (libavcodec's) from the same signals. */
#include <math.h>

#include "check.h"
#include "codec.h"
#include "err.h"

#define RATE 16000
#define N (RATE * 2)
#define DELAY 22 /* samples, of both filters together */

static int16_t in[N + RATE];
static int16_t out[N + RATE];
static uint8_t coded[N / 2 + RATE / 2];

static const struct mc_codec *const c = &mc_codec_g722;

static uint64_t hash(const void *data, size_t n) { /* FNV-1a */
    const uint8_t *at = data;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) {
        h = (h ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

/* All of `in`, in packets of `step` samples. */
static void code(size_t step) {
    void *enc = malloc(c->enc_size);
    void *dec = malloc(c->dec_size);
    CHECK_INT(0, c->enc_init(enc, &(struct mc_fmtp){0}, 20), MC_OK);
    CHECK_INT(0, c->dec_init(dec), MC_OK);
    for (size_t at = 0; at < N; at += step) {
        size_t n = N - at < step ? N - at : step;
        CHECK_INT(at, c->encode(enc, in + at, n, coded + at / 2, n / 2), n / 2);
        CHECK_INT(at, c->decode(dec, coded + at / 2, n / 2, out + at, n), n);
    }
    free(enc);
    free(dec);
}

/* Integers only, so that every machine makes the same samples. */
static void noise(int bits) {
    struct rng r = rng_of(722);
    for (int i = 0; i < N; i++) {
        in[i] = (int16_t)((int)(rng_next(&r) >> (32 - bits)) - (1 << (bits - 1)));
    }
}

static void triangles(void) {
    for (int i = 0; i < N; i++) {
        int period = 20 + i / 200;
        int at = i % period;
        in[i] = (int16_t)((at < period / 2 ? at : period - at) * 60000 / period - 15000);
    }
}

static void bursts(void) {
    noise(16);
    for (int i = 0; i < N; i++) {
        in[i] = (int16_t)(i / 800 % 3 == 0 ? in[i] : i / 800 % 3 == 1 ? in[i] / 200 : i % 64 < 32 ? INT16_MAX : INT16_MIN);
    }
}

static void same(int row, uint64_t bytes, uint64_t pcm) {
    code(320);
    CHECK_INT(row, hash(coded, N / 2), bytes);
    CHECK_INT(row, hash(out, N * 2), pcm);
}

static void to_the_bit(void) {
    noise(16);
    same(0, UINT64_C(0x91b20990b2dd597d), UINT64_C(0xe00eeb7c6cdf4984));
    triangles();
    same(1, UINT64_C(0x78e211bb7fb3e7ec), UINT64_C(0x081c9fd3a5cf45fb));
    bursts();
    same(2, UINT64_C(0xaaa92ebea42817d7), UINT64_C(0xd3cf517f4759828e));
}

/* Every byte in every order, as a decoder after losses meets them. */
static void any_bytes_to_the_bit(void) {
    struct rng r = rng_of(9);
    void *dec = malloc(c->dec_size);
    CHECK_INT(0, c->dec_init(dec), MC_OK);
    for (size_t i = 0; i < N / 2; i++) {
        coded[i] = (uint8_t)(rng_next(&r) >> 24);
    }
    CHECK_INT(0, c->decode(dec, coded, N / 2, out, N), N);
    CHECK_INT(0, hash(out, N * 2), UINT64_C(0xdb1098ff81e89524));
    free(dec);
}

static void packets_of_any_length_make_one_stream(void) {
    static const size_t steps[] = {2, 6, 160, 320, 322, 640, 960, N};
    bursts();
    code(320);
    uint64_t bytes = hash(coded, N / 2);
    uint64_t pcm = hash(out, N * 2);
    for (size_t i = 0; i < COUNT(steps); i++) {
        code(steps[i]);
        CHECK_INT(steps[i], hash(coded, N / 2), bytes);
        CHECK_INT(steps[i], hash(out, N * 2), pcm);
    }
}

static void tone(double hz, double level) {
    for (int i = 0; i < N; i++) {
        in[i] = (int16_t)lrint(level * 32767 * sin(2 * M_PI * hz * i / RATE));
    }
}

static double snr_db(void) {
    double signal = 1;
    double noise = 1;
    for (int i = RATE / 4; i < N; i++) {
        signal += pow(in[i - DELAY], 2);
        noise += pow(out[i] - in[i - DELAY], 2);
    }
    return 10 * log10(signal / noise);
}

/* 50 Hz to 7 kHz comes back at its level and in its place; two bits carry the upper band, so that is noisier. */
static void the_band_passes(void) {
    static const double hz[] = {50, 300, 1000, 2500, 3600, 4400, 5500, 6900};
    for (size_t i = 0; i < COUNT(hz); i++) {
        tone(hz[i], 0.25);
        code(320);
        CHECK_BETWEEN(hz[i], snr_db(), hz[i] < 3800 ? 25 : 12, 100);
    }
}

static void loud_tones_are_clipped_not_wrapped(void) {
    tone(700, 1.0);
    code(320);
    CHECK_BETWEEN(0, snr_db(), 20, 100);
}

static void what_does_not_fit_is_refused(void) {
    void *st = malloc(c->enc_size);
    c->enc_init(st, &(struct mc_fmtp){0}, 20);
    CHECK_INT(0, c->encode(st, in, 3, coded, 100), MC_E_ARG);
    CHECK_INT(0, c->encode(st, in, 320, coded, 159), MC_E_SHORT);
    CHECK_INT(0, c->encode(st, in, 0, coded, 0), 0);
    CHECK_INT(0, c->decode(st, coded, 160, out, 319), MC_E_SHORT);
    free(st);
}

static void named_as_on_the_wire(void) {
    CHECK(mc_codec_find("g722", 8000) == c);
    CHECK(mc_codec_find("G722", 16000) == NULL); /* RFC 3551 section 4.5.2: an error that became the rule */
    CHECK_INT(0, c->pt, 9);
}

int main(void) {
    RUN(to_the_bit);
    RUN(any_bytes_to_the_bit);
    RUN(packets_of_any_length_make_one_stream);
    RUN(the_band_passes);
    RUN(loud_tones_are_clipped_not_wrapped);
    RUN(what_does_not_fit_is_refused);
    RUN(named_as_on_the_wire);
    return check_done();
}
