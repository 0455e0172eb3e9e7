/* SPDX-License-Identifier: GPL-3.0-or-later
 * In-band DTMF (ITU-T Q.23, Q.24): hears the digits that were sent as sound. Sans-IO, no delay of the sound, pieces of any length. */
#ifndef MC_GOERTZEL_H
#define MC_GOERTZEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MC_INBAND_WINDOW_MS 16
#define MC_INBAND_HOP_MS 8
#define MC_INBAND_MAX (48 * MC_INBAND_WINDOW_MS) /* samples of a window at 48 kHz */

struct mc_inband_digit {
    char digit;
    uint32_t ms; /* how long it was heard, to a hop */
};

/* A window's components, as cos and sin, and its powers: rows, then columns. */
struct mc_inband_tones {
    float c[8][2], p[8], all; /* all: power of everything in the window */
};

struct mc_inband {
    uint32_t rate, window, hop;
    float turn[8][2];    /* rotation by one sample of each frequency: cos, sin */
    float advance[8][2]; /* and by one hop */
    float limit[8];      /* most error of the phase over a hop, radians */
    float pcm[MC_INBAND_MAX];
    uint32_t n;                  /* samples in pcm */
    uint32_t lost;               /* samples lost just now */
    int heard;                   /* digit of the last window, as row * 4 + column; -1 = none */
    struct mc_inband_tones last; /* of the last window */
    unsigned n_hits;             /* windows in a row that heard it */
    int on;                      /* the digit that is on; -1 = none */
    float power;                 /* of it */
    unsigned n_hops;             /* since it began */
    unsigned n_miss, n_gone;     /* windows in a row: without it; with nothing left of it */
};

/* MC_E_ARG: rate is none of 8000, 16000, 24000, 48000. */
int mc_inband_init(struct mc_inband *in, uint32_t rate);
/* n samples, or n lost ones when pcm is NULL. 1 = out holds a digit that has ended, and *used says how many samples were looked at:
 * call again with the rest. 0 = all were looked at, nothing new. */
int mc_inband_run(struct mc_inband *in, const int16_t *pcm, size_t n, size_t *used, struct mc_inband_digit *out);

#endif
