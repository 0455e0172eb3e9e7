/* SPDX-License-Identifier: GPL-3.0-or-later
 * The generator speaks SRTP (RFC 3711) when it is compiled with RTPGEN_SRTP; libsrtp seals and opens. Keys are master key and
 * salt (RFC 4568 section 6.1) as hex digits. */
#ifndef RTPGEN_SRTP_H
#define RTPGEN_SRTP_H

#include <stdbool.h>
#include <stdint.h>

#define SRTP_ROOM 32 /* bytes behind a packet for its tag (RFC 7714 section 13.2: 16) */
#define SRTP_HEX 128

struct line; /* one call's two directions */

/* suite: a name of RFC 4568 section 6.2 or RFC 7714 section 14.2. NULL: unknown suite, or a key of another length. */
struct line *line_new(const char *suite, const char *tx_hex, const char *rx_hex);
void line_free(struct line *line);
/* In place; len is changed. false: not sealed, or not authentic. */
bool line_seal(struct line *line, uint8_t *pkt, int *len);
bool line_open(struct line *line, uint8_t *pkt, int *len);
bool line_seal_rtcp(struct line *line, uint8_t *pkt, int *len);
bool line_open_rtcp(struct line *line, uint8_t *pkt, int *len);

#endif
