/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plc.h"

#include <math.h>

#include "check.h"
#include "err.h"
#include "level.h"

#define SECONDS 2
#define MAX_N (MC_PLC_MAX_RATE * SECONDS)

static int16_t good[MAX_N];
static int16_t heard[MAX_N];

/* A voice: harmonics on a pitch that glides. */
static void speak(uint32_t rate, double pitch) {
    double phase = 0;
    for (uint32_t i = 0; i < rate * SECONDS; i++) {
        double v = 0;
        phase += 2 * M_PI * pitch * (1 + 0.05 * sin(2 * M_PI * i / rate)) / rate;
        for (int h = 1; h * pitch < 3400; h++) {
            v += sin(h * phase) / h;
        }
        good[i] = (int16_t)(4000 * v);
    }
}

/* Plays `good` in 20 ms frames; frames [first, first + n) are lost. `known`: the one behind them is here when the last is made up. */
static void lose_known(uint32_t rate, int first, int n, bool known) {
    struct mc_plc plc;
    int frame = (int)rate / 50;
    CHECK_INT(rate, mc_plc_init(&plc, rate), MC_OK);
    for (int i = 0; i < SECONDS * 50; i++) {
        int16_t *to = heard + i * frame;
        if (known && i == first + n - 1) {
            mc_plc_between(&plc, to, (size_t)frame, good + (i + 1) * frame, (size_t)frame);
        } else if (i >= first && i < first + n) {
            mc_plc_conceal(&plc, to, (size_t)frame);
        } else {
            memcpy(to, good + i * frame, (size_t)frame * sizeof *to);
            mc_plc_good(&plc, to, (size_t)frame);
        }
    }
}

static void lose(uint32_t rate, int first, int n) {
    lose_known(rate, first, n, false);
}

static int largest_step(const int16_t *pcm, int from, int to) {
    int max = 0;
    for (int i = from + 1; i < to; i++) {
        int step = abs(pcm[i] - pcm[i - 1]);
        max = step > max ? step : max;
    }
    return max;
}

static void good_frames_are_not_touched(void) {
    speak(8000, 120);
    lose(8000, 0, 0);
    CHECK(memcmp(good, heard, 8000 * SECONDS * sizeof *good) == 0);
    lose(8000, 30, 2);
    CHECK(memcmp(good, heard, 30 * 160 * sizeof *good) == 0);
    int after = 32 * 160 + 48; /* the seam has 6 ms */
    CHECK(memcmp(good + after, heard + after, (size_t)(8000 * SECONDS - after) * sizeof *good) == 0);
}

/* One lost packet of a voice: the gap is filled at the voice's level, and sounds like it, and nowhere is there a click. */
static void a_voice_goes_on(void) {
    static const uint32_t rates[] = {8000, 16000};
    for (size_t r = 0; r < COUNT(rates); r++) {
        for (double pitch = 80; pitch < 350; pitch *= 1.3) {
            int frame = (int)rates[r] / 50;
            speak(rates[r], pitch);
            for (int first = 20; first < 40; first += 3) {
                lose(rates[r], first, 1);
                int at = first * frame;
                double err = 0;
                double sig = 0;
                for (int i = at; i < at + frame; i++) {
                    err += pow(heard[i] - good[i], 2);
                    sig += pow(good[i], 2);
                }
                CHECK_BETWEEN(pitch, mc_level_ddb(heard + at, (size_t)frame) - mc_level_ddb(good + at, (size_t)frame), -40, 15);
                CHECK_BETWEEN(pitch, sqrt(err / sig), 0, 0.75);
                CHECK_BETWEEN(pitch, largest_step(heard, at - frame, at + 2 * frame), 0,
                              1.3 * largest_step(good, at - 2 * frame, at + 3 * frame));
            }
        }
    }
}

static double error_of(int at, int n) {
    double err = 0;
    double sig = 1;
    for (int i = at; i < at + n; i++) {
        err += pow(heard[i] - good[i], 2);
        sig += pow(good[i], 2);
    }
    return sqrt(err / sig);
}

/* With the packet behind the gap at hand, a gliding voice is met at both ends, and nothing of that packet is touched. */
static void both_ends_are_better_than_one(void) {
    static const uint32_t rates[] = {8000, 16000};
    for (size_t r = 0; r < COUNT(rates); r++) {
        int frame = (int)rates[r] / 50;
        double one = 0;
        double both = 0;
        for (double pitch = 80; pitch < 350; pitch *= 1.3) {
            speak(rates[r], pitch);
            for (int first = 20; first < 40; first += 3) {
                int at = first * frame;
                lose(rates[r], first, 1);
                one += error_of(at, frame);
                lose_known(rates[r], first, 1, true);
                both += error_of(at, frame);
                CHECK_BETWEEN(pitch, error_of(at, frame), 0, 0.6);
                CHECK_BETWEEN(pitch, mc_level_ddb(heard + at, (size_t)frame) - mc_level_ddb(good + at, (size_t)frame), -40, 15);
                CHECK_BETWEEN(pitch, largest_step(heard, at - frame, at + 2 * frame), 0,
                              1.3 * largest_step(good, at - 2 * frame, at + 3 * frame));
                CHECK(memcmp(good + at + frame, heard + at + frame, (size_t)frame * sizeof *good) == 0);
            }
        }
        CHECK_BETWEEN(r, both / one, 0, 0.7);
    }
}

/* A word that begins in the gap is heard coming. */
static void an_onset_behind_the_gap(void) {
    speak(8000, 150);
    memset(good, 0, 30 * 160 * sizeof *good);
    lose_known(8000, 29, 1, true);
    CHECK_BETWEEN(0, mc_level_ddb(heard + 29 * 160 + 80, 80) - mc_level_ddb(good + 30 * 160, 160), -80, 0);
    CHECK_BETWEEN(0, largest_step(heard, 28 * 160, 31 * 160), 0, 1.3 * largest_step(good, 30 * 160 + 8, 34 * 160));
}

/* The last of several lost ones: the fading voice before it, the new one behind it. */
static void a_burst_ends_with_both_ends(void) {
    speak(8000, 150);
    lose(8000, 30, 4);
    double one = error_of(33 * 160, 160);
    lose_known(8000, 30, 4, true);
    CHECK_BETWEEN(0, error_of(33 * 160, 160), 0, 0.8 * one);
    CHECK_BETWEEN(0, largest_step(heard, 29 * 160, 35 * 160), 0, 1.3 * largest_step(good, 29 * 160, 35 * 160));
}

/* Less than a period: as if nothing were known. Packets of 10 ms are enough for a voice. */
static void little_behind_the_gap(void) {
    struct mc_plc a;
    struct mc_plc b;
    int16_t x[80];
    int16_t y[80];
    speak(8000, 150);
    for (size_t n_next = 0; n_next <= 80; n_next += 8) {
        double alone = 0;
        double both = 0;
        for (int first = 10; first < 60; first++) {
            int16_t *next = malloc(n_next * sizeof *next); /* a sanitizer watches its end */
            memcpy(next, good + (first + 1) * 80, n_next * sizeof *next);
            mc_plc_init(&a, 8000);
            mc_plc_init(&b, 8000);
            mc_plc_good(&a, good, (size_t)first * 80);
            mc_plc_good(&b, good, (size_t)first * 80);
            mc_plc_conceal(&a, x, 80);
            mc_plc_between(&b, y, 80, next, n_next);
            for (int i = 0; i < 80; i++) {
                alone += pow(x[i] - good[first * 80 + i], 2);
                both += pow(y[i] - good[first * 80 + i], 2);
            }
            CHECK(n_next >= 50 || memcmp(x, y, sizeof x) == 0);
            free(next);
        }
        CHECK(n_next < 60 || both < 0.7 * alone);
    }
}

static void a_long_loss_fades_to_nothing_without_a_click(void) {
    speak(8000, 150);
    lose(8000, 30, 10);
    int last = 0;
    for (int ms = 10; ms <= 80; ms += 10) {
        int level = mc_level_ddb(heard + 30 * 160 + (ms - 10) * 8, 80);
        CHECK(ms == 10 || level < last + 15); /* a period's beat is allowed */
        last = level;
    }
    for (int i = 30 * 160 + 80 * 8; i < 40 * 160; i++) {
        CHECK_INT(i, heard[i], 0);
    }
    CHECK_BETWEEN(0, largest_step(heard, 0, 8000 * SECONDS), 0, 1.3 * largest_step(good, 0, 8000 * SECONDS));
}

/* Two tones that share no period: no repetition fits, and still no seam is steeper than the sound itself. */
static void no_click_where_nothing_repeats(void) {
    for (int f = 0; f < 40; f++) {
        for (int i = 0; i < 8000 * SECONDS; i++) {
            good[i] = (int16_t)(6000 * sin(2 * M_PI * (150 + f) * i / 8000) +
                                6000 * sin(2 * M_PI * (233 + 1.7 * f) * i / 8000));
        }
        lose(8000, 30, 3);
        CHECK_BETWEEN(f, largest_step(heard, 29 * 160, 35 * 160), 0, 1.25 * largest_step(good, 0, 8000 * SECONDS));
    }
}

/* A sound that swells: one period ago it was far softer, the first concealed sample must not jump there. */
static void no_click_where_the_sound_swells(void) {
    for (int f = 100; f < 300; f += 7) {
        for (int i = 0; i < 8000 * SECONDS; i++) {
            good[i] = (int16_t)(20000 * exp((i - 30 * 160) / 80.0 < 0 ? (i - 30 * 160) / 80.0 : 0) *
                                sin(2 * M_PI * f * (i - 30 * 160 + 17) / 8000));
        }
        lose(8000, 30, 1);
        CHECK_BETWEEN(f, abs(heard[30 * 160] - heard[30 * 160 - 1]), 0, 1.25 * largest_step(good, 29 * 160, 33 * 160));
    }
}

static void silence_stays_silence(void) {
    memset(good, 0, sizeof good);
    lose(8000, 30, 3);
    for (int i = 0; i < 8000 * SECONDS; i++) {
        CHECK_INT(i, heard[i], 0);
    }
    lose(8000, 0, 5); /* nothing was ever heard */
    CHECK_INT(0, mc_level_ddb(heard, 800), -960);
}

/* Noise at full scale, frames of any size, losses anywhere. */
static void anything_in(void) {
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rng r = rng_of(seed);
        struct mc_plc plc;
        static const uint32_t rates[] = {8000, 16000, 1, 400, 11025};
        CHECK_INT(seed, mc_plc_init(&plc, rates[seed % COUNT(rates)]), MC_OK);
        for (int i = 0; i < 50; i++) {
            size_t n = rng_below(&r, 2000);
            int16_t *pcm = malloc(n * sizeof *pcm);
            for (size_t k = 0; k < n; k++) {
                pcm[k] = rng_next(&r) & 1 ? INT16_MAX : INT16_MIN;
            }
            uint32_t what = rng_below(&r, 6);
            if (what == 0) {
                mc_plc_conceal(&plc, pcm, n);
            } else if (what == 1) {
                int16_t next[400];
                for (size_t k = 0; k < COUNT(next); k++) {
                    next[k] = rng_next(&r) & 1 ? INT16_MAX : INT16_MIN;
                }
                mc_plc_between(&plc, pcm, n, next, rng_below(&r, 401));
            } else if (what == 2) {
                mc_plc_conceal(&plc, pcm, n);
            } else {
                mc_plc_good(&plc, pcm, n);
            }
            free(pcm);
        }
    }
}

static void rates_it_can_hold(void) {
    struct mc_plc plc;
    CHECK_INT(0, mc_plc_init(&plc, 0), MC_E_ARG);
    CHECK_INT(0, mc_plc_init(&plc, MC_PLC_MAX_RATE + 1), MC_E_ARG);
}

int main(void) {
    RUN(good_frames_are_not_touched);
    RUN(a_voice_goes_on);
    RUN(both_ends_are_better_than_one);
    RUN(an_onset_behind_the_gap);
    RUN(a_burst_ends_with_both_ends);
    RUN(little_behind_the_gap);
    RUN(a_long_loss_fades_to_nothing_without_a_click);
    RUN(no_click_where_nothing_repeats);
    RUN(no_click_where_the_sound_swells);
    RUN(silence_stays_silence);
    RUN(anything_in);
    RUN(rates_it_can_hold);
    return check_done();
}
