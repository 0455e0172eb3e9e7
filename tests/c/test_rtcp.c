/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtcp.h"

#include "check.h"
#include "err.h"
#include "rtcp_xr.h"

#define OURS 0x11223344u
#define THEIRS 0xaabbccddu

struct bytes {
    const char *text;
    size_t n;
};

#define BYTES(text)                                                                                                            \
    { text, sizeof(text) - 1 }

static const struct mc_rtcp_report block = {
    .ssrc = THEIRS, .fraction = 0x40, .lost = -2, .ext_seq = 0x00010203, .jitter = 77, .lsr = 0x01020304, .dlsr = 0x00018000};
static const struct mc_rtcp_sender sender = {
    .ntp = UINT64_C(0xe1e2e3e4f1f2f3f4), .rtp_ts = 0xa0a1a2a3, .n_packets = 250, .n_octets = 40000};

/* RFC 3550 section 6.4.1, 6.5 and 6.6, byte by byte. */
static void built_as_drawn(void) {
    static const struct bytes want = BYTES("\x81\xc8\x00\x0c\x11\x22\x33\x44\xe1\xe2\xe3\xe4\xf1\xf2\xf3\xf4\xa0\xa1\xa2\xa3"
                                           "\x00\x00\x00\xfa\x00\x00\x9c\x40"
                                           "\xaa\xbb\xcc\xdd\x40\xff\xff\xfe\x00\x01\x02\x03\x00\x00\x00\x4d\x01\x02\x03\x04"
                                           "\x00\x01\x80\x00"
                                           "\x81\xca\x00\x03\x11\x22\x33\x44\x01\x05lakes\0"
                                           "\x81\xcb\x00\x03\x11\x22\x33\x44\x05leave\0\0"
                                           "\x81\xcb\x00\x01\x11\x22\x33\x44");
    uint8_t buf[256];
    struct mc_rtcp_out out = {.buf = buf, .size = sizeof buf};
    CHECK_INT(0, mc_rtcp_put_report(&out, OURS, &sender, &block, 1), MC_OK);
    CHECK_INT(1, mc_rtcp_put_cname(&out, OURS, "lakes"), MC_OK);
    CHECK_INT(2, mc_rtcp_put_bye(&out, OURS, "leave"), MC_OK);
    CHECK_INT(3, mc_rtcp_put_bye(&out, OURS, NULL), MC_OK);
    CHECK_INT(4, out.len, want.n);
    for (size_t i = 0; i < want.n && i < out.len; i++) {
        CHECK_INT(i, buf[i], (uint8_t)want.text[i]);
    }
    CHECK_INT(5, mc_rtcp_check(buf, out.len), MC_OK);
}

/* SDES text of every length: at least one zero ends it, and the next packet begins on a word. */
static void cname_of_every_length(void) {
    char name[MC_RTCP_MAX_TEXT + 2];
    uint8_t buf[1024];
    memset(name, 'n', sizeof name);
    for (size_t n = 0; n <= MC_RTCP_MAX_TEXT; n++) {
        name[n] = '\0';
        struct mc_rtcp_out out = {.buf = buf, .size = sizeof buf};
        memset(buf, 0xff, sizeof buf);
        CHECK_INT(n, mc_rtcp_put_report(&out, OURS, NULL, NULL, 0), MC_OK);
        CHECK_INT(n, mc_rtcp_put_cname(&out, OURS, name), MC_OK);
        CHECK_INT(n, mc_rtcp_put_bye(&out, OURS, name), MC_OK);
        CHECK_INT(n, mc_rtcp_check(buf, out.len), MC_OK);
        struct mc_rtcp pkt;
        size_t at = 0;
        const char *text = NULL;
        CHECK(mc_rtcp_next(&pkt, buf, out.len, &at) && mc_rtcp_next(&pkt, buf, out.len, &at));
        CHECK_INT(n, pkt.type, MC_RTCP_SDES);
        CHECK_INT(n, mc_rtcp_cname(&pkt, OURS, &text), n);
        CHECK(memcmp(text, name, n) == 0);
        CHECK_INT(n, mc_rtcp_cname(&pkt, THEIRS, &text), MC_E_EMPTY);
        CHECK(mc_rtcp_next(&pkt, buf, out.len, &at));
        CHECK_INT(n, pkt.type, MC_RTCP_BYE);
        CHECK(!mc_rtcp_next(&pkt, buf, out.len, &at));
        name[n] = 'n';
    }
    name[MC_RTCP_MAX_TEXT + 1] = '\0';
    struct mc_rtcp_out out = {.buf = buf, .size = sizeof buf};
    CHECK_INT(0, mc_rtcp_put_cname(&out, OURS, name), MC_E_ARG);
    CHECK_INT(0, mc_rtcp_put_bye(&out, OURS, name), MC_E_ARG);
    CHECK_INT(0, out.len, 0);
}

static bool same_report(const struct mc_rtcp_report *a, const struct mc_rtcp_report *b) {
    return a->ssrc == b->ssrc && a->fraction == b->fraction && a->lost == b->lost && a->ext_seq == b->ext_seq &&
           a->jitter == b->jitter && a->lsr == b->lsr && a->dlsr == b->dlsr;
}

static void read_as_built(void) {
    struct mc_rtcp_report many[MC_RTCP_MAX_REPORTS + 1];
    uint8_t buf[1024];
    for (int i = 0; i <= MC_RTCP_MAX_REPORTS; i++) {
        many[i] = block;
        many[i].ssrc = (uint32_t)i;
        many[i].lost = (i - 14) * 0x80000;
    }
    for (int sr = 0; sr < 2; sr++) {
        for (unsigned n = 0; n <= MC_RTCP_MAX_REPORTS; n++) {
            struct mc_rtcp_out out = {.buf = buf, .size = sizeof buf};
            struct mc_rtcp pkt;
            struct mc_rtcp_sender s;
            uint32_t ssrc = 0;
            size_t at = 0;
            CHECK_INT(n, mc_rtcp_put_report(&out, OURS, sr ? &sender : NULL, many, n), MC_OK);
            CHECK_INT(n, mc_rtcp_check(buf, out.len), MC_OK);
            CHECK(mc_rtcp_next(&pkt, buf, out.len, &at));
            CHECK_INT(n, pkt.count, n);
            CHECK_INT(n, mc_rtcp_ssrc(&pkt, &ssrc), MC_OK);
            CHECK_INT(n, ssrc, OURS);
            CHECK_INT(n, mc_rtcp_sender(&pkt, &s), sr ? MC_OK : MC_E_ARG);
            CHECK(!sr || (s.ntp == sender.ntp && s.rtp_ts == sender.rtp_ts && s.n_packets == 250 && s.n_octets == 40000));
            for (unsigned i = 0; i < n; i++) {
                struct mc_rtcp_report r, want = many[i];
                want.lost = want.lost > 0x7fffff ? 0x7fffff : want.lost; /* 24 bits, signed */
                CHECK_INT(i, mc_rtcp_report(&pkt, i, &r), MC_OK);
                CHECK(same_report(&r, &want));
            }
            struct mc_rtcp_report r;
            CHECK_INT(n, mc_rtcp_report(&pkt, n, &r), MC_E_ARG);
        }
    }
    struct mc_rtcp_out out = {.buf = buf, .size = sizeof buf};
    CHECK_INT(0, mc_rtcp_put_report(&out, OURS, NULL, many, MC_RTCP_MAX_REPORTS + 1), MC_E_ARG);
}

static void no_room_nothing_written(void) {
    uint8_t buf[128];
    struct mc_xr_voip voip = {.ssrc = THEIRS};
    for (size_t size = 0; size < 52; size++) {
        struct mc_rtcp_out out = {.buf = buf, .size = size};
        memset(buf, 0x5a, sizeof buf);
        CHECK_INT(size, mc_rtcp_put_report(&out, OURS, &sender, &block, 1), MC_E_SHORT);
        CHECK_INT(size, size < 44 ? mc_xr_put_voip(&out, OURS, &voip) : MC_E_SHORT, MC_E_SHORT);
        CHECK_INT(size, size < 16 ? mc_rtcp_put_cname(&out, OURS, "lakes") : MC_E_SHORT, MC_E_SHORT);
        CHECK_INT(size, size < 8 ? mc_rtcp_put_bye(&out, OURS, NULL) : MC_E_SHORT, MC_E_SHORT);
        CHECK_INT(size, out.len, 0);
        for (size_t i = 0; i < sizeof buf; i++) {
            CHECK_INT(i, buf[i], 0x5a);
        }
    }
}

/* RFC 3550 appendix A.2, and what lies behind a good header. */
static void compound_or_not(void) {
    static const struct {
        struct bytes in;
        int want;
    } rows[] = {
        {BYTES(""), MC_E_SHORT},
        {BYTES("\x80\xc9\x00"), MC_E_SHORT},
        {BYTES("\x80\xc9\x00\x01\x01\x02\x03\x04"), MC_OK},
        {BYTES("\x80\xc9\x00\x00"), MC_OK},                      /* its readers say that it is short */
        {BYTES("\x80\xc9\x00\x02\x01\x02\x03\x04"), MC_E_SHORT}, /* announces more than is there */
        {BYTES("\x80\xc9\xff\xff\x01\x02\x03\x04"), MC_E_SHORT},
        {BYTES("\x80\xc9\x00\x01\x01\x02\x03\x04\x80"), MC_E_FORMAT},             /* no whole words */
        {BYTES("\x40\xc9\x00\x01\x01\x02\x03\x04"), MC_E_FORMAT},                 /* version 1 */
        {BYTES("\x80\xc9\x00\x01\x01\x02\x03\x04\x40\xca\x00\x00"), MC_E_FORMAT}, /* version 1, second packet */
        {BYTES("\x81\xca\x00\x02\x01\x02\x03\x04\x00\x00\x00\x00"), MC_E_FORMAT}, /* begins with SDES */
        {BYTES("\x80\xcf\x00\x01\x01\x02\x03\x04"), MC_E_FORMAT},                 /* begins with XR */
        {BYTES("\x80\xc9\x00\x01\x01\x02\x03\x04\x80\xd2\x00\x00"), MC_OK},       /* a type that nobody knows */
        {BYTES("\x80\xc9\x00\x01\x01\x02\x03\x04\x80\xca\x00\x01"), MC_E_SHORT},  /* second one is cut off */
        {BYTES("\xa0\xc9\x00\x01\x00\x00\x00\x04"), MC_OK},                       /* padding: all of the body */
        {BYTES("\xa0\xc9\x00\x01\x00\x00\x00\x08"), MC_E_FORMAT},                 /* more padding than body */
        {BYTES("\xa0\xc9\x00\x01\x00\x00\x00\x00"), MC_E_FORMAT},                 /* padding of nothing */
        {BYTES("\xa0\xc9\x00\x01\x00\x00\x00\x03"), MC_E_FORMAT},                 /* not in words */
        {BYTES("\xa0\xc9\x00\x01\x00\x00\x00\x04\x80\xca\x00\x00"), MC_E_FORMAT}, /* padding before the last packet */
        {BYTES("\xa0\xc9\x00\x00"), MC_E_FORMAT},                                 /* padding without a body */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_INT(i, mc_rtcp_check((const uint8_t *)rows[i].in.text, rows[i].in.n), rows[i].want);
    }
}

/* The header is right, the body too short for what the count promises. */
static void short_bodies(void) {
    static const struct {
        uint8_t type, count;
        struct bytes body;
        int want_ssrc, want_report, want_cname, want_bye;
    } rows[] = {
        {MC_RTCP_RR, 1, BYTES(""), MC_E_SHORT, MC_E_SHORT, MC_E_ARG, MC_E_ARG},
        {MC_RTCP_RR, 1, BYTES("\1\2\3\4"), MC_OK, MC_E_SHORT, MC_E_ARG, MC_E_ARG},
        {MC_RTCP_RR, 0, BYTES("\1\2\3\4"), MC_OK, MC_E_ARG, MC_E_ARG, MC_E_ARG},
        {MC_RTCP_BYE, 1, BYTES(""), MC_E_SHORT, MC_E_ARG, MC_E_ARG, MC_E_SHORT},
        {MC_RTCP_BYE, 0, BYTES("\1\2\3\4"), MC_OK, MC_E_ARG, MC_E_ARG, MC_E_ARG},
        {MC_RTCP_BYE, 1, BYTES("\1\2\3\4"), MC_OK, MC_E_ARG, MC_E_ARG, MC_OK},
        {MC_RTCP_SDES, 0, BYTES(""), MC_E_SHORT, MC_E_ARG, MC_E_EMPTY, MC_E_ARG},
        {MC_RTCP_SDES, 1, BYTES(""), MC_E_SHORT, MC_E_ARG, MC_E_SHORT, MC_E_ARG},
        {MC_RTCP_SDES, 1, BYTES("\1\2\3\4"), MC_OK, MC_E_ARG, MC_E_SHORT, MC_E_ARG},         /* no zero */
        {MC_RTCP_SDES, 1, BYTES("\1\2\3\4\0\0\0\0"), MC_OK, MC_E_ARG, MC_E_EMPTY, MC_E_ARG}, /* no item */
        {MC_RTCP_SDES, 1, BYTES("\1\2\3\4\1\2ab"), MC_OK, MC_E_ARG, MC_E_SHORT, MC_E_ARG},   /* no zero behind */
        {MC_RTCP_SDES, 1, BYTES("\1\2\3\4\1\xffxx"), MC_OK, MC_E_ARG, MC_E_SHORT, MC_E_ARG}, /* beyond the end */
        {MC_RTCP_SDES, 1, BYTES("\1\2\3\4\1\1a\2"), MC_OK, MC_E_ARG, MC_E_SHORT, MC_E_ARG},  /* an item without length */
        {MC_RTCP_SDES, 1, BYTES("\1\2\3\4xy\0\1"), MC_OK, MC_E_ARG, MC_E_SHORT, MC_E_ARG},
        {MC_RTCP_SDES, 1, BYTES("\1\2\3\4\2\1n\1\1c\0\0"), MC_OK, MC_E_ARG, 1, MC_E_ARG}, /* NAME, then CNAME */
        {MC_RTCP_SDES, 2, BYTES("\x09\2\3\4\1\1x\0\1\2\3\4\1\2ab\0\0\0\0"), MC_OK, MC_E_ARG, 2, MC_E_ARG}, /* second chunk */
        {MC_RTCP_SDES, 3, BYTES("\x09\2\3\4\1\1x\0\x08\2\3\4\1\1y\0"), MC_OK, MC_E_ARG, MC_E_SHORT, MC_E_ARG},
        {MC_RTCP_SDES, 1, BYTES("\1\2\3\4\1\0\0\0"), MC_OK, MC_E_ARG, 0, MC_E_ARG}, /* an empty name is one */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t exact[64]; /* so that a sanitizer sees a byte too far */
        size_t n = rows[i].body.n;
        uint8_t *copy = n > 0 ? malloc(n) : exact;
        memcpy(copy, rows[i].body.text, n);
        struct mc_rtcp pkt = {.type = rows[i].type, .count = rows[i].count, .body = copy, .len = n};
        struct mc_rtcp_report r;
        struct mc_rtcp_sender s;
        const char *text;
        uint32_t ssrc;
        CHECK_INT(i, mc_rtcp_ssrc(&pkt, &ssrc), rows[i].want_ssrc);
        CHECK_INT(i, mc_rtcp_report(&pkt, 0, &r), rows[i].want_report);
        CHECK_INT(i, mc_rtcp_cname(&pkt, 0x01020304, &text), rows[i].want_cname);
        CHECK_INT(i, mc_rtcp_bye(&pkt, 0, &ssrc), rows[i].want_bye);
        pkt.type = MC_RTCP_SR;
        CHECK_INT(i, mc_rtcp_sender(&pkt, &s), n < 24 ? MC_E_SHORT : MC_OK);
        CHECK_INT(i, mc_rtcp_report(&pkt, 0, &r), rows[i].count == 0 ? MC_E_ARG : MC_E_SHORT);
        if (n > 0) {
            free(copy);
        }
    }
}

static const struct mc_xr_voip voip = {.ssrc = THEIRS,
                                       .loss_rate = 1,
                                       .discard_rate = 2,
                                       .burst_density = 3,
                                       .gap_density = 4,
                                       .burst_ms = 0x0506,
                                       .gap_ms = 0x0708,
                                       .round_trip_ms = 0x090a,
                                       .end_system_ms = 0x0b0c,
                                       .signal_dbm = -13,
                                       .noise_dbm = -60,
                                       .rerl_db = 55,
                                       .gmin = 16,
                                       .r_factor = 93,
                                       .ext_r_factor = 127,
                                       .mos_lq = 44,
                                       .mos_cq = 43,
                                       .config = 0xf2,
                                       .jb_nominal_ms = 0x1112,
                                       .jb_max_ms = 0x1314,
                                       .jb_abs_max_ms = 0x1516};

/* RFC 3611 section 4.7, byte by byte. */
static void voip_metrics(void) {
    static const struct bytes want = BYTES("\x80\xcf\x00\x0a\x11\x22\x33\x44\x07\x00\x00\x08\xaa\xbb\xcc\xdd"
                                           "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\xf3\xc4\x37\x10"
                                           "\x5d\x7f\x2c\x2b\xf2\x00\x11\x12\x13\x14\x15\x16");
    uint8_t buf[64];
    struct mc_rtcp_out out = {.buf = buf, .size = sizeof buf};
    CHECK_INT(0, mc_xr_put_voip(&out, OURS, &voip), MC_OK);
    CHECK_INT(0, out.len, want.n);
    for (size_t i = 0; i < want.n && i < out.len; i++) {
        CHECK_INT(i, buf[i], (uint8_t)want.text[i]);
    }
    struct mc_rtcp pkt = {.type = MC_RTCP_XR, .body = buf + 4, .len = out.len - 4};
    struct mc_xr_voip got;
    memset(&got, 0, sizeof got);
    CHECK_INT(1, mc_xr_voip(&pkt, THEIRS, &got), MC_OK);
    CHECK(memcmp(&got, &voip, sizeof got) == 0);
    CHECK_INT(2, mc_xr_voip(&pkt, OURS, &got), MC_E_EMPTY);
    for (size_t n = 0; n < out.len - 4; n++) { /* cut off anywhere */
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, buf + 4, n);
        struct mc_rtcp cut = {.type = MC_RTCP_XR, .body = copy, .len = n};
        CHECK_INT(n, mc_xr_voip(&cut, THEIRS, &got), n == 4 ? MC_E_EMPTY : MC_E_SHORT);
        free(copy);
    }
    pkt.type = MC_RTCP_APP;
    CHECK_INT(3, mc_xr_voip(&pkt, THEIRS, &got), MC_E_ARG);
}

/* Blocks that we don't know stand before ours (receiver reference time, and one of a type of the future), one with a wrong length. */
static void other_blocks_are_skipped(void) {
    uint8_t buf[128] = {0x11, 0x22, 0x33, 0x44, 4, 0, 0, 2, 1, 2, 3,    4,    5,    6,
                        7,    8,    200,  0,    0, 0, 7, 0, 0, 1, 0xaa, 0xbb, 0xcc, 0xdd};
    uint8_t own[64];
    struct mc_rtcp_out out = {.buf = own, .size = sizeof own};
    mc_xr_put_voip(&out, OURS, &voip);
    memcpy(buf + 28, own + 8, out.len - 8);
    struct mc_rtcp pkt = {.type = MC_RTCP_XR, .body = buf, .len = 28 + out.len - 8};
    struct mc_xr_voip got;
    CHECK_INT(0, mc_xr_voip(&pkt, THEIRS, &got), MC_OK);
    CHECK_INT(0, got.mos_cq, 43);
    buf[7] = 0xff;
    CHECK_INT(1, mc_xr_voip(&pkt, THEIRS, &got), MC_E_SHORT);
}

int main(void) {
    RUN(built_as_drawn);
    RUN(cname_of_every_length);
    RUN(read_as_built);
    RUN(no_room_nothing_written);
    RUN(compound_or_not);
    RUN(short_bodies);
    RUN(voip_metrics);
    RUN(other_blocks_are_skipped);
    return check_done();
}
