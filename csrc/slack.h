/* SPDX-License-Identifier: GPL-3.0-or-later
 * A queue of sound between two legs on the same clock whose ticks lie apart: one puts in at its ticks, the other takes at its own, which
 * may be longer. What lies in it for no reason, after either was late, is noticed within a second and left out. */
#ifndef MC_SLACK_H
#define MC_SLACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MC_SLACK_MS 160 /* what it holds */

struct mc_slack {
    int16_t *pcm;
    uint32_t rate;
    size_t n, size;
    size_t put;       /* samples of the last put */
    size_t least;     /* that was left over by any take of this window */
    size_t surplus;   /* to be left out with the next put */
    uint32_t n_takes; /* in this window */
    bool dry;         /* the last take found too little: what comes next fades in */
    uint64_t dropped; /* samples left out so far */
};

int mc_slack_init(struct mc_slack *sl, uint32_t rate); /* MC_E_NOMEM */
void mc_slack_free(struct mc_slack *sl);
void mc_slack_clear(struct mc_slack *sl);
/* At most a tick's worth; what finds no room drives out the oldest. */
void mc_slack_put(struct mc_slack *sl, const int16_t *pcm, size_t n);
/* Exactly n samples, silence for those that are not there. True: there were some. */
bool mc_slack_take(struct mc_slack *sl, int16_t *pcm, size_t n);

#endif
