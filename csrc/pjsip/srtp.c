/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srtp.h"

#include <openssl/crypto.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

#include "../bytes.h"
#include "../err.h"
#include "srtp_suite.h"

#define KEYS 8     /* of one direction that are remembered with their state */
#define SOURCES 16 /* SSRCs that one key may open: each has a replay window of its own */
#define GRACE 50   /* packets under a new key of the peer's, while some under the one before it may still be under way */
#define WINDOW 128 /* packets (RFC 3711 section 3.3.2: at least 64) */
#define RTP_FIXED 12
#define RTCP_FIXED 8

struct key {
    srtp_t session;
    /* Of a peer's new key: the same for the SSRC that was heard before, as if it had kept its rollover counter. NULL: no question. */
    srtp_t carried;
    uint32_t carried_ssrc;
    enum { UNDECIDED, FROM_ZERO, CARRIED } counter;
    const struct mc_srtp_suite *suite;
    size_t n;
    uint8_t bytes[MC_SRTP_KEY_MAX];
    uint32_t wraps; /* of our sequence number before this key came in use */
    uint32_t sources[SOURCES];
    unsigned n_sources;
};

struct mc_srtp {
    struct key tx[KEYS], rx[KEYS];
    struct key *out, *in; /* in use; NULL: none */
    struct key *before;   /* what `in` took the place of, while that is young; NULL: it is not */
    unsigned n_in;        /* packets that `in` has opened since */
    uint32_t tx_ssrc, wraps;
    uint16_t tx_seq; /* last one */
    bool sent, heard;
    uint32_t rx_ssrc; /* of the last packet that was opened */
};

/* --- keys --- */

static int open_session(srtp_t *out, struct key *key, srtp_ssrc_t ssrc) {
    srtp_policy_t policy = {.ssrc = ssrc, .key = key->bytes, .window_size = WINDOW};

    key->suite->set(&policy.rtp);
    key->suite->set(&policy.rtcp);
    policy.rtcp.auth_tag_len = policy.rtp.auth_tag_len == 4 ? 10 : policy.rtp.auth_tag_len; /* RFC 4568 section 6.2.2 */
    if ((size_t)policy.rtp.cipher_key_len != key->n) {
        return MC_E_ARG;
    }
    return srtp_create(out, &policy) == srtp_err_status_ok ? MC_OK : MC_E_NOMEM;
}

static void forget(struct key *key) {
    if (key->session) {
        srtp_dealloc(key->session);
    }
    if (key->carried) {
        srtp_dealloc(key->carried);
    }
    OPENSSL_cleanse(key, sizeof(*key));
}

/* The one that was given before, with all its state. */
static struct key *known(struct key keys[KEYS], const struct mc_srtp_suite *suite, const struct mc_srtp_key *given) {
    for (int i = 0; i < KEYS; i++) {
        if (keys[i].session && keys[i].suite == suite && keys[i].n == given->n &&
            !CRYPTO_memcmp(keys[i].bytes, given->bytes, given->n)) {
            return &keys[i];
        }
    }
    return NULL;
}

static int add(struct key *key, const struct mc_srtp_suite *suite, const struct mc_srtp_key *given,
               srtp_ssrc_type_t direction) {
    int rc;

    *key = (struct key){.suite = suite, .n = given->n};
    memcpy(key->bytes, given->bytes, given->n);
    rc = open_session(&key->session, key, (srtp_ssrc_t){.type = direction});
    if (rc < 0) {
        key->session = NULL;
        forget(key);
    }
    return rc;
}

/* Room for one more; the oldest goes when there is none. */
static struct key *unused(struct key keys[KEYS], struct key **in_use) {
    for (int i = 0; i < KEYS; i++) {
        if (!keys[i].session) {
            return &keys[i];
        }
    }
    forget(&keys[0]);
    memmove(&keys[0], &keys[1], (KEYS - 1) * sizeof(struct key));
    OPENSSL_cleanse(&keys[KEYS - 1], sizeof(struct key));
    *in_use = NULL; /* it was moved, and the caller is about to name another */
    return &keys[KEYS - 1];
}

/* Ours. One that came back without its state would seal with indices that it had before. */
static int set_tx(struct mc_srtp *srtp, const struct mc_srtp_suite *suite, const struct mc_srtp_key *given) {
    struct key *key = known(srtp->tx, suite, given);
    uint32_t roc;
    int rc;

    if (key == srtp->out && key) {
        return MC_OK;
    }
    if (key) {
        /* Other keys may have sealed more than half of the sequence numbers since: the counter is not to be guessed. */
        if (srtp->sent && srtp_get_stream_roc(key->session, srtp->tx_ssrc, &roc) == srtp_err_status_ok &&
            srtp->wraps - key->wraps > 0) {
            srtp_set_stream_roc(key->session, srtp->tx_ssrc, srtp->wraps - key->wraps);
        }
    } else {
        key = unused(srtp->tx, &srtp->out);
        rc = add(key, suite, given, ssrc_any_outbound);
        if (rc < 0) {
            return rc;
        }
        key->wraps = srtp->wraps;
    }
    srtp->out = key;
    return MC_OK;
}

/* Which session opens the RTP of a source. */
static srtp_t session_of(const struct key *key, uint32_t ssrc) {
    return key->counter == CARRIED && ssrc == key->carried_ssrc ? key->carried : key->session;
}

/* RFC 3711 section 3.3.1 has the sender keep its rollover counter through a change of keys; many start again at zero. */
static void carry(struct key *key, const struct mc_srtp *srtp, uint32_t roc) {
    key->carried_ssrc = srtp->rx_ssrc;
    if (open_session(&key->carried, key, (srtp_ssrc_t){.type = ssrc_specific, .value = srtp->rx_ssrc}) < 0) {
        key->carried = NULL;
    } else if (srtp_set_stream_roc(key->carried, srtp->rx_ssrc, roc) != srtp_err_status_ok) {
        srtp_dealloc(key->carried);
        key->carried = NULL;
    }
}

/* The peer's. */
static int set_rx(struct mc_srtp *srtp, const struct mc_srtp_suite *suite, const struct mc_srtp_key *given) {
    struct key *key = known(srtp->rx, suite, given);
    uint32_t roc = 0;
    int rc;

    if (key == srtp->in && key) {
        return MC_OK;
    }
    srtp->before = NULL;
    if (!key) {
        if (srtp->in && srtp->heard &&
            srtp_get_stream_roc(session_of(srtp->in, srtp->rx_ssrc), srtp->rx_ssrc, &roc) != srtp_err_status_ok) {
            roc = 0;
        }
        key = unused(srtp->rx, &srtp->in);
        rc = add(key, suite, given, ssrc_any_inbound);
        if (rc < 0) {
            return rc;
        }
        if (roc > 0) {
            carry(key, srtp, roc);
        }
    }
    srtp->before = srtp->in; /* NULL: there was none, or it had to make room */
    srtp->n_in = 0;
    srtp->in = key;
    return MC_OK;
}

int mc_srtp_set_keys(struct mc_srtp *srtp, const struct mc_srtp_key *tx, const struct mc_srtp_key *rx) {
    const struct mc_srtp_suite *tx_suite = mc_srtp_suite_of(tx->suite, tx->suite_len),
                               *rx_suite = mc_srtp_suite_of(rx->suite, rx->suite_len);
    int rc = MC_E_ARG;

    if (tx_suite && rx_suite && tx->n <= MC_SRTP_KEY_MAX && rx->n <= MC_SRTP_KEY_MAX) {
        rc = set_tx(srtp, tx_suite, tx);
        if (rc == MC_OK) {
            rc = set_rx(srtp, rx_suite, rx);
        }
    }
    if (rc < 0) {
        mc_srtp_stop(srtp);
    }
    return rc;
}

void mc_srtp_stop(struct mc_srtp *srtp) {
    srtp->out = srtp->in = srtp->before = NULL;
}

struct mc_srtp *mc_srtp_new(void) {
    return calloc(1, sizeof(struct mc_srtp));
}

void mc_srtp_free(struct mc_srtp *srtp) {
    if (srtp) {
        for (int i = 0; i < KEYS; i++) {
            forget(&srtp->tx[i]);
            forget(&srtp->rx[i]);
        }
        free(srtp);
    }
}

/* --- packets --- */

/* May this source be opened? A key has room for so many, and none of them is given up: its replay window would go with it. */
static bool admitted(const struct key *key, uint32_t ssrc) {
    for (unsigned i = 0; i < key->n_sources; i++) {
        if (key->sources[i] == ssrc) {
            return true;
        }
    }
    return key->n_sources < SOURCES;
}

static void remember(struct key *key, uint32_t ssrc) {
    for (unsigned i = 0; i < key->n_sources; i++) {
        if (key->sources[i] == ssrc) {
            return;
        }
    }
    key->sources[key->n_sources++] = ssrc;
}

static enum mc_srtp_verdict judged(srtp_err_status_t err) {
    switch (err) {
    case srtp_err_status_ok:
        return MC_SRTP_OPENED;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
        return MC_SRTP_REPLAYED;
    default:
        return MC_SRTP_FORGED;
    }
}

_Alignas(8) static _Thread_local uint8_t copy[MC_SRTP_MTU];

/* The first packets of a peer's new key: which rollover counter authenticates one? */
static srtp_err_status_t open_either(struct key *key, uint8_t *pkt, int *len) {
    int n = *len;
    srtp_err_status_t err;

    memcpy(copy, pkt, (size_t)n); /* a cipher may leave what is not authentic changed */
    err = srtp_unprotect(key->session, pkt, len);
    if (err == srtp_err_status_ok) {
        key->counter = FROM_ZERO;
        return err;
    }
    memcpy(pkt, copy, (size_t)n);
    if (srtp_unprotect(key->carried, pkt, &n) != srtp_err_status_ok) {
        return err;
    }
    key->counter = CARRIED;
    *len = n;
    return srtp_err_status_ok;
}

static srtp_err_status_t open_rtp(struct key *key, uint32_t ssrc, uint8_t *pkt, int *len) {
    return key->carried && key->counter == UNDECIDED && ssrc == key->carried_ssrc
               ? open_either(key, pkt, len)
               : srtp_unprotect(session_of(key, ssrc), pkt, len);
}

/* SRTCP carries its index (RFC 3711 section 3.4): there is nothing to guess, and one session for a key. */
static srtp_err_status_t open_rtcp(struct key *key, uint32_t ssrc, uint8_t *pkt, int *len) {
    return srtp_unprotect_rtcp(key->session, pkt, len);
}

typedef srtp_err_status_t open_fn(struct key *key, uint32_t ssrc, uint8_t *pkt, int *len);

static enum mc_srtp_verdict open_with(struct key *key, open_fn *open, uint32_t ssrc, uint8_t *pkt, size_t *len) {
    int n = (int)*len;
    enum mc_srtp_verdict verdict = admitted(key, ssrc) ? judged(open(key, ssrc, pkt, &n)) : MC_SRTP_FORGED;

    if (verdict == MC_SRTP_OPENED) {
        remember(key, ssrc);
        *len = (size_t)n;
    }
    return verdict;
}

/* With the key in use; what was under way when it came in use (RFC 4568 section 7.1.4), with the one before it. */
static enum mc_srtp_verdict open_packet(struct mc_srtp *srtp, open_fn *open, uint32_t ssrc, uint8_t *pkt, size_t *len) {
    _Alignas(8) static _Thread_local uint8_t old[MC_SRTP_MTU];
    const bool young = srtp->before && srtp->n_in < GRACE;
    const size_t n = *len;
    enum mc_srtp_verdict verdict, before;

    if (young) {
        memcpy(old, pkt, n);
    }
    verdict = open_with(srtp->in, open, ssrc, pkt, len);
    if (verdict == MC_SRTP_OPENED) {
        srtp->n_in += young;
    } else if (young) { /* also of a replay: libsrtp looks at the number first */
        memcpy(pkt, old, n);
        before = open_with(srtp->before, open, ssrc, pkt, len);
        return before == MC_SRTP_FORGED ? verdict : before;
    }
    return verdict;
}

enum mc_srtp_verdict mc_srtp_open(struct mc_srtp *srtp, uint8_t *pkt, size_t *len) {
    enum mc_srtp_verdict verdict;
    uint32_t ssrc;

    if (!srtp->in || *len < RTP_FIXED || *len > MC_SRTP_MTU) {
        return MC_SRTP_FORGED;
    }
    ssrc = mc_get32(pkt + 8);
    verdict = open_packet(srtp, open_rtp, ssrc, pkt, len);
    if (verdict == MC_SRTP_OPENED) {
        srtp->heard = true;
        srtp->rx_ssrc = ssrc;
    }
    return verdict;
}

enum mc_srtp_verdict mc_srtp_open_rtcp(struct mc_srtp *srtp, uint8_t *pkt, size_t *len) {
    if (!srtp->in || *len < RTCP_FIXED || *len > MC_SRTP_MTU) {
        return MC_SRTP_FORGED;
    }
    return open_packet(srtp, open_rtcp, mc_get32(pkt + 4), pkt, len);
}

/* How often our sequence number came round, whatever key it was sealed with. */
static void count_wraps(struct mc_srtp *srtp, uint32_t ssrc, uint16_t seq) {
    if (!srtp->sent || ssrc != srtp->tx_ssrc) {
        srtp->sent = true;
        srtp->tx_ssrc = ssrc;
        srtp->tx_seq = seq;
    } else if ((uint16_t)(seq - srtp->tx_seq) < 0x8000) {
        srtp->wraps += seq < srtp->tx_seq;
        srtp->tx_seq = seq;
    }
}

_Alignas(8) static _Thread_local uint8_t sealed[MC_SRTP_MTU + MC_SRTP_ROOM];

const uint8_t *mc_srtp_seal(struct mc_srtp *srtp, const void *pkt, size_t *len) {
    int n = (int)*len;

    if (!srtp->out || *len < RTP_FIXED || *len > MC_SRTP_MTU) {
        return NULL;
    }
    memcpy(sealed, pkt, *len);
    count_wraps(srtp, mc_get32(sealed + 8), mc_get16(sealed + 2));
    if (srtp_protect(srtp->out->session, sealed, &n) != srtp_err_status_ok) {
        return NULL;
    }
    *len = (size_t)n;
    return sealed;
}

const uint8_t *mc_srtp_seal_rtcp(struct mc_srtp *srtp, const void *pkt, size_t *len) {
    int n = (int)*len;

    if (!srtp->out || *len < RTCP_FIXED || *len > MC_SRTP_MTU) {
        return NULL;
    }
    memcpy(sealed, pkt, *len);
    if (srtp_protect_rtcp(srtp->out->session, sealed, &n) != srtp_err_status_ok) {
        return NULL;
    }
    *len = (size_t)n;
    return sealed;
}
