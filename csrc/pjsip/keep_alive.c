/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keep-alives of connections (RFC 5626). PJSIP sends its own, a double CRLF (section 4.4.1), and does not answer those of others. */
#include "../err.h"
#include "mc_pjsip.h"
#include "pj_internal.h"

int mc_pjsip_set_keep_alive(int seconds) {
    if (seconds < 0) {
        return MC_E_ARG;
    }
    pjsip_cfg()->tcp.keep_alive_interval = pjsip_cfg()->tls.keep_alive_interval = seconds;
    return MC_OK;
}

void mc_keep_alive_answer(pjsip_tpmgr *mgr, pjsip_transport *tp) {
    pjsip_tpselector by = {.type = PJSIP_TPSELECTOR_TRANSPORT, .u.transport = tp};

    pjsip_tpmgr_send_raw(mgr, tp->key.type, &by, NULL, "\r\n", 2, &tp->key.rem_addr, tp->addr_len, NULL, NULL);
}
