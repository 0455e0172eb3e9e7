/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * RFC 3550 section 5.1:
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |V=2|P|X|  CC   |M|     PT      |            seq                |
 *  |                              ts                               |
 *  |                             ssrc                              |
 *  |                     csrc, CC times 32 bits                    |
 *  |      profile (X)              |   extension words (5.3.1)     |
 *  |                        extension ...                          |
 *  |                         payload ...                           |
 *  |                 ... padding (P)               | padding bytes |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
#include "rtp.h"

#include "bytes.h"
#include "err.h"

#define VERSION 2      /* section 5.1 */
#define CSRC_BYTES 4   /* section 5.1 */
#define EXT_HEADER 4   /* section 5.3.1: profile and length, 16 bits each */
#define RTCP_FIRST 192 /* RFC 5761 section 4: second byte of RTCP on a shared port */
#define RTCP_LAST 223

bool mc_rtp_is_rtcp(const uint8_t *buf, size_t len) {
    return len >= 2 && buf[0] >> 6 == VERSION && buf[1] >= RTCP_FIRST && buf[1] <= RTCP_LAST;
}

int mc_rtp_parse(struct mc_rtp *out, const uint8_t *buf, size_t len) {
    if (len < MC_RTP_HEADER) {
        return MC_E_SHORT;
    }
    if (len > MC_RTP_MAX_PACKET || buf[0] >> 6 != VERSION) {
        return MC_E_FORMAT;
    }
    size_t at = MC_RTP_HEADER + CSRC_BYTES * (size_t)(buf[0] & 0x0f);
    if (buf[0] & 0x10) { /* X */
        if (at + EXT_HEADER > len) {
            return MC_E_SHORT;
        }
        at += EXT_HEADER + 4 * (size_t)mc_get16(buf + at + 2);
    }
    if (at > len) {
        return MC_E_SHORT;
    }
    size_t end = len;
    if (buf[0] & 0x20) { /* P: the last byte counts the padding, itself included */
        size_t pad = buf[len - 1];
        if (pad == 0 || pad > len - at) {
            return MC_E_FORMAT;
        }
        end -= pad;
    }
    out->marker = buf[1] >> 7;
    out->pt = buf[1] & 0x7f;
    out->seq = mc_get16(buf + 2);
    out->ts = mc_get32(buf + 4);
    out->ssrc = mc_get32(buf + 8);
    out->payload = buf + at;
    out->len = end - at;
    return MC_OK;
}

int mc_rtp_build(uint8_t *buf, size_t size, const struct mc_rtp *pkt) {
    if (size < MC_RTP_HEADER) {
        return MC_E_SHORT;
    }
    buf[0] = VERSION << 6;
    buf[1] = (uint8_t)((pkt->marker ? 0x80 : 0) | (pkt->pt & 0x7f));
    mc_put16(buf + 2, pkt->seq);
    mc_put32(buf + 4, pkt->ts);
    mc_put32(buf + 8, pkt->ssrc);
    return MC_RTP_HEADER;
}
