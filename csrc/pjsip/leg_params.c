/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a leg is to do, read from two session descriptions and what PJSIP made of them. */
#include "../cng.h"
#include "../codec.h"
#include "pj_internal.h"

#define L16_MAX_BYTES 1400 /* payload that fits a packet: L16 at 16 kHz can't have 60 ms */

/* Sent only when both want it. The static type is understood anyway: some send it unasked. */
static void fill_noise(struct mc_leg_params *p, const pjmedia_sdp_media *local, const pjmedia_sdp_media *remote) {
    bool taken = p->rx_pt == MC_CN_PT || p->event_rx_pt == MC_CN_PT;

    p->cn_rx_pt = mc_sdp_cn_pt(local, p->clock);
    p->cn_tx_pt = p->cn_rx_pt != 0 ? mc_sdp_cn_pt(remote, p->clock) : 0;
    if (p->cn_rx_pt == 0 && p->clock == 8000 && !taken) {
        p->cn_rx_pt = MC_CN_PT;
    }
}

void mc_leg_params_fill(struct mc_leg_params *p, const pjmedia_stream_info *si, const pjmedia_sdp_media *local,
                        const pjmedia_sdp_media *remote, bool secure) {
    pj_bzero(p, sizeof(*p));
    pj_ansi_snprintf(p->codec, sizeof(p->codec), "%.*s", (int)si->fmt.encoding_name.slen, si->fmt.encoding_name.ptr);
    p->tx_pt = (uint8_t)si->tx_pt;
    p->rx_pt = (uint8_t)si->rx_pt;
    /* From rtpmap: PJSIP's own figure is the playback rate for Opus, but its RTP clock is always 48000 (RFC 7587 section 4.1), and
     * the sampling rate for G.722, whose clock is 8000 (RFC 3551 section 4.5.2). Our own SDP always has the rtpmap. */
    p->clock = mc_sdp_clock(local, si->rx_pt, si->fmt.clock_rate);
    p->event_rx_pt = mc_sdp_event_pt(local, p->clock);
    p->event_tx_pt = mc_sdp_event_pt(remote, p->clock);
    fill_noise(p, local, remote);
    p->ptime_ms = (uint16_t)mc_sdp_ptime_agreed(local, remote);
    while (p->ptime_ms > 20 && !pj_ansi_stricmp(p->codec, "L16") && p->clock / 1000 * 2 * p->ptime_ms > L16_MAX_BYTES) {
        p->ptime_ms = p->ptime_ms == 60 ? 40 : 20;
    }
    p->send = (si->dir & PJMEDIA_DIR_ENCODING) != 0;
    p->recv = (si->dir & PJMEDIA_DIR_DECODING) != 0;
    p->secure = secure;
    mc_sdp_fmtp(remote, si->tx_pt, p->fmtp, sizeof(p->fmtp));
}
