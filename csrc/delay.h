/* SPDX-License-Identifier: GPL-3.0-or-later
 * How long a stream's packets must be held so that nearly all are here in time. Each packet's transit (arrival - timestamp) is
 * compared with the fastest of late; a histogram of those differences that forgets in a few seconds gives the target.
 *
 *   transit of packets   .  :.: .   :      .            time to play(ts) = ts + base + target
 *                        ^base    ^base + target
 */
#ifndef MC_DELAY_H
#define MC_DELAY_H

#include <stdbool.h>
#include <stdint.h>

#define MC_DELAY_BIN_US 4000
#define MC_DELAY_BINS 256 /* about a second */

struct mc_delay {
    bool started;
    int64_t origin_us;   /* transit that bin 0 begins at */
    int64_t min_us;      /* least transit in the present window ... */
    int64_t prev_min_us; /* ... and in the one before */
    uint64_t window_us;  /* when the present window began */
    uint64_t last_us;    /* arrival of the last packet */
    float weight;        /* of the next packet; grows instead of all others shrinking */
    float total;
    float bin[MC_DELAY_BINS];
};

void mc_delay_init(struct mc_delay *d);
/* One packet: arrival, and its timestamp in microseconds on any scale that stays the same. */
void mc_delay_add(struct mc_delay *d, uint64_t now_us, int64_t ts_us);
/* Least transit of late, microseconds on the scale of mc_delay_add; 0 before the first packet. */
int64_t mc_delay_base_us(const struct mc_delay *d);
/* Hold time above the base, microseconds; 0 before the first packet. */
uint32_t mc_delay_target_us(const struct mc_delay *d);

#endif
