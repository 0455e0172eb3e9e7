/* SPDX-License-Identifier: GPL-3.0-or-later
 * Joins PJSIP and the media worker: the worker becomes a PJLIB thread, and its log lines never reach Python. */
#include "../err.h"
#include "../siptrace.h"
#include "mc_pjsip.h"
#include "pj_internal.h"
#include "srtp_aes.h"
#include "srtp_hmac.h"

static pj_thread_desc worker_desc;
static _Thread_local bool is_worker;
static pj_log_func *upstream_log;

/* A LogWriter in Python needs the GIL, which the worker never takes: what PJSIP says there (packets that SRTP refused) is
 * dropped; the leg counts. Else the line begins with the call whose message is in hand, and ends where it ends: what a peer wrote
 * begins no other. */
static void log_line(int level, const char *text, int len) {
    char line[PJ_LOG_MAX_SIZE + MC_SIPTRACE_OWNER + 16], owner[MC_SIPTRACE_OWNER] = "";
    int n, most, i;

    if (is_worker || !upstream_log) {
        return;
    }
    mc_siptrace_owner(mc_siptrace_the(), mc_gate_pending()->call_id, owner);
    n = pj_ansi_snprintf(line, sizeof(line), "call=%s ", owner);
    most = (int)sizeof(line) - n - 2;
    len = len < most ? len : most;
    for (i = 0; i < len; i++) {
        line[n + i] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
    }
    line[n + len] = '\n';
    line[n + len + 1] = '\0';
    upstream_log(level, line, n + len + 1);
}

/* PJLIB talks on standard output until libInit has set the configured level. */
__attribute__((constructor)) static void quiet(void) {
    pj_log_set_level(0);
}

static int register_worker(void *arg) {
    pj_thread_t *thread;

    is_worker = true;
    pj_bzero(worker_desc, sizeof(worker_desc));
    return pj_thread_register("media worker", worker_desc, &thread) == PJ_SUCCESS ? MC_OK : MC_E_STATE;
}

int mc_pjsip_start(void) {
    const struct mc_seam *seam = mc_seam_get();
    int rc;

    if (!seam || !pjsua_var.endpt) {
        return MC_E_STATE;
    }
    /* PJSIP would do it for the first call; libsrtp's ciphers are replaced before there is any. */
    if (pjmedia_srtp_init_lib(pjsua_var.med_endpt) != PJ_SUCCESS || mc_srtp_hmac_install() != srtp_err_status_ok ||
        mc_srtp_aes_install() != srtp_err_status_ok) {
        return MC_E_STATE;
    }
    rc = seam->on_worker(seam->host, register_worker, NULL);
    if (rc < 0) {
        return rc;
    }
    rc = mc_wake_start();
    if (rc < 0) {
        return rc;
    }
    rc = mc_next_hop_start();
    if (rc == MC_OK) {
        rc = mc_unserved_start();
    }
    if (rc == MC_OK) {
        rc = mc_info_start();
    }
    if (rc == MC_OK) {
        rc = mc_streams_start();
    }
    if (rc == MC_OK) {
        rc = mc_siptrace_start();
    }
    if (rc == MC_OK) {
        rc = mc_held_start();
    }
    if (rc < 0) {
        mc_pjsip_stop();
        return rc;
    }
    mc_events_start();
    mc_keep_alive_start();
    mc_caps_tell_the_truth();
    if (pj_log_get_log_func() != log_line) {
        upstream_log = pj_log_get_log_func();
        pj_log_set_log_func(log_line);
    }
    return MC_OK;
}

void mc_pjsip_stop(void) {
    mc_held_stop();
    mc_media_sock_stop();
    mc_next_hop_stop();
    mc_siptrace_stop();
    mc_streams_stop();
    mc_info_stop();
    mc_unserved_stop();
    mc_wake_stop();
    if (pj_log_get_log_func() == log_line) {
        pj_log_set_log_func(upstream_log);
    }
}
