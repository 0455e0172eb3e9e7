/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sdes_sdp.h"

#include <openssl/crypto.h>

static const pj_str_t name = {"crypto", 6};

static bool is_crypto(const pjmedia_sdp_attr *attr) {
    return !pj_stricmp(&attr->name, &name);
}

static bool read_line(const pjmedia_sdp_attr *attr, unsigned *tag, struct mc_sdes_key *key) {
    return is_crypto(attr) && mc_sdes_read((struct mc_span){attr->value.ptr, (size_t)attr->value.slen}, tag, key);
}

pj_status_t mc_sdes_sdp_add(pj_pool_t *pool, pjmedia_sdp_media *m, unsigned tag, const struct mc_sdes_key *key) {
    char text[MC_SDES_VALUE];
    pj_str_t value = {text, (pj_ssize_t)mc_sdes_write(text, tag, key)};

    if (value.slen == 0 || m->attr_count >= PJMEDIA_MAX_SDP_ATTR) {
        return PJ_ETOOMANY;
    }
    m->attr[m->attr_count++] = pjmedia_sdp_attr_create(pool, name.ptr, &value);
    OPENSSL_cleanse(text, sizeof(text));
    return PJ_SUCCESS;
}

unsigned mc_sdes_sdp_count(const pjmedia_sdp_media *m) {
    unsigned n = 0;

    for (unsigned i = 0; i < m->attr_count; i++) {
        n += is_crypto(m->attr[i]);
    }
    return n;
}

static bool is_one_of(const char *suite, const char *const *suites, unsigned n_suites) {
    for (unsigned i = 0; i < n_suites; i++) {
        if (suites[i] == suite) {
            return true;
        }
    }
    return false;
}

bool mc_sdes_sdp_find(const pjmedia_sdp_media *m, const char *const *suites, unsigned n_suites, int64_t wanted, unsigned *tag,
                      struct mc_sdes_key *key) {
    unsigned found = 0;

    for (unsigned i = 0; i < m->attr_count; i++) {
        if (read_line(m->attr[i], &found, key) && is_one_of(key->suite, suites, n_suites) &&
            (wanted < 0 || (int64_t)found == wanted)) {
            *tag = found;
            return true;
        }
    }
    return false;
}

bool mc_sdes_sdp_ambiguous(const pjmedia_sdp_media *m, unsigned tag) {
    struct mc_sdes_key key;
    unsigned found = 0, n = 0;

    for (unsigned i = 0; i < m->attr_count; i++) {
        n += read_line(m->attr[i], &found, &key) && found == tag;
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return n > 1;
}
