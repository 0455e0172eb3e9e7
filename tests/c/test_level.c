/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "level.h"

#include <math.h>

#include "check.h"

static void known_levels(void) {
    int16_t pcm[800];
    memset(pcm, 0, sizeof pcm);
    CHECK_INT(0, mc_level_ddb(pcm, COUNT(pcm)), -960);
    CHECK_INT(1, mc_level_ddb(pcm, 0), -960);
    for (size_t i = 0; i < COUNT(pcm); i++) {
        pcm[i] = i % 2 ? INT16_MAX : INT16_MIN;
    }
    CHECK_INT(2, mc_level_ddb(pcm, COUNT(pcm)), 0);
    for (size_t i = 0; i < COUNT(pcm); i++) {
        pcm[i] = (int16_t)(32767 * sin(2 * M_PI * (double)i / 8));
    }
    CHECK_INT(3, mc_level_ddb(pcm, COUNT(pcm)), -30); /* a sine is 3.01 dB under a square wave */
    for (size_t i = 0; i < COUNT(pcm); i++) {
        pcm[i] = 1;
    }
    CHECK_INT(4, mc_level_ddb(pcm, COUNT(pcm)), -903);
}

static void fade_is_a_straight_line(void) {
    int16_t pcm[100];
    for (size_t i = 0; i < COUNT(pcm); i++) {
        pcm[i] = 10000;
    }
    mc_fade(pcm, COUNT(pcm), 256, 0);
    for (size_t i = 0; i < COUNT(pcm); i++) {
        CHECK_INT(i, pcm[i], 10000 - 100 * (int)i);
    }
}

static void fade_keeps_and_clips(void) {
    int16_t pcm[3] = {INT16_MIN, INT16_MAX, -5};
    mc_fade(pcm, 3, 256, 256);
    CHECK(pcm[0] == INT16_MIN && pcm[1] == INT16_MAX && pcm[2] == -5);
    mc_fade(pcm, 3, 512, 512);
    CHECK(pcm[0] == INT16_MIN && pcm[1] == INT16_MAX && pcm[2] == -10);
    mc_fade(pcm, 0, 256, 0);
}

int main(void) {
    RUN(known_levels);
    RUN(fade_is_a_straight_line);
    RUN(fade_keeps_and_clips);
    return check_done();
}
