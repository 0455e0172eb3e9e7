/* SPDX-License-Identifier: GPL-3.0-or-later
 * A million damaged packets through the parsers, each in a block of its exact length: under a sanitizer no read may leave it. */
#include "check.h"
#include "dtmf.h"
#include "err.h"
#include "rtp.h"
#include "stats.h"

#define PACKETS 1000000

static const struct {
    const char *bytes;
    size_t len;
} good[] = {
#define PACKET(text)                                                                                                           \
    { text, sizeof(text) - 1 }
    PACKET("\x80\x00\x12\x34\x00\x00\x01\x00\xde\xad\xbe\xefpayload"),
    PACKET("\x82\x80\x12\x34\x00\x00\x01\x00\xde\xad\xbe\xef\x00\x00\x00\x01\x00\x00\x00\x02payload"),
    PACKET("\x91\x60\x12\x34\x00\x00\x01\x00\xde\xad\xbe\xef\x00\x00\x00\x01\xbe\xde\x00\x01\x10\xaa\x00\x00payload"),
    PACKET("\xa0\x08\x12\x34\x00\x00\x01\x00\xde\xad\xbe\xefpayload\x00\x00\x03"),
    PACKET("\x80\xe5\x12\x34\x00\x00\x01\x00\xde\xad\xbe\xef\x05\x0a\x00\xa0"),
    PACKET("\x80\x65\x12\x35\x00\x00\x01\x00\xde\xad\xbe\xef\x05\x8a\x03\x20"),
};

static void a_million_damaged_packets(void) {
    struct rng r = rng_of(1);
    struct mc_dtmf_rx rx;
    struct mc_rx_stats st;
    int n_parsed = 0;
    int n_digits = 0;
    mc_dtmf_rx_init(&rx);
    mc_rx_stats_init(&st, 8000);
    for (int i = 0; i < PACKETS; i++) {
        size_t k = rng_below(&r, COUNT(good));
        size_t len = rng_below(&r, 4) ? good[k].len : rng_below(&r, (uint32_t)good[k].len + 1);
        uint8_t *buf = malloc(len);
        memcpy(buf, good[k].bytes, len);
        for (uint32_t n = rng_below(&r, 5); n > 0 && len > 0; n--) {
            buf[rng_below(&r, (uint32_t)len)] = (uint8_t)rng_next(&r);
        }
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

int main(void) {
    RUN(a_million_damaged_packets);
    return check_done();
}
