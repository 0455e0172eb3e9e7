/* SPDX-License-Identifier: GPL-3.0-or-later
 * How late a stream's packets are. Each packet's transit (arrival - timestamp) is compared with the fastest of late ("base"); a
 * histogram of the differences forgets in seconds. Others remember for longer, but only how far packets stood out of their neighbours
 * (the fastest of the last second, "level"): so a spike that comes every quarter of a minute is not new each time, and a way that was
 * longer for a while is forgotten when it is over. What they say is averaged.
 *
 *   transit of packets   .  :.: .   :      .            played at age d: ts + base + d; later ones are late
 *                        ^base    ^base + d
 */
#ifndef MC_DELAY_H
#define MC_DELAY_H

#include <stdbool.h>
#include <stdint.h>

#define MC_DELAY_BIN_US 4000
#define MC_DELAY_BINS 256 /* about a second */
#define MC_DELAY_MEMORIES 3

/* A histogram that forgets. */
struct mc_delay_memory {
    float weight; /* of the next packet; grows instead of all others shrinking */
    float total;
    float bin[MC_DELAY_BINS];
};

/* The least of a time that is one to two windows long. */
struct mc_delay_least {
    int64_t us, prev_us;
    uint64_t since_us; /* when the present window began */
};

struct mc_delay {
    bool started;
    struct mc_delay_least base, level; /* of transits */
    int64_t origin_us; /* transit that the first memory's bins begin at: the base; the others' begin at the level */
    uint64_t last_us;  /* arrival of the last packet */
    struct mc_delay_memory memory[MC_DELAY_MEMORIES];
};

void mc_delay_init(struct mc_delay *d);
/* One packet: arrival, and its timestamp in microseconds on any scale that stays the same. */
void mc_delay_add(struct mc_delay *d, uint64_t now_us, int64_t ts_us);
/* Least transit of late, microseconds on the scale of mc_delay_add; 0 before the first packet. */
int64_t mc_delay_base_us(const struct mc_delay *d);

/* Shares of packets, 0 ... 1: part[i] come later than (i + 1) * MC_DELAY_BIN_US above the base. */
struct mc_delay_late {
    float part[MC_DELAY_BINS];
};
void mc_delay_late(const struct mc_delay *d, struct mc_delay_late *out);
/* Share that comes later than us above the base; evenly within a bin. */
float mc_delay_later_than(const struct mc_delay_late *late, int64_t us);

#endif
