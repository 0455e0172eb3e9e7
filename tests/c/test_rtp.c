/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp.h"

#include "check.h"
#include "err.h"

#define HEAD 0x12, 0x34, 0x00, 0x00, 0x01, 0x00, 0xde, 0xad, 0xbe, 0xef /* seq, ts, ssrc */

static const struct {
    const char *what;
    uint8_t bytes[64];
    size_t len;
    int want;
    size_t at; /* where the payload begins */
    size_t n;  /* and how long it is */
} rows[] = {
    {"plain", {0x80, 0x00, HEAD, 1, 2, 3}, 15, MC_OK, 12, 3},
    {"empty payload", {0x80, 0x00, HEAD}, 12, MC_OK, 12, 0},
    {"nothing", {0}, 0, MC_E_SHORT, 0, 0},
    {"one byte less than a header", {0x80, 0x00, HEAD}, 11, MC_E_SHORT, 0, 0},
    {"version 1", {0x40, 0x00, HEAD, 1}, 13, MC_E_FORMAT, 0, 0},
    {"version 3", {0xc0, 0x00, HEAD, 1}, 13, MC_E_FORMAT, 0, 0},
    {"two CSRC", {0x82, 0x00, HEAD, 0, 0, 0, 1, 0, 0, 0, 2, 9}, 21, MC_OK, 20, 1},
    {"CSRC cut off", {0x82, 0x00, HEAD, 0, 0, 0, 1, 0, 0, 0}, 19, MC_E_SHORT, 0, 0},
    {"15 CSRC announced", {0x8f, 0x00, HEAD, 1}, 13, MC_E_SHORT, 0, 0},
    {"extension of one word", {0x90, 0x00, HEAD, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 7, 8}, 22, MC_OK, 20, 2},
    {"empty extension", {0x90, 0x00, HEAD, 0xbe, 0xde, 0, 0, 7}, 17, MC_OK, 16, 1},
    {"extension header cut off", {0x90, 0x00, HEAD, 0xbe, 0xde, 0}, 15, MC_E_SHORT, 0, 0},
    {"extension longer than the packet", {0x90, 0x00, HEAD, 0xbe, 0xde, 0, 2, 1, 2, 3, 4}, 20, MC_E_SHORT, 0, 0},
    {"extension of 65,535 words", {0x90, 0x00, HEAD, 0xbe, 0xde, 0xff, 0xff, 1, 2, 3, 4}, 20, MC_E_SHORT, 0, 0},
    {"CSRC and extension", {0x91, 0x00, HEAD, 0, 0, 0, 1, 0, 0, 0, 0, 5, 6}, 22, MC_OK, 20, 2},
    {"padding", {0xa0, 0x00, HEAD, 7, 8, 0, 0, 3}, 17, MC_OK, 12, 2},
    {"all padding", {0xa0, 0x00, HEAD, 0, 2}, 14, MC_OK, 12, 0},
    {"padding of 0", {0xa0, 0x00, HEAD, 7, 0}, 14, MC_E_FORMAT, 0, 0},
    {"padding longer than the payload", {0xa0, 0x00, HEAD, 7, 3}, 14, MC_E_FORMAT, 0, 0},
    {"padding announced, no payload", {0xa0, 0x00, HEAD}, 12, MC_E_FORMAT, 0, 0},
    {"padding may not reach into the extension", {0xb0, 0x00, HEAD, 0, 0, 0, 1, 1, 1, 1, 5, 1}, 21, MC_OK, 20, 0},
    {"padding reaches into the extension", {0xb0, 0x00, HEAD, 0, 0, 0, 1, 1, 1, 1, 2}, 20, MC_E_FORMAT, 0, 0},
};

static void parse_rows(void) {
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t *buf = malloc(rows[i].len + 1); /* its own block, so that a sanitizer sees a read behind it */
        uint8_t *end = memcpy(buf + 1, rows[i].bytes, rows[i].len);
        struct mc_rtp p = {0};
        CHECK_INT(i, mc_rtp_parse(&p, end, rows[i].len), rows[i].want);
        if (rows[i].want == MC_OK) {
            CHECK_INT(i, p.payload - end, rows[i].at);
            CHECK_INT(i, p.len, rows[i].n);
            CHECK_INT(i, p.seq, 0x1234);
            CHECK_INT(i, p.ts, 0x100);
            CHECK_INT(i, p.ssrc, 0xdeadbeef);
        }
        free(buf);
    }
}

static void fields_at_their_limits(void) {
    const uint8_t buf[] = {0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct mc_rtp p;
    CHECK_INT(0, mc_rtp_parse(&p, buf, sizeof buf), MC_OK);
    CHECK(p.marker && p.pt == 127 && p.seq == UINT16_MAX && p.ts == UINT32_MAX && p.ssrc == UINT32_MAX);
}

static void nothing_larger_than_a_packet(void) {
    static uint8_t buf[MC_RTP_MAX_PACKET + 1] = {0x80};
    struct mc_rtp p;
    CHECK_INT(0, mc_rtp_parse(&p, buf, MC_RTP_MAX_PACKET), MC_OK);
    CHECK_INT(1, mc_rtp_parse(&p, buf, sizeof buf), MC_E_FORMAT);
}

static void build_then_parse(void) {
    struct rng r = rng_of(1);
    for (int i = 0; i < 100000; i++) {
        uint8_t buf[MC_RTP_HEADER + 4] = {0};
        struct mc_rtp in = {.marker = rng_next(&r) & 1, .pt = rng_below(&r, 128), .seq = (uint16_t)rng_next(&r)};
        struct mc_rtp out;
        in.ts = rng_next(&r);
        in.ssrc = rng_next(&r);
        CHECK_INT(i, mc_rtp_build(buf, sizeof buf, &in), MC_RTP_HEADER);
        CHECK_INT(i, mc_rtp_parse(&out, buf, sizeof buf), MC_OK);
        CHECK(out.marker == in.marker && out.pt == in.pt && out.seq == in.seq && out.ts == in.ts && out.ssrc == in.ssrc);
        CHECK(out.payload == buf + MC_RTP_HEADER && out.len == 4);
    }
}

static void build_needs_room(void) {
    uint8_t buf[MC_RTP_HEADER];
    struct mc_rtp p = {0};
    CHECK_INT(0, mc_rtp_build(buf, sizeof buf - 1, &p), MC_E_SHORT);
    p.pt = 200; /* the marker is not the payload type's to set */
    CHECK_INT(0, mc_rtp_build(buf, sizeof buf, &p), MC_RTP_HEADER);
    CHECK_INT(0, buf[1] >> 7, 0);
}

static void rtcp_on_the_rtp_port(void) {
    static const struct {
        uint8_t bytes[2];
        size_t len;
        bool want;
    } r[] = {
        {{0x80, 200}, 2, true},   {{0x81, 201}, 2, true},  {{0x80, 192}, 2, true},
        {{0x80, 223}, 2, true},   {{0x80, 191}, 2, false}, {{0x80, 224}, 2, false},
        {{0x80, 0x80}, 2, false}, {{0x40, 200}, 2, false}, {{0x80, 200}, 1, false},
    };
    for (size_t i = 0; i < COUNT(r); i++) {
        CHECK_INT(i, mc_rtp_is_rtcp(r[i].bytes, r[i].len), r[i].want);
    }
}

int main(void) {
    RUN(parse_rows);
    RUN(fields_at_their_limits);
    RUN(nothing_larger_than_a_packet);
    RUN(build_then_parse);
    RUN(build_needs_room);
    RUN(rtcp_on_the_rtp_port);
    return check_done();
}
