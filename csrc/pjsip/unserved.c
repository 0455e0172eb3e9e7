/* SPDX-License-Identifier: GPL-3.0-or-later
 * Requests that nobody here serves get 405 with Allow (RFC 3261 section 8.2.1). PJSIP alone would drop most of them without a word,
 * so that the sender repeats them for half a minute, and would take a MESSAGE with 200 and lose it. A call for which there is no RTP
 * port, or no room by the gate's word (gate.h), gets 503 with Retry-After (section 21.5.4), where PJSIP would say 500. And OPTIONS in a
 * dialog, by which a peer asks whether the call is still up, is answered as outside one (section 11.2): PJSIP would say 500. An INVITE
 * whose Contact nobody could call gets 400. */
#include "../err.h"
#include "pj_internal.h"

static pj_bool_t respond(pjsip_rx_data *rdata, int code, const pjsip_hdr *header) {
    pjsip_hdr headers;

    if (rdata->msg_info.msg->line.req.method.id == PJSIP_ACK_METHOD) { /* never answered */
        return PJ_TRUE;
    }
    pj_list_init(&headers);
    if (header) {
        pj_list_push_back(&headers, pjsip_hdr_clone(rdata->tp_info.pool, header));
    }
    pjsip_endpt_respond_stateless(pjsua_var.endpt, rdata, code, NULL, &headers, NULL);
    return PJ_TRUE;
}

static pj_bool_t refuse(pjsip_rx_data *rdata) {
    const pjsip_hdr *allow = pjsip_endpt_get_capability(pjsua_var.endpt, PJSIP_H_ALLOW, NULL);

    return respond(rdata, PJSIP_SC_METHOD_NOT_ALLOWED, allow);
}

static pj_bool_t refuse_busy(pjsip_rx_data *rdata, unsigned retry_after_s) {
    const void *header = pjsip_retry_after_hdr_create(rdata->tp_info.pool, (int)retry_after_s);

    return respond(rdata, PJSIP_SC_SERVICE_UNAVAILABLE, header);
}

/* Via's maddr would have our responses go to whom the sender names (RFC 3261 section 18.2.2): multicast, which nobody here serves, or a
 * victim. It stays in the header, as an unknown parameter does. */
static void disarm_maddr(pjsip_rx_data *rdata) {
    pjsip_via_hdr *via = rdata->msg_info.via;
    pjsip_param *param;

    if (via && via->maddr_param.slen > 0) {
        param = PJ_POOL_ZALLOC_T(rdata->tp_info.pool, pjsip_param);
        param->name = pj_str("maddr");
        param->value = via->maddr_param;
        pj_list_push_back(&via->other_param, param);
        via->maddr_param.slen = 0;
    }
}

/* Before any layer that keeps state. */
static pj_bool_t refuse_flawed(pjsip_rx_data *rdata) {
    const struct mc_gate_verdict *v = mc_gate_pending();

    mc_gate_understood();
    disarm_maddr(rdata);
    if (v->action != MC_GATE_REFUSE) {
        return PJ_FALSE;
    }
    return v->code == PJSIP_SC_METHOD_NOT_ALLOWED ? refuse(rdata) : respond(rdata, v->code, NULL);
}

/* RFC 3261 section 8.2.2.3: an extension that we must have and haven't. PJSIP makes one header of several, and looks at those of an INVITE
 * itself. */
static pj_bool_t refuse_extension(pjsip_rx_data *rdata) {
    const pjsip_require_hdr *require = pjsip_msg_find_hdr(rdata->msg_info.msg, PJSIP_H_REQUIRE, NULL);
    pjsip_unsupported_hdr *unsupported = pjsip_unsupported_hdr_create(rdata->tp_info.pool);

    for (unsigned i = 0; require && i < require->count; i++) {
        if (!pjsip_endpt_has_capability(pjsua_var.endpt, PJSIP_H_SUPPORTED, NULL, &require->values[i]) &&
            unsupported->count < PJSIP_GENERIC_ARRAY_MAX_COUNT) {
            unsupported->values[unsupported->count++] = require->values[i];
        }
    }
    return unsupported->count > 0 && respond(rdata, PJSIP_SC_BAD_EXTENSION, (const pjsip_hdr *)unsupported);
}

/* Where requests of the dialog would go: one sip: or sips: URI (RFC 3261 section 8.1.1.8). PJSIP would say 500. */
static bool has_target(const pjsip_msg *msg) {
    const pjsip_contact_hdr *contact = pjsip_msg_find_hdr(msg, PJSIP_H_CONTACT, NULL);

    for (; contact; contact = pjsip_msg_find_hdr(msg, PJSIP_H_CONTACT, contact->next)) {
        if (contact->uri && (PJSIP_URI_SCHEME_IS_SIP(contact->uri) || PJSIP_URI_SCHEME_IS_SIPS(contact->uri))) {
            return true;
        }
    }
    return false;
}

/* RFC 3261 section 8.2.3: a body that we can't open. PJSIP looks at its type alone. */
static pj_bool_t refuse_encoding(pjsip_rx_data *rdata) {
    static const pj_str_t name = {"Content-Encoding", 16}, brief = {"e", 1}, accept = {"Accept-Encoding", 15},
                          plain = {"identity", 8};
    const pjsip_generic_string_hdr *given = pjsip_msg_find_hdr_by_names(rdata->msg_info.msg, &name, &brief, NULL);

    if (!given || !rdata->msg_info.msg->body || given->hvalue.slen == 0 || pj_stricmp(&given->hvalue, &plain) == 0) {
        return PJ_FALSE;
    }
    return respond(rdata, PJSIP_SC_UNSUPPORTED_MEDIA_TYPE,
                   (const pjsip_hdr *)pjsip_generic_string_hdr_create(rdata->tp_info.pool, &accept, &plain));
}

/* Outside a dialog, and no repetition: what belongs to one was taken by PJSIP's layers before. */
static pj_bool_t refuse_new(pjsip_rx_data *rdata) {
    unsigned wait_s;

    if (mc_gate_pending()->action == MC_GATE_BUSY) {
        return refuse_busy(rdata, __atomic_load_n(&mc_gate_the()->retry_after_s, __ATOMIC_RELAXED));
    }
    if (rdata->msg_info.msg->line.req.method.id != PJSIP_INVITE_METHOD) {
        return rdata->msg_info.msg->line.req.method.id == PJSIP_OPTIONS_METHOD && refuse_extension(rdata);
    }
    if (!has_target(rdata->msg_info.msg)) {
        return respond(rdata, PJSIP_SC_BAD_REQUEST, NULL);
    }
    if (refuse_encoding(rdata)) {
        return PJ_TRUE;
    }
    return !mc_media_sock_spare(&wait_s) && refuse_busy(rdata, wait_s);
}

/* RFC 3261 section 11.2. Without a dialog of ours it goes on, to its 481. */
static pj_bool_t answer_options(pjsip_rx_data *rdata) {
    static const int what[] = {PJSIP_H_ALLOW, PJSIP_H_ACCEPT, PJSIP_H_SUPPORTED};
    const pj_str_t *ours = &rdata->msg_info.to->tag, *theirs = &rdata->msg_info.from->tag;
    pjsip_hdr headers;

    if (rdata->msg_info.msg->line.req.method.id != PJSIP_OPTIONS_METHOD || !ours->slen ||
        !pjsip_ua_find_dialog(&rdata->msg_info.cid->id, ours, theirs, PJ_FALSE)) {
        return PJ_FALSE;
    }
    if (refuse_extension(rdata)) {
        return PJ_TRUE;
    }
    pj_list_init(&headers);
    for (unsigned i = 0; i < PJ_ARRAY_SIZE(what); i++) {
        const pjsip_hdr *header = pjsip_endpt_get_capability(pjsua_var.endpt, what[i], NULL);

        if (header) {
            pj_list_push_back(&headers, pjsip_hdr_clone(rdata->tp_info.pool, header));
        }
    }
    pjsip_endpt_respond_stateless(pjsua_var.endpt, rdata, PJSIP_SC_OK, NULL, &headers, NULL);
    return PJ_TRUE;
}

/* before all, before dialogs, before and after pjsua's own */
static pjsip_module first = {.id = -1}, inside = {.id = -1}, early = {.id = -1}, late = {.id = -1};

static int add(pjsip_module *module, char *name, int priority, pj_bool_t (*on_request)(pjsip_rx_data *)) {
    pj_bzero(module, sizeof(*module)); /* PJSIP keeps its links in it; none of a former run may stay */
    module->name = pj_str(name);
    module->id = -1;
    module->priority = priority;
    module->on_rx_request = on_request;
    return pjsip_endpt_register_module(pjsua_var.endpt, module) == PJ_SUCCESS ? MC_OK : MC_E_STATE;
}

static void drop(pjsip_module *module) {
    if (module->id >= 0) {
        pjsip_endpt_unregister_module(pjsua_var.endpt, module);
    }
    module->id = -1;
}

int mc_unserved_start(void) {
    int rc = add(&first, "mod-mc-gate", PJSIP_MOD_PRIORITY_TRANSPORT_LAYER + 1, refuse_flawed);

    if (rc == MC_OK) {
        rc = add(&inside, "mod-mc-inside", PJSIP_MOD_PRIORITY_UA_PROXY_LAYER - 1, answer_options);
    }
    if (rc == MC_OK) {
        rc = add(&early, "mod-mc-early", PJSIP_MOD_PRIORITY_APPLICATION - 4, refuse_new);
    }
    if (rc == MC_OK) {
        rc = add(&late, "mod-mc-unserved", PJSIP_MOD_PRIORITY_APPLICATION + 32, refuse);
    }
    if (rc != MC_OK) {
        mc_unserved_stop();
    }
    return rc;
}

void mc_unserved_stop(void) {
    drop(&late);
    drop(&early);
    drop(&inside);
    drop(&first);
}
