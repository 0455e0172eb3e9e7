/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the seam reads from and writes into SDP (RFC 4566): ptime, fmtp, rtpmap. */
#include "../cng.h"
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

/* What `remote` asks for; where it doesn't, `otherwise`. */
static unsigned ptime_for(const pjmedia_sdp_media *remote, unsigned otherwise) {
    static const unsigned served[] = {60, 40, 20, 10};
    unsigned long asked = attr_number(remote, "ptime"), most = attr_number(remote, "maxptime");
    unsigned ptime = ptime_served(asked) ? (unsigned)asked : otherwise;

    for (unsigned i = 0; most >= 10 && ptime > most && i < PJ_ARRAY_SIZE(served); i++) {
        if (served[i] <= most) {
            ptime = served[i];
        }
    }
    return ptime;
}

unsigned mc_sdp_ptime_agreed(const pjmedia_sdp_media *local, const pjmedia_sdp_media *remote) {
    unsigned long ours = attr_number(local, "ptime");

    return ptime_for(remote, ptime_served(ours) ? (unsigned)ours : offered_ptime);
}

/* In place of what is there. */
static void set_ptime(pj_pool_t *pool, pjmedia_sdp_media *m, unsigned ptime_ms) {
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

static const pjmedia_sdp_attr *attr_of_pt(const pjmedia_sdp_media *m, const char *name, unsigned pt);

uint8_t mc_sdp_cn_pt(const pjmedia_sdp_media *m, uint32_t clock) {
    for (unsigned i = 0; i < m->desc.fmt_count; i++) {
        unsigned long pt = pj_strtoul(&m->desc.fmt[i]);
        const pjmedia_sdp_attr *attr = pt < 128 ? attr_of_pt(m, "rtpmap", (unsigned)pt) : NULL;
        pjmedia_sdp_rtpmap map;

        if (!attr ? pt == MC_CN_PT && clock == 8000
                  : pjmedia_sdp_attr_get_rtpmap(attr, &map) == PJ_SUCCESS && !pj_stricmp2(&map.enc_name, "CN") &&
                        map.clock_rate == clock) {
            return (uint8_t)pt;
        }
    }
    return 0;
}

void mc_sdp_add_cn(pj_pool_t *pool, pjmedia_sdp_media *m) {
    static const pj_str_t name = {"rtpmap", 6};
    pj_str_t value = pj_str("13 CN/8000");

    if (mc_sdp_cn_pt(m, 8000) != 0 || m->desc.fmt_count >= PJMEDIA_MAX_SDP_FMT || m->attr_count >= PJMEDIA_MAX_SDP_ATTR) {
        return;
    }
    pj_strdup2(pool, &m->desc.fmt[m->desc.fmt_count++], "13");
    pjmedia_sdp_media_add_attr(m, pjmedia_sdp_attr_create(pool, name.ptr, &value));
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

static bool rtpmap_of(const pjmedia_sdp_media *m, const pj_str_t *fmt, pjmedia_sdp_rtpmap *map) {
    const pjmedia_sdp_attr *attr = pjmedia_sdp_media_find_attr2(m, "rtpmap", fmt);

    return attr && pjmedia_sdp_attr_get_rtpmap(attr, map) == PJ_SUCCESS;
}

static bool has_fmt(const pjmedia_sdp_media *m, const pj_str_t *fmt) {
    for (unsigned i = 0; i < m->desc.fmt_count; i++) {
        if (!pj_strcmp(&m->desc.fmt[i], fmt)) {
            return true;
        }
    }
    return false;
}

/* Gives local format j the number `fmt`, in its m= line and in its rtpmap. Formats with an fmtp line are left alone. */
static void renumber(pj_pool_t *pool, pjmedia_sdp_media *local, unsigned j, const pj_str_t *fmt) {
    pjmedia_sdp_attr *attr = pjmedia_sdp_media_find_attr2(local, "rtpmap", &local->desc.fmt[j]);
    pjmedia_sdp_rtpmap map;

    if (pjmedia_sdp_media_find_attr2(local, "fmtp", &local->desc.fmt[j]) || !attr ||
        pjmedia_sdp_attr_get_rtpmap(attr, &map) != PJ_SUCCESS) {
        return;
    }
    map.pt = *fmt;
    pjmedia_sdp_media_remove_attr(local, attr);
    if (pjmedia_sdp_rtpmap_to_attr(pool, &map, &attr) == PJ_SUCCESS) {
        pjmedia_sdp_media_add_attr(local, attr);
        pj_strdup(pool, &local->desc.fmt[j], fmt);
    }
}

void mc_sdp_follow_numbers(pj_pool_t *pool, pjmedia_sdp_media *local, const pjmedia_sdp_media *remote) {
    for (unsigned i = 0; i < remote->desc.fmt_count; i++) {
        const pj_str_t *fmt = &remote->desc.fmt[i];
        pjmedia_sdp_rtpmap theirs, ours;

        if (pj_strtoul(fmt) >= 96 || has_fmt(local, fmt) || !rtpmap_of(remote, fmt, &theirs)) {
            continue;
        }
        for (unsigned j = 0; j < local->desc.fmt_count; j++) {
            if (pj_strtoul(&local->desc.fmt[j]) >= 96 && rtpmap_of(local, &local->desc.fmt[j], &ours) &&
                !pj_stricmp(&ours.enc_name, &theirs.enc_name) && ours.clock_rate == theirs.clock_rate) {
                renumber(pool, local, j, fmt);
                break;
            }
        }
    }
}

static bool is_zero(const pjmedia_sdp_conn *conn) {
    return conn && (!pj_strcmp2(&conn->addr, "0.0.0.0") || !pj_strcmp2(&conn->addr, "0") || !pj_strcmp2(&conn->addr, "::"));
}

/* An offer with the address 0.0.0.0 (old-style hold, RFC 3264 section 8.4) is answered with a=inactive: PJSIP gives the same address
 * back, so that nothing can be sent either way, and must not say sendrecv to it. */
static void answer_old_hold(pj_pool_t *pool, pjmedia_sdp_media *local, const pjmedia_sdp_session *offer,
                            const pjmedia_sdp_media *theirs) {
    static const char *const directions[] = {"sendrecv", "sendonly", "recvonly", "inactive"};

    if (!is_zero(theirs->conn ? theirs->conn : offer->conn)) {
        return;
    }
    for (unsigned i = 0; i < PJ_ARRAY_SIZE(directions); i++) {
        pjmedia_sdp_media_remove_all_attr(local, directions[i]);
    }
    if (local->attr_count < PJMEDIA_MAX_SDP_ATTR) {
        pjmedia_sdp_media_add_attr(local, pjmedia_sdp_attr_create(pool, "inactive", NULL));
    }
}

void mc_sdp_complete(pj_pool_t *pool, pjmedia_sdp_media *m, const pjmedia_sdp_session *remote, const pjmedia_sdp_media *theirs,
                     bool rtcp_mux) {
    if (rtcp_mux && m->attr_count < PJMEDIA_MAX_SDP_ATTR &&
        (!theirs || pjmedia_sdp_media_find_attr2(theirs, "rtcp-mux", NULL))) {
        pjmedia_sdp_media_add_attr(m, pjmedia_sdp_attr_create(pool, "rtcp-mux", NULL));
    }
    set_ptime(pool, m, ptime_for(theirs, offered_ptime));
    if (!theirs && mc_seam_get() && mc_seam_get()->rest) {
        mc_sdp_add_cn(pool, m); /* into an offer; answers: noise.c */
    }
    if (theirs) {
        mc_sdp_follow_numbers(pool, m, theirs);
        answer_old_hold(pool, m, remote, theirs);
    }
}
