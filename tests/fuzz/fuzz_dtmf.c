/* SPDX-License-Identifier: GPL-3.0-or-later
 * A line of telephone-event packets and ticks: never more digits than different events, and none is told twice. */
#include "dtmf.h"

#include "fuzz.h"

static const struct seed seeds[] __attribute__((unused)) = {
    SEED("\x01\x00\x00\x01\x05\x0a\x00\xa0\x01\x00\x00\x00\x05\x0a\x01\x40\x01\x00\x00\x00\x05\x8a\x01\xe0\x01\x00\x00\x00\x05"
         "\x8a\x01\xe0"),
    SEED("\x01\x00\x10\x00\x01\x0a\x00\xa0\xff\x01\x00\x03\x20\x02\x8a\x00\xa0\xff\xff\xff"),
    SEED("\x81\x00\x00\x00\x0b\x0a\xff\xff\x01\x00\xff\xff\x0b\x8a\x00\xa0"),
};

/* Each step: flags and time (0xff = a tick), timestamp moved by 24 bits, payload. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct source s = {data, size};
    struct mc_dtmf_rx rx;
    struct mc_dtmf_event ev;
    uint64_t now_us = 0;
    uint32_t ts = 0;
    uint32_t ssrc = 0;
    size_t n_events = 0;
    size_t n_digits = 0;
    mc_dtmf_rx_init(&rx);
    while (s.left > 0) {
        uint32_t flags = take(&s, 1);
        now_us += 20000;
        if (flags == 0xff) {
            now_us += 100000;
            int rc = mc_dtmf_rx_tick(&rx, now_us, &ev);
            MUST(rc == 0 || rc == 1);
            n_digits += (size_t)rc;
            continue;
        }
        uint32_t move = take(&s, 3);
        uint8_t *payload = malloc(MC_DTMF_PAYLOAD);
        size_t len = s.left < MC_DTMF_PAYLOAD ? s.left : MC_DTMF_PAYLOAD;
        for (size_t i = 0; i < len; i++) {
            payload[i] = (uint8_t)take(&s, 1);
        }
        ts += flags & 0x40 ? -move : move;
        n_events += move != 0 || n_events == 0 || (flags & 7) != ssrc;
        ssrc = flags & 7;
        struct mc_rtp p = {.marker = flags >> 7, .ts = ts, .ssrc = ssrc, .payload = payload, .len = len};
        int rc = mc_dtmf_rx_packet(&rx, &p, now_us, &ev);
        MUST(rc == 0 || rc == 1 || rc == MC_E_SHORT);
        n_digits += rc == 1;
        MUST(rc != 1 || (ev.digit != 0 && strchr("0123456789*#ABCD", ev.digit) != NULL));
        free(payload);
    }
    for (int i = 0; i < 10; i++) {
        now_us += 1000000;
        n_digits += mc_dtmf_rx_tick(&rx, now_us, &ev) == 1;
    }
    MUST(mc_dtmf_rx_tick(&rx, now_us + 1000000, &ev) == 0); /* an end to everything */
    MUST(n_digits <= n_events);
    return 0;
}

FUZZ_MAIN(seeds)
