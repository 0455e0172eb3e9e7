/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 *   out:  SR (we sent RTP lately) or RR, with a report block once RTP came  >  SDES CNAME  >  XR VoIP metrics  >  at the end BYE
 *   in:   SR: its time, for LSR and DLSR   blocks about us: round trip, loss, jitter   XR   BYE
 *
 *   round trip, RFC 3550 section 6.4.1:   we ----- SR at A' -----> peer      A - A' - DLSR, and A' comes back as LSR
 *                                         we <- RR after DLSR, at A -
 */
#include "rtcp_session.h"

#include <string.h>

#include "err.h"
#include "rng.h"

#define UNIX_TO_NTP UINT64_C(2208988800) /* seconds from 1900 to 1970 */
#define MEMBER_INTERVALS 5               /* section 6.3.5 */
#define SENDER_INTERVALS 2
#define RTT_SLACK (65536 / 50) /* 20 ms: a peer that rounds DLSR up on a short way */

void mc_rtcp_session_init(struct mc_rtcp_session *s, const struct mc_rtcp_session_cfg *cfg, uint64_t now_us) {
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t rng = cfg->seed, bits = 0;
    memset(s, 0, sizeof *s);
    for (int i = 0; i < MC_RTCP_CNAME; i++) {
        bits = i % 8 == 0 ? mc_rng_next(&rng) : bits >> 6;
        s->cname[i] = base64[bits & 63];
    }
    s->wall_us = cfg->wall_us;
    mc_rtcp_timer_init(&s->timer, mc_rng_next(&rng), cfg->session_bps, now_us);
}

/* Section 4. */
static uint64_t ntp_of(const struct mc_rtcp_session *s, uint64_t now_us) {
    uint64_t unix_us = now_us + (uint64_t)s->wall_us;
    return (unix_us / 1000000 + UNIX_TO_NTP) << 32 | (unix_us % 1000000 << 32) / 1000000;
}

static uint32_t middle(uint64_t ntp) {
    return (uint32_t)(ntp >> 16);
}

/* What was reported on an SSRC that we had before stays in the sum. */
void mc_rtcp_session_ssrc(struct mc_rtcp_session *s, uint32_t ssrc, uint32_t clock) {
    if (s->clock != 0 && s->ssrc != ssrc) {
        s->lost_before += s->lost_now;
        s->lost_now = 0;
        s->n_before[0] = s->n_before[1] = 0;
    }
    s->ssrc = ssrc;
    s->clock = clock;
}

void mc_rtcp_session_restart(struct mc_rtcp_session *s) {
    s->have_rx = false;
}

/* --- in --- */

/* Only an answer to a report that we really sent, and sent lately, measures anything. */
static void round_trip(struct mc_rtcp_session *s, const struct mc_rtcp_report *r, uint64_t now_us) {
    bool ours = false;
    for (unsigned i = 0; i < MC_RTCP_SRS; i++) {
        ours = ours || (s->srs[i].at_us != 0 && s->srs[i].mid == r->lsr);
    }
    int32_t took = (int32_t)(middle(ntp_of(s, now_us)) - r->lsr - r->dlsr);
    if (!ours || took < -RTT_SLACK) {
        return;
    }
    uint64_t us = took > 0 ? (uint64_t)took * 1000000 >> 16 : 0;
    s->st.have_rtt = true;
    s->st.rtt_us = us;
    s->st.rtt_max_us = us > s->st.rtt_max_us ? us : s->st.rtt_max_us;
}

static void on_block(struct mc_rtcp_session *s, const struct mc_rtcp_report *r, uint64_t now_us) {
    if (r->ssrc != s->ssrc || s->clock == 0) {
        return; /* about somebody else, or we have no stream */
    }
    s->lost_now = r->lost;
    s->st.have_report = true;
    s->st.remote_lost = s->lost_before + s->lost_now;
    s->st.remote_fraction = r->fraction / 256.0;
    s->st.remote_jitter_us = (uint64_t)r->jitter * 1000000 / s->clock;
    if (r->lsr != 0) {
        round_trip(s, r, now_us);
    }
}

static int on_report(struct mc_rtcp_session *s, const struct mc_rtcp *pkt, uint64_t now_us) {
    uint32_t from;
    struct mc_rtcp_sender sender;
    int rc = mc_rtcp_ssrc(pkt, &from);
    if (rc == MC_OK && pkt->type == MC_RTCP_SR) {
        rc = mc_rtcp_sender(pkt, &sender);
        if (rc == MC_OK && (!s->have_rx || from == s->peer)) { /* others may speak up too: a mixer, a stranger */
            s->sr_ssrc = from;
            s->sr_mid = middle(sender.ntp);
            s->sr_us = now_us;
        }
    }
    for (unsigned i = 0; rc == MC_OK && i < pkt->count; i++) {
        struct mc_rtcp_report block;
        rc = mc_rtcp_report(pkt, i, &block);
        if (rc == MC_OK) {
            on_block(s, &block, now_us);
        }
    }
    return rc;
}

static int on_bye(struct mc_rtcp_session *s, const struct mc_rtcp *pkt) {
    for (unsigned i = 0; i < pkt->count; i++) {
        uint32_t who;
        int rc = mc_rtcp_bye(pkt, i, &who);
        if (rc != MC_OK) {
            return rc;
        }
        s->st.bye = s->st.bye || !s->have_rx || who == s->peer;
    }
    return MC_OK;
}

static int on_xr(struct mc_rtcp_session *s, const struct mc_rtcp *pkt) {
    struct mc_xr_voip voip;
    int rc = mc_xr_voip(pkt, s->ssrc, &voip);
    if (rc == MC_OK) {
        s->st.have_xr = true;
        s->st.xr = voip;
    }
    return rc == MC_E_EMPTY ? MC_OK : rc;
}

static int on_one(struct mc_rtcp_session *s, const struct mc_rtcp *pkt, uint64_t now_us) {
    switch (pkt->type) {
    case MC_RTCP_SR:
    case MC_RTCP_RR:
        return on_report(s, pkt, now_us);
    case MC_RTCP_BYE:
        return on_bye(s, pkt);
    case MC_RTCP_XR:
        return on_xr(s, pkt);
    default:
        return MC_OK; /* section 6.1: types that one does not know are passed over; of SDES we need nothing */
    }
}

int mc_rtcp_session_packet(struct mc_rtcp_session *s, const uint8_t *buf, size_t len, uint64_t now_us) {
    int bad = mc_rtcp_check(buf, len);
    if (bad == MC_OK) {
        struct mc_rtcp pkt;
        for (size_t at = 0; mc_rtcp_next(&pkt, buf, len, &at);) {
            int rc = on_one(s, &pkt, now_us);
            bad = bad == MC_OK ? rc : bad;
        }
        s->st.n_received++;
        s->heard_us = now_us;
        mc_rtcp_timer_heard(&s->timer, len);
    }
    s->st.n_malformed += bad != MC_OK;
    return bad;
}

/* --- out --- */

/* Ourselves, and the peer while it is heard. */
static void count_members(struct mc_rtcp_session *s, const struct mc_rtcp_ours *ours, uint64_t now_us) {
    uint64_t td = mc_rtcp_timer_interval_us(&s->timer);
    uint64_t rtp_us = ours->rx->started ? ours->rx->last_us : 0;
    uint64_t heard_us = rtp_us > s->heard_us ? rtp_us : s->heard_us;
    bool peer = heard_us != 0 && now_us < heard_us + MEMBER_INTERVALS * td;
    bool peer_sends = rtp_us != 0 && now_us < rtp_us + SENDER_INTERVALS * td;
    bool we_sent = ours->n_packets != s->n_before[1]; /* since the last report but one, section 6.4 */
    mc_rtcp_timer_members(&s->timer, 1 + peer, (unsigned)we_sent + peer_sends, we_sent);
}

/* Appendix A.3. */
static uint8_t fraction_lost(struct mc_rtcp_session *s, const struct mc_rx_stats *rx) {
    uint64_t expected = mc_rx_stats_expected(rx), received = rx->n_received;
    if (!s->have_rx || s->peer != rx->ssrc) {
        s->expected_before = s->received_before = 0;
    }
    int64_t due = (int64_t)(expected - s->expected_before);
    int64_t lost = due - (int64_t)(received - s->received_before);
    s->have_rx = true;
    s->peer = rx->ssrc;
    s->expected_before = expected;
    s->received_before = received;
    if (due <= 0 || lost <= 0) {
        return 0;
    }
    return lost >= due ? 255 : (uint8_t)(lost * 256 / due);
}

static struct mc_rtcp_report block_of(struct mc_rtcp_session *s, const struct mc_rx_stats *rx, uint64_t now_us) {
    int64_t lost = mc_rx_stats_lost(rx);
    struct mc_rtcp_report r = {.ssrc = rx->ssrc,
                               .fraction = fraction_lost(s, rx),
                               .lost = lost > INT32_MAX   ? INT32_MAX
                                       : lost < INT32_MIN ? INT32_MIN
                                                          : (int32_t)lost,
                               .ext_seq = rx->cycles + rx->max_seq,
                               .jitter = rx->jitter < (double)UINT32_MAX ? (uint32_t)rx->jitter : UINT32_MAX};
    if (s->sr_us != 0 && s->sr_ssrc == rx->ssrc) {
        uint64_t since = ((now_us - s->sr_us) << 16) / 1000000;
        r.lsr = s->sr_mid;
        r.dlsr = since < UINT32_MAX ? (uint32_t)since : UINT32_MAX;
    }
    return r;
}

static void remember_sr(struct mc_rtcp_session *s, uint64_t ntp, uint64_t now_us) {
    s->srs[s->n_srs % MC_RTCP_SRS].mid = middle(ntp);
    s->srs[s->n_srs % MC_RTCP_SRS].at_us = now_us;
    s->n_srs++;
}

static int put_xr(struct mc_rtcp_session *s, const struct mc_rtcp_ours *ours, struct mc_rtcp_out *out) {
    if (ours->voip == NULL || !ours->rx->started) {
        return MC_OK;
    }
    struct mc_xr_voip voip = *ours->voip;
    uint64_t ms = s->st.rtt_us / 1000;
    voip.ssrc = ours->rx->ssrc;
    voip.round_trip_ms = ms < UINT16_MAX ? (uint16_t)ms : UINT16_MAX;
    return mc_xr_put_voip(out, ours->ssrc, &voip);
}

static int build(struct mc_rtcp_session *s, const struct mc_rtcp_ours *ours, struct mc_rtcp_out *out, uint64_t now_us) {
    struct mc_rtcp_report block;
    unsigned n = ours->rx->started;
    if (n > 0) {
        block = block_of(s, ours->rx, now_us);
    }
    struct mc_rtcp_sender sender = {
        .ntp = ntp_of(s, now_us), .rtp_ts = ours->rtp_ts, .n_packets = ours->n_packets, .n_octets = ours->n_octets};
    bool we_sent = s->timer.we_sent;
    if (we_sent) {
        remember_sr(s, sender.ntp, now_us);
    }
    int rc = mc_rtcp_put_report(out, ours->ssrc, we_sent ? &sender : NULL, &block, n);
    if (rc == MC_OK) {
        rc = mc_rtcp_put_cname(out, ours->ssrc, s->cname);
    }
    s->n_before[1] = s->n_before[0];
    s->n_before[0] = ours->n_packets;
    return rc == MC_OK ? put_xr(s, ours, out) : rc;
}

int mc_rtcp_session_poll(struct mc_rtcp_session *s, const struct mc_rtcp_ours *ours, uint8_t *buf, size_t size,
                         uint64_t now_us) {
    if (s->closed || now_us < s->timer.next_us) {
        return 0;
    }
    if (size < MC_RTCP_MAX_BUILT) {
        return MC_E_SHORT;
    }
    mc_rtcp_session_ssrc(s, ours->ssrc, ours->clock);
    count_members(s, ours, now_us);
    if (!mc_rtcp_timer_due(&s->timer, now_us)) {
        return 0;
    }
    struct mc_rtcp_out out = {.buf = buf, .size = size};
    int rc = build(s, ours, &out, now_us);
    mc_rtcp_timer_sent(&s->timer, out.len, now_us);
    s->st.n_sent += rc == MC_OK;
    return rc == MC_OK ? (int)out.len : rc;
}

int mc_rtcp_session_bye(struct mc_rtcp_session *s, const struct mc_rtcp_ours *ours, uint8_t *buf, size_t size,
                        uint64_t now_us) {
    if (s->closed || (s->st.n_sent == 0 && ours->n_packets == 0)) {
        return 0;
    }
    if (size < MC_RTCP_MAX_BUILT) {
        return MC_E_SHORT;
    }
    mc_rtcp_session_ssrc(s, ours->ssrc, ours->clock);
    count_members(s, ours, now_us);
    struct mc_rtcp_out out = {.buf = buf, .size = size};
    int rc = build(s, ours, &out, now_us);
    if (rc == MC_OK) {
        rc = mc_rtcp_put_bye(&out, ours->ssrc, NULL);
    }
    s->closed = true;
    s->st.n_sent += rc == MC_OK;
    return rc == MC_OK ? (int)out.len : rc;
}
