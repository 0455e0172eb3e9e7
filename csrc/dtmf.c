/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * RFC 4733 section 2.3:
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     event     |E|R| volume    |          duration             |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * All packets of one event carry the timestamp of its start; that, and nothing else, tells events apart. */
#include "dtmf.h"

#include <string.h>

#include "err.h"

#define SILENT_US 200000 /* no update for so long: the end was lost. Updates come each 20-50 ms (section 2.5.1.2) */
#define SEGMENT 0xffff   /* section 2.5.1.3: a longer event goes on with a timestamp moved by this */
#define STALE 480000u    /* timestamps so little behind are late packets of events that are over, not a new clock */
#define VOLUME 10        /* -10 dBm0 (section 2.3.4) */
#define END_BIT 0x80

static const char digits[] = "0123456789*#ABCD"; /* section 3.2, table 3 */
#define N_DIGITS (sizeof digits - 1)

void mc_dtmf_rx_init(struct mc_dtmf_rx *rx) {
    memset(rx, 0, sizeof *rx);
}

/* The digit is over: it waits in `ready` until a call can give it out. */
static void finish(struct mc_dtmf_rx *rx) {
    rx->active = false;
    if (rx->n_ready < sizeof rx->ready / sizeof *rx->ready) {
        rx->ready[rx->n_ready++] = (struct mc_dtmf_event){digits[rx->event], rx->base + rx->duration};
    }
}

static int give(struct mc_dtmf_rx *rx, struct mc_dtmf_event *out) {
    if (rx->n_ready == 0) {
        return 0;
    }
    *out = rx->ready[0];
    rx->n_ready--;
    memmove(rx->ready, rx->ready + 1, rx->n_ready * sizeof *rx->ready);
    return 1;
}

static bool is_over(const struct mc_dtmf_rx *rx, const struct mc_rtp *pkt) {
    return rx->have_last && pkt->ssrc == rx->ssrc && rx->ts - pkt->ts < STALE && (pkt->ts != rx->ts || !rx->active);
}

static bool continues(const struct mc_dtmf_rx *rx, const struct mc_rtp *pkt, uint8_t event) {
    return rx->active && pkt->ssrc == rx->ssrc && pkt->ts - rx->ts == SEGMENT && event == rx->event && !pkt->marker;
}

int mc_dtmf_rx_packet(struct mc_dtmf_rx *rx, const struct mc_rtp *pkt, uint64_t now_us, struct mc_dtmf_event *out) {
    if (pkt->len < MC_DTMF_PAYLOAD) {
        return MC_E_SHORT;
    }
    const uint8_t event = pkt->payload[0];
    const bool end = pkt->payload[1] & END_BIT;
    const uint16_t duration = (uint16_t)(pkt->payload[2] << 8 | pkt->payload[3]);
    if (event >= N_DIGITS || is_over(rx, pkt)) {
        return give(rx, out);
    }
    if (continues(rx, pkt, event)) {
        rx->base += SEGMENT;
        rx->ts = pkt->ts;
        rx->duration = 0;
    } else if (!rx->active || pkt->ts != rx->ts || pkt->ssrc != rx->ssrc) {
        if (rx->active) {
            finish(rx); /* its end was lost and the next one is here */
        }
        rx->active = rx->have_last = true;
        rx->ts = pkt->ts;
        rx->ssrc = pkt->ssrc;
        rx->event = event;
        rx->base = rx->duration = 0;
    }
    rx->seen_us = now_us;
    rx->duration = duration > rx->duration ? duration : rx->duration; /* reordered updates don't shorten it */
    if (end) {
        finish(rx);
    }
    return give(rx, out);
}

int mc_dtmf_rx_tick(struct mc_dtmf_rx *rx, uint64_t now_us, struct mc_dtmf_event *out) {
    if (rx->active && now_us > rx->seen_us && now_us - rx->seen_us >= SILENT_US) {
        finish(rx);
    }
    return give(rx, out);
}

static uint32_t units(uint32_t clock, unsigned ms) {
    uint64_t n = (uint64_t)clock * ms / 1000;
    return n > SEGMENT ? SEGMENT : (uint32_t)n;
}

void mc_dtmf_tx_init(struct mc_dtmf_tx *tx, uint32_t clock, unsigned digit_ms, unsigned gap_ms) {
    memset(tx, 0, sizeof *tx);
    tx->digit_units = units(clock, digit_ms);
    tx->gap = units(clock, gap_ms);
}

int mc_dtmf_tx_queue(struct mc_dtmf_tx *tx, char digit) {
    if (digit >= 'a' && digit <= 'd') {
        digit = (char)(digit - 'a' + 'A');
    }
    const char *at = digit ? strchr(digits, digit) : NULL;
    if (at == NULL) {
        return MC_E_ARG;
    }
    if (tx->n_queued == sizeof tx->queue) {
        return MC_E_FULL;
    }
    tx->queue[tx->n_queued++] = (uint8_t)(at - digits);
    return MC_OK;
}

static void begin(struct mc_dtmf_tx *tx, uint32_t ts) {
    tx->event = tx->queue[0];
    tx->n_queued--;
    memmove(tx->queue, tx->queue + 1, tx->n_queued);
    tx->active = true;
    tx->ts = ts;
    tx->duration = 0;
    tx->total = tx->digit_units;
    tx->n_end = MC_DTMF_END_COPIES;
}

int mc_dtmf_tx_tick(struct mc_dtmf_tx *tx, uint32_t ts, uint32_t step, struct mc_rtp *out, uint8_t payload[MC_DTMF_PAYLOAD],
                    bool *quiet) {
    *quiet = false;
    const bool first = !tx->active;
    if (first) {
        if (tx->gap_left > 0) {
            tx->gap_left = tx->gap_left > step ? tx->gap_left - step : 0;
            *quiet = true;
            return 0;
        }
        if (tx->n_queued == 0) {
            return 0;
        }
        begin(tx, ts);
    }
    tx->duration = tx->total - tx->duration > step ? tx->duration + step : tx->total;
    const bool end = tx->duration == tx->total;
    payload[0] = tx->event;
    payload[1] = (uint8_t)(VOLUME | (end ? END_BIT : 0));
    payload[2] = (uint8_t)(tx->duration >> 8);
    payload[3] = (uint8_t)tx->duration;
    out->marker = first; /* section 2.5.1.1 */
    out->ts = tx->ts;
    out->payload = payload;
    out->len = MC_DTMF_PAYLOAD;
    if (end && --tx->n_end == 0) {
        tx->active = false;
        tx->gap_left = tx->gap;
    }
    return 1;
}
