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

/* What one tick played: a packet's number, or POLICY_NONE for sound that the player must make up. */
#define POLICY_NONE (-1)

struct policy_line {
    const struct policy_arrival *arrivals; /* by time */
    size_t n_arrivals;
    const uint8_t *quiet; /* of each packet: near silence */
    uint64_t first_tick_us, tick_us;
    size_t n_ticks;
    uint32_t min_ms, max_ms; /* bounds of the delay, or a fixed delay when they are equal; 0 and 0 = the policy's own */
};

/* played[n_ticks]. 0, or -1: the policy could not be set up. */
int policy_run(const struct policy_line *line, int32_t *played);

/* What such a playout sounds like with the concealment that belongs to the policy. pcm: POLICY_STEP samples of each packet, decoded;
 * out[n_ticks * POLICY_STEP]. 0 or -1. */
int policy_render(const int16_t *pcm, const int32_t *played, size_t n_ticks, int16_t *out);

#endif
