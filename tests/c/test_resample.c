/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resample.h"

#include <math.h>
#include <pthread.h>

#include "check.h"
#include "err.h"

static const uint32_t rates[] = {8000, 16000, 24000, 48000};

#define MAX_OUT (48000 * 7)

static int16_t in[48000];
static int16_t out[MAX_OUT];

static void tone(double hz, uint32_t rate, double level) {
    for (size_t i = 0; i < rate; i++) {
        in[i] = (int16_t)lround(level * sin(2 * M_PI * hz * (double)i / rate));
    }
}

/* One second of `in`; returns how many samples came out. */
static int second(uint32_t from, uint32_t to, struct mc_resample *rs) {
    CHECK_INT(from, mc_resample_init(rs, from, to), MC_OK);
    int n = mc_resample_run(rs, in, from, out, MAX_OUT);
    CHECK_INT(from / 1000 * 100 + to / 1000, n, to);
    return n;
}

/* Level of one frequency in out[skip ... n), by correlation with sine and cosine over a whole number of periods (hz whole, one
 * tenth of a second at a time). */
static double level_of(double hz, uint32_t rate, int n) {
    int skip = (int)rate / 10;
    int len = (n - 2 * skip) / ((int)rate / 10) * ((int)rate / 10);
    double re = 0;
    double im = 0;
    for (int i = 0; i < len; i++) {
        re += out[skip + i] * cos(2 * M_PI * hz * i / rate);
        im += out[skip + i] * sin(2 * M_PI * hz * i / rate);
    }
    return 2 * sqrt(re * re + im * im) / len;
}

static double power(uint32_t rate, int n) {
    int skip = (int)rate / 10;
    int len = (n - 2 * skip) / ((int)rate / 10) * ((int)rate / 10);
    double sum = 0;
    for (int i = 0; i < len; i++) {
        sum += (double)out[skip + i] * out[skip + i];
    }
    return sum / len;
}

/* In the speech band the tone comes out at its level, and all else (images, aliases, noise) is 60 dB under it. */
static void speech_band_passes(void) {
    static const double hz[] = {100, 300, 1000, 2000, 3000, 3400};
    for (size_t a = 0; a < COUNT(rates); a++) {
        for (size_t b = 0; b < COUNT(rates); b++) {
            for (size_t k = 0; k < COUNT(hz); k++) {
                struct mc_resample rs;
                tone(hz[k], rates[a], 16000);
                int n = second(rates[a], rates[b], &rs);
                double level = level_of(hz[k], rates[b], n);
                double rest = power(rates[b], n) - level * level / 2;
                double snr = 10 * log10(level * level / 2 / (rest > 1e-3 ? rest : 1e-3));
                CHECK_BETWEEN(rates[a] / 1000 * 100 + rates[b] / 1000, 20 * log10(level / 16000), -0.2, 0.1);
                CHECK_BETWEEN(rates[a] / 1000 * 100 + rates[b] / 1000, snr, 60, 200);
            }
        }
    }
}

/* Going down: what the lower rate can't hold is gone, not folded into the speech. */
static void nothing_folds_down(void) {
    for (size_t a = 0; a < COUNT(rates); a++) {
        for (size_t b = 0; b < a; b++) {
            for (double hz = 0.56 * rates[b]; hz < 0.5 * rates[a]; hz += 370) {
                struct mc_resample rs;
                tone(hz, rates[a], 16000);
                int n = second(rates[a], rates[b], &rs);
                CHECK_BETWEEN(hz, 10 * log10(power(rates[b], n) / (16000.0 * 16000 / 2) + 1e-12), -200, -60);
            }
        }
    }
}

/* All at once or in pieces of any size, to the sample the same: there are no borders. */
static void chunks_make_no_difference(void) {
    struct rng r = rng_of(1);
    for (size_t i = 0; i < COUNT(in); i++) {
        in[i] = (int16_t)rng_next(&r);
    }
    for (size_t a = 0; a < COUNT(rates); a++) {
        for (size_t b = 0; b < COUNT(rates); b++) {
            static int16_t pieces[MAX_OUT];
            struct mc_resample rs;
            int n = second(rates[a], rates[b], &rs);
            int m = 0;
            CHECK_INT(0, mc_resample_init(&rs, rates[a], rates[b]), MC_OK);
            for (size_t at = 0; at < rates[a];) {
                size_t k = rng_below(&r, 700);
                k = k < rates[a] - at ? k : rates[a] - at;
                int got = mc_resample_run(&rs, in + at, k, pieces + m, (size_t)(MAX_OUT - m));
                CHECK_BETWEEN(at, got, (double)k * rates[b] / rates[a] - 1, (double)k * rates[b] / rates[a] + 1);
                m += got > 0 ? got : 0;
                at += k;
            }
            CHECK_INT(a * 10 + b, m, n);
            CHECK_INT(a * 10 + b, memcmp(pieces, out, (size_t)n * sizeof *out), 0);
        }
    }
}

/* 20 ms in, 20 ms out, always: a packet needs no remainder. */
static void a_packet_gives_a_packet(void) {
    for (size_t a = 0; a < COUNT(rates); a++) {
        for (size_t b = 0; b < COUNT(rates); b++) {
            for (uint32_t ms = 10; ms <= 60; ms += 10) {
                struct mc_resample rs;
                CHECK_INT(0, mc_resample_init(&rs, rates[a], rates[b]), MC_OK);
                for (int i = 0; i < 10; i++) {
                    CHECK_INT(ms, mc_resample_run(&rs, in, rates[a] / 1000 * ms, out, MAX_OUT), rates[b] / 1000 * ms);
                }
            }
        }
    }
}

/* A click comes out where the group delay says. */
static void delay_is_what_it_says(void) {
    for (size_t a = 0; a < COUNT(rates); a++) {
        for (size_t b = 0; b < COUNT(rates); b++) {
            struct mc_resample rs;
            memset(in, 0, sizeof in);
            uint32_t at = rates[a] / 10;
            in[at] = 30000;
            int n = second(rates[a], rates[b], &rs);
            int peak = 0;
            for (int i = 0; i < n; i++) {
                peak = abs(out[i]) > abs(out[peak]) ? i : peak;
            }
            double delay_us = 1e6 * peak / rates[b] - 1e5;
            CHECK_BETWEEN(a * 10 + b, delay_us, mc_resample_delay_us(&rs) - 1e6 / rates[b],
                          mc_resample_delay_us(&rs) + 1e6 / rates[b]);
            CHECK_BETWEEN(a * 10 + b, mc_resample_delay_us(&rs), 0, 2000);
        }
    }
}

static void direct_current_stays(void) {
    for (size_t a = 0; a < COUNT(rates); a++) {
        for (size_t b = 0; b < COUNT(rates); b++) {
            struct mc_resample rs;
            for (size_t i = 0; i < COUNT(in); i++) {
                in[i] = INT16_MIN;
            }
            int n = second(rates[a], rates[b], &rs);
            for (int i = n / 10; i < n; i++) {
                CHECK_INT(i, out[i], INT16_MIN);
            }
        }
    }
}

/* A square wave at full scale overshoots in the filter: it must clip, not wrap, so the middle of each half keeps its sign. */
static void overshoot_clips(void) {
    for (size_t i = 0; i < COUNT(in); i++) {
        in[i] = i / 8 % 2 ? INT16_MAX : INT16_MIN;
    }
    for (size_t a = 0; a < COUNT(rates); a++) {
        for (size_t b = a + 1; b < COUNT(rates); b++) {
            struct mc_resample rs;
            int n = second(rates[a], rates[b], &rs);
            int n_clipped = 0;
            for (int i = n / 10; i < n; i++) {
                double at = (double)i * rates[a] / rates[b] - (double)mc_resample_delay_us(&rs) * rates[a] / 1e6;
                double place = fmod(at, 8);
                CHECK(place < 1 || place > 6 || (out[i] > 20000) == ((int)at / 8 % 2 == 1));
                n_clipped += out[i] == INT16_MAX;
            }
            CHECK_BETWEEN(a * 10 + b, n_clipped, n / 50, n);
        }
    }
}

static void equal_rates_copy(void) {
    struct mc_resample rs;
    struct rng r = rng_of(2);
    for (size_t i = 0; i < 1000; i++) {
        in[i] = (int16_t)rng_next(&r);
    }
    CHECK_INT(0, mc_resample_init(&rs, 16000, 16000), MC_OK);
    CHECK_INT(0, mc_resample_run(&rs, in, 1000, out, 1000), 1000);
    CHECK(memcmp(in, out, 2000) == 0);
    CHECK_INT(0, mc_resample_run(&rs, in, 1000, out, 999), MC_E_SHORT);
    CHECK_INT(0, mc_resample_delay_us(&rs), 0);
}

static void refused_and_untouched(void) {
    static const uint32_t bad[][2] = {{8000, 0}, {0, 8000}, {44100, 8000}, {8000, 44100}, {11025, 16000}};
    struct mc_resample rs;
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK_INT(i, mc_resample_init(&rs, bad[i][0], bad[i][1]), MC_E_ARG);
    }
    struct rng r = rng_of(3);
    for (size_t i = 0; i < 320; i++) {
        in[i] = (int16_t)rng_next(&r);
    }
    struct mc_resample other;
    int16_t a[320];
    int16_t b[320];
    mc_resample_init(&rs, 8000, 16000);
    mc_resample_init(&other, 8000, 16000);
    CHECK_INT(0, mc_resample_run(&rs, in, 160, a, 319), MC_E_SHORT); /* nothing was taken */
    CHECK_INT(0, mc_resample_run(&rs, in, 160, a, 320), 320);
    CHECK_INT(0, mc_resample_run(&other, in, 160, b, 320), 320);
    CHECK(memcmp(a, b, sizeof a) == 0);
}

static void *init_many(void *arg) {
    struct mc_resample rs;
    for (int i = 0; i < 1000; i++) {
        mc_resample_init(&rs, rates[i % 4], rates[i / 4 % 4]);
        CHECK(rs.coef[rs.n_taps / 2] != 0);
    }
    return arg;
}

int main(void) {
    pthread_t t[4]; /* first of all: the tables are computed by whoever comes first */
    for (int i = 0; i < 4; i++) {
        pthread_create(&t[i], NULL, init_many, NULL);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
    }
    RUN(speech_band_passes);
    RUN(nothing_folds_down);
    RUN(chunks_make_no_difference);
    RUN(a_packet_gives_a_packet);
    RUN(delay_is_what_it_says);
    RUN(direct_current_stays);
    RUN(overshoot_clips);
    RUN(equal_rates_copy);
    RUN(refused_and_untouched);
    return check_done();
}
