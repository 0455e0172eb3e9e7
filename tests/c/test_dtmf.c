/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtmf.h"

#include "check.h"
#include "err.h"

#define CLOCK 8000
#define STEP 160
#define SSRC 99

struct row {
    uint32_t at_ms;
    bool marker;
    uint32_t ts;
    uint8_t event;
    bool end;
    uint16_t duration;
    char want;         /* digit given out at this packet, 0 = none */
    uint32_t want_len; /* its duration */
};

static struct mc_rtp packet(const struct row *row, uint8_t payload[MC_DTMF_PAYLOAD]) {
    payload[0] = row->event;
    payload[1] = (uint8_t)(row->end ? 0x8a : 0x0a);
    payload[2] = (uint8_t)(row->duration >> 8);
    payload[3] = (uint8_t)row->duration;
    return (struct mc_rtp){.marker = row->marker, .ts = row->ts, .ssrc = SSRC, .payload = payload, .len = MC_DTMF_PAYLOAD};
}

/* Rows with event 255 are ticks. */
#define TICK 255

static void play(int name, const struct row *rows, size_t n) {
    struct mc_dtmf_rx rx;
    mc_dtmf_rx_init(&rx);
    for (size_t i = 0; i < n; i++) {
        uint8_t payload[MC_DTMF_PAYLOAD];
        struct mc_rtp p = packet(&rows[i], payload);
        struct mc_dtmf_event ev = {0};
        uint64_t now_us = rows[i].at_ms * UINT64_C(1000);
        int rc = rows[i].event == TICK ? mc_dtmf_rx_tick(&rx, now_us, &ev) : mc_dtmf_rx_packet(&rx, &p, now_us, &ev);
        CHECK_INT(name * 100 + (int)i, rc, rows[i].want != 0);
        CHECK_INT(name * 100 + (int)i, ev.digit, rows[i].want);
        CHECK_INT(name * 100 + (int)i, ev.duration, rows[i].want_len);
    }
}

static void received(void) {
    static const struct row whole[] = {
        {0, true, 1000, 5, false, 160, 0, 0},      {20, false, 1000, 5, false, 320, 0, 0},
        {40, false, 1000, 5, true, 480, '5', 480}, {60, false, 1000, 5, true, 480, 0, 0},
        {80, false, 1000, 5, true, 480, 0, 0},     {999, false, 0, TICK, false, 0, 0, 0},
    };
    static const struct row only_last_end[] = {{80, false, 1000, 11, true, 800, '#', 800},
                                               {999, false, 0, TICK, false, 0, 0, 0}};
    static const struct row no_end[] = {
        {0, true, 1000, 10, false, 160, 0, 0},
        {50, false, 1000, 10, false, 560, 0, 0},
        {240, false, 0, TICK, false, 0, 0, 0},
        {250, false, 0, TICK, false, 0, '*', 560},
        {270, false, 0, TICK, false, 0, 0, 0},
        {300, false, 1000, 10, true, 2400, 0, 0}, /* it came after all: the digit was told already */
    };
    static const struct row same_digit_twice[] = {
        {0, true, 1000, 1, true, 400, '1', 400},
        {20, false, 1000, 1, true, 400, 0, 0},
        {100, false, 1800, 1, true, 400, '1', 400},
        {110, false, 1000, 1, true, 400, 0, 0}, /* a late copy of the first */
    };
    static const struct row end_lost_next_begins[] = {
        {0, true, 1000, 1, false, 160, 0, 0},
        {60, true, 1800, 2, false, 160, '1', 160},
        {80, false, 1800, 2, true, 320, '2', 320},
    };
    static const struct row end_lost_next_is_one_packet[] = {
        {0, true, 1000, 1, false, 160, 0, 0},      {60, true, 1800, 2, true, 160, '1', 160},
        {80, false, 1800, 2, true, 160, '2', 160}, {90, false, 1800, 2, true, 160, 0, 0},
        {100, false, 0, TICK, false, 0, 0, 0},
    };
    static const struct row reordered[] = {
        {0, true, 1000, 13, false, 320, 0, 0},      {20, false, 1000, 13, false, 160, 0, 0},
        {40, false, 1000, 13, true, 480, 'B', 480}, {60, false, 1000, 13, false, 400, 0, 0},
        {999, false, 0, TICK, false, 0, 0, 0},
    };
    static const struct row reordered_without_end[] = {
        {0, true, 1000, 13, false, 320, 0, 0},
        {20, false, 1000, 13, false, 160, 0, 0},
        {999, false, 0, TICK, false, 0, 'B', 320},
    };
    static const struct row not_digits[] = {{0, true, 1000, 16, true, 160, 0, 0}, {9, true, 1900, 64, true, 160, 0, 0}};
    static const struct row timestamp_wraps[] = {
        {0, true, 0xffffff00, 3, true, 160, '3', 160},
        {50, true, 0x00000100, 4, true, 160, '4', 160},
        {60, false, 0xffffff00, 3, true, 160, 0, 0},
    };
    static const struct row clock_set_anew[] = {{0, true, 5000000, 3, true, 160, '3', 160},
                                                {900, true, 1000, 3, true, 160, '3', 160}};
    static const struct row long_segments[] = {
        /* section 2.5.1.3 */
        {0, true, 1000, 7, false, 65000, 0, 0},    {50, false, 1000, 7, false, 65535, 0, 0},
        {100, false, 66535, 7, false, 400, 0, 0},  {150, false, 66535, 7, true, 800, '7', 66335},
        {160, false, 1000, 7, false, 65535, 0, 0}, {170, false, 66535, 7, true, 800, 0, 0},
    };
    play(0, whole, COUNT(whole));
    play(1, only_last_end, COUNT(only_last_end));
    play(2, no_end, COUNT(no_end));
    play(3, same_digit_twice, COUNT(same_digit_twice));
    play(4, end_lost_next_begins, COUNT(end_lost_next_begins));
    play(5, end_lost_next_is_one_packet, COUNT(end_lost_next_is_one_packet));
    play(6, reordered, COUNT(reordered));
    play(7, not_digits, COUNT(not_digits));
    play(8, timestamp_wraps, COUNT(timestamp_wraps));
    play(9, clock_set_anew, COUNT(clock_set_anew));
    play(11, reordered_without_end, COUNT(reordered_without_end));
    play(10, long_segments, COUNT(long_segments));
}

static void another_source_is_another_event(void) {
    struct mc_dtmf_rx rx;
    struct mc_dtmf_event ev;
    uint8_t payload[MC_DTMF_PAYLOAD] = {6, 0x80, 0, 160};
    struct mc_rtp p = {.ts = 1000, .ssrc = 1, .payload = payload, .len = sizeof payload};
    mc_dtmf_rx_init(&rx);
    CHECK_INT(0, mc_dtmf_rx_packet(&rx, &p, 0, &ev), 1);
    CHECK_INT(1, mc_dtmf_rx_packet(&rx, &p, 0, &ev), 0);
    p.ssrc = 2;
    CHECK_INT(2, mc_dtmf_rx_packet(&rx, &p, 0, &ev), 1);
}

static void short_payload(void) {
    struct mc_dtmf_rx rx;
    struct mc_dtmf_event ev;
    uint8_t *payload = calloc(1, 3);
    mc_dtmf_rx_init(&rx);
    for (size_t len = 0; len < MC_DTMF_PAYLOAD; len++) {
        struct mc_rtp p = {.payload = payload, .len = len};
        CHECK_INT(len, mc_dtmf_rx_packet(&rx, &p, 0, &ev), MC_E_SHORT);
    }
    free(payload);
}

struct sent {
    bool event, quiet, marker, end;
    uint32_t ts;
    uint8_t code;
    uint16_t duration;
};

static struct sent tick(struct mc_dtmf_tx *tx, uint32_t ts) {
    struct mc_rtp p = {0};
    uint8_t payload[MC_DTMF_PAYLOAD] = {0};
    struct sent s = {0};
    s.event = mc_dtmf_tx_tick(tx, ts, STEP, &p, payload, &s.quiet) == 1;
    if (s.event) {
        s.marker = p.marker;
        s.ts = p.ts;
        s.code = payload[0];
        s.end = payload[1] & 0x80;
        s.duration = (uint16_t)(payload[2] << 8 | payload[3]);
        CHECK(p.payload == payload && p.len == MC_DTMF_PAYLOAD && (payload[1] & 0x7f) == 10);
    }
    return s;
}

/* 70 ms digits, 50 ms gap, 20 ms packets: three updates, three ends, a gap of three packets, the next digit. */
static void sent(void) {
    static const struct {
        bool event, quiet, marker, end;
        uint32_t ts;
        uint8_t code;
        uint16_t duration;
    } want[] = {
        {true, false, true, false, 0, 9, 160},      {true, false, false, false, 0, 9, 320},
        {true, false, false, false, 0, 9, 480},     {true, false, false, true, 0, 9, 560},
        {true, false, false, true, 0, 9, 560},      {true, false, false, true, 0, 9, 560},
        {false, true, false, false, 0, 0, 0},       {false, true, false, false, 0, 0, 0},
        {false, true, false, false, 0, 0, 0},       {true, false, true, false, 1440, 12, 160},
        {true, false, false, false, 1440, 12, 320},
    };
    struct mc_dtmf_tx tx;
    mc_dtmf_tx_init(&tx, CLOCK, 70, 50);
    CHECK_INT(0, mc_dtmf_tx_queue(&tx, '9'), MC_OK);
    CHECK_INT(0, mc_dtmf_tx_queue(&tx, 'a'), MC_OK);
    for (uint32_t i = 0; i < COUNT(want); i++) {
        struct sent s = tick(&tx, i * STEP);
        CHECK_INT(i, s.event, want[i].event);
        CHECK_INT(i, s.quiet, want[i].quiet);
        CHECK_INT(i, s.marker, want[i].marker);
        CHECK_INT(i, s.end, want[i].end);
        CHECK_INT(i, s.ts, want[i].ts);
        CHECK_INT(i, s.code, want[i].code);
        CHECK_INT(i, s.duration, want[i].duration);
    }
}

static void queue_limits(void) {
    struct mc_dtmf_tx tx;
    mc_dtmf_tx_init(&tx, CLOCK, 100, 50);
    for (const char *bad = "xE- +"; *bad; bad++) {
        CHECK_INT(*bad, mc_dtmf_tx_queue(&tx, *bad), MC_E_ARG);
    }
    CHECK_INT(0, mc_dtmf_tx_queue(&tx, '\0'), MC_E_ARG);
    for (size_t i = 0; i < sizeof tx.queue; i++) {
        CHECK_INT(i, mc_dtmf_tx_queue(&tx, "0123456789*#ABCD"[i % 16]), MC_OK);
    }
    CHECK_INT(0, mc_dtmf_tx_queue(&tx, '1'), MC_E_FULL);
}

static void a_very_long_digit_stops_at_what_the_field_holds(void) {
    struct mc_dtmf_tx tx;
    mc_dtmf_tx_init(&tx, 48000, 60000, 50);
    mc_dtmf_tx_queue(&tx, '1');
    struct sent s = {0};
    for (int i = 0; i < 1000 && !s.end; i++) {
        s = tick(&tx, (uint32_t)i * STEP);
    }
    CHECK_INT(0, s.duration, 0xffff);
}

/* Whatever the line loses, repeats or swaps: each digit of which at least one packet came is told once, in order. */
static void exactly_one_digit_an_event(void) {
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct rng r = rng_of(seed);
        struct mc_dtmf_tx tx;
        struct mc_dtmf_rx rx;
        struct mc_dtmf_event ev;
        char want[33] = {0};
        char got[64] = {0};
        size_t n_want = 0;
        size_t n_got = 0;
        uint32_t base = rng_next(&r);
        uint32_t loss = rng_below(&r, 60);
        bool came = false;
        uint8_t held[MC_DTMF_PAYLOAD];
        struct mc_rtp late = {0};
        mc_dtmf_tx_init(&tx, CLOCK, 40 + rng_below(&r, 200), 40 + rng_below(&r, 100));
        mc_dtmf_rx_init(&rx);
        for (int i = 0; i < 20; i++) {
            mc_dtmf_tx_queue(&tx, "0123456789*#ABCD"[rng_below(&r, 16)]);
        }
        for (uint32_t i = 0; i < 600; i++) {
            uint8_t payload[MC_DTMF_PAYLOAD];
            struct mc_rtp p = {.ssrc = SSRC};
            bool quiet;
            uint64_t now_us = i * UINT64_C(20000);
            if (mc_dtmf_tx_tick(&tx, base + i * STEP, STEP, &p, payload, &quiet) == 1) {
                came = came && !p.marker;
                p.marker = p.marker && rng_below(&r, 2); /* even when the packet comes its marker may not be trusted */
                bool last = (payload[1] & 0x80) && tx.n_end == 0;
                if (rng_below(&r, 100) >= loss) {
                    came = true;
                    for (uint32_t k = rng_below(&r, 5) == 0 ? 2 : 1; k > 0; k--) {
                        if (mc_dtmf_rx_packet(&rx, &p, now_us, &ev) == 1 && n_got < 63) {
                            got[n_got++] = ev.digit;
                        }
                    }
                    if (late.len > 0 && rng_below(&r, 3) == 0 && mc_dtmf_rx_packet(&rx, &late, now_us, &ev) == 1 &&
                        n_got < 63) {
                        got[n_got++] = ev.digit;
                    }
                    memcpy(held, payload, sizeof held);
                    late = p;
                    late.payload = held;
                }
                if (last && came) {
                    want[n_want++] = "0123456789*#ABCD"[payload[0]];
                }
            }
            if (mc_dtmf_rx_tick(&rx, now_us, &ev) == 1 && n_got < 63) {
                got[n_got++] = ev.digit;
            }
        }
        if (strcmp(got, want) != 0) {
            check_fail(__FILE__, __LINE__, "seed %d, loss %u %%: got %s, want %s", (int)seed, loss, got, want);
        }
    }
}

int main(void) {
    RUN(received);
    RUN(another_source_is_another_event);
    RUN(short_payload);
    RUN(sent);
    RUN(queue_limits);
    RUN(a_very_long_digit_stops_at_what_the_field_holds);
    RUN(exactly_one_digit_an_event);
    return check_done();
}
