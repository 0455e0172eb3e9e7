/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a back-to-back user agent (RFC 7092) does otherwise than PJSIP's own. The linker's --wrap leads these places through here:
 *
 * - A REFER (RFC 3515) is accepted without a call by PJSIP: the application decides where it goes, and writes the NOTIFYs.
 * - An INVITE with Replaces (RFC 3891) is a call like any other once its dialog was found; the application exchanges the calls.
 * - Max-Forwards of an INVITE is the application's where it gives one (RFC 7332 section 4). */
#include "mc_pjsip.h"
#include "pj_internal.h"

/* The application's answer to a REFER that it takes on itself (sipagent/signalling/transfer.py): a status above 299, with which PJSIP
 * makes no call, and which no peer sees. */
#define REFER_TAKEN 399

pj_status_t __real_pjsip_dlg_respond(pjsip_dialog *dlg, pjsip_rx_data *rdata, int st_code, const pj_str_t *st_text,
                                     const pjsip_hdr *hdr_list, const pjsip_msg_body *body);

pj_status_t __wrap_pjsip_dlg_respond(pjsip_dialog *dlg, pjsip_rx_data *rdata, int st_code, const pj_str_t *st_text,
                                     const pjsip_hdr *hdr_list, const pjsip_msg_body *body) {
    const pjsip_msg *msg = rdata->msg_info.msg;
    bool taken = st_code == REFER_TAKEN && pjsip_method_cmp(&msg->line.req.method, pjsip_get_refer_method()) == 0;

    return __real_pjsip_dlg_respond(dlg, rdata, taken ? PJSIP_SC_ACCEPTED : st_code, st_text, hdr_list, body);
}

pj_status_t __real_pjsip_replaces_verify_request(pjsip_rx_data *rdata, pjsip_dialog **p_dlg, pj_bool_t lock_dlg,
                                                 pjsip_tx_data **p_tdata);

/* PJSIP has found the dialog (481, 486 and 603 are said here): the call that it is of hears which INVITE wants to replace it, and that
 * INVITE goes on as if it replaced none. */
pj_status_t __wrap_pjsip_replaces_verify_request(pjsip_rx_data *rdata, pjsip_dialog **p_dlg, pj_bool_t lock_dlg,
                                                 pjsip_tx_data **p_tdata) {
    pj_status_t status = __real_pjsip_replaces_verify_request(rdata, p_dlg, lock_dlg, p_tdata);
    const pjsua_call *call;
    int code = PJSIP_SC_OK;
    pj_str_t text = {0};
    pjsua_call_setting opt;

    if (status != PJ_SUCCESS || !*p_dlg) {
        return status;
    }
    call = (*p_dlg)->mod_data[pjsua_var.mod.id];
    if (lock_dlg) {
        pjsip_dlg_dec_lock(*p_dlg);
    }
    *p_dlg = NULL;
    if (!call) {
        code = PJSIP_SC_CALL_TSX_DOES_NOT_EXIST;
    } else if (pjsua_var.ua_cfg.cb.on_call_replace_request2) {
        opt = call->opt;
        pjsua_var.ua_cfg.cb.on_call_replace_request2(call->index, rdata, &code, &text, &opt);
    }
    if (code < 300) {
        return PJ_SUCCESS;
    }
    status = pjsip_endpt_create_response(pjsua_var.endpt, rdata, code, NULL, p_tdata);
    return status == PJ_SUCCESS ? PJSIP_ERRNO_FROM_SIP_STATUS(code) : status;
}

int mc_pjsip_find_call(const char *call_id, const char *to_tag, const char *from_tag) {
    const pj_str_t id = pj_str((char *)call_id), ours = pj_str((char *)to_tag), theirs = pj_str((char *)from_tag);
    pjsip_dialog *dlg = pjsip_ua_find_dialog(&id, &ours, &theirs, PJ_FALSE);
    const pjsua_call *call = dlg ? dlg->mod_data[pjsua_var.mod.id] : NULL;

    return call ? (int)call->index : -1;
}

pj_status_t __real_pjsip_inv_send_msg(pjsip_inv_session *inv, pjsip_tx_data *tdata);

/* PJSIP has written one of its own before the application's. */
pj_status_t __wrap_pjsip_inv_send_msg(pjsip_inv_session *inv, pjsip_tx_data *tdata) {
    pjsip_msg *msg = tdata->msg;
    const pj_str_t name = {"Max-Forwards", 12};
    pjsip_hdr *first, *given;

    if (msg->type == PJSIP_REQUEST_MSG && msg->line.req.method.id == PJSIP_INVITE_METHOD) {
        first = pjsip_msg_find_hdr_by_name(msg, &name, NULL);
        given = first ? pjsip_msg_find_hdr_by_name(msg, &name, first->next) : NULL;
        if (given) {
            pj_list_erase(first);
        }
    }
    return __real_pjsip_inv_send_msg(inv, tdata);
}
