/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "scale.h"

#include "check.h"

static const uint32_t rates[] = {8000, 16000, 48000};

static void hum(int16_t *pcm, uint32_t rate, size_t from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        pcm[i] = (int16_t)lrint(9000 * sin(2 * 3.14159265358979 * 125 * (double)(from + i) / rate));
    }
}

/* Frames of any length are shortened and stretched, never by more than was asked, and a tone stays a tone. */
static void any_frame_length(void) {
    static const uint32_t frames_ms[] = {10, 20, 60, 120};
    static int16_t pcm[MC_SCALE_MAX_PCM];
    for (size_t k = 0; k < COUNT(rates) * COUNT(frames_ms) * 2; k++) {
        const uint32_t rate = rates[k % 3];
        const size_t n = rate / 1000 * frames_ms[k / 3 % 4];
        const int sign = k / 12 ? -1 : 1;
        struct mc_scale sc;
        size_t from = 0;
        int64_t gone = 0;
        int32_t jump = 0;
        int16_t last = 0;
        mc_scale_init(&sc, rate);
        for (int i = 0; i < 20; i++, from += n) {
            const int32_t most = sign * (int32_t)(rate / 1000 * 40);
            hum(pcm, rate, from, n);
            int32_t one = mc_scale_run(&sc, pcm, n, i < 4 ? 0 : most);
            CHECK(one * sign >= 0 && one * sign <= most * sign);
            CHECK_INT(k, i < 4 && one != 0, 0);
            gone += one;
            const size_t left = (size_t)((int64_t)n - one);
            for (size_t s = 0; s < left; s++) {
                jump = abs(pcm[s] - last) > jump && (i > 0 || s > 0) ? abs(pcm[s] - last) : jump;
                last = pcm[s];
            }
        }
        CHECK_BETWEEN(k, jump, 0, 9000 * 2 * 3.15 * 125 / rate * 1.6);
        const int64_t ms = frames_ms[k / 3 % 4]; /* all is periodic: at least one period a frame, if 20 ms of it can be seen */
        CHECK_BETWEEN(k, sign * gone * 1000 / (int64_t)rate,
                      ms > 20   ? 16 * 8 * 2
                      : ms > 10 ? 16 * 8
                                : 0,
                      16 * (sign > 0 ? ms * 3 / 4 : ms + 5));
    }
}

/* What was played is remembered through frames of any length, so that the next ones fit to it. */
static void what_was_played_is_remembered(void) {
    struct mc_scale sc;
    static int16_t pcm[MC_SCALE_MAX_PCM];
    static int16_t all[48000];
    struct rng r = rng_of(1);
    size_t total = 0;
    mc_scale_init(&sc, 8000);
    for (int i = 0; i < 200; i++) {
        const size_t n = 1 + rng_below(&r, 200);
        for (size_t s = 0; s < n; s++) {
            pcm[s] = all[total + s] = (int16_t)rng_next(&r);
        }
        CHECK_INT(i, mc_scale_run(&sc, pcm, n, 0), 0);
        CHECK(memcmp(pcm, all + total, n * sizeof *pcm) == 0);
        total += n;
        const size_t want = total < 160 ? total : 160;
        CHECK_INT(i, sc.n_past, want);
        CHECK(memcmp(sc.past, all + total - want, want * sizeof *pcm) == 0);
    }
}

/* Any sound, any wish: no more than was asked, no sample out of bounds (the sanitizers look). */
static void any_wish(void) {
    struct rng r = rng_of(2);
    int16_t *pcm = malloc(MC_SCALE_MAX_PCM * sizeof *pcm);
    for (int k = 0; k < 60; k++) {
        struct mc_scale sc;
        const uint32_t rate = rates[k % 3];
        mc_scale_init(&sc, rate);
        for (int i = 0; i < 20; i++) {
            const size_t n = 1 + rng_below(&r, rate / 1000 * 120);
            const int32_t most = (int32_t)rng_below(&r, 2 * rate) - (int32_t)rate;
            const uint32_t loud = rng_below(&r, 3);
            for (size_t s = 0; s < n; s++) {
                pcm[s] = (int16_t)(loud == 0 ? 0 : loud == 1 ? (int32_t)(s % 60) * 300 : (int32_t)rng_next(&r));
            }
            int32_t gone = mc_scale_run(&sc, pcm, n, most);
            CHECK(most >= 0 ? gone >= 0 && gone <= most : gone <= 0 && gone >= most);
            CHECK(gone < (int32_t)n && (int64_t)n - gone <= MC_SCALE_MAX_PCM);
        }
    }
    free(pcm);
}

int main(void) {
    RUN(any_frame_length);
    RUN(what_was_played_is_remembered);
    RUN(any_wish);
    return check_done();
}
