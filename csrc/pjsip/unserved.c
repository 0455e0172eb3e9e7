/* SPDX-License-Identifier: GPL-3.0-or-later
 * Requests that nobody here serves get 405 with Allow (RFC 3261 section 8.2.1); PJSIP alone would drop them without a word and
 * the sender would repeat them for half a minute. */
#include "../err.h"
#include "pj_internal.h"

static pj_bool_t on_rx_request(pjsip_rx_data *rdata) {
    const pjsip_method *method = &rdata->msg_info.msg->line.req.method;
    const pjsip_hdr *allow;
    pjsip_hdr headers;

    if (method->id == PJSIP_ACK_METHOD) { /* never answered */
        return PJ_TRUE;
    }
    pj_list_init(&headers);
    allow = pjsip_endpt_get_capability(pjsua_var.endpt, PJSIP_H_ALLOW, NULL);
    if (allow) {
        pj_list_push_back(&headers, pjsip_hdr_clone(rdata->tp_info.pool, allow));
    }
    pjsip_endpt_respond_stateless(pjsua_var.endpt, rdata, PJSIP_SC_METHOD_NOT_ALLOWED, NULL, &headers, NULL);
    return PJ_TRUE;
}

static pjsip_module module;

int mc_unserved_start(void) {
    static char name[] = "mod-unserved";

    pj_bzero(&module, sizeof(module)); /* PJSIP keeps its links in it; none of a former run may stay */
    module.name = pj_str(name);
    module.id = -1;
    module.priority = PJSIP_MOD_PRIORITY_APPLICATION + 32; /* after everybody else */
    module.on_rx_request = on_rx_request;
    return pjsip_endpt_register_module(pjsua_var.endpt, &module) == PJ_SUCCESS ? MC_OK : MC_E_STATE;
}

void mc_unserved_stop(void) {
    if (module.id >= 0) {
        pjsip_endpt_unregister_module(pjsua_var.endpt, &module);
    }
}
