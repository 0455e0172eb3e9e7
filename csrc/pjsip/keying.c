/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which keys a call has: stands where PJSIP has its SRTP adapter, between pjsua and the transport, and sees SDP but no packet. The
 * linker's --wrap leads its making through here. PJSIP's own takes no part: it opens and seals nothing here, resets rollover counters
 * when any key changes, and judges keys before it has read all lines.
 *
 * Both descriptions say all that there is to know, so keys are read from them when they are settled: an offer that came to nothing
 * leaves no trace. What was secret stays so: from the first keys on, nothing plain is offered or taken. */
#include "dtls.h"
#include "dtls_sdp.h"
#include "mc_pjsip.h"
#include "pj_internal.h"
#include "sdes_sdp.h"

#include <openssl/crypto.h>

#define MAX_OFFERED 4 /* suites, or an INVITE over UDP would be longer than a datagram of an Ethernet */

struct keying {
    pjmedia_transport base;
    pj_pool_t *pool;
    pjmedia_transport *member; /* ours, below */
    int call_id;
    pjmedia_srtp_use use;
    bool may_sdes, may_dtls;
    const char *suites[PJMEDIA_SRTP_MAX_CRYPTOS]; /* that may be used, best first */
    unsigned n_suites;
    bool offerer;              /* of the description that is under way */
    bool secret;               /* has keys, and will not be plain again */
    bool savp;                 /* the profile says so too; else RTP/AVP with keys (RFC 8643) */
    bool by_dtls;              /* the keys come from the handshake */
    struct mc_sdes_key tx, rx; /* in use, by SDES */
    struct mc_dtls *dtls;      /* in use, or on its way; NULL: none */
    struct mc_fingerprints theirs;
    bool active; /* in the handshake */
};

static const char *const all_suites[] = {"AEAD_AES_256_GCM",        "AEAD_AES_128_GCM",        "AES_256_CM_HMAC_SHA1_80",
                                         "AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_32"};
static pjmedia_transport_op keying_op;

static struct keying *keying_of(pjmedia_transport *tp) {
    return tp && tp->op == &keying_op ? (struct keying *)tp : NULL;
}

/* PJMEDIA_TP_PROTO_RTP_AVP or _SAVP, with or without feedback (RFC 4585, RFC 5124); another value: not served. */
static pj_uint32_t profile_of(const pjmedia_sdp_media *m) {
    pj_uint32_t proto = pjmedia_sdp_transport_get_proto(&m->desc.transport);

    PJMEDIA_TP_PROTO_TRIM_FLAG(proto, PJMEDIA_TP_PROFILE_RTCP_FB);
    return proto;
}

/* Whether a call with these profiles may go without keys. */
static bool may_be_plain(const struct keying *k, const pjmedia_sdp_media *local, const pjmedia_sdp_media *remote) {
    return !k->secret && k->use != PJMEDIA_SRTP_MANDATORY && profile_of(remote) == PJMEDIA_TP_PROTO_RTP_AVP &&
           profile_of(local) == PJMEDIA_TP_PROTO_RTP_AVP;
}

/* --- offer and answer --- */

static pj_status_t offer_keys(const struct keying *k, pj_pool_t *pool, pjmedia_sdp_media *m) {
    bool dtls = k->secret ? k->by_dtls : !k->may_sdes, savp = k->use == PJMEDIA_SRTP_MANDATORY || (k->secret && k->savp);
    struct mc_sdes_key key;
    pj_status_t status = PJ_SUCCESS;

    m->desc.transport = pj_str(!savp ? "RTP/AVP" : dtls ? "UDP/TLS/RTP/SAVP" : "RTP/SAVP");
    if (dtls) { /* RFC 5763 section 5: each side may begin */
        return mc_dtls_sdp_write(pool, m, "actpass") ? PJ_SUCCESS : PJ_ETOOMANY;
    }
    if (k->secret) {
        return mc_sdes_sdp_add(pool, m, 1, &k->tx); /* nothing changes: indices go on (RFC 4568 section 7.1.4) */
    }
    for (unsigned i = 0; i < k->n_suites && i < MAX_OFFERED && status == PJ_SUCCESS; i++) {
        status = mc_sdes_make(&key, k->suites[i]) ? mc_sdes_sdp_add(pool, m, i + 1, &key) : PJ_EUNKNOWN;
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return status;
}

/* RFC 4568 section 5.1.2: the first line in the offerer's order that can be served. A peer that changes its key gets a new one of
 * ours: many begin anew in both directions then, and would not open what goes on with our old one. */
static pj_status_t answer_line(const struct keying *k, pj_pool_t *pool, pjmedia_sdp_media *m, const pjmedia_sdp_media *theirs,
                               unsigned tag, const struct mc_sdes_key *rx) {
    struct mc_sdes_key tx = k->tx;
    pj_status_t status;

    if (mc_sdes_sdp_ambiguous(theirs, tag)) {
        return PJMEDIA_SRTP_ESDPDUPCRYPTOTAG;
    }
    if (!(k->secret && !k->by_dtls && mc_sdes_same(rx, &k->rx)) && !mc_sdes_make(&tx, rx->suite)) {
        return PJ_EUNKNOWN;
    }
    status = mc_sdes_sdp_add(pool, m, tag, &tx);
    OPENSSL_cleanse(&tx, sizeof(tx));
    return status;
}

/* RFC 5763 section 5: who may choose begins, so that the handshake is over sooner. A running association keeps its roles. */
static pj_status_t answer_dtls(const struct keying *k, pj_pool_t *pool, pjmedia_sdp_media *m, enum mc_setup theirs) {
    bool active = theirs == MC_SETUP_PASSIVE || (theirs == MC_SETUP_ACTPASS && (!k->dtls || k->active));

    if (theirs == MC_SETUP_OTHER) {
        return PJMEDIA_SRTP_ESDPINTRANSPORT;
    }
    return mc_dtls_sdp_write(pool, m, active ? "active" : "passive") ? PJ_SUCCESS : PJ_ETOOMANY;
}

static pj_status_t answer_keys(const struct keying *k, pj_pool_t *pool, pjmedia_sdp_media *m, const pjmedia_sdp_session *remote,
                               const pjmedia_sdp_media *theirs) {
    pj_uint32_t profile = profile_of(theirs);
    struct mc_fingerprints fingerprints;
    struct mc_sdes_key rx;
    unsigned tag = 0;
    pj_status_t status;

    m->desc.transport = theirs->desc.transport;
    if (profile != PJMEDIA_TP_PROTO_RTP_AVP && profile != PJMEDIA_TP_PROTO_RTP_SAVP && profile != PJMEDIA_TP_PROTO_DTLS_SRTP) {
        return PJMEDIA_SRTP_ESDPINTRANSPORT;
    }
    if (k->may_sdes && profile != PJMEDIA_TP_PROTO_DTLS_SRTP &&
        mc_sdes_sdp_find(theirs, k->suites, k->n_suites, -1, &tag, &rx)) {
        status = answer_line(k, pool, m, theirs, tag, &rx);
        OPENSSL_cleanse(&rx, sizeof(rx));
        return status;
    }
    if (k->may_dtls && profile != PJMEDIA_TP_PROTO_RTP_SAVP && mc_dtls_sdp_read(remote, theirs, &fingerprints)) {
        return answer_dtls(k, pool, m, mc_dtls_sdp_setup(remote, theirs));
    }
    return may_be_plain(k, m, theirs)  ? PJ_SUCCESS
           : mc_sdes_sdp_count(theirs) ? PJMEDIA_SRTP_ENOTSUPCRYPTO
                                       : PJMEDIA_SRTP_ESDPREQCRYPTO;
}

static pj_status_t encode_sdp(pjmedia_transport *tp, pj_pool_t *pool, pjmedia_sdp_session *local,
                              const pjmedia_sdp_session *remote, unsigned index) {
    struct keying *k = (struct keying *)tp;
    pjmedia_sdp_media *m = local->media[index];
    const pjmedia_sdp_media *theirs = remote && index < remote->media_count ? remote->media[index] : NULL;
    pj_status_t status = pjmedia_transport_encode_sdp(k->member, pool, local, remote, index);
    pj_uint32_t profile = theirs ? profile_of(theirs) : PJMEDIA_TP_PROTO_RTP_AVP;

    k->offerer = theirs == NULL;
    if (status != PJ_SUCCESS) {
        return status;
    }
    if (k->use == PJMEDIA_SRTP_DISABLED) {
        status = profile == PJMEDIA_TP_PROTO_RTP_AVP ? PJ_SUCCESS : PJMEDIA_SRTP_ESDPINTRANSPORT;
    } else if (!theirs) {
        status = offer_keys(k, pool, m);
    } else {
        status = answer_keys(k, pool, m, remote, theirs);
    }
    if (status != PJ_SUCCESS) {
        pjmedia_sdp_media_deactivate(pool, m);
    }
    return status;
}

/* Both descriptions are settled, with a=crypto lines: the keys that they give. */
static pj_status_t take_lines(struct keying *k, const pjmedia_sdp_media *local, const pjmedia_sdp_media *remote) {
    const pjmedia_sdp_media *answer = k->offerer ? remote : local, *offer = k->offerer ? local : remote;
    struct mc_sdes_key answered, offered;
    unsigned tag = 0;

    if (mc_sdes_sdp_count(answer) > 1) {
        return PJMEDIA_SRTP_ESDPAMBIGUEANS;
    }
    if (!mc_sdes_sdp_find(answer, k->suites, k->n_suites, -1, &tag, &answered)) {
        return PJMEDIA_SRTP_ENOTSUPCRYPTO;
    }
    if (!mc_sdes_sdp_find(offer, k->suites, k->n_suites, (int64_t)tag, &tag, &offered)) {
        return PJMEDIA_SRTP_ESDPINCRYPTOTAG;
    }
    if (answered.suite != offered.suite) {
        return PJMEDIA_SRTP_ECRYPTONOTMATCH;
    }
    k->tx = k->offerer ? offered : answered;
    k->rx = k->offerer ? answered : offered;
    OPENSSL_cleanse(&answered, sizeof(answered));
    OPENSSL_cleanse(&offered, sizeof(offered));
    mc_dtls_free(k->dtls);
    k->dtls = NULL;
    k->by_dtls = false;
    return PJ_SUCCESS;
}

static void on_dtls_end(void *ctx, const char *why) {
    const struct keying *k = ctx;

    if (why) {
        mc_audio_unkeyed(k->call_id, why);
    } else {
        mc_audio_keyed(k->call_id);
    }
}

/* The same certificate and the same roles: the association goes on (RFC 5763 section 6.6). Another one takes its place otherwise. */
static pj_status_t take_dtls(struct keying *k, const struct mc_fingerprints *theirs, enum mc_setup answered) {
    bool active = k->offerer ? answered == MC_SETUP_PASSIVE : answered == MC_SETUP_ACTIVE;
    struct mc_dtls_cfg cfg = {
        .active = active, .theirs = *theirs, .suites = k->suites, .n_suites = k->n_suites, .call_id = k->call_id};

    if (answered == MC_SETUP_ACTPASS || answered == MC_SETUP_OTHER) {
        return PJMEDIA_SRTP_ESDPINTRANSPORT;
    }
    if (!k->dtls || k->active != active || !mc_fingerprints_same(theirs, &k->theirs)) {
        cfg.on_end = on_dtls_end;
        cfg.ctx = k;
        mc_dtls_free(k->dtls);
        k->dtls = mc_dtls_new(&cfg);
        k->active = active;
        k->theirs = *theirs;
    }
    k->by_dtls = k->dtls != NULL;
    return k->dtls ? PJ_SUCCESS : PJMEDIA_SRTP_ENOTSUPCRYPTO;
}

static pj_status_t media_start(pjmedia_transport *tp, pj_pool_t *pool, const pjmedia_sdp_session *local,
                               const pjmedia_sdp_session *remote, unsigned index) {
    struct keying *k = (struct keying *)tp;
    const pjmedia_sdp_media *ours = local->media[index], *theirs = remote->media[index];
    struct mc_fingerprints fingerprints;
    pj_status_t status;

    if (k->use == PJMEDIA_SRTP_DISABLED) {
        return PJ_SUCCESS;
    }
    if (mc_sdes_sdp_count(k->offerer ? theirs : ours) > 0) {
        status = take_lines(k, ours, theirs);
    } else if (pjmedia_sdp_media_find_attr2(ours, "fingerprint", NULL) && mc_dtls_sdp_read(remote, theirs, &fingerprints)) {
        status = take_dtls(k, &fingerprints, k->offerer ? mc_dtls_sdp_setup(remote, theirs) : mc_dtls_sdp_setup(local, ours));
    } else {
        return may_be_plain(k, ours, theirs) ? PJ_SUCCESS : PJMEDIA_SRTP_ESDPREQCRYPTO;
    }
    if (status == PJ_SUCCESS) {
        k->secret = true;
        k->savp = profile_of(theirs) != PJMEDIA_TP_PROTO_RTP_AVP;
    }
    return status;
}

/* --- what the stream asks --- */

static struct mc_srtp_key handed(const struct mc_sdes_key *key) {
    return (struct mc_srtp_key){.suite = key->suite, .suite_len = strlen(key->suite), .bytes = key->bytes, .n = key->n};
}

bool mc_srtp_is_on(pjmedia_transport *tp) {
    const struct keying *k = keying_of(tp);

    return k && k->secret;
}

bool mc_keying_waits(pjmedia_transport *tp) {
    const struct keying *k = keying_of(tp);

    return k && k->by_dtls && !mc_dtls_keyed(k->dtls);
}

void mc_keying_go(pjmedia_transport *tp, const pj_sockaddr *peer) {
    struct keying *k = keying_of(tp);

    if (k && k->by_dtls) {
        mc_dtls_go(k->dtls, mc_transport_fd(mc_transport_bottom(tp)), peer);
    }
}

uint32_t mc_keying_handle(pjmedia_transport *tp) {
    const struct keying *k = keying_of(tp);

    return k && k->by_dtls ? mc_dtls_handle(k->dtls) : 0;
}

const pj_sockaddr *mc_keying_peer(pjmedia_transport *tp) {
    const struct keying *k = keying_of(tp);

    return k && k->by_dtls ? mc_dtls_peer(k->dtls) : NULL;
}

pj_status_t mc_srtp_negotiated(pjmedia_transport *tp, struct mc_srtp **srtp) {
    const struct keying *k = keying_of(tp);
    const struct mc_sdes_key *sent, *heard;
    struct mc_srtp_key tx, rx;

    if (!k || !k->secret) {
        return !k || *srtp || k->use == PJMEDIA_SRTP_MANDATORY ? PJMEDIA_SRTP_ESDPREQCRYPTO : PJ_SUCCESS;
    }
    if (!*srtp) {
        *srtp = mc_srtp_new();
    }
    if (!*srtp) {
        return PJ_ENOMEM;
    }
    if (mc_keying_waits(tp)) {
        mc_srtp_stop(*srtp);
        return PJ_SUCCESS;
    }
    sent = k->by_dtls ? mc_dtls_tx(k->dtls) : &k->tx;
    heard = k->by_dtls ? mc_dtls_rx(k->dtls) : &k->rx;
    tx = handed(sent);
    rx = handed(heard);
    return mc_srtp_set_keys(*srtp, &tx, &rx) == 0 ? PJ_SUCCESS : PJMEDIA_SRTP_ENOTSUPCRYPTO;
}

/* --- the rest of a media transport --- */

static pj_status_t get_info(pjmedia_transport *tp, pjmedia_transport_info *info) {
    return pjmedia_transport_get_info(((struct keying *)tp)->member, info);
}

static pj_status_t media_create(pjmedia_transport *tp, pj_pool_t *pool, unsigned options, const pjmedia_sdp_session *remote,
                                unsigned index) {
    return pjmedia_transport_media_create(((struct keying *)tp)->member, pool, options, remote, index);
}

static pj_status_t media_stop(pjmedia_transport *tp) {
    return pjmedia_transport_media_stop(((struct keying *)tp)->member);
}

static pj_status_t simulate_lost(pjmedia_transport *tp, pjmedia_dir dir, unsigned percent) {
    return PJ_ENOTSUP; /* bad networks are simulated in virtual time, on the leg */
}

static pj_status_t destroy(pjmedia_transport *tp) {
    struct keying *k = (struct keying *)tp;

    mc_dtls_free(k->dtls);
    pjmedia_transport_close(k->member);
    OPENSSL_cleanse(&k->tx, sizeof(k->tx));
    OPENSSL_cleanse(&k->rx, sizeof(k->rx));
    pj_pool_release(k->pool);
    return PJ_SUCCESS;
}

static pjmedia_transport_op keying_op = {
    .get_info = get_info,
    .media_create = media_create,
    .encode_sdp = encode_sdp,
    .media_start = media_start,
    .media_stop = media_stop,
    .simulate_lost = simulate_lost,
    .destroy = destroy,
};

/* In place of PJSIP's function of this name. */
pj_status_t __wrap_pjmedia_transport_srtp_create(pjmedia_endpt *endpt, pjmedia_transport *member,
                                                 const pjmedia_srtp_setting *opt, pjmedia_transport **p_tp) {
    pj_pool_t *pool = pjmedia_endpt_create_pool(endpt, "keying%p", 1024, 512);
    struct keying *k;

    if (!pool) {
        return PJ_ENOMEM;
    }
    k = PJ_POOL_ZALLOC_T(pool, struct keying);
    k->pool = pool;
    k->member = member;
    k->call_id = ((const pjsua_call_media *)opt->user_data)->call->index;
    k->use = opt->use;
    for (unsigned i = 0; i < opt->keying_count; i++) {
        k->may_sdes |= opt->keying[i] == PJMEDIA_SRTP_KEYING_SDES;
        k->may_dtls |= opt->keying[i] == PJMEDIA_SRTP_KEYING_DTLS_SRTP;
    }
    k->may_sdes |= opt->keying_count == 0;
    for (unsigned i = 0; i < opt->crypto_count; i++) {
        k->suites[k->n_suites] = mc_srtp_suite(opt->crypto[i].name.ptr, (size_t)opt->crypto[i].name.slen);
        k->n_suites += k->suites[k->n_suites] != NULL;
    }
    for (unsigned i = 0; opt->crypto_count == 0 && i < PJ_ARRAY_SIZE(all_suites); i++) {
        k->suites[k->n_suites++] = all_suites[i];
    }
    pj_memcpy(k->base.name, pool->obj_name, PJ_MAX_OBJ_NAME);
    k->base.type = member->type;
    k->base.op = &keying_op;
    k->base.grp_lock = member->grp_lock;
    *p_tp = &k->base;
    return PJ_SUCCESS;
}
