/* SPDX-License-Identifier: GPL-3.0-or-later
 * Connections that begin a message and don't end it are closed, and those that never send one: PJSIP alone would keep them for ten
 * minutes. So are those whose peer reads nothing, or what is sent there would pile up. While one is watched it is referenced, so that
 * it can't go from under us. */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "../clock.h"
#include "../err.h"
#include "pj_internal.h"

#define FIRST_S 20        /* from the connection to its first message */
#define REST_US 20000000u /* from the first byte of a message to its last */
#define LOOK_S 5          /* so often we look */
#define UNREAD_MS 20000   /* that the peer may leave what was sent unread (RFC 5482) */
#define MAX_WAITING 1024  /* at once; for the next one the oldest is closed */

static struct {
    pjsip_transport *tp;
    uint64_t since_us;
} waiting[MAX_WAITING];
static unsigned n_waiting;
static bool on; /* else nothing may be referenced: nobody would let go of it */
static pj_timer_entry timer;

static unsigned find(const pjsip_transport *tp) {
    unsigned i = 0;

    for (; i < n_waiting && waiting[i].tp != tp; i++) {
    }
    return i;
}

static void forget(unsigned i) {
    pjsip_transport *tp = waiting[i].tp;

    waiting[i] = waiting[--n_waiting];
    pjsip_transport_dec_ref(tp);
}

/* Who fills the table with incoming connections must not cost us one that we opened. Some are closed already and not looked at yet:
 * these go first. */
static void make_room(void) {
    unsigned oldest = n_waiting;

    for (unsigned i = 0; i < n_waiting; i++) {
        if (waiting[i].tp->is_shutdown) {
            forget(i);
            return;
        }
        if (waiting[i].tp->dir == PJSIP_TP_DIR_INCOMING &&
            (oldest == n_waiting || waiting[i].since_us < waiting[oldest].since_us)) {
            oldest = i;
        }
    }
    if (oldest < n_waiting) {
        pjsip_transport_shutdown2(waiting[oldest].tp, PJ_TRUE);
        forget(oldest);
    }
}

void mc_streams_waits(pjsip_transport *tp) {
    if (!on || find(tp) < n_waiting) {
        return;
    }
    if (n_waiting == MAX_WAITING) {
        make_room();
    }
    if (n_waiting == MAX_WAITING || pjsip_transport_add_ref(tp) != PJ_SUCCESS) {
        return; /* all are ours: PJSIP alone has an eye on this one */
    }
    waiting[n_waiting].tp = tp;
    waiting[n_waiting++].since_us = mc_clock_us();
}

void mc_streams_goes_on(pjsip_transport *tp) {
    unsigned i = find(tp);

    if (i < n_waiting) {
        forget(i);
    }
}

static void again(void) {
    pj_time_val delay = {LOOK_S, 0};

    pjsip_endpt_schedule_timer(pjsua_var.endpt, &timer, &delay);
}

static void look(pj_timer_heap_t *heap, pj_timer_entry *entry) {
    uint64_t now_us = mc_clock_us();

    for (unsigned i = n_waiting; i-- > 0;) {
        if (waiting[i].tp->is_shutdown || now_us - waiting[i].since_us >= REST_US) {
            pjsip_transport_shutdown2(waiting[i].tp, PJ_TRUE);
            forget(i);
        }
    }
    again();
}

int mc_streams_start(void) {
    n_waiting = 0;
    on = true;
    pj_timer_entry_init(&timer, 0, NULL, look);
    again();
    return MC_OK;
}

void mc_streams_stop(void) {
    on = false;
    pjsip_endpt_cancel_timer(pjsua_var.endpt, &timer);
    while (n_waiting > 0) {
        forget(n_waiting - 1);
    }
}

/* The kernel's timer runs while its window is shut too; connections that come have what the listener has. */
static void close_unread(pj_sockopt_params *params) {
    static int unread_ms = UNREAD_MS;

    if (params->cnt < PJ_MAX_SOCKOPT_PARAMS) {
        params->options[params->cnt].level = IPPROTO_TCP;
        params->options[params->cnt].optname = TCP_USER_TIMEOUT;
        params->options[params->cnt].optval = &unread_ms;
        params->options[params->cnt++].optlen = sizeof(unread_ms);
    }
}

pj_status_t __real_pjsip_tcp_transport_start3(pjsip_endpoint *endpt, const pjsip_tcp_transport_cfg *cfg,
                                              pjsip_tpfactory **p_factory);

pj_status_t __wrap_pjsip_tcp_transport_start3(pjsip_endpoint *endpt, const pjsip_tcp_transport_cfg *cfg,
                                              pjsip_tpfactory **p_factory) {
    pjsip_tcp_transport_cfg ours = *cfg;

    ours.initial_timeout = FIRST_S;
    close_unread(&ours.sockopt_params);
    return __real_pjsip_tcp_transport_start3(endpt, &ours, p_factory);
}

pj_status_t __real_pjsip_tls_transport_start2(pjsip_endpoint *endpt, const pjsip_tls_setting *opt, const pj_sockaddr *local,
                                              const pjsip_host_port *a_name, unsigned async_cnt, pjsip_tpfactory **p_factory);

pj_status_t __wrap_pjsip_tls_transport_start2(pjsip_endpoint *endpt, const pjsip_tls_setting *opt, const pj_sockaddr *local,
                                              const pjsip_host_port *a_name, unsigned async_cnt, pjsip_tpfactory **p_factory) {
    pjsip_tls_setting ours = *opt;

    ours.initial_timeout = FIRST_S;
    close_unread(&ours.sockopt_params);
    return __real_pjsip_tls_transport_start2(endpt, &ours, local, a_name, async_cnt, p_factory);
}
