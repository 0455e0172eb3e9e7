/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which of PJSIP's events of a call reach pjsua2. For each it copies the messages of the transaction, printed anew, into C++ strings
 * and takes the GIL: a third of what the sip thread does for a call that comes in, though nobody asks for most of them. Of what
 * nobody overrides in Python pjsua2 learns only by calling Python. */
#include "pj_internal.h"

static void (*upstream_state)(pjsua_call_id, pjsip_event *);
static void (*upstream_tsx_state)(pjsua_call_id, pjsip_transaction *, pjsip_event *);

/* Of a call to us: INCOMING, EARLY and CONNECTING are what we just did ourselves. CONFIRMED needs no event, only the end is explained
 * by what is in one. */
static void on_state(pjsua_call_id id, pjsip_event *event) {
    pjsip_event none = {.type = PJSIP_EVENT_UNKNOWN};
    const pjsua_call *call = &pjsua_var.calls[id];
    const pjsip_inv_session *inv = call->inv;

    /* hanging_up: PJSIP tells the end as soon as we ask for it, the session's own state comes after */
    if (!inv || call->hanging_up || inv->role != PJSIP_ROLE_UAS || inv->state == PJSIP_INV_STATE_DISCONNECTED) {
        upstream_state(id, event);
    } else if (inv->state == PJSIP_INV_STATE_CONFIRMED) {
        upstream_state(id, &none);
    }
}

/* What becomes of a peer's INVITE and BYE is told by the call's state. */
static void on_tsx_state(pjsua_call_id id, pjsip_transaction *tsx, pjsip_event *event) {
    if (tsx->role != PJSIP_ROLE_UAS || (tsx->method.id != PJSIP_INVITE_METHOD && tsx->method.id != PJSIP_BYE_METHOD)) {
        upstream_tsx_state(id, tsx, event);
    }
}

/* libInit() of a new endpoint sets upstream's again. */
void mc_events_start(void) {
    pjsua_callback *cb = &pjsua_var.ua_cfg.cb;

    if (cb->on_call_state && cb->on_call_state != on_state) {
        upstream_state = cb->on_call_state;
        cb->on_call_state = on_state;
    }
    if (cb->on_call_tsx_state && cb->on_call_tsx_state != on_tsx_state) {
        upstream_tsx_state = cb->on_call_tsx_state;
        cb->on_call_tsx_state = on_tsx_state;
    }
    cb->on_call_sdp_created = NULL;
    cb->on_call_media_event = NULL;
    cb->on_call_media_transport_state = NULL;
    cb->on_create_media_transport = NULL;
}
