/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "splice.h"

#include <string.h>

#include "level.h"

#define POLE 0.9999 /* what is carried on never grows */

void mc_splice_init(struct mc_splice *sp, uint32_t rate) {
    memset(sp, 0, sizeof *sp);
    sp->n = (uint16_t)(rate / 200 < MC_SPLICE_MAX ? rate / 200 : MC_SPLICE_MAX);
}

void mc_splice_heard(struct mc_splice *sp, const int16_t *pcm, size_t n) {
    if (n == 0) {
        memset(sp->tail, 0, sp->n * sizeof *sp->tail);
        return;
    }
    if (n >= sp->n) {
        memcpy(sp->tail, pcm + n - sp->n, sp->n * sizeof *pcm);
        return;
    }
    memmove(sp->tail, sp->tail + n, (sp->n - n) * sizeof *pcm);
    memcpy(sp->tail + sp->n - n, pcm, n * sizeof *pcm);
}

static double within(double v, double most) {
    return v > most ? most : v < -most ? -most : v;
}

/* x[i] = a[0] x[i-1] + a[1] x[i-2] by least squares over the tail (covariance method), kept stable. Two coefficients hold one
 * resonance: value and slope go on as they were, and that is what a click would be made of. */
static void predictor(const struct mc_splice *sp, double a[2]) {
    double r11 = 1, r12 = 0, r22 = 1, r01 = 0, r02 = 0; /* 1: silence has a solution too */
    for (size_t i = 2; i < sp->n; i++) {
        double x0 = sp->tail[i], x1 = sp->tail[i - 1], x2 = sp->tail[i - 2];
        r11 += x1 * x1;
        r12 += x1 * x2;
        r22 += x2 * x2;
        r01 += x0 * x1;
        r02 += x0 * x2;
    }
    double det = r11 * r22 - r12 * r12;
    a[1] = det > 0 ? within((r02 * r11 - r01 * r12) / det, POLE) : 0;
    a[0] = within((r01 - a[1] * r12) / r11, (1 - a[1]) * POLE);
}

static void join(const struct mc_splice *sp, int16_t *pcm, size_t n) {
    double a[2], x1 = sp->tail[sp->n - 1], x2 = sp->tail[sp->n - 2];
    predictor(sp, a);
    for (size_t i = 0; i < n; i++) {
        double x0 = within(a[0] * x1 + a[1] * x2, INT16_MAX);
        double part = (double)(i + 1) / (double)(n + 1);
        pcm[i] = (int16_t)(x0 * (1 - part) + pcm[i] * part);
        x2 = x1;
        x1 = x0;
    }
}

void mc_splice_run(struct mc_splice *sp, int16_t *pcm, size_t n) {
    if (n == 0) {
        return;
    }
    if (sp->due) {
        sp->due = false;
        join(sp, pcm, n < sp->n ? n : sp->n);
    }
    mc_splice_heard(sp, pcm, n);
}

void mc_splice_out(struct mc_splice *sp, int16_t *pcm, size_t n) {
    memset(pcm, 0, n * sizeof *pcm);
    sp->due = true;
    mc_splice_run(sp, pcm, n);
}

void mc_splice_carry(struct mc_splice *sp, const struct mc_splice *from) {
    for (uint32_t i = 0; i < sp->n; i++) { /* the last samples fall together; on a line between those that are there */
        uint32_t back = (sp->n - 1u - i) * 256u * from->n / sp->n, whole = back / 256, part = back % 256;
        int32_t a = from->tail[from->n - 1u - whole], b = whole + 1u < from->n ? from->tail[from->n - 2u - whole] : a;
        sp->tail[i] = (int16_t)((a * (int32_t)(256 - part) + b * (int32_t)part) / 256);
    }
    sp->due = !mc_silent(sp->tail, sp->n); /* after silence the new sound is left as it is */
}
