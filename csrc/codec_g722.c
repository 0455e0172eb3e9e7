/* SPDX-License-Identifier: GPL-3.0-or-later
 * ITU-T G.722, mode 1 (64 kbit/s): two half-bands of a 16 kHz signal, each through an adaptive-DPCM loop of its own, 6 bits for the
 * lower and 2 for the higher. Block names in the comments are the Recommendation's (clause 6). RFC 3551 section 4.5.2: the RTP
 * clock says 8000 although the samples come 16,000 a second; payload type 9; high band's bits are the most significant.
 *
 *   pcm > QMF -+-> low  > quantise (60 steps) -+-> byte: | high, 2 bits | low, 6 bits |
 *              +-> high > quantise (4 steps)  -+
 *
 * The loop that predicts hears only the upper 4 bits of the low band's 6 (so that bits may be robbed on the way), and runs the same in
 * the encoder and the decoder. */
#include <string.h>

#include "codec.h"
#include "err.h"

#define TAPS 24 /* of the quadrature mirror filter */
#define PAST (TAPS - 2)
#define BLOCK 320 /* samples filtered at a time: 20 ms */

/* One half-band's loop: six zeros, two poles, a step size that adapts. All numbers have 16 bits, as in the Recommendation. */
struct band {
    int32_t log_step; /* NB */
    int32_t step;     /* DET */
    int32_t zero[6];  /* B1 ... B6 */
    int32_t pole[2];  /* A1, A2 */
    int32_t diff[6];  /* D: quantised differences, newest first */
    int32_t sum[2];   /* P: differences with the zeros' part of the prediction */
    int32_t recon[2]; /* R: reconstructed signal */
    int32_t by_zeros; /* SZ */
    int32_t guess;    /* S: the prediction */
};

struct state {
    struct band low, high;
    int32_t past[PAST]; /* of the filter, oldest first */
};

/* Half of the filter; the other half is its mirror. */
static const int32_t qmf[TAPS / 2] = {3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11};

/* Decision levels of the low band's quantiser (Q6), and what its outputs stand for with 6 and with 4 bits (QM6, QM4). */
static const int32_t levels[30] = {0,   35,  72,  110, 150,  190,  233,  276,  323,  370,  422,  473,  530,  587,  650,
                                   714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919};
static const int16_t low6[64] = {
    -136,  -136,  -136,  -136,  -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
    -7192, -6576, -6000, -5456, -4944,  -4464,  -4008,  -3576,  -3168,  -2776,  -2400,  -2032,  -1688,  -1360, -1040, -728,
    24808, 21904, 19008, 16704, 14984,  13512,  12280,  11192,  10232,  9360,   8576,   7856,   7192,   6576,  6000,  5456,
    4944,  4464,  4008,  3576,  3168,   2776,   2400,   2032,   1688,   1360,   1040,   728,    432,    136,   -432,  -136};
static const int16_t low4[16] = {0,     -20456, -12896, -8968, -6288, -4240, -2584, -1200,
                                 20456, 12896,  8968,   6288,  4240,  2584,  1200,  0};
static const int16_t high2[4] = {-7408, -1616, 7408, 1616};
#define HIGH_LEVEL 564 /* the high band's one decision level (Q2) */

/* What an output does to the logarithm of the step (WL, WH), by the code itself. */
static const int16_t low_log[16] = {-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60};
static const int16_t high_log[4] = {798, -214, 798, -214};
#define LOW_LOG_MAX 18432
#define HIGH_LOG_MAX 22528

/* 2048 * 2^(i / 32), as the Recommendation rounds it (ILB). */
static const uint16_t exp2_32[32] = {2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543,
                                     2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025, 3091, 3158, 3228,
                                     3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008};

static int32_t sat(int32_t v) {
    return v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v;
}

static int32_t clamp(int32_t v, int32_t limit) {
    return v > limit ? limit : v < -limit ? -limit : v;
}

static bool opposite(int32_t a, int32_t b) {
    return (a ^ b) < 0;
}

/* UPPOL2, UPPOL1: the poles drift to where the last sums agree in sign, inside the triangle where the filter is stable. */
static void move_poles(struct band *b, int32_t sum) {
    int32_t grown = sat(b->pole[0] * 4);
    int32_t toward = opposite(sum, b->sum[0]) ? grown : sat(-grown);
    int32_t second = (toward >> 7) + (opposite(sum, b->sum[1]) ? -128 : 128) + (b->pole[1] * 32512 >> 15);
    b->pole[1] = clamp(second, 12288);
    int32_t first = sat((opposite(sum, b->sum[0]) ? -192 : 192) + (b->pole[0] * 32640 >> 15));
    b->pole[0] = clamp(first, 15360 - b->pole[1]);
}

/* UPZERO, DELAYA, FILTEZ. */
static void move_zeros(struct band *b, int32_t diff) {
    int32_t by_zeros = 0;
    for (int i = 5; i >= 0; i--) {
        int32_t nudge = diff == 0 ? 0 : opposite(diff, b->diff[i]) ? -128 : 128;
        b->zero[i] = sat(nudge + (b->zero[i] * 32640 >> 15));
        b->diff[i] = i > 0 ? b->diff[i - 1] : diff;
        by_zeros = sat(by_zeros + (b->zero[i] * sat(2 * b->diff[i]) >> 15));
    }
    b->by_zeros = by_zeros;
}

/* One quantised difference goes round the loop: the next prediction is in guess. */
static void predict(struct band *b, int32_t diff) {
    int32_t sum = sat(b->by_zeros + diff); /* PARREC */
    int32_t recon = sat(b->guess + diff);  /* RECONS */
    move_poles(b, sum);
    move_zeros(b, diff);
    b->sum[1] = b->sum[0];
    b->sum[0] = sum;
    b->recon[1] = b->recon[0];
    b->recon[0] = recon;
    int32_t by_poles = sat((b->pole[0] * sat(2 * b->recon[0]) >> 15) + (b->pole[1] * sat(2 * b->recon[1]) >> 15)); /* FILTEP */
    b->guess = sat(by_poles + b->by_zeros);                                                                        /* PREDIC */
}

/* LOGSCL and SCALEL, LOGSCH and SCALEH. */
static void scale(struct band *b, int32_t change, int32_t max, int32_t octaves) {
    int32_t log_step = (b->log_step * 127 >> 7) + change;
    b->log_step = log_step < 0 ? 0 : log_step > max ? max : log_step;
    int32_t down = octaves - (b->log_step >> 11);
    int32_t base = exp2_32[b->log_step >> 6 & 31];
    b->step = (down < 0 ? base << -down : base >> down) << 2;
}

/* Both ends, after a sample's code is known. INVQAL, INVQAH. */
static void go_on(struct state *st, unsigned low, unsigned high) {
    int32_t diff = st->low.step * low4[low >> 2] >> 15;
    scale(&st->low, low_log[low >> 2], LOW_LOG_MAX, 8);
    predict(&st->low, diff);
    diff = st->high.step * high2[high] >> 15;
    scale(&st->high, high_log[high], HIGH_LOG_MAX, 10);
    predict(&st->high, diff);
}

/* QUANTL: the magnitude's interval, by halving; then codes run downwards from 61 (positive), and from 31, 63 and 62 for the two
 * smallest (negative). */
static unsigned quantise_low(const struct band *b, int32_t value) {
    int32_t e = sat(value - b->guess);
    int32_t magnitude = e < 0 ? -1 - e : e;
    unsigned below = 0; /* magnitude >= its level */
    for (unsigned half = 16; half > 0; half /= 2) {
        if (below + half < 30 && magnitude >= levels[below + half] * b->step >> 12) {
            below += half;
        }
    }
    if (e >= 0) {
        return 61 - below;
    }
    return below < 2 ? 63 - below : 33 - below;
}

/* QUANTH. */
static unsigned quantise_high(const struct band *b, int32_t value) {
    int32_t e = sat(value - b->guess);
    int32_t magnitude = e < 0 ? -1 - e : e;
    return (e < 0 ? 1u : 3u) - (magnitude >= HIGH_LEVEL * b->step >> 12);
}

/* Even and odd taps apart; x is TAPS long. */
static void filter(const int32_t *x, int32_t *first, int32_t *second) {
    int32_t a = 0;
    int32_t b = 0;
    for (size_t i = 0; i < TAPS / 2; i++) {
        a += x[2 * i] * qmf[i];
        b += x[2 * i + 1] * qmf[TAPS / 2 - 1 - i];
    }
    *first = a;
    *second = b;
}

static void init(struct state *st) {
    memset(st, 0, sizeof *st);
    st->low.step = 32;
    st->high.step = 8;
}

static int enc_init(void *enc, const struct mc_fmtp *remote, unsigned ptime_ms) {
    init(enc);
    return MC_OK;
}

static int dec_init(void *dec) {
    init(dec);
    return MC_OK;
}

/* An odd sample at the end has no place and is an error. */
static int encode(void *enc, const int16_t *pcm, size_t n, uint8_t *out, size_t size) {
    struct state *st = enc;
    int32_t x[PAST + BLOCK];
    if (n % 2 != 0) {
        return MC_E_ARG;
    }
    if (n / 2 > size) {
        return MC_E_SHORT;
    }
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t k = n - at < BLOCK ? n - at : BLOCK;
        memcpy(x, st->past, sizeof st->past);
        for (size_t i = 0; i < k; i++) {
            x[PAST + i] = pcm[at + i];
        }
        for (size_t i = 0; i < k; i += 2) {
            int32_t odd;
            int32_t even;
            filter(x + i, &odd, &even);
            unsigned low = quantise_low(&st->low, (even + odd) >> 14);
            unsigned high = quantise_high(&st->high, (even - odd) >> 14);
            *out++ = (uint8_t)(high << 6 | low);
            go_on(st, low, high);
        }
        memcpy(st->past, x + k, sizeof st->past);
    }
    return (int)(n / 2);
}

/* LIMIT. */
static int32_t limit(int32_t v) {
    return v > 16383 ? 16383 : v < -16384 ? -16384 : v;
}

static int decode(void *dec, const uint8_t *in, size_t len, int16_t *pcm, size_t max) {
    struct state *st = dec;
    int32_t x[PAST + BLOCK];
    if (len > max / 2) {
        return MC_E_SHORT;
    }
    for (size_t at = 0; at < len; at += BLOCK / 2) {
        size_t k = len - at < BLOCK / 2 ? len - at : BLOCK / 2;
        memcpy(x, st->past, sizeof st->past);
        for (size_t i = 0; i < k; i++) {
            unsigned low = in[at + i] & 63;
            unsigned high = in[at + i] >> 6;
            int32_t l = limit(st->low.guess + (st->low.step * low6[low] >> 15)); /* INVQBL: all six bits */
            int32_t h = limit(st->high.guess + (st->high.step * high2[high] >> 15));
            go_on(st, low, high);
            x[PAST + 2 * i] = l + h;
            x[PAST + 2 * i + 1] = l - h;
            int32_t odd;
            int32_t even;
            filter(x + 2 * i, &odd, &even);
            *pcm++ = (int16_t)sat(even >> 11);
            *pcm++ = (int16_t)sat(odd >> 11);
        }
        memcpy(st->past, x + 2 * k, sizeof st->past);
    }
    return (int)(2 * len);
}

/* The loops of encoder and decoder are the same; the encoder's filter remembers sound where the decoder's remembers half-bands, and
 * both filters together delay by their length. */
static void lead(void *enc, const int16_t *pcm) {
    struct state *st = enc;
    for (int i = 0; i < PAST; i++) {
        st->past[i] = pcm[i];
    }
}

const struct mc_codec mc_codec_g722 = {
    .name = "G722",
    .pt = 9,
    .clock = 8000,
    .rate = 16000,
    .channels = 1,
    .enc_size = sizeof(struct state),
    .dec_size = sizeof(struct state),
    .enc_init = enc_init,
    .dec_init = dec_init,
    .encode = encode,
    .decode = decode,
    .follow = decode,
    .lead = lead,
    .ahead = PAST,
};
