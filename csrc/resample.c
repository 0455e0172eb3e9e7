/* SPDX-License-Identifier: GPL-3.0-or-later
 * A low-pass of Kaiser-windowed sinc, cut into `up` phases: the output sample at time t is the sum over n_taps input samples
 * around t - delay, weighted by the one phase that falls on them. Zero-stuffed samples are never multiplied. */
#include "resample.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "err.h"

#define LOBES 16     /* zero crossings each side at the lower rate: 2 ms of delay at 8 kHz */
#define BETA 6.2     /* Kaiser: 65 dB stop band */
#define CUTOFF 0.485 /* of the lower rate, -6 dB: flat to 3.4 kHz at 8 kHz, stops from 4.4 kHz */
#define N_RATES 4
#define BLOCK 240 /* input samples worked on at a time */

static const uint32_t rates[N_RATES] = {8000, 16000, 24000, 48000};

/* The one table of this file that is computed: once, before anything reads it. */
static float tables[N_RATES][N_RATES][MC_RESAMPLE_TAPS];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static uint32_t gcd(uint32_t a, uint32_t b) {
    return b == 0 ? a : gcd(b, a % b);
}

static double bessel_i0(double x) {
    double sum = 1;
    double term = 1;
    for (int k = 1; term > sum * 1e-12; k++) {
        term *= x / (2 * k) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

/* Taps of one phase lie side by side, oldest input sample first; each phase sums to 1, so that silence and hum stay put. */
static void compute(float *table, uint32_t up, uint32_t down) {
    uint32_t wide = up > down ? up : down; /* the prototype runs at rate_in * up = lower rate * wide */
    uint32_t half = LOBES * wide;
    uint32_t n_taps = 2 * half / up;
    for (uint32_t p = 0; p < up; p++) {
        double sum = 0;
        double h[MC_RESAMPLE_TAPS];
        for (uint32_t k = 0; k < n_taps; k++) {
            double x = ((double)(k * up) + p - half) / wide; /* in samples of the lower rate, from the middle */
            double s = x == 0 ? 2 * CUTOFF : sin(2 * M_PI * CUTOFF * x) / (M_PI * x);
            double w = x / LOBES;
            h[k] = s * bessel_i0(BETA * sqrt(1 - w * w)) / bessel_i0(BETA);
            sum += h[k];
        }
        for (uint32_t k = 0; k < n_taps; k++) {
            table[p * n_taps + n_taps - 1 - k] = (float)(h[k] / sum);
        }
    }
}

static void compute_all(void) {
    for (int i = 0; i < N_RATES; i++) {
        for (int o = 0; o < N_RATES; o++) {
            uint32_t g = gcd(rates[i], rates[o]);
            compute(tables[i][o], rates[o] / g, rates[i] / g);
        }
    }
}

static int rate_index(uint32_t rate) {
    for (int i = 0; i < N_RATES; i++) {
        if (rates[i] == rate) {
            return i;
        }
    }
    return -1;
}

int mc_resample_init(struct mc_resample *rs, uint32_t rate_in, uint32_t rate_out) {
    int in = rate_index(rate_in);
    int out = rate_index(rate_out);
    if (in < 0 || out < 0) {
        return MC_E_ARG;
    }
    if (pthread_once(&tables_once, compute_all) != 0) {
        return MC_E_SYS;
    }
    uint32_t g = gcd(rate_in, rate_out);
    memset(rs, 0, sizeof *rs);
    rs->rate_in = rate_in;
    rs->up = rate_out / g;
    rs->down = rate_in / g;
    rs->n_taps = 2 * LOBES * (rate_out > rate_in ? rate_out : rate_in) / rate_out;
    rs->coef = tables[in][out];
    return MC_OK;
}

typedef float four __attribute__((vector_size(16)));

/* n is a multiple of 8: 2 * LOBES times something. Two sums, so that one addition need not wait for the one before. */
static float dot(const float *a, const float *b, uint32_t n) {
    four sum[2] = {{0}, {0}};
    for (uint32_t i = 0; i < n; i += 8) {
        four x[2];
        four y[2];
        memcpy(x, a + i, sizeof x);
        memcpy(y, b + i, sizeof y);
        sum[0] += x[0] * y[0];
        sum[1] += x[1] * y[1];
    }
    sum[0] += sum[1];
    return sum[0][0] + sum[0][1] + sum[0][2] + sum[0][3];
}

static int16_t round_clip(float v) {
    if (v >= (float)INT16_MAX) {
        return INT16_MAX;
    }
    if (v <= (float)INT16_MIN) {
        return INT16_MIN;
    }
    return (int16_t)(v < 0 ? v - 0.5f : v + 0.5f);
}

/* window holds n_taps - 1 old samples, then n new ones. */
static size_t run_block(struct mc_resample *rs, const float *window, uint32_t n, int16_t *out) {
    const uint32_t move = rs->down / rs->up;
    const uint32_t turn = rs->down % rs->up;
    uint32_t at = rs->phase / rs->up; /* divided once, then carried along */
    uint32_t phase = rs->phase % rs->up;
    size_t n_out = 0;
    while (at < n) {
        out[n_out++] = round_clip(dot(rs->coef + (size_t)phase * rs->n_taps, window + at, rs->n_taps));
        at += move;
        phase += turn;
        if (phase >= rs->up) {
            phase -= rs->up;
            at++;
        }
    }
    rs->phase = (at - n) * rs->up + phase;
    return n_out;
}

int mc_resample_run(struct mc_resample *rs, const int16_t *in, size_t n, int16_t *out, size_t max) {
    if (n > INT32_MAX / 8) {
        return MC_E_ARG;
    }
    size_t span = n * rs->up;
    size_t total = span > rs->phase ? (span - rs->phase + rs->down - 1) / rs->down : 0;
    if (total > max) {
        return MC_E_SHORT;
    }
    if (rs->up == rs->down) {
        memcpy(out, in, n * sizeof *in);
        return (int)n;
    }
    float window[MC_RESAMPLE_TAPS + BLOCK];
    const uint32_t old = rs->n_taps - 1;
    while (n > 0) {
        uint32_t block = n < BLOCK ? (uint32_t)n : BLOCK;
        memcpy(window, rs->hist, old * sizeof *window);
        for (uint32_t i = 0; i < block; i++) {
            window[old + i] = in[i];
        }
        out += run_block(rs, window, block, out);
        memcpy(rs->hist, window + block, old * sizeof *window);
        in += block;
        n -= block;
    }
    return (int)total;
}

uint32_t mc_resample_delay_us(const struct mc_resample *rs) {
    return rs->up == rs->down ? 0 : rs->n_taps * 500 / (rs->rate_in / 1000);
}
