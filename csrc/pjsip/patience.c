/* SPDX-License-Identifier: GPL-3.0-or-later
 * A server that is silent is given up before timer F (32 s, RFC 3261 section 17.1.2.2) when another one could be asked: REGISTER and OPTIONS
 * that got no response at all within the configured time end with 408. PJSIP takes such a time and ignores it. Of INVITEs of accounts and
 * trunks it is only told: their transaction must live, or what the server sends yet is answered by nobody.
 * An INFO is given up too: a digit that comes seconds late is of no use, others wait behind it, and timer F would end the call (section
 * 12.2.1.2) of a peer that does not care for INFO and talks on; a 100 to it changes nothing. */
#include "../err.h"
#include "mc_pjsip.h"
#include "pj_internal.h"

#define INFO_MS 4000 /* four requests over UDP */

struct patience {
    pj_timer_entry timer;
    pjsip_transaction *tsx;  /* a reference */
    int code;                /* that it ends with */
    pjsip_tsx_state_e until; /* where it is no longer given up */
};

static unsigned patience_ms = 8000;
static bool catching;
static pjsip_transaction *caught; /* a reference */
static int silent[256];           /* calls */
static unsigned n_silent;

int mc_pjsip_set_patience(int ms) {
    if (ms < 100 || ms > 32000) {
        return MC_E_ARG;
    }
    patience_ms = (unsigned)ms;
    return MC_OK;
}

int mc_pjsip_next_silent(void) {
    return n_silent > 0 ? silent[--n_silent] : -1;
}

/* False: it can't be told, and ends like the others. */
static bool tell(pjsip_transaction *tsx) {
    pjsip_dialog *dlg = tsx->method.id == PJSIP_INVITE_METHOD ? pjsip_tsx_get_dlg(tsx) : NULL;
    const pjsua_call *call = dlg ? dlg->mod_data[pjsua_var.mod.id] : NULL;

    if (!call || !call->inv || call->inv->state >= PJSIP_INV_STATE_CONFIRMED || n_silent == PJ_ARRAY_SIZE(silent)) {
        return false;
    }
    silent[n_silent++] = call->index;
    mc_pjsip_wake();
    return true;
}

static void on_timer(pj_timer_heap_t *heap, pj_timer_entry *timer) {
    struct patience *it = timer->user_data;

    (void)heap;
    if (it->tsx->state < it->until && !tell(it->tsx)) {
        pjsip_tsx_terminate(it->tsx, it->code);
    }
    pj_grp_lock_dec_ref(it->tsx->grp_lock);
}

/* Gives `tsx`, to which a reference is held, up in time. */
static void wait_for(pjsip_endpoint *endpt, pjsip_transaction *tsx, unsigned ms, int code, pjsip_tsx_state_e until) {
    const pj_time_val delay = {.sec = (long)(ms / 1000), .msec = (long)(ms % 1000)};
    struct patience *it = PJ_POOL_ZALLOC_T(tsx->pool, struct patience);

    it->tsx = tsx;
    it->code = code;
    it->until = until;
    pj_timer_entry_init(&it->timer, 0, it, on_timer);
    if (tsx->state >= until || pjsip_endpt_schedule_timer(endpt, &it->timer, &delay) != PJ_SUCCESS) {
        pj_grp_lock_dec_ref(tsx->grp_lock);
    }
}

static bool is_info(const pjsip_tx_data *tdata) {
    static const pj_str_t info = {"INFO", 4};

    return pj_stricmp(&tdata->msg->line.req.method.name, &info) == 0;
}

pj_status_t __real_pjsip_tsx_create_uac(pjsip_module *user, pjsip_tx_data *tdata, pjsip_transaction **tsx);

pj_status_t __wrap_pjsip_tsx_create_uac(pjsip_module *user, pjsip_tx_data *tdata, pjsip_transaction **tsx) {
    pj_status_t status = __real_pjsip_tsx_create_uac(user, tdata, tsx);

    if (catching && status == PJ_SUCCESS && !caught) {
        caught = *tsx;
        pj_grp_lock_add_ref(caught->grp_lock);
    } else if (status == PJ_SUCCESS && tdata->msg->line.req.method.id == PJSIP_INVITE_METHOD && mc_next_hop_leads(tdata->msg)) {
        pj_grp_lock_add_ref((*tsx)->grp_lock);
        wait_for(pjsua_var.endpt, *tsx, patience_ms, PJSIP_SC_REQUEST_TIMEOUT, PJSIP_TSX_STATE_PROCEEDING);
    } else if (status == PJ_SUCCESS && is_info(tdata)) { /* any code but 408 leaves the dialog alone */
        pj_grp_lock_add_ref((*tsx)->grp_lock);
        wait_for(pjsua_var.endpt, *tsx, INFO_MS, PJSIP_SC_SERVER_TIMEOUT, PJSIP_TSX_STATE_COMPLETED);
    }
    return status;
}

pj_status_t __real_pjsip_endpt_send_request(pjsip_endpoint *endpt, pjsip_tx_data *tdata, pj_int32_t timeout, void *token,
                                            pjsip_endpt_send_callback cb);

pj_status_t __wrap_pjsip_endpt_send_request(pjsip_endpoint *endpt, pjsip_tx_data *tdata, pj_int32_t timeout, void *token,
                                            pjsip_endpt_send_callback cb) {
    const bool was_catching = catching; /* a callback of one that fails at once may send the next one from within */
    pjsip_transaction *const theirs = caught, *ours;
    pj_status_t status;

    catching = true;
    caught = NULL;
    status = __real_pjsip_endpt_send_request(endpt, tdata, timeout, token, cb);
    ours = caught;
    catching = was_catching;
    caught = theirs;
    if (ours) {
        wait_for(endpt, ours, patience_ms, PJSIP_SC_REQUEST_TIMEOUT, PJSIP_TSX_STATE_PROCEEDING);
    }
    return status;
}
