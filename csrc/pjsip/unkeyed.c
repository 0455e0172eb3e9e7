/* SPDX-License-Identifier: GPL-3.0-or-later
 * A call whose handshake gave no keys can't be heard: it is ended, and its end says why. */
#include "pj_internal.h"

#define THIS_FILE "mc_unkeyed"

void mc_audio_unkeyed(int call_id, const char *why) {
    const pjsua_call *call = &pjsua_var.calls[call_id];
    static const pj_str_t name = {"Reason", 6};
    pj_str_t reason = {(char *)why, (pj_ssize_t)strlen(why)}, value;
    char text[128];
    pjsip_tx_data *tdata = NULL;

    PJ_LOG(2, (THIS_FILE, "call %d: %s", call_id, why));
    if (!call->inv || call->hanging_up ||
        pjsip_inv_end_session(call->inv, PJSIP_SC_NOT_ACCEPTABLE_HERE, &reason, &tdata) != PJ_SUCCESS || !tdata) {
        return;
    }
    value.ptr = text;
    value.slen = pj_ansi_snprintf(text, sizeof(text), "SIP;cause=488;text=\"%s\"", why); /* RFC 3326 */
    pjsip_msg_add_hdr(tdata->msg, (pjsip_hdr *)pjsip_generic_string_hdr_create(tdata->pool, &name, &value));
    pjsip_inv_send_msg(call->inv, tdata);
}
