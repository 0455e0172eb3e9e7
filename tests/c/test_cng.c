/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cng.h"

#include <math.h>

#include "check.h"
#include "err.h"
#include "level.h"

#define N 16000

static int16_t pcm[N];

static void payload_there_and_back(void) {
    struct mc_cn in = {.level = 63, .order = 3, .k = {-127, 0, 127}};
    struct mc_cn out;
    uint8_t payload[MC_CN_PAYLOAD];
    CHECK_INT(0, mc_cn_build(&in, payload), 4);
    CHECK(memcmp(payload, "\x3f\x00\x7f\xfe", 4) == 0); /* RFC 3389 section 3.2: N = 127 is 0 */
    CHECK_INT(0, mc_cn_parse(&out, payload, 4), MC_OK);
    CHECK(memcmp(&in, &out, sizeof in) == 0);
}

static void payloads_of_any_length(void) {
    struct mc_cn cn;
    uint8_t payload[40];
    memset(payload, 0xff, sizeof payload);
    CHECK_INT(0, mc_cn_parse(&cn, payload, 0), MC_E_SHORT);
    for (size_t len = 1; len <= sizeof payload; len++) {
        CHECK_INT(len, mc_cn_parse(&cn, payload, len), MC_OK);
        CHECK_INT(len, cn.level, 127); /* the first bit says nothing */
        CHECK_INT(len, cn.order, len - 1 < MC_CN_ORDER ? len - 1 : MC_CN_ORDER);
        CHECK_INT(len, len > 1 ? cn.k[0] : 127, 127);
    }
}

static void noise_has_the_level_that_was_told(void) {
    for (int level = 20; level <= 78; level += 4) {
        for (int k = -120; k <= 120; k += 60) {
            struct mc_cng cng;
            mc_cng_init(&cng, (uint64_t)level);
            mc_cng_set(&cng, &(struct mc_cn){.level = (uint8_t)level, .order = 2, .k = {(int8_t)k, (int8_t)(k / 3)}}, 8000);
            mc_cng_run(&cng, pcm, 1600); /* until it is there */
            mc_cng_run(&cng, pcm, N);
            CHECK_BETWEEN(level * 1000 + k, mc_level_ddb(pcm, N) / 10.0, -level - 1.5, -level + 1.5);
        }
    }
}

static void level_127_is_silence(void) {
    struct mc_cng cng;
    mc_cng_init(&cng, 1);
    mc_cng_run(&cng, pcm, 160);
    CHECK_INT(0, mc_level_ddb(pcm, 160), -960); /* nothing was told yet */
    mc_cng_set(&cng, &(struct mc_cn){.level = 40}, 8000);
    mc_cng_run(&cng, pcm, 800);
    CHECK(mc_level_ddb(pcm + 400, 400) > -450);
    mc_cng_set(&cng, &(struct mc_cn){.level = 127}, 8000);
    mc_cng_run(&cng, pcm, 800);
    CHECK_INT(0, mc_level_ddb(pcm + 400, 400), -960);
}

/* Change of level without a step: 20 ms later it is there, and half way it is half way. */
static void levels_change_softly(void) {
    double half = 0;
    double full = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct mc_cng cng;
        mc_cng_init(&cng, seed);
        mc_cng_set(&cng, &(struct mc_cn){.level = 30}, 8000);
        mc_cng_run(&cng, pcm, 400);
        CHECK_BETWEEN(seed, abs(pcm[0]), 0, 60);
        for (int i = 70; i < 90; i++) {
            half += pcm[i] * (double)pcm[i] / 20 / 300;
        }
        for (int i = 160; i < 400; i++) {
            full += pcm[i] * (double)pcm[i] / 240 / 300;
        }
    }
    CHECK_BETWEEN(0, sqrt(half / full), 0.42, 0.58);
}

/* One pole towards low, one towards high frequencies. */
static void the_spectrum_is_as_told(void) {
    for (int sign = -1; sign <= 1; sign += 2) {
        struct mc_cng cng;
        double r0 = 0;
        double r1 = 0;
        mc_cng_init(&cng, 5);
        mc_cng_set(&cng, &(struct mc_cn){.level = 30, .order = 1, .k = {(int8_t)(sign * 76)}}, 8000); /* 0.6 */
        mc_cng_run(&cng, pcm, N);
        for (int i = 161; i < N; i++) {
            r0 += pcm[i] * (double)pcm[i];
            r1 += pcm[i] * (double)pcm[i - 1];
        }
        CHECK_BETWEEN(sign, r1 / r0, -sign * 0.6 - 0.03, -sign * 0.6 + 0.03);
    }
}

static void any_payload_is_a_stable_noise(void) {
    struct rng r = rng_of(3);
    struct mc_cng cng;
    mc_cng_init(&cng, 1);
    for (int i = 0; i < 2000; i++) {
        uint8_t payload[16];
        struct mc_cn cn;
        for (size_t k = 0; k < sizeof payload; k++) {
            payload[k] = (uint8_t)rng_next(&r);
        }
        mc_cn_parse(&cn, payload, 1 + rng_below(&r, 15));
        cn.level = 60;
        mc_cng_set(&cng, &cn, 8000);
        mc_cng_run(&cng, pcm, 400);
        CHECK_BETWEEN(i, mc_level_ddb(pcm + 240, 160), -960, -500);
    }
}

/* A noise, coloured by one pole at `k`, at `db`; every third of a second a loud word. */
static void line_with_words(struct rng *r, double k, double db) {
    double y = 0;
    double rms = 32768 * pow(10, db / 20) * sqrt(1 - k * k);
    for (int i = 0; i < N; i++) {
        double v = rms * (rng_unit(r) + rng_unit(r) + rng_unit(r) + rng_unit(r) - 2) * sqrt(3);
        y = v + k * y;
        bool word = i / 1333 % 3 == 0;
        pcm[i] = (int16_t)lrint(y + (word ? 8000 * sin(i * 0.3) : 0));
    }
}

static void the_noise_behind_speech_is_found(void) {
    struct rng r = rng_of(8);
    for (int db = -70; db <= -30; db += 10) {
        for (double k = -0.8; k <= 0.81; k += 0.4) {
            struct mc_cn_floor floor;
            mc_cn_floor_init(&floor);
            line_with_words(&r, k, db);
            for (int at = 0; at < N; at += 160) {
                mc_cn_floor_hear(&floor, pcm + at, 160, 8000);
            }
            CHECK_BETWEEN(db, floor.cn.level, -db - 1, -db + 4); /* the softest of many packets is a little softer */
            /* And the noise that the far end makes of it has the same colour. */
            struct mc_cng cng;
            double r0 = 0;
            double r1 = 0;
            mc_cng_init(&cng, 4);
            floor.cn.level = 30;
            mc_cng_set(&cng, &floor.cn, 8000);
            mc_cng_run(&cng, pcm, N);
            for (int i = 161; i < N; i++) {
                r0 += pcm[i] * (double)pcm[i];
                r1 += pcm[i] * (double)pcm[i - 1];
            }
            CHECK_BETWEEN(db, r1 / r0, k - 0.3, k + 0.3);
        }
    }
}

static void digital_silence_is_told_as_silence(void) {
    struct mc_cn_floor floor;
    mc_cn_floor_init(&floor);
    CHECK_INT(0, floor.cn.level, MC_CN_SILENT);
    memset(pcm, 0, sizeof pcm);
    for (int i = 0; i < 400; i++) {
        pcm[i] = (int16_t)(5000 * sin(i * 0.3));
    }
    mc_cn_floor_hear(&floor, pcm, 400, 8000);
    mc_cn_floor_hear(&floor, pcm + 400, 160, 8000);
    CHECK_INT(0, floor.cn.level, MC_CN_SILENT);
    CHECK_INT(0, floor.cn.order, 0);
}

/* Louder surroundings are believed in the end. */
static void the_floor_rises_slowly(void) {
    struct rng r = rng_of(9);
    struct mc_cn_floor floor;
    mc_cn_floor_init(&floor);
    for (int second = 0; second < 20; second++) {
        line_with_words(&r, 0, second < 2 ? -70 : -50);
        for (int at = 0; at < 8000; at += 160) {
            mc_cn_floor_hear(&floor, pcm + at, 160, 8000);
        }
        if (second == 3) {
            CHECK_BETWEEN(second, floor.cn.level, 65, 74);
        }
    }
    CHECK_BETWEEN(0, floor.cn.level, 49, 54);
}

int main(void) {
    RUN(payload_there_and_back);
    RUN(payloads_of_any_length);
    RUN(noise_has_the_level_that_was_told);
    RUN(level_127_is_silence);
    RUN(levels_change_softly);
    RUN(the_spectrum_is_as_told);
    RUN(any_payload_is_a_stable_noise);
    RUN(the_noise_behind_speech_is_found);
    RUN(digital_silence_is_told_as_silence);
    RUN(the_floor_rises_slowly);
    return check_done();
}
