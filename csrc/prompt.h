/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sound that many legs hear: an announcement, music on hold, a ringing tone. Loaded once and coded once for each way that legs code
 * (codec, packet time, fmtp); every leg plays ready packets from its own place in it and runs no encoder meanwhile.
 *
 *   once    pass 1 |--------------|   from a fresh encoder: where a decoder may begin
 *   loop    pass 1 |--------------| pass 2 |--------------| pass 2 |---...   pass 2's encoder has heard pass 1: no seam */
#ifndef MC_PROMPT_H
#define MC_PROMPT_H

#include "codec.h"
#include "leg.h"

struct mc_prompt;
struct mc_prompt_player;

/* Takes a copy. A loop is cut to whole 10 ms, its end blended into its beginning over 5 ms; else silence follows the end. Codecs
 * without state are coded here. MC_E_ARG: a rate that legs don't have, a loop of less than 100 ms, nothing, or more than an hour.
 * `live` counts it until the last reference went; may be NULL. */
int mc_prompt_new(struct mc_prompt **out, uint32_t rate, const int16_t *pcm, size_t n, bool loop, mc_live *live);
void mc_prompt_ref(struct mc_prompt *prompt);
void mc_prompt_unref(struct mc_prompt *prompt); /* NULL is fine */
uint32_t mc_prompt_rate(const struct mc_prompt *prompt);
uint32_t mc_prompt_ms(const struct mc_prompt *prompt); /* length, of a loop once round */
bool mc_prompt_loops(const struct mc_prompt *prompt);
/* Coded for legs that code so; at once when it is already. Takes as long as an encoder takes: any thread but the worker. Legs that
 * play it meanwhile go on. MC_E_FULL: coded in 16 ways already; legs of others, and those of G.722 (see mc_codec.restarts), encode for
 * themselves. */
int mc_prompt_code(struct mc_prompt *prompt, const struct mc_coding *coding);

/* A listener's place. Zero: the beginning. */
struct mc_prompt_at {
    uint64_t ms;
    bool coded; /* his last packet was one of those coded beforehand */
};

bool mc_prompt_over(const struct mc_prompt *prompt, const struct mc_prompt_at *at); /* never, of a loop */
/* The next n samples. */
void mc_prompt_pcm(const struct mc_prompt *prompt, struct mc_prompt_at *at, int16_t *pcm, size_t n);
/* Of what was played: n samples from `ago_ms` before this place on. */
void mc_prompt_sound(const struct mc_prompt *prompt, const struct mc_prompt_at *at, uint32_t ago_ms, int16_t *pcm, size_t n);
/* The next packet: see mc_sink.coded. */
int mc_prompt_coded(const struct mc_prompt *prompt, struct mc_prompt_at *at, const struct mc_coding *coding, bool goes_on,
                    uint8_t *out, size_t size);

/* The leg hears the prompt from its beginning instead of what its sink had; what it says goes to the engine when `ears`, else nowhere.
 * MC_E_ARG: the leg runs at another rate. */
int mc_prompt_start(struct mc_prompt_player **out, struct mc_prompt *prompt, struct mc_leg *leg, bool ears);
/* Still to be played, ms; UINT32_MAX for a loop. Any thread. */
uint32_t mc_prompt_left(const struct mc_prompt_player *player);
/* Back to the engine, unless somebody gave the leg another sink meanwhile. */
void mc_prompt_stop(struct mc_prompt_player *player);

#endif
