/* SPDX-License-Identifier: GPL-3.0-or-later
 * How long it pays to wait for a missing packet before it counts as lost, learned from what the network does. A packet that was
 * overtaken and comes late says how long a wait would have caught it; gaps that nothing ever fills say that nothing here is
 * overtaken, and then a loss need cost no time at all.
 *
 *   seq   7   8   9  11 . . 10    10 is late by the time since 11 came
 */
#ifndef MC_HOLD_H
#define MC_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#define MC_HOLD_FIRST_US 20000 /* until something was learned */
#define MC_HOLD_MAX_US 40000   /* a packet that is later is not waited for */

struct mc_hold {
    uint32_t us;     /* what catches nearly all of the late ones */
    uint32_t n_vain; /* gaps in a row that nothing filled in time */
    uint32_t top;    /* one past the highest extended sequence number; 0 and not begun: none yet */
    uint32_t gap;    /* first missing number of the newest gap; it ends where top was ... */
    uint32_t gap_end;
    uint64_t gap_us; /* ... when the packet behind it came */
    bool begun;
};

void mc_hold_init(struct mc_hold *hold);
/* A packet came, in whatever order. */
void mc_hold_packet(struct mc_hold *hold, uint32_t ext, uint64_t now_us);
/* A gap was given up. */
void mc_hold_vain(struct mc_hold *hold);
/* How long to wait, from the arrival of the packet behind the gap. */
uint32_t mc_hold_us(const struct mc_hold *hold);

#endif
