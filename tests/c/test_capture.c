/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a capture keeps of packets. That the files are right is asked of Wireshark (tests/seeing/test_pcap.py). */
#include "capture.h"
#include "check.h"
#include "err.h"

static const struct mc_pcap_end four = {.addr = {192, 0, 2, 1}, .port = 4000, .version = 4};
static const struct mc_pcap_end six = {.addr = {0x20, 1, 0xd, 0xb8, [15] = 1}, .port = 4002, .version = 6};
static const uint8_t rtp[172] = {0x82, 0, 0, 1}; /* two contributing sources */
static const uint8_t rtcp[28] = {0x80, 200, 0, 6};

static uint8_t out[1 << 16];

static uint32_t size_at(size_t at, size_t field) {
    uint32_t v;

    memcpy(&v, out + at + field, sizeof v);
    return v;
}

static void headers_or_all(void) {
    static const struct {
        const uint8_t *pkt;
        size_t len;
        bool whole;
        size_t kept;
    } rows[] = {{rtp, 172, true, 172}, {rtp, 172, false, 20}, {rtp, 16, false, 16}, {rtp, 5, false, 5}, {rtcp, 28, false, 28}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mc_capture *c;

        CHECK_INT(i, mc_capture_new(&c, 1 << 14, rows[i].whole), MC_OK);
        mc_capture_packet(c, &four, &four, rows[i].pkt, rows[i].len, 5000007);
        mc_capture_packet(c, &six, &six, rows[i].pkt, rows[i].len, 5000008);
        CHECK_INT(i, mc_capture_read(c, out, sizeof out), 16 + 28 + rows[i].kept + 16 + 48 + rows[i].kept);
        CHECK_INT(i, size_at(0, 0), 5);
        CHECK_INT(i, size_at(0, 4), 7);
        CHECK_INT(i, size_at(0, 8), 28 + rows[i].kept);
        CHECK_INT(i, size_at(0, 12), 28 + rows[i].len);
        CHECK_INT(i, size_at(16 + 28 + rows[i].kept, 12), 48 + rows[i].len);
        CHECK_INT(i, mc_capture_lost(c), 0);
        CHECK_INT(i, mc_capture_read(c, out, sizeof out), 0);
        mc_capture_unref(c);
    }
}

static void what_nobody_takes_is_lost_and_the_rest_stays_whole(void) {
    struct mc_capture *c;
    struct rng rng = rng_of(3);
    uint64_t put = 0, got = 0;

    CHECK_INT(0, mc_capture_new(&c, 1 << 13, true), MC_OK);
    for (int i = 0; i < 20000; i++) {
        size_t room = rng_below(&rng, 3) == 0 ? 300 : sizeof out, n, at = 0;

        mc_capture_packet(c, &four, &four, rtp, 1 + rng_below(&rng, sizeof rtp), 0);
        put++;
        if (rng_below(&rng, 40) != 0) {
            continue;
        }
        n = mc_capture_read(c, out, room);
        for (; at < n; at += 16 + size_at(at, 8), got++) {
            CHECK_INT(i, out[at + 16], 0x45);
        }
        CHECK_INT(i, at, n);
    }
    while (mc_capture_read(c, out, 16 + 28 + sizeof rtp) > 0) {
        got++; /* none is so small that two fit, or few */
    }
    CHECK(mc_capture_lost(c) > 1000);
    CHECK(got + mc_capture_lost(c) <= put);
    CHECK(got > 1000);
    mc_capture_unref(c);
}

static void what_can_not_be_written_is_refused(void) {
    static const uint8_t big[MC_PCAP_MAX_PAYLOAD + 1];
    struct mc_capture *c;

    CHECK_INT(0, mc_capture_new(&c, 1 << 10, true), MC_E_ARG);
    CHECK_INT(1, mc_capture_new(&c, 10000, true), MC_E_ARG);
    CHECK_INT(2, mc_pcap_packet(out, 0, &four, &six, rtp, 1, 1), MC_E_ARG);
    CHECK_INT(3, mc_pcap_packet(out, 0, &four, &four, big, sizeof big, 0), MC_E_ARG);
    CHECK_INT(4, mc_pcap_packet(out, 0, &four, &four, rtp, 1, 2), MC_E_ARG);
    CHECK_INT(5, mc_capture_new(&c, 1 << 13, true), MC_OK);
    mc_capture_packet(c, &four, &four, big, sizeof big, 0);
    CHECK_INT(6, mc_capture_lost(c), 1);
    mc_capture_unref(c);
}

int main(void) {
    RUN(headers_or_all);
    RUN(what_nobody_takes_is_lost_and_the_rest_stays_whole);
    RUN(what_can_not_be_written_is_refused);
    return check_done();
}
