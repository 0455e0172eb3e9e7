/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tone.h"

#include <math.h>

#include "check.h"
#include "err.h"
#include "level.h"

#define MAX_N (48000 * 12)

static int16_t pcm[MAX_N];

/* Amplitude of one frequency in n samples, against full scale, dB. */
static double tone_db(const int16_t *at, size_t n, double hz, double rate) {
    double re = 0;
    double im = 0;
    for (size_t i = 0; i < n; i++) {
        re += at[i] * cos(2 * M_PI * hz * (double)i / rate);
        im += at[i] * sin(2 * M_PI * hz * (double)i / rate);
    }
    return 20 * log10(2 * sqrt(re * re + im * im) / (double)n / 32767 + 1e-9);
}

static void every_tone_has_its_frequencies_at_its_level(void) {
    static const uint32_t rates[] = {8000, 16000, 24000, 48000};
    for (const struct mc_tone_plan *p = mc_tone_plans; p->name != NULL; p++) {
        CHECK(mc_tone_find(p->name) == p);
        for (size_t k = 0; k < COUNT(rates); k++) {
            struct mc_tone tone;
            size_t rate = rates[k];
            CHECK_INT(k, mc_tone_init(&tone, p, rates[k]), MC_OK);
            size_t n = mc_tone_run(&tone, pcm, rate * 11);
            CHECK(p->repeat ? n == rate * 11 : n < rate * 11);
            size_t at = 0;
            for (int s = 0; s < MC_TONE_STEPS && (p->steps[s].ms != 0 || p->steps[s].hz[0] != 0); s++) {
                size_t len = p->steps[s].ms == 0 ? rate : rate * p->steps[s].ms / 1000;
                len = len > n - at ? n - at : len;
                size_t skip = rate / 100; /* the fades */
                size_t inner = len > 2 * skip ? len - 2 * skip : 0;
                for (int t = 0; t < 2; t++) {
                    if (p->steps[s].hz[t] != 0) {
                        CHECK_BETWEEN(s, tone_db(pcm + at + skip, inner, p->steps[s].hz[t], (double)rate),
                                      p->dbm0[t] - 3.14 - 0.5, p->dbm0[t] - 3.14 + 0.5);
                    }
                }
                if (p->steps[s].hz[0] == 0) {
                    CHECK_INT(s, mc_level_ddb(pcm + at, len), -960);
                }
                at += len;
            }
        }
    }
    CHECK(mc_tone_find("dial") == NULL && mc_tone_find("") == NULL);
}

static void a_cadence_repeats_to_the_sample(void) {
    struct mc_tone tone;
    CHECK_INT(0, mc_tone_init(&tone, mc_tone_find("busy-eu"), 8000), MC_OK);
    CHECK_INT(0, mc_tone_run(&tone, pcm, 8000 * 10), 8000 * 10);
    for (int i = 1; i < 10; i++) {
        CHECK(memcmp(pcm, pcm + (size_t)8000 * (size_t)i, 8000 * sizeof *pcm) == 0);
    }
}

static void pieces_of_any_length_make_one_tone(void) {
    static int16_t whole[8000 * 3];
    static const size_t pieces[] = {1, 7, 160, 4001};
    struct mc_tone tone;
    mc_tone_init(&tone, mc_tone_find("ringback-uk"), 8000);
    CHECK_INT(0, mc_tone_run(&tone, whole, COUNT(whole)), COUNT(whole));
    for (size_t k = 0; k < COUNT(pieces); k++) {
        mc_tone_init(&tone, mc_tone_find("ringback-uk"), 8000);
        for (size_t at = 0; at < COUNT(whole); at += pieces[k]) {
            size_t n = COUNT(whole) - at < pieces[k] ? COUNT(whole) - at : pieces[k];
            CHECK_INT(at, mc_tone_run(&tone, pcm + at, n), n);
        }
        CHECK(memcmp(pcm, whole, sizeof whole) == 0);
    }
}

/* No step of the wave is steeper than the tones' own slope. */
static void it_begins_and_ends_softly(void) {
    struct mc_tone tone;
    struct mc_tone_plan plan;
    CHECK_INT(0, mc_tone_dtmf(&plan, '1', 50, 50), MC_OK);
    CHECK_INT(0, mc_tone_init(&tone, &plan, 8000), MC_OK);
    CHECK_INT(0, mc_tone_run(&tone, pcm, 8000), 800);
    CHECK_INT(0, mc_tone_run(&tone, pcm + 800, 8000), 0); /* it is over */
    CHECK_BETWEEN(0, abs(pcm[0]), 0, 600);
    CHECK_BETWEEN(0, abs(pcm[399]), 0, 600);
    CHECK_INT(0, mc_level_ddb(pcm + 400, 400), -960);
    CHECK_BETWEEN(0, tone_db(pcm + 80, 240, 697, 8000), -12.1, -10.1); /* -8 dBm0 */
    CHECK_BETWEEN(0, tone_db(pcm + 80, 240, 1209, 8000), -10.1, -8.1);
}

static void what_it_refuses(void) {
    struct mc_tone tone;
    struct mc_tone_plan plan;
    struct mc_tone_plan high = {.name = "x", .steps = {{100, {4000, 0}}}};
    struct mc_tone_plan empty = {.name = "x"};
    CHECK_INT(0, mc_tone_dtmf(&plan, 'E', 50, 50), MC_E_ARG);
    CHECK_INT(0, mc_tone_dtmf(&plan, '\0', 50, 50), MC_E_ARG);
    CHECK_INT(0, mc_tone_dtmf(&plan, '1', 0, 50), MC_E_ARG);
    CHECK_INT(0, mc_tone_init(&tone, mc_tone_find("beep"), 11025), MC_E_ARG);
    CHECK_INT(0, mc_tone_init(&tone, &high, 8000), MC_E_ARG);
    CHECK_INT(0, mc_tone_init(&tone, &high, 16000), MC_OK);
    CHECK_INT(0, mc_tone_init(&tone, &empty, 8000), MC_E_ARG);
}

int main(void) {
    RUN(every_tone_has_its_frequencies_at_its_level);
    RUN(a_cadence_repeats_to_the_sample);
    RUN(pieces_of_any_length_make_one_tone);
    RUN(it_begins_and_ends_softly);
    RUN(what_it_refuses);
    return check_done();
}
