/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MC_LEVEL_H
#define MC_LEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RMS level in tenths of dB relative to a full-scale square wave; -960 for digital silence or n = 0. */
int mc_level_ddb(const int16_t *pcm, size_t n);
bool mc_silent(const int16_t *pcm, size_t n); /* digital silence */
/* Linear ramp over n samples from gain a/256 to gain b/256, in place. */
void mc_fade(int16_t *pcm, size_t n, int a, int b);

#endif
