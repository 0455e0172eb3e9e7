/* SPDX-License-Identifier: GPL-3.0-or-later
 * Two legs joined: each hears the other, and nothing of it visits the engine.
 *
 *   a: wire > parse > stats > relay: new number, time, type  > wire :b      same codec and packet time: payload untouched
 *                   \ jitter > decode > resample > queue > + > encode ...   otherwise, and while b's engine speaks
 *
 * Which of the two ways it goes is decided packet by packet and each way; going over from one to the other is joined without a click. */
#ifndef MC_BRIDGE_H
#define MC_BRIDGE_H

#include "leg.h"
#include "prompt.h"

struct mc_bridge;

struct mc_bridge_cfg {
    bool ears;      /* the engine hears both all the same (machine ear) */
    bool transcode; /* never relay: for measurements */
    mc_live *live;  /* may be NULL */
};

/* One way, as of now. */
struct mc_bridge_way {
    uint64_t relayed;   /* packets that went as they were */
    uint64_t decoded;   /* ticks of sound that went through the jitter buffer */
    uint64_t digits;    /* made again; relayed ones count as relayed */
    uint64_t dropped;   /* samples left out to keep the delay down */
    uint32_t queued_us; /* sound that waits between the two legs' clocks */
    bool relaying;
};

/* Both legs on one worker (or none), each once: MC_E_ARG. Takes the place of what sinks they had. */
int mc_bridge_new(struct mc_bridge **out, struct mc_leg *a, struct mc_leg *b, const struct mc_bridge_cfg *cfg);
/* Both back to the engine, unless they got other sinks meanwhile. Returns when the worker uses it no more. */
void mc_bridge_free(struct mc_bridge *bridge);
/* `leg` (one of the two) neither hears nor is heard; the other hears `music`, or silence when NULL. The same happens by itself, without
 * music but with what was set here before, when the peer of `leg` sends nothing by its SDP. MC_E_ARG: not its leg, or the music's rate. */
int mc_bridge_hold(struct mc_bridge *bridge, struct mc_leg *leg, struct mc_prompt *music);
int mc_bridge_resume(struct mc_bridge *bridge, struct mc_leg *leg);
/* What went from `leg` to the other. */
int mc_bridge_stats(struct mc_bridge *bridge, struct mc_leg *leg, struct mc_bridge_way *out);

#endif
