/* SPDX-License-Identifier: GPL-3.0-or-later
 * A jitter buffer's policy alone over a line that is known beforehand: packets in at their arrival times, one frame asked for every
 * tick, no decoding. Each policy_*.c is a shared library with two functions, policy_run and policy_render; tests/lab/policies.py
 * calls them.
 *
 * Packets are numbered from 0 in the order of sending: sequence number and timestamp follow from the number. */
#ifndef POLICY_H
#define POLICY_H

#include <stddef.h>
#include <stdint.h>

#define POLICY_CLOCK 8000
#define POLICY_STEP 160 /* RTP clock units of a packet: 20 ms */

struct policy_arrival {
    uint64_t us;
    uint32_t n; /* which packet */
    uint32_t pad;
};

#define POLICY_NONE (-1) /* a tick for which the player must make up sound */

/* Where a packet's sound went. What lies between the end of one packet's and the beginning of the next is made up. */
struct policy_played {
    int64_t us;     /* when its first sample is played; POLICY_NONE: never */
    int64_t len_us; /* as played: POLICY_STEP samples, unless time scaling made it longer or shorter */
};

struct policy_line {
    const struct policy_arrival *arrivals; /* by time */
    size_t n_arrivals;
    const uint8_t *quiet; /* of each packet: near silence */
    const int16_t *pcm;   /* of each packet, decoded, POLICY_STEP samples: time scaling asks it */
    size_t n_packets;
    uint64_t first_tick_us, tick_us;
    size_t n_ticks;
    uint32_t min_ms, max_ms; /* bounds of the delay; 0 and 0 = the policy's own */
    uint32_t price_ms;       /* of the late packets, where the policy knows such a thing; 0 = its own */
};

/* played[n_packets], all POLICY_NONE before. 0, or -1: the policy could not be set up. */
int policy_run(const struct policy_line *line, struct policy_played *played);

/* What a playout on the ticks sounds like with the concealment that belongs to the policy: ticks[n_ticks], each a packet's number or
 * POLICY_NONE. pcm as above; out[n_ticks * POLICY_STEP]. 0 or -1. */
int policy_render(const int16_t *pcm, const int32_t *ticks, size_t n_ticks, int16_t *out);

#endif
