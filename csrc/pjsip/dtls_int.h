/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of DTLS share with each other. */
#ifndef MC_DTLS_INT_H
#define MC_DTLS_INT_H

#include <openssl/ssl.h>

#include "dtls.h"
#include "pj_internal.h"

/* A handle is a place in a table, and how often that was taken: what was posted for one that is gone reaches no other. */
#define MC_DTLS_MAX PJSUA_MAX_CALLS
#define MC_DTLS_PLACE(handle) ((handle) % MC_DTLS_MAX)

/* dtls.c: from the ring. */
void mc_dtls_packet(uint32_t handle, const uint8_t *pkt, size_t len, const pj_sockaddr *from);

/* dtls_cert.c: the context of all handshakes, with this process's certificate; NULL: OpenSSL could not make one. */
SSL_CTX *mc_dtls_context(void);
/* Is the peer's certificate the one that its SDP says? */
bool mc_dtls_is_peer(SSL *ssl, const struct mc_fingerprints *theirs);

#endif
