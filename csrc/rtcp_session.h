/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTCP with one peer, sans-IO: reports in, reports out when they are due. RFC 3550 section 6.
 *
 * Wall-clock time is the monotonic time that every call passes plus an offset that never changes, so a clock that is set meanwhile
 * disturbs no round-trip time. */
#ifndef MC_RTCP_SESSION_H
#define MC_RTCP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtcp.h"
#include "rtcp_timer.h"
#include "rtcp_xr.h"
#include "stats.h"

#define MC_RTCP_MAX_BUILT 160 /* bytes: the largest packet that a session builds */
#define MC_RTCP_CNAME 16      /* characters: 96 random bits in base 64 (RFC 7022 section 4.2) */
#define MC_RTCP_SRS 4         /* sender reports remembered: an answer to an older one says nothing about the network now */

struct mc_rtcp_session_stats {
    uint64_t n_sent, n_received, n_malformed;
    bool bye;      /* the peer took leave */
    bool have_rtt; /* round trip, RFC 3550 section 6.4.1 */
    uint64_t rtt_us, rtt_max_us;
    bool have_report;       /* the peer's view of what we send: */
    int64_t remote_lost;    /* packets, in all */
    double remote_fraction; /* lost between its last two reports, 0 ... 1 */
    uint64_t remote_jitter_us;
    bool have_xr;
    struct mc_xr_voip xr; /* its VoIP metrics, RFC 3611 section 4.7 */
};

struct mc_rtcp_session {
    struct mc_rtcp_timer timer;
    int64_t wall_us;
    char cname[MC_RTCP_CNAME + 1];
    bool closed; /* BYE went out */

    /* what we sent */
    uint32_t ssrc, clock;
    uint32_t n_before[2]; /* RTP packets sent as of the last two reports */
    struct {
        uint32_t mid;
        uint64_t at_us;
    } srs[MC_RTCP_SRS]; /* at_us 0 = none */
    unsigned n_srs;

    /* what came */
    uint32_t peer; /* SSRC of the RTP source that is reported on, once `have_rx` */
    bool have_rx;
    uint32_t sr_ssrc, sr_mid;                  /* its last sender report */
    uint64_t sr_us;                            /* 0 = none */
    uint64_t expected_before, received_before; /* appendix A.3 */
    uint64_t heard_us;                         /* any RTCP or RTP of the peer, 0 = never */
    int64_t lost_before;                       /* reported on SSRCs that we had before */
    int64_t lost_now;
    struct mc_rtcp_session_stats st;
};

struct mc_rtcp_session_cfg {
    uint64_t seed;
    int64_t wall_us;      /* Unix time = now_us + wall_us */
    uint32_t session_bps; /* RTP of one direction with lower layers, bits a second */
};

/* Our stream at the moment of a report. */
struct mc_rtcp_ours {
    uint32_t ssrc, clock, rtp_ts;
    uint32_t n_packets, n_octets;  /* of this SSRC */
    const struct mc_rx_stats *rx;  /* what we receive */
    const struct mc_xr_voip *voip; /* NULL = no extended report; its `ssrc` and round trip are filled in here */
};

void mc_rtcp_session_init(struct mc_rtcp_session *s, const struct mc_rtcp_session_cfg *cfg, uint64_t now_us);
/* Whose packets we send, and their RTP clock: what the peer reports on it is ours. */
void mc_rtcp_session_ssrc(struct mc_rtcp_session *s, uint32_t ssrc, uint32_t clock);
/* The source that we receive began anew (rx counts from zero): the next report covers what comes from here on. */
void mc_rtcp_session_restart(struct mc_rtcp_session *s);
/* A compound packet came. MC_OK, or what was wrong with it; a packet in it that is wrong is passed over, those before it count. */
int mc_rtcp_session_packet(struct mc_rtcp_session *s, const uint8_t *buf, size_t len, uint64_t now_us);
/* Time passes: bytes of a report that is to be sent now, 0 = not yet, MC_E_SHORT (size < MC_RTCP_MAX_BUILT). */
int mc_rtcp_session_poll(struct mc_rtcp_session *s, const struct mc_rtcp_ours *ours, uint8_t *buf, size_t size,
                         uint64_t now_us);
/* The end: bytes of a report with BYE, 0 when nothing was ever sent (section 6.3.7) or BYE went already, MC_E_SHORT. */
int mc_rtcp_session_bye(struct mc_rtcp_session *s, const struct mc_rtcp_ours *ours, uint8_t *buf, size_t size, uint64_t now_us);

#endif
