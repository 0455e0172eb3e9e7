/* SPDX-License-Identifier: GPL-3.0-or-later
 * A million damaged RTP packets and telephone events and a million damaged RTCP packets through the parsers, each in a block of its
 * exact length: under a sanitizer no read may leave it. */
#include "check.h"
#include "damage.h"
#include "dtmf.h"
#include "err.h"
#include "rtp.h"
#include "stats.h"

struct bytes {
    const char *bytes;
    size_t len;
};

#define PACKET(text)                                                                                                           \
    { text, sizeof(text) - 1 }

static const struct bytes rtp[] = {
    PACKET("\x80\x00\x12\x34\x00\x00\x01\x00\xde\xad\xbe\xefpayload"),
    PACKET("\x82\x80\x12\x34\x00\x00\x01\x00\xde\xad\xbe\xef\x00\x00\x00\x01\x00\x00\x00\x02payload"),
    PACKET("\x91\x60\x12\x34\x00\x00\x01\x00\xde\xad\xbe\xef\x00\x00\x00\x01\xbe\xde\x00\x01\x10\xaa\x00\x00payload"),
    PACKET("\xa0\x08\x12\x34\x00\x00\x01\x00\xde\xad\xbe\xefpayload\x00\x00\x03"),
    PACKET("\x80\xe5\x12\x34\x00\x00\x01\x00\xde\xad\xbe\xef\x05\x0a\x00\xa0"),
    PACKET("\x80\x65\x12\x35\x00\x00\x01\x00\xde\xad\xbe\xef\x05\x8a\x03\x20"),
};

static void damaged_rtp_and_digits(void) {
    struct rng r = rng_of(1);
    struct mc_dtmf_rx rx;
    struct mc_rx_stats st;
    int n_parsed = 0;
    int n_digits = 0;
    mc_dtmf_rx_init(&rx);
    mc_rx_stats_init(&st, 8000);
    for (int i = 0; i < PACKETS; i++) {
        size_t k = rng_below(&r, COUNT(rtp)), len = rtp[k].len;
        uint8_t *buf = damaged(&r, rtp[k].bytes, &len);
        struct mc_rtp p;
        struct mc_dtmf_event ev;
        int rc = mc_rtp_parse(&p, buf, len);
        CHECK(rc == MC_OK || rc == MC_E_SHORT || rc == MC_E_FORMAT);
        if (rc == MC_OK) {
            n_parsed++;
            CHECK(p.payload >= buf + MC_RTP_HEADER && p.payload + p.len <= buf + len);
            mc_rx_stats_packet(&st, &p, (uint64_t)i * 1000);
            rc = mc_dtmf_rx_packet(&rx, &p, (uint64_t)i * 1000, &ev);
            CHECK(rc == 0 || rc == 1 || rc == MC_E_SHORT);
            n_digits += rc == 1;
            CHECK(rc != 1 || strchr("0123456789*#ABCD", ev.digit) != NULL);
        }
        free(buf);
    }
    CHECK_BETWEEN(0, n_parsed, PACKETS / 4, PACKETS); /* the damage is not such that nothing gets through */
    CHECK_BETWEEN(0, n_digits, PACKETS / 100, PACKETS);
}

/* Everything that can be asked of a packet is asked of each. */
static int read_compound(const uint8_t *buf, size_t len) {
    int n_read = 0;
    size_t at = 0;
    struct mc_rtcp pkt;
    while (mc_rtcp_next(&pkt, buf, len, &at)) {
        uint32_t ssrc;
        struct mc_rtcp_sender sender;
        struct mc_rtcp_report report;
        struct mc_xr_voip voip;
        const char *text;
        CHECK(pkt.body >= buf && pkt.body + pkt.len <= buf + len);
        n_read += mc_rtcp_ssrc(&pkt, &ssrc) == MC_OK;
        n_read += mc_rtcp_sender(&pkt, &sender) == MC_OK;
        for (unsigned i = 0; i < pkt.count; i++) {
            n_read += mc_rtcp_report(&pkt, i, &report) == MC_OK;
            n_read += mc_rtcp_bye(&pkt, i, &ssrc) == MC_OK;
        }
        int rc = mc_rtcp_cname(&pkt, 77, &text);
        CHECK(rc < 0 || ((const uint8_t *)text >= buf && (const uint8_t *)text + rc <= buf + len));
        n_read += rc > 0;
        n_read += mc_xr_voip(&pkt, 1, &voip) == MC_OK;
    }
    return n_read;
}

static void damaged_rtcp(void) {
    struct rng r = rng_of(2);
    uint8_t good[400];
    const size_t whole = compound(good, sizeof good, 77);
    int n_good = 0, n_read = 0;
    CHECK_INT(0, read_compound(good, whole), 10);
    for (int i = 0; i < PACKETS; i++) {
        size_t len = whole;
        uint8_t *buf = damaged(&r, good, &len);
        int rc = mc_rtcp_check(buf, len);
        CHECK(rc == MC_OK || rc == MC_E_SHORT || rc == MC_E_FORMAT);
        n_good += rc == MC_OK;
        n_read += rc == MC_OK ? read_compound(buf, len) : 0;
        free(buf);
    }
    CHECK_BETWEEN(0, n_good, PACKETS / 4, PACKETS);
    CHECK_BETWEEN(0, n_read, 5.0 * n_good, 10.0 * n_good);
}

int main(void) {
    RUN(damaged_rtp_and_digits);
    RUN(damaged_rtcp);
    return check_done();
}
