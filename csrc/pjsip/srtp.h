/* SPDX-License-Identifier: GPL-3.0-or-later
 * SRTP (RFC 3711) of one call: opens and seals on the media worker, by libsrtp, with the keys that signalling has negotiated.
 *
 * It lives as long as the media transport, through hold, re-INVITE and change of codec, so that packet indices, rollover counters
 * and replay windows go on wherever a key does: no (key, SSRC, index) seals two packets, and what was opened is never opened again,
 * also when a key comes back that was in use before. A peer whose key is replaced may start its rollover counter at zero or keep it:
 * what it does is found out from its first authentic packet. */
#ifndef MC_SRTP_H
#define MC_SRTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MC_SRTP_KEY_MAX 46 /* AES-256-CM: 32 bytes of key, 14 of salt (RFC 6188 section 3) */
#define MC_SRTP_ROOM 32    /* what sealing adds at most: tag, SRTCP index */
#define MC_SRTP_MTU 2048

struct mc_srtp;

struct mc_srtp_key {
    const char *suite; /* as in SDP: RFC 4568 section 6.2, RFC 6188 section 7, RFC 7714 section 14.2 */
    size_t suite_len;
    const uint8_t *bytes; /* master key and salt */
    size_t n;
};

enum mc_srtp_verdict {
    MC_SRTP_OPENED,
    MC_SRTP_FORGED,   /* not sealed with the peer's key, or no packet at all */
    MC_SRTP_REPLAYED, /* was opened before, or is too old to tell */
};

/* --- signalling thread, or the worker: while no packet is under way --- */

/* The suite of this name, in our own words, and the bytes of its master key and salt; NULL and 0: it is not served. Any thread. */
const char *mc_srtp_suite(const char *name, size_t len);
size_t mc_srtp_key_len(const char *name, size_t len);

/* Nothing is sealed or opened until there are keys again. */
void mc_srtp_stop(struct mc_srtp *srtp);
/* NULL: no memory. libsrtp is up. */
struct mc_srtp *mc_srtp_new(void);
/* Key material is zeroed. NULL is fine. */
void mc_srtp_free(struct mc_srtp *srtp);
/* Keys that are the same as before go on as they were. A key of ours never comes back after KEYS others (srtp.c), or indices
 * would repeat: they are random. MC_E_ARG: unknown suite, or not a key of it; MC_E_NOMEM. After an error nothing is sealed or opened. */
int mc_srtp_set_keys(struct mc_srtp *srtp, const struct mc_srtp_key *tx, const struct mc_srtp_key *rx);

/* --- media worker --- */

/* In place; `pkt` is 4-byte aligned. */
enum mc_srtp_verdict mc_srtp_open(struct mc_srtp *srtp, uint8_t *pkt, size_t *len);
enum mc_srtp_verdict mc_srtp_open_rtcp(struct mc_srtp *srtp, uint8_t *pkt, size_t *len);
/* The sealed packet and its length, valid until the next one; NULL when it can't be sealed, and then it must not be sent. */
const uint8_t *mc_srtp_seal(struct mc_srtp *srtp, const void *pkt, size_t *len);
const uint8_t *mc_srtp_seal_rtcp(struct mc_srtp *srtp, const void *pkt, size_t *len);

#endif
