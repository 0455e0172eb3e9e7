/* SPDX-License-Identifier: GPL-3.0-or-later
 * Good packets, damaged: what test_mutated.c gives to the parsers and test_mutated_leg.c to whole legs. */
#ifndef DAMAGE_H
#define DAMAGE_H

#include "check.h"
#include "rtcp.h"
#include "rtcp_xr.h"

#ifdef __SANITIZE_ADDRESS__
#define PACKETS 1000000
#else
#define PACKETS 100000 /* what they break is seen by AddressSanitizer */
#endif

/* Some bytes changed, the end cut off. */
static uint8_t *damaged(struct rng *r, const void *good, size_t *len) {
    *len = rng_below(r, 4) ? *len : rng_below(r, (uint32_t)*len + 1);
    uint8_t *buf = malloc(*len);
    memcpy(buf, good, *len);
    for (uint32_t n = rng_below(r, 5); n > 0 && *len > 0; n--) {
        buf[rng_below(r, (uint32_t)*len)] = (uint8_t)rng_next(r);
    }
    return buf;
}

/* SR with two reports, SDES, XR and BYE, in one compound packet. */
static size_t compound(uint8_t *buf, size_t size, uint32_t ssrc) {
    struct mc_rtcp_out out = {.buf = buf, .size = size};
    struct mc_rtcp_sender sender = {.ntp = UINT64_C(0xe000000012345678), .rtp_ts = 1600, .n_packets = 10, .n_octets = 1600};
    struct mc_rtcp_report reports[2] = {{.ssrc = 1, .lost = 3, .ext_seq = 70000, .lsr = 0x1234}, {.ssrc = 2}};
    struct mc_xr_voip voip = {.ssrc = 1, .loss_rate = 9, .r_factor = 80, .mos_cq = 40};
    mc_rtcp_put_report(&out, ssrc, &sender, reports, 2);
    mc_rtcp_put_cname(&out, ssrc, "someone@somewhere");
    mc_xr_put_voip(&out, ssrc, &voip);
    mc_rtcp_put_bye(&out, ssrc, "that is all");
    return out.len;
}

#endif
