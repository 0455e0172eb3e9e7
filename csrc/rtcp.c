/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * RFC 3550 section 6.4.1, sender report. A receiver report (section 6.4.2) is the same without the five words of the sender:
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |V=2|P|   RC    |   PT=SR=200   |     length in words - 1       |
 *  |                        SSRC of sender                         |
 *  +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 *  |                      NTP timestamp, seconds                   |
 *  |                      NTP timestamp, fraction                  |
 *  |                         RTP timestamp                         |
 *  |                        packets sent                           |
 *  |                      payload octets sent                      |
 *  +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 *  |                 SSRC of the source reported on                |  report block, RC times
 *  | fraction lost |        cumulative number lost (signed)        |
 *  |             extended highest sequence number                  |
 *  |                            jitter                             |
 *  |                   last SR (middle of its NTP)                 |
 *  |                    delay since last SR                        |
 *  +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 *
 * Section 6.5, SDES (SC chunks), and section 6.6, BYE (SC sources, then perhaps a reason):
 *
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                             SSRC                              |
 *  |  CNAME = 1    |     length    |  text, then further items ... |
 *  |          ... a zero, and zeros up to the next word            |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
#include "rtcp.h"

#include <string.h>

#include "bytes.h"
#include "err.h"

#define VERSION 2
#define HEADER 4 /* bytes, section 6.4.1 */
#define SENDER 20
#define REPORT 24
#define PADDED 0x20
#define SDES_CNAME 1 /* section 6.5.1 */

/* --- reading --- */

/* Bytes of the packet at `at`, header included; 0: they are not all there. */
static size_t packet_len(const uint8_t *buf, size_t len, size_t at) {
    if (len - at < HEADER) {
        return 0;
    }
    size_t n = HEADER + 4 * (size_t)mc_get16(buf + at + 2);
    return n <= len - at ? n : 0;
}

/* Padding that is legal where it stands: its count is in the last byte, a multiple of four (section 6.4.1). */
static bool padding_ok(const uint8_t *pkt, size_t n) {
    uint8_t pad = pkt[n - 1];
    return pad > 0 && pad % 4 == 0 && pad <= n - HEADER;
}

int mc_rtcp_check(const uint8_t *buf, size_t len) {
    if (len < HEADER) {
        return MC_E_SHORT;
    }
    if ((buf[1] != MC_RTCP_SR && buf[1] != MC_RTCP_RR) || len % 4 != 0) {
        return MC_E_FORMAT;
    }
    for (size_t at = 0; at < len;) {
        size_t n = packet_len(buf, len, at);
        if (n == 0) {
            return MC_E_SHORT;
        }
        bool last = at + n == len;
        bool padded = (buf[at] & PADDED) != 0;
        if (buf[at] >> 6 != VERSION || (padded && (!last || !padding_ok(buf + at, n)))) {
            return MC_E_FORMAT;
        }
        at += n;
    }
    return MC_OK;
}

bool mc_rtcp_next(struct mc_rtcp *out, const uint8_t *buf, size_t len, size_t *at) {
    if (*at >= len) {
        return false;
    }
    const uint8_t *pkt = buf + *at;
    size_t n = packet_len(buf, len, *at);
    if (n == 0) {
        return false;
    }
    *at += n;
    size_t pad = (pkt[0] & PADDED) != 0 && padding_ok(pkt, n) ? pkt[n - 1] : 0;
    out->type = pkt[1];
    out->count = pkt[0] & 0x1f;
    out->body = pkt + HEADER;
    out->len = n - HEADER - pad;
    return true;
}

int mc_rtcp_ssrc(const struct mc_rtcp *pkt, uint32_t *out) {
    if (pkt->len < 4) {
        return MC_E_SHORT;
    }
    *out = mc_get32(pkt->body);
    return MC_OK;
}

int mc_rtcp_sender(const struct mc_rtcp *pkt, struct mc_rtcp_sender *out) {
    if (pkt->type != MC_RTCP_SR) {
        return MC_E_ARG;
    }
    if (pkt->len < 4 + SENDER) {
        return MC_E_SHORT;
    }
    const uint8_t *p = pkt->body + 4;
    out->ntp = (uint64_t)mc_get32(p) << 32 | mc_get32(p + 4);
    out->rtp_ts = mc_get32(p + 8);
    out->n_packets = mc_get32(p + 12);
    out->n_octets = mc_get32(p + 16);
    return MC_OK;
}

int mc_rtcp_report(const struct mc_rtcp *pkt, unsigned i, struct mc_rtcp_report *out) {
    if ((pkt->type != MC_RTCP_SR && pkt->type != MC_RTCP_RR) || i >= pkt->count) {
        return MC_E_ARG;
    }
    size_t at = 4 + (pkt->type == MC_RTCP_SR ? SENDER : 0) + (size_t)i * REPORT;
    if (pkt->len < at + REPORT) {
        return MC_E_SHORT;
    }
    const uint8_t *p = pkt->body + at;
    uint32_t lost = mc_get24(p + 5);
    out->ssrc = mc_get32(p);
    out->fraction = p[4];
    out->lost = (int32_t)lost - (lost & 0x800000 ? 0x1000000 : 0);
    out->ext_seq = mc_get32(p + 8);
    out->jitter = mc_get32(p + 12);
    out->lsr = mc_get32(p + 16);
    out->dlsr = mc_get32(p + 20);
    return MC_OK;
}

/* One chunk's items from *at on; leaves *at behind its padding. The CNAME's length when it has one, MC_E_EMPTY or MC_E_SHORT. */
static int chunk_cname(const struct mc_rtcp *pkt, size_t *at, const char **text) {
    int found = MC_E_EMPTY;
    while (*at < pkt->len && pkt->body[*at] != 0) {
        if (pkt->len - *at < 2 || pkt->len - *at - 2 < pkt->body[*at + 1]) {
            return MC_E_SHORT;
        }
        uint8_t n = pkt->body[*at + 1];
        if (pkt->body[*at] == SDES_CNAME && found == MC_E_EMPTY) {
            *text = (const char *)pkt->body + *at + 2;
            found = n;
        }
        *at += 2u + n;
    }
    if (*at >= pkt->len) {
        return MC_E_SHORT; /* no zero ends the list */
    }
    *at = (*at / 4 + 1) * 4;
    return found;
}

int mc_rtcp_cname(const struct mc_rtcp *pkt, uint32_t ssrc, const char **text) {
    if (pkt->type != MC_RTCP_SDES) {
        return MC_E_ARG;
    }
    size_t at = 0;
    for (unsigned i = 0; i < pkt->count; i++) {
        if (at > pkt->len || pkt->len - at < 4) {
            return MC_E_SHORT;
        }
        uint32_t whose = mc_get32(pkt->body + at);
        at += 4;
        int rc = chunk_cname(pkt, &at, text);
        if (rc == MC_E_SHORT || (whose == ssrc && rc != MC_E_EMPTY)) {
            return rc;
        }
    }
    return MC_E_EMPTY;
}

int mc_rtcp_bye(const struct mc_rtcp *pkt, unsigned i, uint32_t *out) {
    if (pkt->type != MC_RTCP_BYE || i >= pkt->count) {
        return MC_E_ARG;
    }
    if (pkt->len < 4 * ((size_t)i + 1)) {
        return MC_E_SHORT;
    }
    *out = mc_get32(pkt->body + 4 * (size_t)i);
    return MC_OK;
}

/* --- building --- */

uint8_t *mc_rtcp_put_header(struct mc_rtcp_out *out, uint8_t type, uint8_t count, size_t words) {
    if (out->size - out->len < HEADER + 4 * words) {
        return NULL;
    }
    uint8_t *p = out->buf + out->len;
    p[0] = (uint8_t)(VERSION << 6 | count);
    p[1] = type;
    mc_put16(p + 2, (uint16_t)words);
    out->len += HEADER + 4 * words;
    return p + HEADER;
}

static void put_sender(uint8_t *p, const struct mc_rtcp_sender *s) {
    mc_put32(p, (uint32_t)(s->ntp >> 32));
    mc_put32(p + 4, (uint32_t)s->ntp);
    mc_put32(p + 8, s->rtp_ts);
    mc_put32(p + 12, s->n_packets);
    mc_put32(p + 16, s->n_octets);
}

static void put_block(uint8_t *p, const struct mc_rtcp_report *r) {
    int32_t lost = r->lost > 0x7fffff ? 0x7fffff : r->lost < -0x800000 ? -0x800000 : r->lost; /* section 6.4.1: clamped */
    mc_put32(p, r->ssrc);
    p[4] = r->fraction;
    mc_put24(p + 5, (uint32_t)lost);
    mc_put32(p + 8, r->ext_seq);
    mc_put32(p + 12, r->jitter);
    mc_put32(p + 16, r->lsr);
    mc_put32(p + 20, r->dlsr);
}

int mc_rtcp_put_report(struct mc_rtcp_out *out, uint32_t ssrc, const struct mc_rtcp_sender *sender,
                       const struct mc_rtcp_report *reports, unsigned n) {
    if (n > MC_RTCP_MAX_REPORTS) {
        return MC_E_ARG;
    }
    size_t bytes = 4 + (sender != NULL ? SENDER : 0) + (size_t)n * REPORT;
    uint8_t *p = mc_rtcp_put_header(out, sender != NULL ? MC_RTCP_SR : MC_RTCP_RR, (uint8_t)n, bytes / 4);
    if (p == NULL) {
        return MC_E_SHORT;
    }
    mc_put32(p, ssrc);
    p += 4;
    if (sender != NULL) {
        put_sender(p, sender);
        p += SENDER;
    }
    for (unsigned i = 0; i < n; i++) {
        put_block(p + (size_t)i * REPORT, &reports[i]);
    }
    return MC_OK;
}

/* A length and the text behind it, not terminated. */
static void put_text(uint8_t *p, const char *text, size_t n) {
    *p++ = (uint8_t)n;
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)text[i];
    }
}

int mc_rtcp_put_cname(struct mc_rtcp_out *out, uint32_t ssrc, const char *cname) {
    size_t n = strlen(cname);
    if (n > MC_RTCP_MAX_TEXT) {
        return MC_E_ARG;
    }
    size_t words = 1 + (2 + n) / 4 + 1; /* at least one zero ends the list */
    uint8_t *p = mc_rtcp_put_header(out, MC_RTCP_SDES, 1, words);
    if (p == NULL) {
        return MC_E_SHORT;
    }
    memset(p, 0, 4 * words);
    mc_put32(p, ssrc);
    p[4] = SDES_CNAME;
    put_text(p + 5, cname, n);
    return MC_OK;
}

int mc_rtcp_put_bye(struct mc_rtcp_out *out, uint32_t ssrc, const char *reason) {
    size_t n = reason != NULL ? strlen(reason) : 0;
    if (n > MC_RTCP_MAX_TEXT) {
        return MC_E_ARG;
    }
    size_t words = 1 + (n > 0 ? (1 + n + 3) / 4 : 0);
    uint8_t *p = mc_rtcp_put_header(out, MC_RTCP_BYE, 1, words);
    if (p == NULL) {
        return MC_E_SHORT;
    }
    memset(p, 0, 4 * words);
    mc_put32(p, ssrc);
    if (n > 0) {
        put_text(p + 4, reason, n);
    }
    return MC_OK;
}
