/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP fixed header, RFC 3550 section 5.1; header extension, section 5.3.1. */
#ifndef MC_RTP_H
#define MC_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MC_RTP_HEADER 12       /* bytes, without CSRC list and extension */
#define MC_RTP_MAX_PACKET 1500 /* bytes; nothing larger is read or built */

struct mc_rtp {
    bool marker;
    uint8_t pt;
    uint16_t seq;
    uint32_t ts; /* RTP clock units */
    uint32_t ssrc;
    const uint8_t *payload; /* into the parsed buffer, padding excluded */
    size_t len;             /* payload bytes; 0 is legal */
};

/* Parses a packet of `len` bytes. MC_OK, MC_E_SHORT or MC_E_FORMAT. */
int mc_rtp_parse(struct mc_rtp *out, const uint8_t *buf, size_t len);

/* Writes the 12-byte header for `pkt` (its payload is not touched: encode it at buf + MC_RTP_HEADER).
 * Returns MC_RTP_HEADER, or MC_E_SHORT when `size` is less. */
int mc_rtp_build(uint8_t *buf, size_t size, const struct mc_rtp *pkt);

/* True when the bytes are RTCP that came on the RTP port (RFC 5761 section 4). */
bool mc_rtp_is_rtcp(const uint8_t *buf, size_t len);

#endif
