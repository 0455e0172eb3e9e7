/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTCP packets, RFC 3550 section 6: compound packets are read packet by packet, and built one after the other. */
#ifndef MC_RTCP_H
#define MC_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Packet types: RFC 3550 section 12.1, RFC 3611 section 2. */
#define MC_RTCP_SR 200
#define MC_RTCP_RR 201
#define MC_RTCP_SDES 202
#define MC_RTCP_BYE 203
#define MC_RTCP_APP 204
#define MC_RTCP_XR 207

#define MC_RTCP_MAX_REPORTS 31 /* section 6.4.1: RC has 5 bits */
#define MC_RTCP_MAX_TEXT 255   /* bytes of an SDES item or a reason: section 6.5, 6.6 */

struct mc_rtcp_sender {
    uint64_t ntp;       /* seconds since 1900 << 32 | fraction: section 4 */
    uint32_t rtp_ts;    /* the same moment on our RTP clock */
    uint32_t n_packets; /* of this SSRC */
    uint32_t n_octets;  /* payload only */
};

/* What the one side received of the other. */
struct mc_rtcp_report {
    uint32_t ssrc;    /* whose packets are reported on */
    uint8_t fraction; /* lost since the last report, 1/256 */
    int32_t lost;     /* since the beginning; 24 bits, may be negative (appendix A.3) */
    uint32_t ext_seq; /* highest sequence number, extended by its wraps */
    uint32_t jitter;  /* RTP clock units */
    uint32_t lsr;     /* middle 32 bits of the last SR's NTP timestamp; 0 = none came */
    uint32_t dlsr;    /* time since it came, 1/65536 s */
};

/* --- reading --- */

/* One packet of a compound packet; its readers check every length themselves. */
struct mc_rtcp {
    uint8_t type;
    uint8_t count;       /* RC, SC or subtype, 0 ... 31 */
    const uint8_t *body; /* behind the 4-byte header, padding excluded; into the buffer */
    size_t len;
};

/* Is it a compound packet (appendix A.2)? MC_OK, MC_E_SHORT or MC_E_FORMAT. */
int mc_rtcp_check(const uint8_t *buf, size_t len);
/* The packet at *at (0 at first) of a compound packet that passed mc_rtcp_check; false: no more. */
bool mc_rtcp_next(struct mc_rtcp *out, const uint8_t *buf, size_t len, size_t *at);

/* Sender of an SR, RR or XR: its first word. MC_OK or MC_E_SHORT. */
int mc_rtcp_ssrc(const struct mc_rtcp *pkt, uint32_t *out);
/* Sender information of an SR. MC_OK, MC_E_ARG (no SR), MC_E_SHORT. */
int mc_rtcp_sender(const struct mc_rtcp *pkt, struct mc_rtcp_sender *out);
/* Report block i < pkt->count of an SR or RR. MC_OK, MC_E_ARG, MC_E_SHORT. */
int mc_rtcp_report(const struct mc_rtcp *pkt, unsigned i, struct mc_rtcp_report *out);
/* Canonical name of `ssrc` in an SDES: its length, with *text into the buffer, not terminated. MC_E_EMPTY, MC_E_ARG, MC_E_SHORT. */
int mc_rtcp_cname(const struct mc_rtcp *pkt, uint32_t ssrc, const char **text);
/* Source i < pkt->count that a BYE takes leave of. MC_OK, MC_E_ARG, MC_E_SHORT. */
int mc_rtcp_bye(const struct mc_rtcp *pkt, unsigned i, uint32_t *out);

/* --- building --- */

struct mc_rtcp_out {
    uint8_t *buf;
    size_t size, len;
};

/* Each adds one packet: MC_OK; MC_E_SHORT when it has no room, MC_E_ARG for too many reports or too long a text; nothing is added
 * then. sender NULL: an RR. */
int mc_rtcp_put_report(struct mc_rtcp_out *out, uint32_t ssrc, const struct mc_rtcp_sender *sender,
                       const struct mc_rtcp_report *reports, unsigned n);
int mc_rtcp_put_cname(struct mc_rtcp_out *out, uint32_t ssrc, const char *cname);
int mc_rtcp_put_bye(struct mc_rtcp_out *out, uint32_t ssrc, const char *reason); /* NULL = no reason */
/* Room for a packet of `words` behind its header, which is written; NULL: no room. For other files that know packet types. */
uint8_t *mc_rtcp_put_header(struct mc_rtcp_out *out, uint8_t type, uint8_t count, size_t words);

#endif
