/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the seam reads from and writes into SDP (RFC 4566): ptime, fmtp, rtpmap. */
#include "../codec.h"
#include "../err.h"
#include "mc_pjsip.h"
#include "pj_internal.h"

static unsigned offered_ptime = 20;

static bool ptime_served(unsigned long ms) {
    return ms == 10 || ms == 20 || ms == 40 || ms == 60;
}

int mc_pjsip_set_ptime(int ptime_ms) {
    if (ptime_ms < 0 || !ptime_served((unsigned long)ptime_ms)) {
        return MC_E_ARG;
    }
    offered_ptime = (unsigned)ptime_ms;
    return MC_OK;
}

/* The number in an attribute such as a=ptime:20, or 0. */
static unsigned long attr_number(const pjmedia_sdp_media *m, const char *name) {
    const pjmedia_sdp_attr *attr = m ? pjmedia_sdp_media_find_attr2(m, name, NULL) : NULL;
    pj_str_t text;

    if (!attr) {
        return 0;
    }
    text = attr->value;
    pj_strltrim(&text);
    return pj_strtoul(&text);
}

unsigned mc_sdp_ptime(const pjmedia_sdp_media *remote) {
    static const unsigned served[] = {60, 40, 20, 10};
    unsigned long asked = attr_number(remote, "ptime"), most = attr_number(remote, "maxptime");
    unsigned ptime = ptime_served(asked) ? (unsigned)asked : offered_ptime;

    for (unsigned i = 0; most >= 10 && ptime > most && i < PJ_ARRAY_SIZE(served); i++) {
        if (served[i] <= most) {
            ptime = served[i];
        }
    }
    return ptime;
}

void mc_sdp_set_ptime(pj_pool_t *pool, pjmedia_sdp_media *m, unsigned ptime_ms) {
    char text[8];
    pj_str_t value;

    pjmedia_sdp_media_remove_all_attr(m, "ptime");
    if (m->attr_count >= PJMEDIA_MAX_SDP_ATTR) {
        return;
    }
    value.ptr = text;
    value.slen = pj_utoa(ptime_ms, text);
    pjmedia_sdp_media_add_attr(m, pjmedia_sdp_attr_create(pool, "ptime", &value));
}

uint8_t mc_sdp_event_pt(const pjmedia_sdp_media *m, uint32_t clock) {
    uint8_t found = MC_PT_NONE;

    for (unsigned i = 0; i < m->attr_count; i++) {
        pjmedia_sdp_rtpmap map;
        unsigned long pt;

        if (pj_strcmp2(&m->attr[i]->name, "rtpmap") || pjmedia_sdp_attr_get_rtpmap(m->attr[i], &map) != PJ_SUCCESS) {
            continue;
        }
        pt = pj_strtoul(&map.pt);
        if (pj_stricmp2(&map.enc_name, "telephone-event") || pt > 127) {
            continue;
        }
        if (map.clock_rate == clock) {
            return (uint8_t)pt;
        }
        if (found == MC_PT_NONE) {
            found = (uint8_t)pt;
        }
    }
    return found;
}

static const pjmedia_sdp_attr *attr_of_pt(const pjmedia_sdp_media *m, const char *name, unsigned pt) {
    char text[16];
    pj_str_t fmt;

    fmt.ptr = text;
    fmt.slen = pj_utoa(pt, text);
    return pjmedia_sdp_media_find_attr2(m, name, &fmt);
}

void mc_sdp_fmtp(const pjmedia_sdp_media *m, unsigned pt, char *out, size_t size) {
    const pjmedia_sdp_attr *attr = attr_of_pt(m, "fmtp", pt);
    pjmedia_sdp_fmtp fmtp;

    out[0] = '\0';
    if (!attr || pjmedia_sdp_attr_get_fmtp(attr, &fmtp) != PJ_SUCCESS || fmtp.fmt_param.slen <= 0 ||
        (size_t)fmtp.fmt_param.slen >= size) {
        return;
    }
    pj_memcpy(out, fmtp.fmt_param.ptr, fmtp.fmt_param.slen);
    out[fmtp.fmt_param.slen] = '\0';
}

uint32_t mc_sdp_clock(const pjmedia_sdp_media *m, unsigned pt, uint32_t otherwise) {
    const pjmedia_sdp_attr *attr = attr_of_pt(m, "rtpmap", pt);
    pjmedia_sdp_rtpmap map;

    if (!attr || pjmedia_sdp_attr_get_rtpmap(attr, &map) != PJ_SUCCESS) {
        return otherwise;
    }
    return map.clock_rate;
}
