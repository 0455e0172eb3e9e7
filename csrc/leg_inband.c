/* SPDX-License-Identifier: GPL-3.0-or-later
 * Digits in the sound that the machine ear hears. A peer that sends telephone-events as well (RFC 4733) means those: from the first
 * one on its sound is not searched any more, so no digit comes twice. */
#include <stdlib.h>

#include "err.h"
#include "leg_int.h"

int mc_rx_inband_open(struct mc_rx *rx, uint32_t rate) {
    rx->inband = malloc(sizeof *rx->inband);
    return rx->inband == NULL ? MC_E_NOMEM : mc_inband_init(rx->inband, rate);
}

void mc_rx_inband_close(struct mc_rx *rx) {
    free(rx->inband);
    rx->inband = NULL;
}

void mc_rx_inband(struct mc_leg *leg, struct mc_path *path, const struct mc_frame *frame) {
    struct mc_rx *rx = &path->rx;
    if (rx->inband == NULL || rx->dtmf.have_last) {
        return;
    }
    for (size_t done = 0; done < frame->n;) {
        struct mc_inband_digit d;
        size_t used = 0;
        if (mc_inband_run(rx->inband, frame->lost ? NULL : frame->pcm + done, frame->n - done, &used, &d) > 0) {
            mc_leg_event(leg, MC_EV_DTMF, d.digit, d.ms, frame->arrival_us);
        }
        done += used;
    }
}
