/* SPDX-License-Identifier: GPL-3.0-or-later
 * Packet loss concealment for codecs that have none (G.711, L16), after the idea of G.711 appendix I: the last pitch period is
 * repeated and fades out. No delay: what is good is played as it is, only the seams are smoothed. */
#ifndef MC_PLC_H
#define MC_PLC_H

#include <stddef.h>
#include <stdint.h>

#define MC_PLC_MAX_RATE 16000                     /* Hz */
#define MC_PLC_HIST (MC_PLC_MAX_RATE * 40 / 1000) /* samples: two of the longest periods and a window to compare */

struct mc_plc {
    uint32_t rate;
    uint32_t n_lost;               /* samples concealed in a row, 0 = the last ones were good */
    uint32_t period;               /* samples repeated */
    int32_t step;                  /* jump between the last good sample and the first repeated one */
    int16_t loop[MC_PLC_HIST / 2]; /* one period, its end blended into its beginning */
    int16_t hist[MC_PLC_HIST];     /* newest last */
};

/* MC_E_ARG: rate is 0 or above MC_PLC_MAX_RATE. */
int mc_plc_init(struct mc_plc *plc, uint32_t rate);
/* Every decoded frame passes here, in order; the head of the first one after a loss is cross-faded in place. */
void mc_plc_good(struct mc_plc *plc, int16_t *pcm, size_t n);
/* Writes n samples in the place of lost ones. Silence from 60 ms on. */
void mc_plc_conceal(struct mc_plc *plc, int16_t *pcm, size_t n);

#endif
