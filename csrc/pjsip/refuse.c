/* SPDX-License-Identifier: GPL-3.0-or-later
 * A session description that can't be served is refused with 488 (RFC 3261 section 21.4.26; RFC 4568 section 5.1.2 for keys). PJSIP
 * says 406, which is about Accept headers, where the media transport refuses. A PRACK for nothing that waits for one is refused with 481
 * (RFC 3262 section 3). The linker's --wrap leads these places through here. */
#include "pj_internal.h"

pj_status_t __real_pjsip_100rel_on_rx_prack(pjsip_inv_session *inv, pjsip_rx_data *rdata);

/* PJSIP ignores it, and says 200 all the same. So it stays once the INVITE is answered: then PRACKs of responses that wait no more may
 * still be under way. */
pj_status_t __wrap_pjsip_100rel_on_rx_prack(pjsip_inv_session *inv, pjsip_rx_data *rdata) {
    pj_status_t status = __real_pjsip_100rel_on_rx_prack(inv, rdata);
    pjsip_tx_data *tdata;
    int code = status == PJSIP_EMISSINGHDR ? PJSIP_SC_BAD_REQUEST : PJSIP_SC_CALL_TSX_DOES_NOT_EXIST;

    if (status == PJ_SUCCESS || status == PJSIP_ENOTINITIALIZED || !inv->invite_tsx || inv->invite_tsx->status_code >= 200) {
        return status;
    }
    if (pjsip_dlg_create_response(inv->dlg, rdata, code, NULL, &tdata) == PJ_SUCCESS) {
        pjsip_dlg_send_response(inv->dlg, pjsip_rdata_get_tsx(rdata), tdata);
    }
    return PJSIP_ENOTINITIALIZED; /* "was answered" */
}

static void correct(int *code) {
    if (code && *code == PJSIP_SC_NOT_ACCEPTABLE) {
        *code = PJSIP_SC_NOT_ACCEPTABLE_HERE;
    }
}

pj_status_t __real_pjsua_media_channel_init(pjsua_call_id call_id, pjsip_role_e role, int security_level, pj_pool_t *tmp_pool,
                                            const pjmedia_sdp_session *rem_sdp, int *sip_err_code, pj_bool_t async,
                                            pjsua_med_tp_state_cb cb);

pj_status_t __wrap_pjsua_media_channel_init(pjsua_call_id call_id, pjsip_role_e role, int security_level, pj_pool_t *tmp_pool,
                                            const pjmedia_sdp_session *rem_sdp, int *sip_err_code, pj_bool_t async,
                                            pjsua_med_tp_state_cb cb) {
    pj_status_t status = __real_pjsua_media_channel_init(call_id, role, security_level, tmp_pool, rem_sdp, sip_err_code, async,
                                                         cb);

    correct(sip_err_code);
    return status;
}

pj_status_t __real_pjsua_media_channel_create_sdp(pjsua_call_id call_id, pj_pool_t *pool, const pjmedia_sdp_session *rem_sdp,
                                                  pjmedia_sdp_session **p_sdp, int *sip_err_code);

pj_status_t __wrap_pjsua_media_channel_create_sdp(pjsua_call_id call_id, pj_pool_t *pool, const pjmedia_sdp_session *rem_sdp,
                                                  pjmedia_sdp_session **p_sdp, int *sip_err_code) {
    pj_status_t status = __real_pjsua_media_channel_create_sdp(call_id, pool, rem_sdp, p_sdp, sip_err_code);

    correct(sip_err_code);
    return status;
}

pj_status_t __real_pjsip_dlg_create_response(pjsip_dialog *dlg, pjsip_rx_data *rdata, int code, const pj_str_t *text,
                                             pjsip_tx_data **p_tdata);

/* An offer in the middle of a call with nothing in it that we have: PJSIP says 500, as if the trouble were ours. */
pj_status_t __wrap_pjsip_dlg_create_response(pjsip_dialog *dlg, pjsip_rx_data *rdata, int code, const pj_str_t *text,
                                             pjsip_tx_data **p_tdata) {
    if (code == PJSIP_SC_INTERNAL_SERVER_ERROR && text && !pj_strcmp2(text, "SDP negotiation failed")) {
        return __real_pjsip_dlg_create_response(dlg, rdata, PJSIP_SC_NOT_ACCEPTABLE_HERE, NULL, p_tdata);
    }
    return __real_pjsip_dlg_create_response(dlg, rdata, code, text, p_tdata);
}
