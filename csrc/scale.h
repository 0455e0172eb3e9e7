/* SPDX-License-Identifier: GPL-3.0-or-later
 * Time scaling of a played stream: remembers what was played and makes each decoded frame shorter or longer, as far as its sound lets
 * it (wsola.h). Any frame length; one period at a time, at most one for each 20 ms. */
#ifndef MC_SCALE_H
#define MC_SCALE_H

#include <stddef.h>
#include <stdint.h>

#include "codec.h"
#include "wsola.h"

#define MC_SCALE_PAST (MC_WSOLA_MAX_RATE / 1000 * MC_WSOLA_PAST_MS)
#define MC_SCALE_MAX_PCM (MC_CODEC_MAX_PCM + MC_WSOLA_MAX_RATE / 1000 * 120) /* the longest frame, stretched */

struct mc_scale {
    uint32_t rate;
    uint32_t n_past;
    int16_t past[MC_SCALE_PAST]; /* newest last, in the first n_past */
};

void mc_scale_init(struct mc_scale *sc, uint32_t rate);
/* In place, n samples that are played next; pcm has room for MC_SCALE_MAX_PCM. `most` > 0: samples that may be taken out, < 0: put in.
 * Answers how many were taken out (< 0: put in); n - answer are left. */
int32_t mc_scale_run(struct mc_scale *sc, int16_t *pcm, size_t n, int32_t most);

#endif
