/* SPDX-License-Identifier: GPL-3.0-or-later
 * Single facts of a call. pjsua's own pjsua_call_info prints every URI and pjsua2 copies each into an object, for whoever wants to know
 * one number. */
#include "mc_pjsip.h"
#include "pj_internal.h"

static const pjsua_call *call_of(int id) {
    return id >= 0 && id < (int)pjsua_var.ua_cfg.max_calls ? &pjsua_var.calls[id] : NULL;
}

int mc_pjsip_call_state(int call_id) {
    const pjsua_call *call = call_of(call_id);

    if (!call || call->hanging_up || !call->inv) {
        return PJSIP_INV_STATE_DISCONNECTED;
    }
    return (int)call->inv->state;
}

int mc_pjsip_peer_holds(int call_id) {
    const pjsua_call *call = call_of(call_id);
    bool audio = false;

    for (unsigned i = 0; call && i < call->med_cnt; i++) {
        const pjsua_call_media *media = &call->media[i];

        if (media->type == PJMEDIA_TYPE_AUDIO) {
            if (media->dir & PJMEDIA_DIR_ENCODING) {
                return 0;
            }
            audio = true;
        }
    }
    return audio;
}
