/* SPDX-License-Identifier: GPL-3.0-or-later
 * Joins two sounds that have nothing to do with each other, without a click: over 5 ms the new one fades in while the old one, carried
 * on by prediction from its last 5 ms, fades out. The old source is not asked again, so it may be gone already. */
#ifndef MC_SPLICE_H
#define MC_SPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MC_SPLICE_MAX 240 /* 5 ms at 48 kHz */

struct mc_splice {
    uint16_t n; /* samples of the join */
    bool due;   /* the next run joins */
    int16_t tail[MC_SPLICE_MAX];
};

void mc_splice_init(struct mc_splice *sp, uint32_t rate);
/* Joins if it is due, in place, then remembers the end. */
void mc_splice_run(struct mc_splice *sp, int16_t *pcm, size_t n);
/* What was heard last, when it did not come through mc_splice_run; n = 0: nothing. */
void mc_splice_heard(struct mc_splice *sp, const int16_t *pcm, size_t n);
/* The end of what `from` had, which may be at another rate: the next run joins it. */
void mc_splice_carry(struct mc_splice *sp, const struct mc_splice *from);
/* The old sound's way out, when nothing follows: n samples, sp->n of them fading. */
void mc_splice_out(struct mc_splice *sp, int16_t *pcm, size_t n);

#endif
