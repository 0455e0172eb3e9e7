/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls_sdp.h"

static bool add(pj_pool_t *pool, pjmedia_sdp_media *m, const char *name, const char *text) {
    pj_str_t value = {(char *)text, (pj_ssize_t)strlen(text)};

    return m->attr_count < PJMEDIA_MAX_SDP_ATTR &&
           pjmedia_sdp_media_add_attr(m, pjmedia_sdp_attr_create(pool, name, &value)) == PJ_SUCCESS;
}

bool mc_dtls_sdp_write(pj_pool_t *pool, pjmedia_sdp_media *m, const char *setup) {
    const char *fingerprint = mc_dtls_fingerprint();

    return fingerprint && add(pool, m, "setup", setup) && add(pool, m, "fingerprint", fingerprint);
}

static void read_all(struct mc_fingerprints *out, unsigned n, pjmedia_sdp_attr *const attr[]) {
    for (unsigned i = 0; i < n && out->n < MC_FINGERPRINTS; i++) {
        if (!pj_stricmp2(&attr[i]->name, "fingerprint")) {
            out->n += mc_fingerprint_read(&out->of[out->n], (struct mc_span){attr[i]->value.ptr, (size_t)attr[i]->value.slen});
        }
    }
}

bool mc_dtls_sdp_read(const pjmedia_sdp_session *sdp, const pjmedia_sdp_media *m, struct mc_fingerprints *out) {
    pj_bzero(out, sizeof(*out));
    read_all(out, m->attr_count, m->attr);
    if (!pjmedia_sdp_media_find_attr2(m, "fingerprint", NULL)) {
        read_all(out, sdp->attr_count, sdp->attr);
    }
    if (out->n < MC_FINGERPRINTS) {
        pj_bzero(&out->of[out->n], sizeof(out->of[0])); /* of one that could not be read */
    }
    return out->n > 0;
}

enum mc_setup mc_dtls_sdp_setup(const pjmedia_sdp_session *sdp, const pjmedia_sdp_media *m) {
    static const struct {
        const char *name;
        enum mc_setup setup;
    } names[] = {{"actpass", MC_SETUP_ACTPASS}, {"active", MC_SETUP_ACTIVE}, {"passive", MC_SETUP_PASSIVE}};
    const pjmedia_sdp_attr *attr = pjmedia_sdp_media_find_attr2(m, "setup", NULL);
    pj_str_t value;

    if (!attr) {
        attr = pjmedia_sdp_attr_find2(sdp->attr_count, sdp->attr, "setup", NULL);
    }
    if (!attr) {
        return MC_SETUP_NONE;
    }
    value = attr->value;
    pj_strtrim(&value);
    for (unsigned i = 0; i < PJ_ARRAY_SIZE(names); i++) {
        if (!pj_stricmp2(&value, names[i].name)) {
            return names[i].setup;
        }
    }
    return MC_SETUP_OTHER;
}
