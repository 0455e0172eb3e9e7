/* SPDX-License-Identifier: GPL-3.0-or-later
 * Connections (TCP, TLS): which account lost the one that it is registered over, and which one a request came by. */
#include "mc_pjsip.h"
#include "pj_internal.h"

static bool lost[PJSUA_MAX_ACC];

void __real_pjsua_acc_on_tp_state_changed(pjsip_transport *tp, pjsip_transport_state state,
                                          const pjsip_transport_state_info *info);

void __wrap_pjsua_acc_on_tp_state_changed(pjsip_transport *tp, pjsip_transport_state state,
                                          const pjsip_transport_state_info *info) {
    int i;

    for (i = 0; state == PJSIP_TP_STATE_DISCONNECTED && i < PJSUA_MAX_ACC; i++) {
        pjsip_regc_info reg;

        if (pjsua_var.acc[i].valid && pjsua_var.acc[i].regc && pjsip_regc_get_info(pjsua_var.acc[i].regc, &reg) == PJ_SUCCESS &&
            reg.transport == tp) {
            lost[i] = true;
            mc_pjsip_wake();
        }
    }
    __real_pjsua_acc_on_tp_state_changed(tp, state, info);
}

int mc_pjsip_next_lost(void) {
    int i;

    for (i = 0; i < PJSUA_MAX_ACC; i++) {
        if (lost[i]) {
            lost[i] = false;
            return i;
        }
    }
    return -1;
}

unsigned long long mc_pjsip_connection(unsigned long long rdata) {
    const pjsip_rx_data *rx = (const pjsip_rx_data *)(uintptr_t)rdata; /* SWIG hands addresses to Python as numbers */

    return rx ? (unsigned long long)(uintptr_t)rx->tp_info.transport : 0;
}

int mc_pjsip_transport_type(unsigned long long rdata) {
    const pjsip_rx_data *rx = (const pjsip_rx_data *)(uintptr_t)rdata;

    return rx && rx->tp_info.transport ? (int)rx->tp_info.transport->key.type : 0;
}
