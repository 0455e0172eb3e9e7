/* SPDX-License-Identifier: GPL-3.0-or-later
 * Packet loss concealment for codecs that have none (G.711, G.722, L16). The pitch period before the gap goes on and fades out, after
 * the idea of G.711 appendix I; when the packet behind the gap is here already, its own period goes back into the gap as well, and one
 * is faded into the other. No delay: what is good is played as it is, only the seams are smoothed. */
#ifndef MC_PLC_H
#define MC_PLC_H

#include <stddef.h>
#include <stdint.h>

#define MC_PLC_MAX_RATE 16000                     /* Hz */
#define MC_PLC_HIST (MC_PLC_MAX_RATE * 40 / 1000) /* samples: two of the longest periods and a window to compare */

/* One pitch period, ready to be repeated. */
struct mc_plc_wave {
    uint32_t period;
    int32_t step; /* jump between the good sample at the edge and the first repeated one */
    int16_t loop[MC_PLC_HIST / 2];
};

struct mc_plc {
    uint32_t rate;
    uint32_t n_lost; /* samples concealed in a row, 0 = the last ones were good */
    struct mc_plc_wave wave;
    int16_t hist[MC_PLC_HIST]; /* newest last */
};

/* MC_E_ARG: rate is 0 or above MC_PLC_MAX_RATE. */
int mc_plc_init(struct mc_plc *plc, uint32_t rate);
/* Every decoded frame passes here, in order; the head of the first one after a loss is cross-faded in place. */
void mc_plc_good(struct mc_plc *plc, int16_t *pcm, size_t n);
/* Writes n samples in the place of lost ones. Silence from 80 ms on. */
void mc_plc_conceal(struct mc_plc *plc, int16_t *pcm, size_t n);
/* The same where the n_next samples behind the gap are known, which are to be the next good frame. With less than a period of them it
 * is mc_plc_conceal. */
void mc_plc_between(struct mc_plc *plc, int16_t *pcm, size_t n, const int16_t *next, size_t n_next);

#endif
