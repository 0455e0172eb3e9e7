/* SPDX-License-Identifier: GPL-3.0-or-later
 * PJSIP checks an offer against an SDP made for the check alone, before any transport sees it. The same renumbering as in the real
 * answer (transport_udp.c) must stand in it; the linker's --wrap leads the check through here. */
#include "pj_internal.h"

pj_status_t __real_pjsip_inv_verify_request3(pjsip_rx_data *rdata, pj_pool_t *tmp_pool, unsigned *options,
                                             const pjmedia_sdp_session *r_sdp, const pjmedia_sdp_session *l_sdp,
                                             pjsip_dialog *dlg, pjsip_endpoint *endpt, pjsip_tx_data **p_tdata);

pj_status_t __wrap_pjsip_inv_verify_request3(pjsip_rx_data *rdata, pj_pool_t *tmp_pool, unsigned *options,
                                             const pjmedia_sdp_session *r_sdp, const pjmedia_sdp_session *l_sdp,
                                             pjsip_dialog *dlg, pjsip_endpoint *endpt, pjsip_tx_data **p_tdata) {
    for (unsigned i = 0; r_sdp && l_sdp && i < r_sdp->media_count && i < l_sdp->media_count; i++) {
        mc_sdp_follow_numbers(tmp_pool, l_sdp->media[i], r_sdp->media[i]);
    }
    return __real_pjsip_inv_verify_request3(rdata, tmp_pool, options, r_sdp, l_sdp, dlg, endpt, p_tdata);
}
