/* SPDX-License-Identifier: GPL-3.0-or-later
 * This process's certificate, made for itself at the first need and never written anywhere, and the fingerprints that stand for
 * certificates in SDP (RFC 8122 section 5): who is on the line is as true as the signalling that brought the fingerprint. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "dtls_int.h"

#define DAY_S (24L * 3600)
#define LIFE_DAYS 3650L /* longer than any process; peers look at the fingerprint alone */

static SSL_CTX *context;
static char fingerprint[8 + 3 * 32 + 1];

bool mc_fingerprints_same(const struct mc_fingerprints *a, const struct mc_fingerprints *b) {
    return a->n == b->n && !memcmp(a->of, b->of, a->n * sizeof(a->of[0]));
}

static const EVP_MD *md_of(size_t n) {
    return n == 32 ? EVP_sha256() : n == 48 ? EVP_sha384() : EVP_sha512();
}

bool mc_dtls_is_peer(SSL *ssl, const struct mc_fingerprints *theirs) {
    X509 *cert = SSL_get1_peer_certificate(ssl);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n;
    bool found = false;

    for (unsigned i = 0; cert && i < theirs->n && !found; i++) {
        found = X509_digest(cert, md_of(theirs->of[i].n), digest, &n) == 1 && n == theirs->of[i].n &&
                !CRYPTO_memcmp(digest, theirs->of[i].bytes, n);
    }
    X509_free(cert);
    return found;
}

/* --- the certificate --- */

static X509 *self_signed(EVP_PKEY *key) {
    X509 *cert = X509_new();
    X509_NAME *name = cert ? X509_get_subject_name(cert) : NULL;
    uint64_t serial = 0;

    if (cert && X509_set_version(cert, X509_VERSION_3) && RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1) &&
        X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) && X509_gmtime_adj(X509_getm_notAfter(cert), LIFE_DAYS * DAY_S) &&
        X509_set_pubkey(cert, key) &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"sipagent", -1, -1, 0) &&
        X509_set_issuer_name(cert, name) && X509_sign(cert, key, EVP_sha256()) > 0) {
        return cert;
    }
    X509_free(cert);
    return NULL;
}

static bool note_fingerprint(const X509 *cert) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    size_t at = (size_t)snprintf(fingerprint, sizeof(fingerprint), "sha-256 ");

    if (X509_digest(cert, EVP_sha256(), digest, &n) != 1) {
        return false;
    }
    for (unsigned i = 0; i < n && at + 4 <= sizeof(fingerprint); i++) {
        at += (size_t)snprintf(fingerprint + at, sizeof(fingerprint) - at, i ? ":%02X" : "%02X", digest[i]);
    }
    return true;
}

/* Whose certificate it is says the fingerprint, after the handshake. */
static int any(int ok, X509_STORE_CTX *store) {
    return 1;
}

static SSL_CTX *make(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key ? self_signed(key) : NULL;
    SSL_CTX *made = cert ? SSL_CTX_new(DTLS_method()) : NULL;

    if (made) {
        SSL_CTX_set_verify(made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, any);
        SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(made, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_COMPRESSION);
        SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS);
        if (SSL_CTX_set_min_proto_version(made, DTLS1_2_VERSION) != 1 || /* RFC 8827 section 6.5 */
            SSL_CTX_set_cipher_list(made, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES") != 1 ||
            SSL_CTX_use_certificate(made, cert) != 1 || SSL_CTX_use_PrivateKey(made, key) != 1 || !note_fingerprint(cert)) {
            SSL_CTX_free(made);
            made = NULL;
        }
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    return made;
}

SSL_CTX *mc_dtls_context(void) {
    if (!context) {
        context = make();
    }
    return context;
}

const char *mc_dtls_fingerprint(void) {
    return mc_dtls_context() ? fingerprint : NULL;
}
