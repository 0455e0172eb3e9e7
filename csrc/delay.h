/* SPDX-License-Identifier: GPL-3.0-or-later
 * How late a stream's packets are. Each packet's transit (arrival - timestamp) is compared with the fastest of late ("base"), and with
 * its neighbours: three histograms, which forget at different speeds, remember how far packets stood out of a block of them. So a spike
 * that comes every quarter of a minute is not new each time, and a way that was longer for a while is forgotten when it is over. What
 * they say is averaged.
 *
 *   transit of packets   .  :.: .   :      .            played at age d: ts + base + d; later ones are late
 *                        ^base    ^base + d
 *
 * Whether a packet stood out is known when the block after its own is over; until then it counts as late as it is above the base.
 */
#ifndef MC_DELAY_H
#define MC_DELAY_H

#include <stdbool.h>
#include <stdint.h>

#define MC_DELAY_BIN_US 4000
#define MC_DELAY_BINS 256 /* about a second */
#define MC_DELAY_MEMORIES 3
#define MC_DELAY_BLOCK 128 /* packets; more in one block are not counted */

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

/* Packets in a row, of which it is not known yet what they stand out of. */
struct mc_delay_block {
    uint64_t began_us, lasted_us; /* pauses in it shortened */
    int64_t first_us, least_us;   /* transits */
    uint32_t n;
    int32_t off_us[MC_DELAY_BLOCK]; /* of each packet's transit from the first's */
};

struct mc_delay {
    bool started;
    uint32_t block_us;
    uint64_t last_us;                  /* arrival of the last packet */
    struct mc_delay_least base, level; /* of transits: of late, and of the last second */
    int64_t usual_us;                  /* a block that is less above the base is so by chance */
    int64_t before_us;                 /* least transit of the block before the old one */
    struct mc_delay_block old, now;
    struct mc_delay_memory memory[MC_DELAY_MEMORIES];
};

/* longest_us: nobody would wait longer for a packet. */
void mc_delay_init(struct mc_delay *d, uint32_t longest_us);
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
