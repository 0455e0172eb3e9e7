/* SPDX-License-Identifier: GPL-3.0-or-later
 * Every TLS connection to us is a full handshake: no session of an earlier one is resumed (RFC 8446 section 2.2, RFC 5246 section 7.3).
 * PJSIP looks at a client's certificate after the handshake, when OpenSSL has the session already, and at a resumed one not at all:
 * whoever was refused once would come in with the second attempt, by whatever name his certificate claims. This is the call by which
 * PJSIP makes a listener's context ready for sessions. */
#include <openssl/ssl.h>

int __real_SSL_CTX_set_session_id_context(SSL_CTX *ctx, const unsigned char *id, unsigned int n);

int __wrap_SSL_CTX_set_session_id_context(SSL_CTX *ctx, const unsigned char *id, unsigned int n) {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    if (!SSL_CTX_set_num_tickets(ctx, 0)) {
        return 0;
    }
    return __real_SSL_CTX_set_session_id_context(ctx, id, n);
}
