/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "splice.h"

#include <string.h>

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

void mc_splice_run(struct mc_splice *sp, int16_t *pcm, size_t n) {
    if (sp->due) {
        sp->due = false;
        int32_t k = (int32_t)(n < sp->n ? n : sp->n);
        for (int32_t i = 0; i < k; i++) {
            int32_t old = sp->tail[sp->n - 1 - i];
            pcm[i] = (int16_t)((old * (k - i) + pcm[i] * (int32_t)(i + 1)) / (k + 1));
        }
    }
    if (n > 0) {
        mc_splice_heard(sp, pcm, n);
    }
}

void mc_splice_out(struct mc_splice *sp, int16_t *pcm, size_t n) {
    memset(pcm, 0, n * sizeof *pcm);
    sp->due = true;
    mc_splice_run(sp, pcm, n);
}
