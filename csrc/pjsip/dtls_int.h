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

/* dtls_way.c: one handshake, with whoever is at one address. It stays where it is in memory: OpenSSL points at it. */
struct mc_dtls_way {
    SSL *ssl; /* NULL: free */
    int fd;
    pj_sockaddr to;
    const pj_sockaddr *also; /* gets what we send too; NULL: nobody */
    bool heard;              /* somebody spoke from there */
    pj_time_val begun, last; /* `last`: heard */
    unsigned n_again;        /* flights that went again */
    const uint8_t *in;       /* the datagram that OpenSSL is to read */
    size_t in_len;
};

enum mc_dtls_step { MC_DTLS_GOES_ON, MC_DTLS_DONE, MC_DTLS_FAILED };

/* Begins, anew where it had begun. False: no memory, or none of the suites can be had by DTLS; it is free then. */
bool mc_dtls_way_begin(struct mc_dtls_way *w, const struct mc_dtls_cfg *cfg, int fd, const pj_sockaddr *to);
void mc_dtls_way_end(struct mc_dtls_way *w);
/* As far as it goes, with this datagram or without (NULL). */
enum mc_dtls_step mc_dtls_way_step(struct mc_dtls_way *w, const uint8_t *pkt, size_t len);
/* After the handshake the peer's last flight may come again, because ours was lost. */
void mc_dtls_way_listen(struct mc_dtls_way *w, const uint8_t *pkt, size_t len);
/* When the last flight is to go again; false: the next move is the peer's. */
bool mc_dtls_way_due(const struct mc_dtls_way *w, pj_time_val *delay);
/* Sends it again if its time has come. False: it was in vain too often. */
bool mc_dtls_way_repeat(struct mc_dtls_way *w);
/* Of a finished one, RFC 5764 section 4.2. False: no SRTP profile in common. */
bool mc_dtls_way_keys(const struct mc_dtls_way *w, bool active, struct mc_sdes_key *tx, struct mc_sdes_key *rx);

#endif
