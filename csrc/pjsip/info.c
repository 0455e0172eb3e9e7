/* SPDX-License-Identifier: GPL-3.0-or-later
 * Digits by SIP INFO. PJSIP reads application/dtmf-relay ("Signal=5", "Duration=160") and nothing else, and takes the body for a C
 * string. Before its dialogs see one, an application/dtmf body (the digit alone) becomes a relay body, and a relay body gets its NUL. */
#include <ctype.h>
#include <string.h>

#include "../err.h"
#include "pj_internal.h"

#define MAX_BODY 256 /* a digit and a duration: what is longer is something else */
#define UNSAID_MS 160

/* "5", "*", "10" (what some say for *) or "11" (#), white space around it; 0 = none of them. */
static char digit_of(const char *text, size_t len) {
    while (len > 0 && isspace((unsigned char)text[0])) {
        text++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        len--;
    }
    if (len == 2 && text[0] == '1' && (text[1] == '0' || text[1] == '1')) {
        return text[1] == '0' ? '*' : '#';
    }
    return len == 1 && text[0] && strchr("0123456789*#ABCDabcd", text[0]) ? text[0] : '\0';
}

static bool is_app(const pjsip_media_type *type, const char *subtype) {
    return !pj_stricmp2(&type->type, "application") && !pj_stricmp2(&type->subtype, subtype);
}

static pj_bool_t on_request(pjsip_rx_data *rdata) {
    static const pj_str_t info = {"INFO", 4};
    static const pj_str_t application = {"application", 11}, relay = {"dtmf-relay", 10};
    pjsip_msg *msg = rdata->msg_info.msg;
    pj_pool_t *pool = rdata->tp_info.pool;
    char text[MAX_BODY];
    pj_str_t data;
    int len = 0;

    if (pj_stricmp(&msg->line.req.method.name, &info) || !msg->body || msg->body->len >= MAX_BODY) {
        return PJ_FALSE;
    }
    if (is_app(&msg->body->content_type, "dtmf")) {
        char digit = digit_of(msg->body->data, msg->body->len);

        len = digit ? pj_ansi_snprintf(text, sizeof(text), "Signal=%c\r\nDuration=%d\r\n", digit, UNSAID_MS) : 0;
    } else if (is_app(&msg->body->content_type, "dtmf-relay")) {
        len = (int)msg->body->len;
        pj_memcpy(text, msg->body->data, msg->body->len);
    }
    if (len > 0) {
        data.ptr = text;
        data.slen = len;
        msg->body = pjsip_msg_body_create(pool, &application, &relay, &data);
        msg->body->data = pj_pool_alloc(pool, (pj_size_t)len + 1);
        pj_memcpy(msg->body->data, text, (pj_size_t)len);
        ((char *)msg->body->data)[len] = '\0';
    }
    return PJ_FALSE; /* go on with it */
}

static pjsip_module module = {.id = -1};

int mc_info_start(void) {
    pj_bzero(&module, sizeof(module));
    module.name = pj_str("mod-mc-info");
    module.id = -1;
    module.priority = PJSIP_MOD_PRIORITY_TSX_LAYER - 2;
    module.on_rx_request = on_request;
    return pjsip_endpt_register_module(pjsua_var.endpt, &module) == PJ_SUCCESS ? MC_OK : MC_E_STATE;
}

void mc_info_stop(void) {
    if (module.id >= 0) {
        pjsip_endpt_unregister_module(pjsua_var.endpt, &module);
    }
    module.id = -1;
}
