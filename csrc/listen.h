/* SPDX-License-Identifier: GPL-3.0-or-later
 * A third party at a leg: the listener's leg hears both sides of the target's call, and may be heard by its peer (whisper), by
 * whoever the peer talks with, or by both (barge-in of a supervisor).
 *
 *   target's peer  --> human ear ---------+--> + to_other --> engine, bridge or room
 *                                         v heard
 *                                     listener <----> to_peer, to_other
 *                                         ^ sent, less what the listener says itself
 *   target's peer  <-- + to_peer <--------+--- engine, bridge or room
 *
 * The target's sink stays what it is, and while the listener is silent its packets go the way they went: attaching costs the call
 * what a recording does. */
#ifndef MC_LISTEN_H
#define MC_LISTEN_H

#include "leg.h"

struct mc_listen;

/* Who hears the listener. */
struct mc_listen_cfg {
    bool peer;  /* of the target */
    bool other; /* whom the peer talks with: bridge, room, or the engine by its machine ear */
};

/* Any number may listen to one leg; the listener's leg gets a sink of its own. `live` counts it; may be NULL. MC_E_ARG: the same leg
 * twice, or two workers; MC_E_NOMEM. */
int mc_listen_new(struct mc_listen **out, struct mc_leg *listener, struct mc_leg *target, const struct mc_listen_cfg *cfg,
                  mc_live *live);
int mc_listen_set(struct mc_listen *listen, const struct mc_listen_cfg *cfg);
/* The listener's leg goes back to the engine, unless it got another sink meanwhile. */
void mc_listen_free(struct mc_listen *listen);

/* --- for the target's leg, on the worker; `first` may be NULL --- */
/* What the peer says, and what is sent to it: n samples at the target's rate. `join`: they do not follow what was sent before. */
void mc_listen_heard(struct mc_listen *first, const int16_t *pcm, size_t n);
void mc_listen_sent(struct mc_listen *first, const int16_t *pcm, size_t n, bool join);
/* What listeners say to the peer, n samples into pcm. False: nothing. */
bool mc_listen_to_peer(struct mc_listen *first, int16_t *pcm, size_t n);
/* pcm with what listeners say to the other side: pcm itself when they say nothing, else in `room`. */
const int16_t *mc_listen_to_other(struct mc_listen *first, const int16_t *pcm, size_t n, int16_t *room);
/* A listener has something to say there: no packet may go past the encoder. */
bool mc_listen_talks_to_peer(const struct mc_listen *first, uint64_t now_us);
bool mc_listen_talks_to_other(const struct mc_listen *first, uint64_t now_us);
size_t mc_listen_count(const struct mc_listen *first);

#endif
