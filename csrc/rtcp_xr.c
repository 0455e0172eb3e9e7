/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * RFC 3611 sections 2, 3 and 4.7:
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |V=2|P|reserved |   PT=XR=207   |     length in words - 1       |
 *  |                        SSRC of sender                         |
 *  +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 *  |     BT=7      |   reserved    |  words behind this one = 8    |
 *  |                 SSRC of the source reported on                |
 *  |   loss rate   | discard rate  | burst density |  gap density  |
 *  |       burst duration          |         gap duration          |
 *  |     round trip delay          |       end system delay        |
 *  | signal level  |  noise level  |     RERL      |     Gmin      |
 *  |   R factor    | ext. R factor |    MOS-LQ     |    MOS-CQ     |
 *  |   RX config   |   reserved    |          JB nominal           |
 *  |          JB maximum           |          JB abs max           |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
#include "rtcp_xr.h"

#include "bytes.h"
#include "err.h"

#define BT_VOIP 7
#define VOIP_WORDS 8

static void read_voip(const uint8_t *p, struct mc_xr_voip *v) {
    *v = (struct mc_xr_voip){.ssrc = mc_get32(p),
                             .loss_rate = p[4],
                             .discard_rate = p[5],
                             .burst_density = p[6],
                             .gap_density = p[7],
                             .burst_ms = mc_get16(p + 8),
                             .gap_ms = mc_get16(p + 10),
                             .round_trip_ms = mc_get16(p + 12),
                             .end_system_ms = mc_get16(p + 14),
                             .signal_dbm = (int8_t)p[16],
                             .noise_dbm = (int8_t)p[17],
                             .rerl_db = p[18],
                             .gmin = p[19],
                             .r_factor = p[20],
                             .ext_r_factor = p[21],
                             .mos_lq = p[22],
                             .mos_cq = p[23],
                             .config = p[24],
                             .jb_nominal_ms = mc_get16(p + 26),
                             .jb_max_ms = mc_get16(p + 28),
                             .jb_abs_max_ms = mc_get16(p + 30)};
}

int mc_xr_voip(const struct mc_rtcp *pkt, uint32_t ssrc, struct mc_xr_voip *out) {
    if (pkt->type != MC_RTCP_XR) {
        return MC_E_ARG;
    }
    if (pkt->len < 4) {
        return MC_E_SHORT;
    }
    for (size_t at = 4; at < pkt->len;) {
        if (pkt->len - at < 4) {
            return MC_E_SHORT;
        }
        size_t words = mc_get16(pkt->body + at + 2);
        if (pkt->len - at - 4 < 4 * words) {
            return MC_E_SHORT;
        }
        if (pkt->body[at] == BT_VOIP && words == VOIP_WORDS && mc_get32(pkt->body + at + 4) == ssrc) {
            read_voip(pkt->body + at + 4, out);
            return MC_OK;
        }
        at += 4 + 4 * words;
    }
    return MC_E_EMPTY;
}

int mc_xr_put_voip(struct mc_rtcp_out *out, uint32_t sender, const struct mc_xr_voip *v) {
    uint8_t *p = mc_rtcp_put_header(out, MC_RTCP_XR, 0, 2 + VOIP_WORDS);
    if (p == NULL) {
        return MC_E_SHORT;
    }
    mc_put32(p, sender);
    p[4] = BT_VOIP;
    p[5] = 0;
    mc_put16(p + 6, VOIP_WORDS);
    p += 8;
    mc_put32(p, v->ssrc);
    p[4] = v->loss_rate;
    p[5] = v->discard_rate;
    p[6] = v->burst_density;
    p[7] = v->gap_density;
    mc_put16(p + 8, v->burst_ms);
    mc_put16(p + 10, v->gap_ms);
    mc_put16(p + 12, v->round_trip_ms);
    mc_put16(p + 14, v->end_system_ms);
    p[16] = (uint8_t)v->signal_dbm;
    p[17] = (uint8_t)v->noise_dbm;
    p[18] = v->rerl_db;
    p[19] = v->gmin;
    p[20] = v->r_factor;
    p[21] = v->ext_r_factor;
    p[22] = v->mos_lq;
    p[23] = v->mos_cq;
    p[24] = v->config;
    p[25] = 0;
    mc_put16(p + 26, v->jb_nominal_ms);
    mc_put16(p + 28, v->jb_max_ms);
    mc_put16(p + 30, v->jb_abs_max_ms);
    return MC_OK;
}
