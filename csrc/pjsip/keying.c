/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which keys a call has: stands where PJSIP has its SRTP adapter, between pjsua and the transport, and sees SDP but no packet. The
 * linker's --wrap leads its making through here. PJSIP's own takes no part: it opens and seals nothing here, resets rollover counters
 * when any key changes, and judges keys before it has read all lines.
 *
 * Both descriptions say all that there is to know, so keys are read from them when they are settled: an offer that came to nothing
 * leaves no trace. What was secret stays so: from the first keys on, nothing plain is offered or taken. */
#include "mc_pjsip.h"
#include "pj_internal.h"
#include "sdes.h"

#include <openssl/crypto.h>

#define MAX_OFFERED 4 /* suites, or an INVITE over UDP would be longer than a datagram of an Ethernet */

struct keying {
    pjmedia_transport base;
    pj_pool_t *pool;
    pjmedia_transport *member; /* ours, below */
    pjmedia_srtp_use use;
    const char *suites[PJMEDIA_SRTP_MAX_CRYPTOS]; /* that may be used, best first */
    unsigned n_suites;
    bool offerer;              /* of the description that is under way */
    bool secret;               /* has keys, and will not be plain again */
    bool savp;                 /* the profile says so too; else RTP/AVP with keys (RFC 8643) */
    struct mc_sdes_key tx, rx; /* in use */
};

static const pj_str_t crypto_name = {"crypto", 6};
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

/* --- a=crypto lines --- */

static bool is_crypto(const pjmedia_sdp_attr *attr) {
    return !pj_stricmp(&attr->name, &crypto_name);
}

static bool read_line(const pjmedia_sdp_attr *attr, unsigned *tag, struct mc_sdes_key *key) {
    return is_crypto(attr) && mc_sdes_read((struct mc_span){attr->value.ptr, (size_t)attr->value.slen}, tag, key);
}

static pj_status_t add_line(pj_pool_t *pool, pjmedia_sdp_media *m, unsigned tag, const struct mc_sdes_key *key) {
    char text[MC_SDES_VALUE];
    pj_str_t value = {text, (pj_ssize_t)mc_sdes_write(text, tag, key)};

    if (value.slen == 0 || m->attr_count >= PJMEDIA_MAX_SDP_ATTR) {
        return PJ_ETOOMANY;
    }
    m->attr[m->attr_count++] = pjmedia_sdp_attr_create(pool, crypto_name.ptr, &value);
    OPENSSL_cleanse(text, sizeof(text));
    return PJ_SUCCESS;
}

static unsigned n_lines(const pjmedia_sdp_media *m) {
    unsigned n = 0;

    for (unsigned i = 0; i < m->attr_count; i++) {
        n += is_crypto(m->attr[i]);
    }
    return n;
}

static bool allowed(const struct keying *k, const char *suite) {
    for (unsigned i = 0; i < k->n_suites; i++) {
        if (k->suites[i] == suite) {
            return true;
        }
    }
    return false;
}

/* The first line of `m` that can be served, or only the one with *tag when `tagged`. False: there is none. */
static bool find_line(const struct keying *k, const pjmedia_sdp_media *m, bool tagged, unsigned *tag, struct mc_sdes_key *key) {
    unsigned found = 0;

    for (unsigned i = 0; i < m->attr_count; i++) {
        if (read_line(m->attr[i], &found, key) && allowed(k, key->suite) && (!tagged || found == *tag)) {
            *tag = found;
            return true;
        }
    }
    return false;
}

/* Two lines with one tag (RFC 4568 section 9.1 wants each its own): an answer to it would name both. */
static bool ambiguous(const pjmedia_sdp_media *m, unsigned tag) {
    struct mc_sdes_key key;
    unsigned found, n = 0;

    for (unsigned i = 0; i < m->attr_count; i++) {
        n += read_line(m->attr[i], &found, &key) && found == tag;
    }
    return n > 1;
}

/* --- offer and answer --- */

static pj_status_t offer_keys(const struct keying *k, pj_pool_t *pool, pjmedia_sdp_media *m) {
    struct mc_sdes_key key;
    pj_status_t status = PJ_SUCCESS;

    m->desc.transport = pj_str(k->use == PJMEDIA_SRTP_MANDATORY || (k->secret && k->savp) ? "RTP/SAVP" : "RTP/AVP");
    if (k->secret) {
        return add_line(pool, m, 1, &k->tx); /* nothing changes: indices go on (RFC 4568 section 7.1.4) */
    }
    for (unsigned i = 0; i < k->n_suites && i < MAX_OFFERED && status == PJ_SUCCESS; i++) {
        status = mc_sdes_make(&key, k->suites[i]) ? add_line(pool, m, i + 1, &key) : PJ_EUNKNOWN;
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return status;
}

/* RFC 4568 section 5.1.2: the first line in the offerer's order that can be served. A peer that changes its key gets a new one of ours: many
 * begin anew in both directions then, and would not open what goes on with our old one. */
static pj_status_t answer_keys(const struct keying *k, pj_pool_t *pool, pjmedia_sdp_media *m, const pjmedia_sdp_media *theirs) {
    struct mc_sdes_key tx = k->tx, rx;
    unsigned tag = 0;
    pj_status_t status;

    m->desc.transport = theirs->desc.transport;
    if (!find_line(k, theirs, false, &tag, &rx)) {
        return may_be_plain(k, m, theirs) ? PJ_SUCCESS
               : n_lines(theirs)          ? PJMEDIA_SRTP_ENOTSUPCRYPTO
                                          : PJMEDIA_SRTP_ESDPREQCRYPTO;
    }
    if (ambiguous(theirs, tag)) {
        return PJMEDIA_SRTP_ESDPDUPCRYPTOTAG;
    }
    if (!(k->secret && mc_sdes_same(&rx, &k->rx)) && !mc_sdes_make(&tx, rx.suite)) {
        return PJ_EUNKNOWN;
    }
    status = add_line(pool, m, tag, &tx);
    OPENSSL_cleanse(&tx, sizeof(tx));
    OPENSSL_cleanse(&rx, sizeof(rx));
    return status;
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
    } else if (profile == PJMEDIA_TP_PROTO_RTP_AVP || profile == PJMEDIA_TP_PROTO_RTP_SAVP) {
        status = answer_keys(k, pool, m, theirs);
    } else {
        status = PJMEDIA_SRTP_ESDPINTRANSPORT;
    }
    if (status != PJ_SUCCESS) {
        pjmedia_sdp_media_deactivate(pool, m);
    }
    return status;
}

/* Both descriptions are settled: the keys that they give. */
static pj_status_t take_keys(struct keying *k, const pjmedia_sdp_media *local, const pjmedia_sdp_media *remote) {
    const pjmedia_sdp_media *answer = k->offerer ? remote : local, *offer = k->offerer ? local : remote;
    struct mc_sdes_key answered, offered;
    unsigned tag = 0;

    if (n_lines(answer) == 0) {
        return may_be_plain(k, local, remote) ? PJ_SUCCESS : PJMEDIA_SRTP_ESDPREQCRYPTO;
    }
    if (n_lines(answer) > 1) {
        return PJMEDIA_SRTP_ESDPAMBIGUEANS;
    }
    if (!find_line(k, answer, false, &tag, &answered)) {
        return PJMEDIA_SRTP_ENOTSUPCRYPTO;
    }
    if (!find_line(k, offer, true, &tag, &offered)) {
        return PJMEDIA_SRTP_ESDPINCRYPTOTAG;
    }
    if (answered.suite != offered.suite) {
        return PJMEDIA_SRTP_ECRYPTONOTMATCH;
    }
    k->tx = k->offerer ? offered : answered;
    k->rx = k->offerer ? answered : offered;
    k->secret = true;
    k->savp = profile_of(remote) != PJMEDIA_TP_PROTO_RTP_AVP;
    OPENSSL_cleanse(&answered, sizeof(answered));
    OPENSSL_cleanse(&offered, sizeof(offered));
    return PJ_SUCCESS;
}

static pj_status_t media_start(pjmedia_transport *tp, pj_pool_t *pool, const pjmedia_sdp_session *local,
                               const pjmedia_sdp_session *remote, unsigned index) {
    struct keying *k = (struct keying *)tp;

    return k->use == PJMEDIA_SRTP_DISABLED ? PJ_SUCCESS : take_keys(k, local->media[index], remote->media[index]);
}

/* --- what the stream asks --- */

static struct mc_srtp_key handed(const struct mc_sdes_key *key) {
    return (struct mc_srtp_key){.suite = key->suite, .suite_len = strlen(key->suite), .bytes = key->bytes, .n = key->n};
}

bool mc_srtp_is_on(pjmedia_transport *tp) {
    const struct keying *k = keying_of(tp);

    return k && k->secret;
}

pj_status_t mc_srtp_negotiated(pjmedia_transport *tp, struct mc_srtp **srtp) {
    const struct keying *k = keying_of(tp);
    struct mc_srtp_key tx, rx;

    if (!k || !k->secret) {
        return !k || *srtp || k->use == PJMEDIA_SRTP_MANDATORY ? PJMEDIA_SRTP_ESDPREQCRYPTO : PJ_SUCCESS;
    }
    if (!*srtp) {
        *srtp = mc_srtp_new();
    }
    tx = handed(&k->tx);
    rx = handed(&k->rx);
    return *srtp && mc_srtp_set_keys(*srtp, &tx, &rx) == 0 ? PJ_SUCCESS : PJMEDIA_SRTP_ENOTSUPCRYPTO;
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
    k->use = opt->use;
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
