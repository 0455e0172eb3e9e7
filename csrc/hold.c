/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hold.h"

#include <string.h>

/* Steps whose ratio makes `us` settle where one late packet in ten is later still. */
#define UP_US 2700
#define DOWN_US 300
#define MARGIN_US 1000 /* over the latest one when it is not caught */
#define VAIN 4         /* gaps in a row without a late packet, and the network is taken to keep its order */

void mc_hold_init(struct mc_hold *hold) {
    memset(hold, 0, sizeof *hold);
    hold->us = MC_HOLD_FIRST_US;
}

static void learn(struct mc_hold *hold, uint64_t late_us) {
    if (late_us > MC_HOLD_MAX_US) {
        return; /* no wait would have caught it */
    }
    hold->n_vain = 0;
    if (late_us + MARGIN_US <= hold->us) {
        hold->us -= DOWN_US;
        return;
    }
    hold->us = hold->us + UP_US < MC_HOLD_MAX_US ? hold->us + UP_US : MC_HOLD_MAX_US;
}

void mc_hold_packet(struct mc_hold *hold, uint32_t ext, uint64_t now_us) {
    if (!hold->begun || (int32_t)(ext - hold->top) >= 0) {
        if (hold->begun && ext != hold->top) {
            hold->gap = hold->top;
            hold->gap_end = ext;
            hold->gap_us = now_us;
        }
        hold->begun = true;
        hold->top = ext + 1;
        return;
    }
    if ((int32_t)(ext - hold->gap) >= 0 && (int32_t)(ext - hold->gap_end) < 0) {
        learn(hold, now_us - hold->gap_us);
    }
}

void mc_hold_vain(struct mc_hold *hold) {
    if (hold->n_vain < VAIN) {
        hold->n_vain++;
    }
}

uint32_t mc_hold_us(const struct mc_hold *hold) {
    return hold->n_vain < VAIN ? hold->us : 0;
}
