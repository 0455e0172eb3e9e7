/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where a leg's received audio goes: one atomic pointer in the leg. The engine and the native echo are here; bridge.h (another leg), mix.h
 * (many) and prompt.h (ready sound) make further values of the same pointer, so hold, transfer and listen-in are a pointer store. */
#ifndef MC_SINK_H
#define MC_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp.h"

struct mc_leg;
struct mc_coding;

/* One packet's worth from the machine ear, or one chunk of a gap. */
struct mc_frame {
    const int16_t *pcm; /* mono, at the leg's rate; valid inside the call */
    size_t n;
    uint64_t index;      /* of the first sample, counted since the leg's first one */
    uint64_t arrival_us; /* of the packet, or of the moment the gap was given up */
    bool lost;           /* made up here: the packet never came, or the sender paused */
};

/* What a leg's packet is to be made of, beside the engine's speech. */
enum mc_pull {
    MC_PULL_SILENCE, /* nothing to add; the samples are untouched */
    MC_PULL_AUDIO,
    MC_PULL_RELAYED, /* packets leave past the encoder (mc_leg_relay): none is to be made; the samples are for the recording */
};

/* Functions run on the media worker; each may be NULL. `self` must outlive its use: whoever replaces a sink frees it only after a
 * synchronous command went through the worker. */
struct mc_sink {
    const char *name; /* for describe() */
    /* A coded packet before it is decoded. True = taken (pass-through between equal codecs); no ear hears it then. */
    bool (*packet)(const struct mc_sink *self, struct mc_leg *leg, const struct mc_rtp *pkt, uint64_t now_us);
    /* A packet without audio: telephone-event, or a payload type that was never agreed on. Its number is one of the same stream. */
    void (*aside)(const struct mc_sink *self, struct mc_leg *leg, const struct mc_rtp *pkt, uint64_t now_us);
    /* A digit of the peer's is complete. The engine gets its event all the same. */
    void (*digit)(const struct mc_sink *self, struct mc_leg *leg, char digit, uint32_t ms);
    /* Machine ear: in order, no playout delay. */
    void (*ear)(const struct mc_sink *self, struct mc_leg *leg, const struct mc_frame *frame);
    /* Human ear: exactly one tick of playout, after the jitter buffer. A sink that has it makes the leg run one. */
    void (*play)(const struct mc_sink *self, struct mc_leg *leg, const int16_t *pcm, size_t n, uint64_t now_us);
    /* The way back: n samples, at the leg's rate, for the packet that is due. They are added to what the engine says. */
    enum mc_pull (*pull)(const struct mc_sink *self, struct mc_leg *leg, int16_t *pcm, size_t n, uint64_t now_us);
    /* The packet that is due, coded already in just this way: bytes (at most size), or 0 = nothing is to be sent. MC_E_EMPTY: not here,
     * pull it. `goes_on`: the leg's last packet was one of these too; else the first of a stream is wanted. */
    int (*coded)(const struct mc_sink *self, struct mc_leg *leg, const struct mc_coding *coding, bool goes_on, uint8_t *out,
                 size_t size, uint64_t now_us);
    /* What coded gave sounds like: n samples at the leg's rate, from ago_ms before the end of its last packet on. With coded. */
    void (*sound)(const struct mc_sink *self, struct mc_leg *leg, uint32_t ago_ms, int16_t *pcm, size_t n);
};

extern const struct mc_sink mc_sink_engine; /* machine ear -> the queue that the engine reads */
extern const struct mc_sink mc_sink_echo;   /* machine ear -> the leg's own output ring; the engine must not write meanwhile */
extern const struct mc_sink mc_sink_null;

/* Runs fn(arg) between two batches of the leg's worker and returns its result; at once when the leg has none. */
int mc_sink_command(struct mc_leg *leg, int (*fn)(void *arg), void *arg);

#endif
