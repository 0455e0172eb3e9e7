/* SPDX-License-Identifier: GPL-3.0-or-later
 * Inside of G.711: the same four loops for each kind of processor, chosen when they run. All give the same bits. */
#ifndef MC_G711_H
#define MC_G711_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mc_g711 {
    const char *name;
    bool (*here)(void); /* this processor can */
    void (*to_ulaw)(const int16_t *pcm, uint8_t *out, size_t n);
    void (*to_alaw)(const int16_t *pcm, uint8_t *out, size_t n);
    void (*from_ulaw)(const uint8_t *in, int16_t *pcm, size_t n);
    void (*from_alaw)(const uint8_t *in, int16_t *pcm, size_t n);
};

extern const struct mc_g711 mc_g711_scalar;         /* every processor can; codec_g711.c */
extern const struct mc_g711 *const mc_g711_kinds[]; /* fastest first, scalar last, then NULL */

const struct mc_g711 *mc_g711_best(void);

#endif
