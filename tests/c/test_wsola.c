/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wsola.h"

#include <math.h>

#include "check.h"
#include "level.h"

#define MAX_SECONDS 3
#define PAST(rate) ((rate) / 1000 * MC_WSOLA_PAST_MS)

static const uint32_t rates[] = {8000, 16000, 24000, 48000};
static int16_t sound[MC_WSOLA_MAX_RATE * MAX_SECONDS];
static int16_t heard[MC_WSOLA_MAX_RATE * MAX_SECONDS * 2];

/* Plays n samples of `sound` in pieces, every `every`th of them shorter (longer); what is heard, and how many times it was done. */
struct played {
    size_t n, n_scaled;
};

static struct played play(uint32_t rate, size_t n, size_t piece, int every, bool longer) {
    const size_t past = PAST(rate), most = rate / 1000 * MC_WSOLA_PERIOD_MS;
    struct played p = {0};
    int16_t *room = calloc(past + piece + most, sizeof *room);
    for (size_t at = 0, k = 1; at + piece <= n; at += piece, k++) {
        size_t now = piece, by = 0;
        memcpy(room + past, sound + at, piece * sizeof *room);
        if (k % (size_t)every == 0 && longer) {
            by = mc_wsola_stretch(rate, room + past, past, piece, most);
            now += by;
        } else if (k % (size_t)every == 0) {
            by = mc_wsola_shorten(rate, room + past, past, piece, most);
            now -= by;
        }
        p.n_scaled += by > 0;
        memcpy(heard + p.n, room + past, now * sizeof *room);
        p.n += now;
        memmove(room, room + now, past * sizeof *room);
    }
    free(room);
    return p;
}

/* The sharpest bend: second difference. */
static double sharpest(const int16_t *pcm, size_t n) {
    double most = 0;
    for (size_t i = 2; i < n; i++) {
        double bend = fabs(pcm[i] - 2.0 * pcm[i - 1] + pcm[i - 2]);
        most = bend > most ? bend : most;
    }
    return most;
}

/* Crossings of zero upwards a second. */
static double pitch(const int16_t *pcm, size_t n, uint32_t rate) {
    size_t count = 0;
    for (size_t i = 1; i < n; i++) {
        count += pcm[i - 1] < 0 && pcm[i] >= 0;
    }
    return (double)count * rate / (double)n;
}

static void tones_keep_their_pitch_and_do_not_click(void) {
    static const double hz[] = {90, 120, 200, 310, 440, 770, 1209, 2000, 3000};
    for (size_t r = 0; r < COUNT(rates); r++) {
        for (size_t f = 0; f < COUNT(hz); f++) {
            const size_t n = rates[r] * 2;
            for (size_t i = 0; i < n; i++) {
                sound[i] = (int16_t)lround(9000 * sin(2 * M_PI * hz[f] * (double)i / rates[r]));
            }
            for (int longer = 0; longer < 2; longer++) {
                struct played p = play(rates[r], n, rates[r] / 50, 3, longer);
                CHECK_BETWEEN(hz[f], p.n_scaled, 30, 40);
                CHECK_BETWEEN(hz[f], pitch(heard, p.n, rates[r]), hz[f] * 0.985 - 1, hz[f] * 1.015 + 1);
                CHECK_BETWEEN(hz[f], sharpest(heard, p.n), 0, 1.3 * sharpest(sound, n) + 6);
            }
        }
    }
}

/* What glides, and what has no period of its own: a sweep through the telephone band, a chord, a voice. */
static double sweep(double t) {
    return sin(2 * M_PI * (100 * t + 1400 * t * t / 2));
}

static double chord(double t) {
    return (sin(2 * M_PI * 320 * t) + sin(2 * M_PI * 400 * t) + sin(2 * M_PI * 480 * t)) / 2;
}

static double voice(double t) {
    double v = 0, phase = 2 * M_PI * 130 * (t + 0.02 * sin(3 * t));
    for (int h = 1; h < 20; h++) {
        v += sin(h * phase) / (h + 1);
    }
    return v * (0.3 + 0.2 * sin(11 * t));
}

static void what_glides_does_not_click(void) {
    static double (*const of[])(double) = {sweep, chord, voice};
    for (size_t r = 0; r < COUNT(rates); r++) {
        for (size_t k = 0; k < COUNT(of); k++) {
            const size_t n = rates[r] * 2;
            for (size_t i = 0; i < n; i++) {
                sound[i] = (int16_t)lround(9000 * of[k]((double)i / rates[r]));
            }
            for (int longer = 0; longer < 2; longer++) {
                struct played p = play(rates[r], n, rates[r] / 50, 2, longer);
                CHECK_BETWEEN(k, p.n_scaled, 20, 50);
                CHECK_BETWEEN(k, sharpest(heard, p.n), 0, 1.3 * sharpest(sound, n) + 6);
            }
        }
    }
}

static void silence_gives_way_anywhere(void) {
    int16_t room[3000];
    struct rng r = rng_of(1);
    for (size_t i = 0; i < COUNT(room); i++) {
        room[i] = (int16_t)(rng_below(&r, 60)) - 30;
    }
    CHECK_INT(0, mc_wsola_shorten(8000, room + 160, 160, 960, 2000), 960 - 60);
    CHECK_INT(0, mc_wsola_shorten(8000, room + 160, 160, 160, 77), 77);
    CHECK_INT(0, mc_wsola_stretch(8000, room + 160, 160, 160, 2000), 120);
    CHECK_INT(0, mc_wsola_stretch(8000, room + 160, 160, 160, 31), 31);
}

static void loud_noise_is_left_alone(void) {
    struct rng r = rng_of(2);
    for (size_t i = 0; i < 16000; i++) {
        sound[i] = (int16_t)(rng_below(&r, 20000) - 10000);
    }
    CHECK_INT(0, play(16000, 16000, 320, 1, false).n_scaled, 0);
    CHECK_INT(0, play(16000, 16000, 320, 1, true).n_scaled, 0);
    CHECK(memcmp(sound, heard, 16000 * sizeof *sound) == 0);
}

/* Any numbers, blocks of their exact length. */
static void stays_in_its_block(void) {
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        struct rng r = rng_of(seed);
        const uint32_t rate = rng_below(&r, 8) ? rates[rng_below(&r, COUNT(rates))] : rng_below(&r, 60000);
        const size_t past = rng_below(&r, 1500), n = rng_below(&r, 1500), most = rng_below(&r, 1500);
        const uint32_t loud = rng_below(&r, 2) ? 65536 : 40, repeats = 1 + rng_below(&r, 300);
        const bool longer = rng_below(&r, 2);
        int16_t *room = malloc((past + n + (longer ? most : 0)) * sizeof *room + 1);
        for (size_t i = 0; i < past + n; i++) {
            room[i] = i < repeats ? (int16_t)(rng_below(&r, loud) - loud / 2) : room[i - repeats];
        }
        size_t by = longer ? mc_wsola_stretch(rate, room + past, past, n, most)
                           : mc_wsola_shorten(rate, room + past, past, n, most);
        CHECK_BETWEEN(seed, by, 0, most);
        CHECK(longer || by == 0 || by < n);
        free(room);
    }
}

int main(void) {
    RUN(tones_keep_their_pitch_and_do_not_click);
    RUN(what_glides_does_not_click);
    RUN(silence_gives_way_anywhere);
    RUN(loud_noise_is_left_alone);
    RUN(stays_in_its_block);
    return check_done();
}
