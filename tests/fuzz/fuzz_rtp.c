/* SPDX-License-Identifier: GPL-3.0-or-later
 * One packet: what is parsed lies inside it, and built again it says the same. Then as telephone-event, and into the statistics. */
#include "rtp.h"

#include "dtmf.h"
#include "fuzz.h"
#include "stats.h"

#define HEAD "\x12\x34\x00\x00\x01\x00\xde\xad\xbe\xef"

static const struct seed seeds[] __attribute__((unused)) = {
    SEED("\x80\x00" HEAD "\xff\xff\xff"),
    SEED("\x82\x80" HEAD "\x00\x00\x00\x01\x00\x00\x00\x02payload"),
    SEED("\x90\x60" HEAD "\xbe\xde\x00\x01\x10\xaa\x00\x00payload"),
    SEED("\xb1\x08" HEAD "\x00\x00\x00\x01\xbe\xde\x00\x00xx\x00\x00\x03"),
    SEED("\x80\xe5" HEAD "\x05\x8a\x03\x20"),
    SEED("\x81\xc9\x00\x07\x01\x02\x03\x04"),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mc_rtp p;
    int rc = mc_rtp_parse(&p, data, size);
    mc_rtp_is_rtcp(data, size);
    MUST(rc == MC_OK || rc == MC_E_SHORT || rc == MC_E_FORMAT);
    if (rc != MC_OK) {
        return 0;
    }
    MUST(size >= MC_RTP_HEADER && size <= MC_RTP_MAX_PACKET && p.pt < 128);
    MUST(p.payload >= data + MC_RTP_HEADER && p.len <= (size_t)(data + size - p.payload));

    uint8_t buf[MC_RTP_HEADER];
    struct mc_rtp q;
    MUST(mc_rtp_build(buf, sizeof buf, &p) == MC_RTP_HEADER && mc_rtp_parse(&q, buf, sizeof buf) == MC_OK);
    MUST(q.marker == p.marker && q.pt == p.pt && q.seq == p.seq && q.ts == p.ts && q.ssrc == p.ssrc && q.len == 0);

    struct mc_dtmf_rx rx;
    struct mc_dtmf_event ev;
    mc_dtmf_rx_init(&rx);
    rc = mc_dtmf_rx_packet(&rx, &p, 0, &ev);
    MUST(rc == MC_E_SHORT ? p.len < MC_DTMF_PAYLOAD : rc == 0 || (rc == 1 && strchr("0123456789*#ABCD", ev.digit) != NULL));

    struct mc_rx_stats st;
    mc_rx_stats_init(&st, 8000);
    MUST(mc_rx_stats_packet(&st, &p, 0) == MC_SEQ_NEXT && mc_rx_stats_packet(&st, &p, 1) == MC_SEQ_DUP);
    return 0;
}

FUZZ_MAIN(seeds)
