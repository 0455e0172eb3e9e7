/* SPDX-License-Identifier: GPL-3.0-or-later
 * One association: the keys of a call by DTLS.
 *
 * Whoever speaks from where SDP says that the peer is, is the peer until its certificate says otherwise. Anybody else may be the peer
 * too, behind a NAT: as a server we shake hands with several at once, each on a way of its own, and whose certificate has the right
 * fingerprint stays. A client of ours has said its one hello already, and answers one at a time. */
#include <openssl/crypto.h>

#include "dtls_int.h"

#define LOOK_MS 500 /* while the next move is the peer's */
#define SILENCE_S 1 /* of somebody who is not where SDP says: another one is heard then */
#define SLOW_S 3    /* a handshake that takes so long may have to go for another one's */
#define PATIENCE_S 10
#define EARLY_MOST                                                                                                             \
    6 /* times that a flight goes again before a call is answered; OpenSSL gives up after DTLS1_TMO_ALERT_COUNT of them */
#define WAYS 6  /* handshakes at once */
#define NOTS 16 /* who proved to be somebody else; the newest */

struct mc_dtls {
    struct mc_dtls_cfg cfg;
    uint32_t handle;
    int fd;           /* -1: not yet */
    pj_sockaddr said; /* where SDP says that the peer is */
    struct mc_dtls_way ways[WAYS];
    struct mc_dtls_way *peer; /* whose keys we have; NULL: there are none */
    pj_sockaddr nots[NOTS];
    unsigned n_nots;
    bool ended;
    const char *why; /* it ended; NULL: with keys */
    pj_timer_entry timer;
    pj_time_val began;
    struct mc_sdes_key tx, rx;
};

static struct mc_dtls *table[MC_DTLS_MAX];
static uint32_t n_made;

static bool is(const pj_sockaddr *a, const pj_sockaddr *b) {
    return a->addr.sa_family == b->addr.sa_family && !pj_sockaddr_cmp(a, b);
}

static long seconds_since(pj_time_val then) {
    pj_time_val now;

    pj_gettickcount(&now);
    PJ_TIME_VAL_SUB(now, then);
    return now.sec;
}

/* --- end of a handshake --- */

/* It is told by the timer, in a turn of its own: whoever hears it may end the call, whose description may just be settled. */
static void finish(struct mc_dtls *d, const char *why) {
    pj_time_val at_once = {0, 0};

    if (!d->ended) {
        d->ended = true;
        d->why = why;
        pjsip_endpt_cancel_timer(pjsua_var.endpt, &d->timer);
        pjsip_endpt_schedule_timer(pjsua_var.endpt, &d->timer, &at_once);
    }
}

static bool is_not(const struct mc_dtls *d, const pj_sockaddr *from) {
    for (unsigned i = 0; i < PJ_MIN(d->n_nots, NOTS); i++) {
        if (is(&d->nots[i], from)) {
            return true;
        }
    }
    return false;
}

/* Somebody else than SDP named was not the peer: it is heard no more, and the peer may still come. */
static bool was_a_stranger(struct mc_dtls *d, struct mc_dtls_way *w) {
    if (!w->heard || is(&w->to, &d->said)) {
        return false;
    }
    d->nots[d->n_nots++ % NOTS] = w->to;
    mc_dtls_way_end(w);
    return true;
}

static struct mc_dtls_way *begin(struct mc_dtls *d, struct mc_dtls_way *w, const pj_sockaddr *to) {
    if (!mc_dtls_way_begin(w, &d->cfg, d->fd, to)) {
        return NULL;
    }
    w->also = d->cfg.active ? &d->said : NULL; /* who is heard may still prove to be a stranger */
    return w;
}

static void take_keys(struct mc_dtls *d, struct mc_dtls_way *w) {
    d->peer = w;
    w->also = NULL;
    for (struct mc_dtls_way *other = d->ways; other < d->ways + WAYS; other++) {
        if (other != w) {
            mc_dtls_way_end(other);
        }
    }
    finish(d, NULL);
}

static void arm(struct mc_dtls *d);
static void turn(struct mc_dtls *d, struct mc_dtls_way *w, const uint8_t *pkt, size_t len);

/* A handshake came to nothing. */
static void lose(struct mc_dtls *d, struct mc_dtls_way *w, const char *why) {
    if (!was_a_stranger(d, w)) {
        finish(d, why);
    } else if (d->cfg.active && begin(d, w, &d->said)) {
        turn(d, w, NULL, 0);
    } else {
        arm(d);
    }
}

static void turn(struct mc_dtls *d, struct mc_dtls_way *w, const uint8_t *pkt, size_t len) {
    switch (mc_dtls_way_step(w, pkt, len)) {
    case MC_DTLS_GOES_ON:
        arm(d);
        break;
    case MC_DTLS_FAILED:
        lose(d, w, "DTLS-SRTP: the handshake failed");
        break;
    case MC_DTLS_DONE:
        if (!mc_dtls_is_peer(w->ssl, &d->cfg.theirs)) {
            lose(d, w, "DTLS-SRTP: the peer's certificate is not the one that its SDP says");
        } else if (!mc_dtls_way_keys(w, d->cfg.active, &d->tx, &d->rx)) {
            lose(d, w, "DTLS-SRTP: no SRTP profile in common");
        } else {
            take_keys(d, w);
        }
        break;
    }
}

/* --- time --- */

/* Whether the peer has to speak: its call is up, and not held. */
static bool is_awaited(const struct mc_dtls *d) {
    const pjsua_call *call = &pjsua_var.calls[d->cfg.call_id];

    return call->inv && call->inv->state == PJSIP_INV_STATE_CONFIRMED && mc_audio_waits(d->cfg.call_id);
}

/* Whoever lets it ring may take his time, and begin when he answers: the rest of the flights is for then. */
static bool may_repeat(const struct mc_dtls *d, const struct mc_dtls_way *w) {
    return w->n_again < EARLY_MOST || is_awaited(d);
}

static void arm(struct mc_dtls *d) {
    pj_time_val delay = {0, LOOK_MS}, due;

    for (const struct mc_dtls_way *w = d->ways; w < d->ways + WAYS; w++) {
        if (w->ssl && may_repeat(d, w) && mc_dtls_way_due(w, &due) && PJ_TIME_VAL_LT(due, delay)) {
            delay = due;
        }
    }
    pjsip_endpt_cancel_timer(pjsua_var.endpt, &d->timer);
    pjsip_endpt_schedule_timer(pjsua_var.endpt, &d->timer, &delay);
}

static void on_timer(pj_timer_heap_t *heap, pj_timer_entry *entry) {
    static const char in_vain[] = "DTLS-SRTP: the peer did not finish the handshake";
    struct mc_dtls *d = entry->user_data;

    if (d->ended) {
        d->cfg.on_end(d->cfg.ctx, d->why);
        return;
    }
    if (!is_awaited(d)) {
        pj_gettickcount(&d->began);
    }
    for (struct mc_dtls_way *w = d->ways; w < d->ways + WAYS && !d->ended; w++) {
        if (w->ssl && may_repeat(d, w) && !mc_dtls_way_repeat(w)) {
            lose(d, w, in_vain);
        }
    }
    if (seconds_since(d->began) >= PATIENCE_S) {
        finish(d, in_vain);
    }
    if (!d->ended) {
        arm(d);
    }
}

/* --- packets --- */

/* For somebody new. As a server: a free way, else the slowest one's, but never that of the address in SDP. NULL: none. */
static struct mc_dtls_way *way_for(struct mc_dtls *d, const pj_sockaddr *from) {
    struct mc_dtls_way *oldest = NULL;

    for (struct mc_dtls_way *w = d->ways; w < d->ways + WAYS; w++) {
        if (!w->ssl || !w->heard) {
            return begin(d, w, from);
        }
        if (!is(&w->to, &d->said) && (!oldest || PJ_TIME_VAL_LT(w->begun, oldest->begun))) {
            oldest = w;
        }
    }
    return oldest && (is(from, &d->said) || seconds_since(oldest->begun) >= SLOW_S) ? begin(d, oldest, from) : NULL;
}

/* As a client: of a server our hello is known already; the one whom SDP names comes before all others. */
static struct mc_dtls_way *way_of_hello(struct mc_dtls *d, const pj_sockaddr *from) {
    struct mc_dtls_way *w = &d->ways[0];

    if (w->heard && !is(from, &d->said) && seconds_since(w->last) < SILENCE_S) {
        return NULL;
    }
    if (!w->ssl) {
        return begin(d, w, from);
    }
    w->to = *from;
    return w;
}

static struct mc_dtls_way *way_from(struct mc_dtls *d, const pj_sockaddr *from) {
    for (struct mc_dtls_way *w = d->ways; w < d->ways + WAYS; w++) {
        if (w->ssl && is(&w->to, from)) {
            return w;
        }
    }
    if (d->peer || is_not(d, from)) {
        return NULL;
    }
    return d->cfg.active ? way_of_hello(d, from) : way_for(d, from);
}

void mc_dtls_packet(uint32_t handle, const uint8_t *pkt, size_t len, const pj_sockaddr *from) {
    struct mc_dtls *d = table[MC_DTLS_PLACE(handle)];
    struct mc_dtls_way *w;

    if (!d || d->handle != handle || d->fd < 0 || (d->ended && !d->peer)) {
        return;
    }
    w = way_from(d, from);
    if (w && d->peer) {
        mc_dtls_way_listen(w, pkt, len);
    } else if (w) {
        turn(d, w, pkt, len);
    }
}

void mc_dtls_go(struct mc_dtls *d, int fd, const pj_sockaddr *peer) {
    struct mc_dtls_way *first = &d->ways[0];

    d->fd = fd;
    d->said = *peer;
    for (struct mc_dtls_way *w = d->ways; w < d->ways + WAYS; w++) {
        w->fd = fd;
    }
    pj_gettickcount(&d->began);
    if (d->ended) {
        return;
    }
    if (first->ssl && !first->heard) {
        first->to = *peer;
    }
    if (first->ssl || begin(d, first, peer)) {
        turn(d, first, NULL, 0);
    }
}

bool mc_dtls_keyed(const struct mc_dtls *d) {
    return d->peer != NULL;
}

const pj_sockaddr *mc_dtls_peer(const struct mc_dtls *d) {
    return d->peer ? &d->peer->to : NULL;
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
    if (!begin(d, &d->ways[0], &d->said)) {
        mc_dtls_free(d);
        return NULL;
    }
    return d;
}

void mc_dtls_free(struct mc_dtls *d) {
    if (d) {
        pjsip_endpt_cancel_timer(pjsua_var.endpt, &d->timer);
        table[MC_DTLS_PLACE(d->handle)] = NULL;
        for (struct mc_dtls_way *w = d->ways; w < d->ways + WAYS; w++) {
            mc_dtls_way_end(w);
        }
        OPENSSL_clear_free(d, sizeof(*d));
    }
}
