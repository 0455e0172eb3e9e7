/* SPDX-License-Identifier: GPL-3.0-or-later
 * One association: OpenSSL's handshake over a BIO of our own, each write of which is a datagram. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/srtp.h>
#include <sys/socket.h>

#include "dtls_int.h"

#define MTU 1200         /* of a handshake's datagrams: passes every path */
#define FIRST_US 250000U /* until the first flight is sent again; twice as long each time (RFC 6347 section 4.2.4.1) */
#define LONGEST_US 2000000U
#define LOOK_MS 500U /* while the next move is the peer's */
#define SILENCE_S 1
#define PATIENCE_S 10 /* of an answered call */
#define EARLY_MOST 6  /* times that a flight goes again before that; OpenSSL gives up after DTLS1_TMO_ALERT_COUNT of them */

struct mc_dtls {
    struct mc_dtls_cfg cfg;
    SSL *ssl;
    uint32_t handle;
    int fd;
    pj_sockaddr said; /* where SDP says that the peer is */
    pj_sockaddr to;   /* where it is: whoever spoke first, until it proved to be somebody else */
    pj_sockaddr not ; /* who proved to be so */
    bool heard, ended, keyed;
    unsigned n_again;  /* flights that went again */
    const uint8_t *in; /* the datagram that OpenSSL is to read */
    size_t in_len;
    pj_timer_entry timer;
    pj_time_val began, last; /* `last`: heard */
    struct mc_sdes_key tx, rx;
};

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

static struct mc_dtls *table[MC_DTLS_MAX];
static uint32_t n_made;

static void turn(struct mc_dtls *d);

/* --- BIO --- */

static bool is(const pj_sockaddr *a, const pj_sockaddr *b) {
    return a->addr.sa_family == b->addr.sa_family && !pj_sockaddr_cmp(a, b);
}

/* What doesn't go is sent again by the timer. */
static void send_to(const struct mc_dtls *d, const pj_sockaddr *to, const void *data, int len) {
    if (d->fd >= 0) {
        (void)!sendto(d->fd, data, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)to,
                      (socklen_t)pj_sockaddr_get_len(to));
    }
}

static int bio_write(BIO *bio, const char *data, int len) {
    struct mc_dtls *d = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    send_to(d, &d->to, data, len);
    if (!d->keyed && !is(&d->to, &d->said)) {
        send_to(d, &d->said, data, len); /* who is heard may still prove to be a stranger */
    }
    return len;
}

static int bio_read(BIO *bio, char *data, int len) {
    struct mc_dtls *d = BIO_get_data(bio);
    size_t n = PJ_MIN(d->in_len, (size_t)len);

    BIO_clear_retry_flags(bio);
    if (!d->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(data, d->in, n);
    d->in = NULL;
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

static BIO *bio_of(struct mc_dtls *d) {
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
        BIO_set_data(bio, d);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* --- end of a handshake --- */

static void finish(struct mc_dtls *d, const char *why) {
    if (!d->ended) {
        d->ended = true;
        pjsip_endpt_cancel_timer(pjsua_var.endpt, &d->timer);
        d->cfg.on_end(d->cfg.ctx, why);
    }
}

/* RFC 5764 section 4.2: client's key, server's key, client's salt, server's salt. */
static const char *take_keys(struct mc_dtls *d) {
    static const char label[] = "EXTRACTOR-dtls_srtp";
    const SRTP_PROTECTION_PROFILE *chosen = SSL_get_selected_srtp_profile(d->ssl);
    unsigned char material[2 * MC_SRTP_KEY_MAX];
    struct mc_sdes_key *client = d->cfg.active ? &d->tx : &d->rx, *server = d->cfg.active ? &d->rx : &d->tx;
    const struct profile *p = NULL;

    for (size_t i = 0; chosen && i < PJ_ARRAY_SIZE(profiles); i++) {
        p = profiles[i].id == chosen->id ? &profiles[i] : p;
    }
    if (!p || SSL_export_keying_material(d->ssl, material, 2 * (p->key + p->salt), label, sizeof(label) - 1, NULL, 0, 0) != 1) {
        return "DTLS-SRTP: no SRTP profile in common";
    }
    client->suite = server->suite = mc_srtp_suite(p->suite, strlen(p->suite));
    client->n = server->n = p->key + p->salt;
    memcpy(client->bytes, material, p->key);
    memcpy(server->bytes, material + p->key, p->key);
    memcpy(client->bytes + p->key, material + 2 * p->key, p->salt);
    memcpy(server->bytes + p->key, material + 2 * p->key + p->salt, p->salt);
    OPENSSL_cleanse(material, sizeof(material));
    d->keyed = true;
    return NULL;
}

static unsigned next_timeout(SSL *ssl, unsigned last_us) {
    return last_us == 0 ? FIRST_US : PJ_MIN(last_us * 2, LONGEST_US);
}

/* Begins anew. False: no memory. */
static bool renew(struct mc_dtls *d) {
    char names[128] = "";
    BIO *bio;

    d->n_again = 0;
    SSL_free(d->ssl);
    d->ssl = mc_dtls_context() ? SSL_new(mc_dtls_context()) : NULL;
    bio = d->ssl ? bio_of(d) : NULL;
    if (!bio) {
        return false;
    }
    SSL_set_bio(d->ssl, bio, bio);
    SSL_set_mtu(d->ssl, MTU);
    DTLS_set_timer_cb(d->ssl, next_timeout);
    for (unsigned i = 0; i < d->cfg.n_suites; i++) {
        for (size_t j = 0; j < PJ_ARRAY_SIZE(profiles); j++) {
            if (!strcmp(profiles[j].suite, d->cfg.suites[i])) {
                size_t at = strlen(names);

                pj_ansi_snprintf(names + at, sizeof(names) - at, "%s%s", at ? ":" : "", profiles[j].ssl);
            }
        }
    }
    if (SSL_set_tlsext_use_srtp(d->ssl, names) != 0) { /* also for "" */
        return false;
    }
    if (d->cfg.active) {
        SSL_set_connect_state(d->ssl);
    } else {
        SSL_set_accept_state(d->ssl);
    }
    return true;
}

/* Somebody else than SDP named came first and was not the peer: it is heard no more, and the peer may still come. */
static bool was_a_stranger(struct mc_dtls *d) {
    if (!d->heard || is(&d->to, &d->said) || !renew(d)) {
        return false;
    }
    d->not = d->to;
    d->to = d->said;
    d->heard = false;
    turn(d);
    return true;
}

/* --- steps --- */

/* Whether the peer has to speak: its call is up, and not held. */
static bool is_awaited(const struct mc_dtls *d) {
    const pjsua_call *call = &pjsua_var.calls[d->cfg.call_id];

    return call->inv && call->inv->state == PJSIP_INV_STATE_CONFIRMED && mc_audio_waits(d->cfg.call_id);
}

/* Whoever lets it ring may take his time, and begin when he answers: the rest of the flights is for then. */
static bool may_repeat(const struct mc_dtls *d) {
    return d->n_again < EARLY_MOST || is_awaited(d);
}

static void arm(struct mc_dtls *d) {
    struct timeval left;
    pj_time_val delay = {0, (long)LOOK_MS};

    pjsip_endpt_cancel_timer(pjsua_var.endpt, &d->timer);
    if (may_repeat(d) && DTLSv1_get_timeout(d->ssl, &left)) {
        delay = (pj_time_val){left.tv_sec, left.tv_usec / 1000 + 1};
        pj_time_val_normalize(&delay);
    }
    pjsip_endpt_schedule_timer(pjsua_var.endpt, &d->timer, &delay);
}

static void turn(struct mc_dtls *d) {
    const char *why;
    int rc, err;

    ERR_clear_error();
    rc = SSL_do_handshake(d->ssl);
    err = SSL_get_error(d->ssl, rc);
    ERR_clear_error();
    if (rc == 1) {
        why = mc_dtls_is_peer(d->ssl, &d->cfg.theirs) ? take_keys(d)
                                                      : "DTLS-SRTP: the peer's certificate is not the one that its SDP says";
    } else if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE) {
        arm(d);
        return;
    } else {
        why = "DTLS-SRTP: the handshake failed";
    }
    if (!why || !was_a_stranger(d)) {
        finish(d, why);
    }
}

static void on_timer(pj_timer_heap_t *heap, pj_timer_entry *entry) {
    struct mc_dtls *d = entry->user_data;
    pj_time_val now;
    int again;

    pj_gettickcount(&now);
    if (!is_awaited(d)) {
        d->began = now;
    }
    PJ_TIME_VAL_SUB(now, d->began);
    again = may_repeat(d) ? DTLSv1_handle_timeout(d->ssl) : 0;
    ERR_clear_error();
    d->n_again += again > 0;
    if (now.sec >= PATIENCE_S || again < 0) {
        finish(d, "DTLS-SRTP: the peer did not finish the handshake");
    } else {
        arm(d);
    }
}

/* After the handshake the peer's last flight may come again, because ours was lost. */
static void listen_on(struct mc_dtls *d) {
    uint8_t sink[64];

    while (SSL_read(d->ssl, sink, sizeof(sink)) > 0) {
        ;
    }
    ERR_clear_error();
}

/* Somebody who is not the one that we talk to: the one whom SDP names comes before all others, another one (NAT) when nobody was heard,
 * or when who was first has fallen silent. */
static bool may_take_over(const struct mc_dtls *d, const pj_sockaddr *from) {
    pj_time_val since;

    if (!d->heard || is(from, &d->said)) {
        return true;
    }
    pj_gettickcount(&since);
    PJ_TIME_VAL_SUB(since, d->last);
    return since.sec >= SILENCE_S;
}

void mc_dtls_packet(uint32_t handle, const uint8_t *pkt, size_t len, const pj_sockaddr *from) {
    struct mc_dtls *d = table[MC_DTLS_PLACE(handle)];

    if (!d || d->handle != handle || d->fd < 0 || is(from, &d->not ) || (d->ended && !d->keyed)) {
        return;
    }
    if (!is(from, &d->to)) {
        if (d->keyed || !may_take_over(d, from)) {
            return;
        }
        if (d->heard && !d->cfg.active && !renew(d)) { /* it says hello to us; of a server our hello is known already */
            return;
        }
        d->to = *from;
    }
    d->heard = true;
    pj_gettickcount(&d->last);
    d->in = pkt;
    d->in_len = len;
    if (d->keyed) {
        listen_on(d);
    } else {
        turn(d);
    }
    if (table[MC_DTLS_PLACE(handle)] == d) { /* on_end may have ended the call */
        d->in = NULL;
    }
}

void mc_dtls_go(struct mc_dtls *d, int fd, const pj_sockaddr *peer) {
    d->fd = fd;
    d->said = *peer;
    if (!d->heard) {
        d->to = *peer;
    }
    pj_gettickcount(&d->began);
    if (!d->ended) {
        turn(d);
    }
}

bool mc_dtls_keyed(const struct mc_dtls *d) {
    return d->keyed;
}

const struct mc_sdes_key *mc_dtls_tx(const struct mc_dtls *d) {
    return &d->tx;
}

const struct mc_sdes_key *mc_dtls_rx(const struct mc_dtls *d) {
    return &d->rx;
}

uint32_t mc_dtls_handle(const struct mc_dtls *d) {
    return d->handle;
}

struct mc_dtls *mc_dtls_new(const struct mc_dtls_cfg *cfg) {
    struct mc_dtls *d = OPENSSL_zalloc(sizeof(*d));
    uint32_t place = 0;

    while (place < MC_DTLS_MAX && table[place]) {
        place++;
    }
    if (!d || place == MC_DTLS_MAX) {
        OPENSSL_free(d);
        return NULL;
    }
    d->cfg = *cfg;
    d->fd = -1;
    d->handle = (++n_made % (UINT32_MAX / MC_DTLS_MAX - 1) + 1) * MC_DTLS_MAX + place;
    pj_timer_entry_init(&d->timer, 0, d, on_timer);
    table[place] = d;
    if (!renew(d)) {
        mc_dtls_free(d);
        return NULL;
    }
    return d;
}

void mc_dtls_free(struct mc_dtls *d) {
    if (d) {
        pjsip_endpt_cancel_timer(pjsua_var.endpt, &d->timer);
        table[MC_DTLS_PLACE(d->handle)] = NULL;
        SSL_free(d->ssl);
        OPENSSL_clear_free(d, sizeof(*d));
    }
}
