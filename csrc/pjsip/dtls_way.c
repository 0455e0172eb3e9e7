/* SPDX-License-Identifier: GPL-3.0-or-later
 * One handshake: OpenSSL's over a BIO of our own, each write of which is a datagram. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/srtp.h>
#include <sys/socket.h>

#include "dtls_int.h"

#define MTU 1200         /* of a handshake's datagrams: passes every path */
#define FIRST_US 250000U /* until the first flight is sent again; twice as long each time (RFC 6347 section 4.2.4.1) */
#define LONGEST_US 2000000U

/* RFC 5764 section 4.1.2, RFC 7714 section 14.2. */
static const struct profile {
    unsigned long id;
    const char *ssl, *suite;
    size_t key, salt;
} profiles[] = {
    {SRTP_AEAD_AES_256_GCM, "SRTP_AEAD_AES_256_GCM", "AEAD_AES_256_GCM", 32, 12},
    {SRTP_AEAD_AES_128_GCM, "SRTP_AEAD_AES_128_GCM", "AEAD_AES_128_GCM", 16, 12},
    {SRTP_AES128_CM_SHA1_80, "SRTP_AES128_CM_SHA1_80", "AES_CM_128_HMAC_SHA1_80", 16, 14},
    {SRTP_AES128_CM_SHA1_32, "SRTP_AES128_CM_SHA1_32", "AES_CM_128_HMAC_SHA1_32", 16, 14},
};

/* --- BIO --- */

/* What doesn't go is sent again by the timer. */
static void send_to(const struct mc_dtls_way *w, const pj_sockaddr *to, const void *data, int len) {
    (void)!sendto(w->fd, data, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)to,
                  (socklen_t)pj_sockaddr_get_len(to));
}

static int bio_write(BIO *bio, const char *data, int len) {
    const struct mc_dtls_way *w = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (w->fd >= 0) {
        send_to(w, &w->to, data, len);
        if (w->also && pj_sockaddr_cmp(w->also, &w->to)) {
            send_to(w, w->also, data, len);
        }
    }
    return len;
}

static int bio_read(BIO *bio, char *data, int len) {
    struct mc_dtls_way *w = BIO_get_data(bio);
    size_t n = PJ_MIN(w->in_len, (size_t)len);

    BIO_clear_retry_flags(bio);
    if (!w->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(data, w->in, n);
    w->in = NULL;
    return (int)n;
}

static long bio_ctrl(BIO *bio, int what, long number, void *pointer) {
    switch (what) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return MTU;
    default:
        return 0;
    }
}

static BIO *bio_of(struct mc_dtls_way *w) {
    static BIO_METHOD *method;
    BIO *bio;

    if (!method) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
        if (!method) {
            return NULL;
        }
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_ctrl(method, bio_ctrl);
    }
    bio = BIO_new(method);
    if (bio) {
        BIO_set_data(bio, w);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* --- steps --- */

static unsigned next_timeout(SSL *ssl, unsigned last_us) {
    return last_us == 0 ? FIRST_US : PJ_MIN(last_us * 2, LONGEST_US);
}

static bool set_profiles(SSL *ssl, const struct mc_dtls_cfg *cfg) {
    char names[128] = "";

    for (unsigned i = 0; i < cfg->n_suites; i++) {
        for (size_t j = 0; j < PJ_ARRAY_SIZE(profiles); j++) {
            if (!strcmp(profiles[j].suite, cfg->suites[i])) {
                size_t at = strlen(names);

                pj_ansi_snprintf(names + at, sizeof(names) - at, "%s%s", at ? ":" : "", profiles[j].ssl);
            }
        }
    }
    return SSL_set_tlsext_use_srtp(ssl, names) == 0; /* not for "" */
}

void mc_dtls_way_end(struct mc_dtls_way *w) {
    SSL_free(w->ssl);
    *w = (struct mc_dtls_way){.fd = -1};
}

bool mc_dtls_way_begin(struct mc_dtls_way *w, const struct mc_dtls_cfg *cfg, int fd, const pj_sockaddr *to) {
    BIO *bio;

    mc_dtls_way_end(w);
    w->fd = fd;
    w->to = *to;
    pj_gettickcount(&w->begun);
    w->ssl = mc_dtls_context() ? SSL_new(mc_dtls_context()) : NULL;
    bio = w->ssl ? bio_of(w) : NULL;
    if (!bio) {
        mc_dtls_way_end(w);
        return false;
    }
    SSL_set_bio(w->ssl, bio, bio);
    SSL_set_mtu(w->ssl, MTU);
    DTLS_set_timer_cb(w->ssl, next_timeout);
    if (!set_profiles(w->ssl, cfg)) {
        mc_dtls_way_end(w);
        return false;
    }
    if (cfg->active) {
        SSL_set_connect_state(w->ssl);
    } else {
        SSL_set_accept_state(w->ssl);
    }
    return true;
}

static void hear(struct mc_dtls_way *w, const uint8_t *pkt, size_t len) {
    w->in = pkt;
    w->in_len = len;
    if (pkt) {
        w->heard = true;
        pj_gettickcount(&w->last);
    }
    ERR_clear_error();
}

enum mc_dtls_step mc_dtls_way_step(struct mc_dtls_way *w, const uint8_t *pkt, size_t len) {
    int rc, err;

    hear(w, pkt, len);
    rc = SSL_do_handshake(w->ssl);
    err = SSL_get_error(w->ssl, rc);
    ERR_clear_error();
    w->in = NULL;
    if (rc == 1) {
        return MC_DTLS_DONE;
    }
    return err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE ? MC_DTLS_GOES_ON : MC_DTLS_FAILED;
}

void mc_dtls_way_listen(struct mc_dtls_way *w, const uint8_t *pkt, size_t len) {
    uint8_t sink[64];

    hear(w, pkt, len);
    while (SSL_read(w->ssl, sink, sizeof(sink)) > 0) {
        ;
    }
    ERR_clear_error();
    w->in = NULL;
}

bool mc_dtls_way_due(const struct mc_dtls_way *w, pj_time_val *delay) {
    struct timeval left;

    if (!w->ssl || !DTLSv1_get_timeout(w->ssl, &left)) {
        return false;
    }
    *delay = (pj_time_val){left.tv_sec, left.tv_usec / 1000 + 1};
    pj_time_val_normalize(delay);
    return true;
}

bool mc_dtls_way_repeat(struct mc_dtls_way *w) {
    int again = DTLSv1_handle_timeout(w->ssl);

    ERR_clear_error();
    w->n_again += again > 0;
    return again >= 0;
}

/* Client's key, server's key, client's salt, server's salt. */
bool mc_dtls_way_keys(const struct mc_dtls_way *w, bool active, struct mc_sdes_key *tx, struct mc_sdes_key *rx) {
    static const char label[] = "EXTRACTOR-dtls_srtp";
    const SRTP_PROTECTION_PROFILE *chosen = SSL_get_selected_srtp_profile(w->ssl);
    unsigned char material[2 * MC_SRTP_KEY_MAX];
    struct mc_sdes_key *client = active ? tx : rx, *server = active ? rx : tx;
    const struct profile *p = NULL;

    for (size_t i = 0; chosen && i < PJ_ARRAY_SIZE(profiles); i++) {
        p = profiles[i].id == chosen->id ? &profiles[i] : p;
    }
    if (!p || SSL_export_keying_material(w->ssl, material, 2 * (p->key + p->salt), label, sizeof(label) - 1, NULL, 0, 0) != 1) {
        return false;
    }
    client->suite = server->suite = mc_srtp_suite(p->suite, strlen(p->suite));
    client->n = server->n = p->key + p->salt;
    memcpy(client->bytes, material, p->key);
    memcpy(server->bytes, material + p->key, p->key);
    memcpy(client->bytes + p->key, material + 2 * p->key, p->salt);
    memcpy(server->bytes + p->key, material + 2 * p->key + p->salt, p->salt);
    OPENSSL_cleanse(material, sizeof(material));
    return true;
}
