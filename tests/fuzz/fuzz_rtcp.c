/* SPDX-License-Identifier: GPL-3.0-or-later
 * One compound packet: every reader stays inside it, reports are the same when they are built again, and a session takes it whatever
 * it says and still builds good reports. */
#include "rtcp.h"

#include "fuzz.h"
#include "rtcp_session.h"

#define SSRC "\x11\x22\x33\x44"
#define BLOCK "\x00\x00\x10\x01\x40\xff\xff\xfe\x00\x01\x02\x03\x00\x00\x00\x4d\x01\x02\x03\x04\x00\x01\x80\x00"
#define SENDER "\xe1\xe2\xe3\xe4\xf1\xf2\xf3\xf4\xa0\xa1\xa2\xa3\x00\x00\x00\xfa\x00\x00\x9c\x40"
#define CNAME "\x81\xca\x00\x03" SSRC "\x01\x05lakes\0"
#define BYE "\x81\xcb\x00\x03" SSRC "\x05leave\0\0"
#define VOIP                                                                                                                   \
    "\x80\xcf\x00\x0a" SSRC "\x07\x00\x00\x08\x00\x00\x10\x01\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\xf3\xc4\x37\x10" \
    "\x5d\x7f\x2c\x2b\xf2\x00\x11\x12\x13\x14\x15\x16"

static const struct seed seeds[] __attribute__((unused)) = {
    SEED("\x81\xc8\x00\x0c" SSRC SENDER BLOCK CNAME VOIP BYE),
    SEED("\x82\xc9\x00\x0d" SSRC BLOCK BLOCK CNAME),
    SEED("\x80\xc9\x00\x01" SSRC "\x81\xcc\x00\x02" SSRC "name" BYE),
    SEED("\xa0\xc9\x00\x02" SSRC "\x00\x00\x00\x04"),
    SEED("\x80\xc9\x00\x01" SSRC VOIP),
};

static void read_one(const struct mc_rtcp *pkt, const uint8_t *data, size_t size) {
    MUST(pkt->body >= data + 4 && pkt->len <= (size_t)(data + size - pkt->body) && pkt->count <= MC_RTCP_MAX_REPORTS);
    const char *text = NULL;
    uint32_t ssrc;
    int n = mc_rtcp_cname(pkt, 0x11223344, &text);
    MUST(n < 0 || ((const uint8_t *)text >= pkt->body && (const uint8_t *)text + n <= pkt->body + pkt->len));
    for (unsigned i = 0; i <= pkt->count; i++) {
        MUST(mc_rtcp_bye(pkt, i, &ssrc) != MC_OK || i < pkt->count);
    }
    struct mc_xr_voip voip, again;
    memset(&voip, 0, sizeof voip);
    memset(&again, 0, sizeof again);
    uint8_t buf[64];
    struct mc_rtcp_out out = {.buf = buf, .size = sizeof buf};
    if (mc_xr_voip(pkt, 0x1001, &voip) == MC_OK) {
        MUST(mc_xr_put_voip(&out, 1, &voip) == MC_OK);
        struct mc_rtcp built = {.type = MC_RTCP_XR, .body = buf + 4, .len = out.len - 4};
        MUST(mc_xr_voip(&built, 0x1001, &again) == MC_OK && memcmp(&voip, &again, sizeof voip) == 0);
    }
}

static void build_again(const struct mc_rtcp *pkt) {
    struct mc_rtcp_report reports[MC_RTCP_MAX_REPORTS];
    struct mc_rtcp_sender sender;
    uint8_t buf[1024];
    struct mc_rtcp_out out = {.buf = buf, .size = sizeof buf};
    uint32_t ssrc;
    unsigned n = 0;
    if (mc_rtcp_ssrc(pkt, &ssrc) != MC_OK) {
        return;
    }
    bool sr = mc_rtcp_sender(pkt, &sender) == MC_OK;
    while (mc_rtcp_report(pkt, n, &reports[n]) == MC_OK && ++n < MC_RTCP_MAX_REPORTS) {
    }
    if ((pkt->type == MC_RTCP_SR && sr) || pkt->type == MC_RTCP_RR) {
        MUST(mc_rtcp_put_report(&out, ssrc, sr ? &sender : NULL, reports, n) == MC_OK);
        MUST(out.len - 4 <= pkt->len && memcmp(buf + 4, pkt->body, out.len - 4) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mc_rtcp_session_cfg cfg = {.seed = 1, .session_bps = 80000};
    struct mc_rtcp_session s;
    struct mc_rx_stats rx;
    uint8_t buf[MC_RTCP_MAX_BUILT];
    int rc = mc_rtcp_check(data, size);
    MUST(rc == MC_OK || rc == MC_E_SHORT || rc == MC_E_FORMAT);
    if (rc == MC_OK) {
        struct mc_rtcp pkt;
        size_t at = 0;
        while (mc_rtcp_next(&pkt, data, size, &at)) {
            read_one(&pkt, data, size);
            build_again(&pkt);
        }
        MUST(at == size);
    }
    struct mc_rtp rtp = {.ssrc = 0x11223344, .seq = 1, .len = 160};
    mc_rx_stats_init(&rx, 8000);
    mc_rx_stats_packet(&rx, &rtp, 1);
    mc_rtcp_session_init(&s, &cfg, 1);
    mc_rtcp_session_ssrc(&s, 0x1001, 8000);
    MUST((mc_rtcp_session_packet(&s, data, size, 1000000) == MC_OK) == (s.st.n_malformed == 0));
    struct mc_rtcp_ours ours = {.ssrc = 0x1001, .clock = 8000, .n_packets = 1, .rx = &rx};
    int n = 0;
    for (uint64_t now = 2000000; n == 0; now += 1000000) {
        MUST(now < 60000000);
        n = mc_rtcp_session_poll(&s, &ours, buf, sizeof buf, now);
    }
    MUST(n > 0 && mc_rtcp_check(buf, (size_t)n) == MC_OK);
    return 0;
}

FUZZ_MAIN(seeds)
