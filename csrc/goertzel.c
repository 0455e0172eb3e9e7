/* SPDX-License-Identifier: GPL-3.0-or-later
 * In windows of 16 ms, 8 ms apart, Goertzel's filter gives amplitude and phase of the eight frequencies. A window hears a digit when
 * one row and one column stand out from the others, are alike in level, and together are nearly all there is. A digit is on after
 * three such windows in a row (32 ms) between which both phases turned as far as their frequencies say: that is what speech does not
 * do. It is over when nothing is left of it for two windows, or when something else has been heard for longer; a break shorter than a
 * window does not end it. */
#include "goertzel.h"

#include <math.h>
#include <string.h>

#include "err.h"
#include "tone.h"

#define FULL_SCALE 32767.0F
#define FULL_SCALE_DBM0 3.14 /* of a sine */
#define MIN_DBM0 (-42.0)     /* of each tone */
#define TWIST 10.0F          /* power ratio of row and column, either way: 10 dB */
#define OTHERS 0.16F         /* second best of a group against the best: -8 dB */
#define SHARE 0.8F           /* of both tones in all the power of the window */
#define SHARE_OFF 0.5F       /* the same, as far as a tone a little off is seen at the frequency that it should have */
#define OFF 0.025            /* Q.24: 1.5 % and 2 Hz off is still the digit, 3.5 % off is not */
#define HITS 3
#define GONE 0.1F /* -10 dB: more than a break */
#define N_GONE 2
#define N_OTHER 6
#define MAX_LOST_MS 60 /* a longer loss may have hidden its end */

int mc_inband_init(struct mc_inband *in, uint32_t rate) {
    if (rate != 8000 && rate != 16000 && rate != 24000 && rate != 48000) {
        return MC_E_ARG;
    }
    memset(in, 0, sizeof *in);
    in->rate = rate;
    in->window = rate / 1000 * MC_INBAND_WINDOW_MS;
    in->hop = rate / 1000 * MC_INBAND_HOP_MS;
    in->heard = in->on = -1;
    for (size_t i = 0; i < 8; i++) {
        uint16_t hz[2];
        mc_dtmf_hz(MC_DTMF_DIGITS[i % 4 * 5], hz); /* the diagonal has each row and each column once */
        double w = 2 * M_PI * hz[i < 4 ? 0 : 1] / rate;
        in->turn[i][0] = (float)cos(w);
        in->turn[i][1] = (float)sin(w);
        in->advance[i][0] = (float)cos(w * in->hop);
        in->advance[i][1] = (float)sin(w * in->hop);
        in->limit[i] = (float)(w * in->hop * OFF);
    }
    return MC_OK;
}

static float power(const float c[2]) {
    return c[0] * c[0] + c[1] * c[1];
}

/* Power of the window as a single tone would have it; a line's offset is no sound. */
static float loudness(const struct mc_inband *in) {
    float sum = 0;
    float squares = 0;
    for (uint32_t i = 0; i < in->window; i++) {
        sum += in->pcm[i];
        squares += in->pcm[i] * in->pcm[i];
    }
    return (squares - sum * sum / (float)in->window) * 2 / (float)in->window;
}

/* A tone of amplitude a makes a component of length a; its phase is that of the window's last sample. */
static void analyse(const struct mc_inband *in, struct mc_inband_tones *t) {
    t->all = loudness(in);
    for (int i = 0; i < 8; i++) {
        float k = 2 * in->turn[i][0];
        float s1 = 0;
        float s2 = 0;
        for (uint32_t j = 0; j < in->window; j++) {
            float s = in->pcm[j] + k * s1 - s2;
            s2 = s1;
            s1 = s;
        }
        t->c[i][0] = (s1 - s2 * in->turn[i][0]) * 2 / (float)in->window;
        t->c[i][1] = s2 * in->turn[i][1] * 2 / (float)in->window;
        t->p[i] = power(t->c[i]);
    }
}

/* Index of the strongest of four, or -1 when another is nearly as strong. */
static int strongest(const float p[4]) {
    int best = 0;
    for (int i = 1; i < 4; i++) {
        best = p[i] > p[best] ? i : best;
    }
    for (int i = 0; i < 4; i++) {
        if (i != best && p[i] > OTHERS * p[best]) {
            return -1;
        }
    }
    return best;
}

static int digit_of(const struct mc_inband *in, const struct mc_inband_tones *t) {
    const float least = (float)pow(10, (MIN_DBM0 - FULL_SCALE_DBM0) / 10) * FULL_SCALE * FULL_SCALE;
    int row = strongest(t->p);
    int column = strongest(t->p + 4);
    if (row < 0 || column < 0) {
        return -1;
    }
    float a = t->p[row];
    float b = t->p[4 + column];
    if (a < least || b < least || a > TWIST * b || b > TWIST * a || a + b < SHARE_OFF * t->all) {
        return -1;
    }
    return row * 4 + column;
}

/* Power of tone i at its true frequency, which the turn of its phase since the last window tells; 0 when that is too far off. */
static float settled(const struct mc_inband *in, const struct mc_inband_tones *t, int i) {
    const float *from = in->last.c[i];
    float re = from[0] * in->advance[i][0] - from[1] * in->advance[i][1];
    float im = from[0] * in->advance[i][1] + from[1] * in->advance[i][0];
    float error = fabsf(atan2f(t->c[i][1] * re - t->c[i][0] * im, t->c[i][0] * re + t->c[i][1] * im));
    if (error > in->limit[i]) {
        return 0;
    }
    float dip = error < 0.01F ? 1 : sinf(error) / error; /* of a rectangular window two hops long */
    return t->p[i] / (dip * dip);
}

static bool goes_on(const struct mc_inband *in, const struct mc_inband_tones *t, int heard) {
    float row = settled(in, t, heard / 4);
    float column = settled(in, t, 4 + heard % 4);
    return row > 0 && column > 0 && row + column >= SHARE * t->all;
}

static bool finish(struct mc_inband *in, struct mc_inband_digit *out) {
    out->digit = MC_DTMF_DIGITS[in->on];
    out->ms = (in->n_hops - in->n_miss) * MC_INBAND_HOP_MS;
    in->on = -1;
    return true;
}

/* Is the digit that is on over? */
static bool watch(struct mc_inband *in, const struct mc_inband_tones *t, int heard) {
    in->n_hops++;
    if (heard == in->on) {
        in->n_miss = in->n_gone = 0;
        return false;
    }
    bool gone = t->p[in->on / 4] + t->p[4 + in->on % 4] < GONE * in->power;
    in->n_miss++;
    in->n_gone = gone ? in->n_gone + 1 : 0;
    return in->n_gone >= N_GONE || in->n_miss >= N_OTHER;
}

/* A window is whole. True: a digit has ended. */
static bool hop(struct mc_inband *in, struct mc_inband_digit *out) {
    struct mc_inband_tones t;
    analyse(in, &t);
    int heard = digit_of(in, &t);
    bool same = heard >= 0 && heard == in->heard && in->lost == 0 && goes_on(in, &t, heard);
    in->n_hits = heard < 0 ? 0 : same ? in->n_hits + 1 : 1;
    in->heard = heard;
    in->last = t;
    in->lost = 0;
    bool over = in->on >= 0 && (watch(in, &t, heard) || (heard != in->on && in->n_hits >= HITS)) && finish(in, out);
    if (in->on < 0 && in->n_hits >= HITS) {
        in->on = heard;
        in->power = t.p[heard / 4] + t.p[4 + heard % 4];
        in->n_hops = in->n_hits + 1; /* a window is two hops long */
        in->n_miss = in->n_gone = 0;
    }
    return over;
}

/* The window around a loss is no window: it begins anew behind it. */
static int skip(struct mc_inband *in, size_t n, struct mc_inband_digit *out) {
    uint32_t most = in->rate / 1000 * MAX_LOST_MS;
    in->n = 0;
    in->n_hits = 0;
    in->lost = n < most - in->lost ? in->lost + (uint32_t)n : most;
    return in->lost >= most && in->on >= 0 && finish(in, out);
}

int mc_inband_run(struct mc_inband *in, const int16_t *pcm, size_t n, size_t *used, struct mc_inband_digit *out) {
    *used = n;
    if (pcm == NULL) {
        return skip(in, n, out);
    }
    for (size_t i = 0; i < n;) {
        while (i < n && in->n < in->window) {
            in->pcm[in->n++] = pcm[i++];
        }
        if (in->n < in->window) {
            return 0;
        }
        bool over = hop(in, out);
        in->n -= in->hop;
        memmove(in->pcm, in->pcm + in->hop, in->n * sizeof *in->pcm);
        if (over) {
            *used = i;
            return 1;
        }
    }
    return 0;
}
