/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where a leg's received audio goes: one atomic pointer in the leg. The engine and the native echo are here; a bridge to another leg
 * and a mixer are further values of the same pointer, so hold, transfer and listen-in are a pointer store. */
#ifndef MC_SINK_H
#define MC_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp.h"

struct mc_leg;

/* One packet's worth from the machine ear, or one chunk of a gap. */
struct mc_frame {
    const int16_t *pcm; /* mono, at the leg's rate; valid inside the call */
    size_t n;
    uint64_t index;      /* of the first sample, counted since the leg's first one */
    uint64_t arrival_us; /* of the packet, or of the moment the gap was given up */
    bool lost;           /* made up here: the packet never came, or the sender paused */
};

/* Functions run on the media worker; each may be NULL. `self` must outlive its use: whoever replaces a sink frees it only after a
 * synchronous command went through the worker. */
struct mc_sink {
    const char *name; /* for describe() */
    /* A coded packet before it is decoded. True = taken (pass-through between equal codecs); no ear hears it then. */
    bool (*packet)(const struct mc_sink *self, struct mc_leg *leg, const struct mc_rtp *pkt, uint64_t now_us);
    /* Machine ear: in order, no playout delay. */
    void (*ear)(const struct mc_sink *self, struct mc_leg *leg, const struct mc_frame *frame);
    /* Human ear: exactly one tick of playout, after the jitter buffer. A sink that has it makes the leg run one. */
    void (*play)(const struct mc_sink *self, struct mc_leg *leg, const int16_t *pcm, size_t n, uint64_t now_us);
};

extern const struct mc_sink mc_sink_engine; /* machine ear -> the queue that the engine reads */
extern const struct mc_sink mc_sink_echo;   /* machine ear -> the leg's own output ring; the engine must not write meanwhile */
extern const struct mc_sink mc_sink_null;

#endif
