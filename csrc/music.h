/* SPDX-License-Identifier: GPL-3.0-or-later
 * A loop of sound: music on hold, a ringing tone, an announcement that repeats. Loaded once, coded once for every codec without state,
 * shared by any number of legs, each at its own place in it. */
#ifndef MC_MUSIC_H
#define MC_MUSIC_H

#include "codec.h"
#include "leg.h"

struct mc_music;
struct mc_music_player;

/* Takes a copy; cut to whole 10 ms, its end blended into its beginning over 5 ms. MC_E_ARG: a rate that legs don't have, or less than
 * 100 ms. `live` counts it until the last reference went; may be NULL. */
int mc_music_new(struct mc_music **out, uint32_t rate, const int16_t *pcm, size_t n, mc_live *live);
void mc_music_ref(struct mc_music *music);
void mc_music_unref(struct mc_music *music); /* NULL is fine */
uint32_t mc_music_rate(const struct mc_music *music);
uint32_t mc_music_ms(const struct mc_music *music); /* length of the loop */
/* n samples from `ms` on, going round. */
void mc_music_pcm(const struct mc_music *music, uint64_t ms, int16_t *pcm, size_t n);
/* The same for n_ms milliseconds, coded; bytes, or 0 when this codec has state or size is too small. */
size_t mc_music_coded(const struct mc_music *music, const struct mc_codec *codec, uint64_t ms, uint32_t n_ms, uint8_t *out,
                      size_t size);

/* The leg hears the music from its beginning instead of what its sink had; what it says goes to the engine when `ears`, else nowhere.
 * MC_E_ARG: the leg runs at another rate. */
int mc_music_start(struct mc_music_player **out, struct mc_music *music, struct mc_leg *leg, bool ears);
/* Back to the engine, unless somebody gave the leg another sink meanwhile. */
void mc_music_stop(struct mc_music_player *player);

#endif
