/* SPDX-License-Identifier: GPL-3.0-or-later
 * Counts once a second what PJSIP holds (held.h). */
#include "../held.h"
#include "../err.h"
#include "mc_pjsip.h"
#include "pj_internal.h"

#define LOOK_S 1

static pj_timer_entry timer;

static void look(pj_timer_heap_t *heap, pj_timer_entry *entry) {
    pj_time_val delay = {LOOK_S, 0};

    mc_held_set(MC_HELD_CALLS, pjsua_call_get_count());
    mc_held_set(MC_HELD_TRANSACTIONS, pjsip_tsx_layer_get_tsx_count());
    mc_held_set(MC_HELD_DIALOGS, pjsip_ua_get_dlg_set_count());
    mc_held_set(MC_HELD_MEDIA, (uint64_t)mc_pjsip_n_transports());
    mc_held_set(MC_HELD_POOLS, pjsua_var.cp.used_count);
    pjsip_endpt_schedule_timer(pjsua_var.endpt, &timer, &delay);
}

int mc_held_start(void) {
    pj_timer_entry_init(&timer, 0, NULL, look);
    look(NULL, &timer);
    return MC_OK;
}

void mc_held_stop(void) {
    pjsip_endpt_cancel_timer(pjsua_var.endpt, &timer);
    for (unsigned i = 0; i < MC_HELD_ALL; i++) {
        mc_held_set(i, 0);
    }
}
