/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "level.h"

#include <math.h>

#define SILENCE_DDB (-960)
#define FULL_SCALE 32768.0

int mc_level_ddb(const int16_t *pcm, size_t n) {
    uint64_t sum = 0; /* n * 2^30 fits for 2^34 samples */
    for (size_t i = 0; i < n; i++) {
        sum += (uint64_t)((int64_t)pcm[i] * pcm[i]);
    }
    if (sum == 0) {
        return SILENCE_DDB;
    }
    double ddb = 100 * log10((double)sum / (double)n / (FULL_SCALE * FULL_SCALE));
    return ddb < SILENCE_DDB ? SILENCE_DDB : (int)lround(ddb);
}

bool mc_silent(const int16_t *pcm, size_t n) {
    size_t i = 0;
    while (i < n && pcm[i] == 0) {
        i++;
    }
    return i == n;
}

void mc_fade(int16_t *pcm, size_t n, int a, int b) {
    for (size_t i = 0; i < n; i++) {
        int64_t gain = (int64_t)a * (int64_t)n + (int64_t)(b - a) * (int64_t)i; /* n * 256 is unity */
        int64_t v = pcm[i] * gain / ((int64_t)n * 256);
        pcm[i] = (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
    }
}
