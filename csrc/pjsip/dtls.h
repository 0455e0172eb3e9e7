/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keys by a DTLS handshake on the RTP port (DTLS-SRTP, RFC 5763 and RFC 5764). All on the sip thread but mc_dtls_post: the worker puts
 * what comes into a ring, and never sees a handshake. */
#ifndef MC_DTLS_H
#define MC_DTLS_H

#include <pjlib.h>

#include "../fingerprint.h"
#include "sdes.h"

#define MC_FINGERPRINTS 4 /* of a peer; more are not read */

struct mc_fingerprints {
    unsigned n;
    struct mc_fingerprint of[MC_FINGERPRINTS];
};

bool mc_fingerprints_same(const struct mc_fingerprints *a, const struct mc_fingerprints *b);
/* Of the certificate that this process made for itself, as it stands in SDP; NULL: there is none. */
const char *mc_dtls_fingerprint(void);

struct mc_dtls;

struct mc_dtls_cfg {
    bool active; /* the client (RFC 5763 section 5) */
    struct mc_fingerprints theirs;
    const char *const *suites; /* that may be used, best first */
    unsigned n_suites;
    int call_id;
    /* Once: `why` NULL: there are keys. Else what went wrong, in words. */
    void (*on_end)(void *ctx, const char *why);
    void *ctx;
};

/* NULL: no memory, or none of the suites can be had by DTLS. */
struct mc_dtls *mc_dtls_new(const struct mc_dtls_cfg *cfg);
void mc_dtls_free(struct mc_dtls *dtls); /* NULL is fine */
/* What mc_dtls_post knows it by; never 0. */
uint32_t mc_dtls_handle(const struct mc_dtls *dtls);
/* Packets may go out by `fd` to `peer`, and come. Again and again, as often as SDP is settled. */
void mc_dtls_go(struct mc_dtls *dtls, int fd, const pj_sockaddr *peer);
/* Whether the handshake is over; then the keys. */
bool mc_dtls_keyed(const struct mc_dtls *dtls);
/* Where the peer is whose keys these are; NULL: there are none. */
const pj_sockaddr *mc_dtls_peer(const struct mc_dtls *dtls);
const struct mc_sdes_key *mc_dtls_tx(const struct mc_dtls *dtls);
const struct mc_sdes_key *mc_dtls_rx(const struct mc_dtls *dtls);

/* RFC 7983 section 7. */
static inline bool mc_is_dtls(const uint8_t *pkt, size_t len) {
    return len > 0 && pkt[0] >= 20 && pkt[0] <= 63;
}

/* Media worker: one datagram for the association with this handle. Too many at once are lost, as on any network. */
void mc_dtls_post(uint32_t handle, const uint8_t *pkt, size_t len, const struct sockaddr *from, socklen_t from_len);
/* Sip thread, after its bell rang: hands over what was posted. */
void mc_dtls_deliver(void);

#endif
