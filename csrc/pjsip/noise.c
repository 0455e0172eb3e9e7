/* SPDX-License-Identifier: GPL-3.0-or-later
 * PJSIP's answers name one codec and telephone-event. Where the offer has comfort noise (RFC 3389) beside a codec of its clock, and
 * our legs may rest, it belongs there too (RFC 3264 section 6.1); the linker's --wrap leads the negotiation through here. */
#include "../cng.h"
#include "pj_internal.h"

pj_status_t __real_pjmedia_sdp_neg_negotiate(pj_pool_t *pool, pjmedia_sdp_neg *neg, pj_bool_t allow_asym);

static void add_to(pj_pool_t *pool, pjmedia_sdp_media *ours, const pjmedia_sdp_media *theirs) {
    if (pj_stricmp2(&ours->desc.media, "audio") || ours->desc.port == 0 || ours->desc.fmt_count == 0 ||
        mc_sdp_cn_pt(theirs, 8000) != MC_CN_PT || mc_sdp_clock(ours, (unsigned)pj_strtoul(&ours->desc.fmt[0]), 8000) != 8000) {
        return;
    }
    mc_sdp_add_cn(pool, ours);
}

pj_status_t __wrap_pjmedia_sdp_neg_negotiate(pj_pool_t *pool, pjmedia_sdp_neg *neg, pj_bool_t allow_asym) {
    pj_status_t status = __real_pjmedia_sdp_neg_negotiate(pool, neg, allow_asym);
    const struct mc_seam *seam = mc_seam_get();
    const pjmedia_sdp_session *ours;
    const pjmedia_sdp_session *theirs;

    if (status != PJ_SUCCESS || !seam || !seam->rest || pjmedia_sdp_neg_was_answer_remote(neg) ||
        pjmedia_sdp_neg_get_active_local(neg, &ours) != PJ_SUCCESS ||
        pjmedia_sdp_neg_get_active_remote(neg, &theirs) != PJ_SUCCESS) {
        return status;
    }
    for (unsigned i = 0; i < ours->media_count && i < theirs->media_count; i++) {
        add_to(pool, ours->media[i], theirs->media[i]); /* made by the negotiation, out of the same pool */
    }
    return status;
}
