/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keep-alives of connections (RFC 5626). PJSIP sends its own, a double CRLF (section 4.4.1), and does not answer those of others. */
#include "../err.h"
#include "mc_pjsip.h"
#include "pj_internal.h"

#define MAX_STUCK 256

/* Whose pong does not go out: they ping and read nothing. Each holds its connection, so that it is still there. */
static pjsip_transport *stuck[MAX_STUCK];

int mc_pjsip_set_keep_alive(int seconds) {
    if (seconds < 0) {
        return MC_E_ARG;
    }
    pjsip_cfg()->tcp.keep_alive_interval = pjsip_cfg()->tls.keep_alive_interval = seconds;
    return MC_OK;
}

void mc_keep_alive_start(void) {
    pj_bzero(stuck, sizeof(stuck)); /* of a former run */
}

static void on_sent(void *token, pjsip_tx_data *tdata, pj_ssize_t sent) {
    *(pjsip_transport **)token = NULL;
}

void mc_keep_alive_answer(pjsip_tpmgr *mgr, pjsip_transport *tp) {
    pjsip_tpselector by = {.type = PJSIP_TPSELECTOR_TRANSPORT, .u.transport = tp};
    pjsip_transport **place = NULL;

    for (unsigned i = 0; i < MAX_STUCK; i++) {
        if (stuck[i] == tp) {
            return; /* each further one would lie here until the connection ends */
        }
        place = stuck[i] ? place : &stuck[i];
    }
    /* Nobody keeps a connection alive that never brought a message: a pong would begin its time anew (streams.c). */
    if (!place || (tp->dir == PJSIP_TP_DIR_INCOMING && tp->last_recv_ts.u64 == 0)) {
        return;
    }
    *place = tp;
    if (pjsip_tpmgr_send_raw(mgr, tp->key.type, &by, NULL, "\r\n", 2, &tp->key.rem_addr, tp->addr_len, place, on_sent) !=
        PJ_EPENDING) {
        *place = NULL;
    }
}
