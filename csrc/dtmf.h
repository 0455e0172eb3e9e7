/* SPDX-License-Identifier: GPL-3.0-or-later
 * Telephone events, RFC 4733. Digits are ASCII: 0-9 * # A-D. */
#ifndef MC_DTMF_H
#define MC_DTMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp.h"

#define MC_DTMF_PAYLOAD 4    /* bytes, section 2.3 */
#define MC_DTMF_END_COPIES 3 /* section 2.5.1.4: the last packet three times */

struct mc_dtmf_event {
    char digit;
    uint32_t duration; /* event clock units, as far as was seen */
};

struct mc_dtmf_rx {
    bool active;
    bool have_last;
    uint32_t ts; /* of the current or last event: same timestamp = same event */
    uint32_t ssrc;
    uint8_t event;
    uint32_t base;     /* event clock units in the segments before this one (section 2.5.1.3) */
    uint32_t duration; /* event clock units in this one */
    uint64_t seen_us;
    uint8_t n_ready;
    struct mc_dtmf_event ready[4]; /* ended, not given out yet: one packet can end two */
};

void mc_dtmf_rx_init(struct mc_dtmf_rx *rx);
/* One telephone-event packet. 1 = out holds a digit that just ended (exactly once an event), 0 = nothing new, or an error. */
int mc_dtmf_rx_packet(struct mc_dtmf_rx *rx, const struct mc_rtp *pkt, uint64_t now_us, struct mc_dtmf_event *out);
/* Time passes: an event whose end packets were all lost ends here. As above. */
int mc_dtmf_rx_tick(struct mc_dtmf_rx *rx, uint64_t now_us, struct mc_dtmf_event *out);

struct mc_dtmf_tx {
    uint8_t queue[32]; /* event codes waiting */
    uint8_t n_queued;
    bool active;
    uint8_t event;
    uint8_t n_end;            /* end packets still to go */
    uint32_t ts;              /* start of the event, RTP clock */
    uint32_t duration, total; /* RTP clock units */
    uint32_t gap, gap_left;   /* silence between digits, RTP clock units */
    uint32_t digit_units;     /* length of a digit */
};

void mc_dtmf_tx_init(struct mc_dtmf_tx *tx, uint32_t clock, unsigned digit_ms, unsigned gap_ms);
/* MC_E_ARG: not a digit; MC_E_FULL. */
int mc_dtmf_tx_queue(struct mc_dtmf_tx *tx, char digit);
/* Once a packet time. 1 = write out->{marker, ts} and the 4-byte payload instead of audio; 0 = audio goes (or the gap between
 * digits: *quiet is set and silence goes). `ts` is the RTP timestamp that audio would have, `step` the units of one packet. */
int mc_dtmf_tx_tick(struct mc_dtmf_tx *tx, uint32_t ts, uint32_t step, struct mc_rtp *out, uint8_t payload[MC_DTMF_PAYLOAD],
                    bool *quiet);

#endif
