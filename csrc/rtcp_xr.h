/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTCP extended reports, RFC 3611: the VoIP metrics block of section 4.7. Other blocks are skipped. */
#ifndef MC_RTCP_XR_H
#define MC_RTCP_XR_H

#include "rtcp.h"

#define MC_XR_UNKNOWN 127 /* of levels, R factors and MOS: not measured */
#define MC_XR_GMIN 16     /* section 4.7.2: fewer packets than this between two losses, and both belong to one burst */

/* Receiver configuration, section 4.7.6. */
#define MC_XR_PLC_STANDARD 0xc0 /* replay or interpolation */
#define MC_XR_JB_ADAPTIVE 0x30

struct mc_xr_voip {
    uint32_t ssrc;                                                 /* whose packets are reported on */
    uint8_t loss_rate, discard_rate, burst_density, gap_density;   /* 1/256: 4.7.1, 4.7.2 */
    uint16_t burst_ms, gap_ms;                                     /* mean lengths: 4.7.2 */
    uint16_t round_trip_ms, end_system_ms;                         /* 0 = unknown: 4.7.3 */
    int8_t signal_dbm, noise_dbm;                                  /* dBm0, 4.7.4 */
    uint8_t rerl_db, gmin, r_factor, ext_r_factor, mos_lq, mos_cq; /* MOS times 10: 4.7.5 */
    uint8_t config;                                                /* 4.7.6 */
    uint16_t jb_nominal_ms, jb_max_ms, jb_abs_max_ms;              /* 4.7.7 */
};

/* The first VoIP metrics block about `ssrc` in an XR packet. MC_OK, MC_E_EMPTY, MC_E_ARG (no XR), MC_E_SHORT. */
int mc_xr_voip(const struct mc_rtcp *pkt, uint32_t ssrc, struct mc_xr_voip *out);
/* Adds an XR packet of `sender` with this one block. MC_OK or MC_E_SHORT. */
int mc_xr_put_voip(struct mc_rtcp_out *out, uint32_t sender, const struct mc_xr_voip *voip);

#endif
