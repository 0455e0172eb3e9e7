/* SPDX-License-Identifier: GPL-3.0-or-later
 * Many legs in one room: each hears the sum of the others (mix-minus). The sum stands on a time line that is the clock's own: a party
 * adds what it says at its tick's place, whenever that is, and reads what lies before its tick, where everybody has been. So parties
 * may tick at different times and with packets of any length, and the delay is one packet time.
 *
 *   sum  ....[a+b+c][a+b+c][a+c  ]          a reads  sum - own = b+c
 *             ^ a's packet reads here  ^ now
 *
 * Sums are exact; only what a party reads is limited (limit.h). */
#ifndef MC_MIX_H
#define MC_MIX_H

#include "leg.h"

struct mc_mix;
struct mc_party;

#define MC_MIX_UNITY 256
#define MC_MIX_MAX_GAIN (8 * MC_MIX_UNITY)

struct mc_party_cfg {
    int gain;            /* of what it says; MC_MIX_UNITY = as it is, 0 = muted */
    bool listen;         /* hears all and says nothing: no jitter buffer runs for it */
    struct mc_party *to; /* heard by this one alone (whisper); NULL = by all */
    bool ears;           /* the engine hears it all the same (machine ear) */
};

/* rate: of the sum, one that legs may have. `live` counts it; may be NULL. MC_E_ARG, MC_E_NOMEM. */
int mc_mix_new(struct mc_mix **out, uint32_t rate, mc_live *live);
/* All parties leave first. */
void mc_mix_free(struct mc_mix *mix);
/* MC_E_ARG: gain, another worker than the first party's, or `to` is of another room. A leg comes from whatever sink it had. */
int mc_mix_add(struct mc_mix *mix, struct mc_party **out, struct mc_leg *leg, const struct mc_party_cfg *cfg);
/* Takes effect with its next tick, gliding. */
int mc_mix_set(struct mc_party *party, const struct mc_party_cfg *cfg);
/* Back to the engine, unless it got another sink meanwhile. Returns when the worker uses it no more. Who whispered to it is heard by
 * nobody until set anew. */
void mc_mix_remove(struct mc_party *party);
size_t mc_mix_count(const struct mc_mix *mix); /* parties; caller's thread */

#endif
