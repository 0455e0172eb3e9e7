/* SPDX-License-Identifier: GPL-3.0-or-later
 * The seam's one copy, and the worker's side of it. The pointer and the table of bound legs are the process-wide meeting point of two
 * libraries, so they are globals; the signalling side alone writes them. */
#include "seam.h"

#include <stdatomic.h>

#include "capture.h"
#include "err.h"
#include "worker_int.h"

static _Atomic(const struct mc_seam *) installed;
static struct mc_leg *bound[MC_SEAM_MAX_CALLS]; /* signalling thread only; each with a reference */

const struct mc_seam *mc_seam_get(void) {
    return atomic_load_explicit(&installed, memory_order_acquire);
}

void mc_seam_set(const struct mc_seam *seam) {
    atomic_store_explicit(&installed, seam, memory_order_release);
}

int mc_seam_bind(int call_id, struct mc_leg *leg) {
    if (call_id < 0 || call_id >= MC_SEAM_MAX_CALLS) {
        return MC_E_ARG;
    }
    if (leg != NULL) {
        mc_leg_ref(leg);
    }
    struct mc_leg *old = bound[call_id];
    bound[call_id] = leg;
    if (old != NULL) {
        mc_leg_unref(old);
    }
    return MC_OK;
}

static struct mc_leg *leg_of_call(int call_id) {
    return call_id >= 0 && call_id < MC_SEAM_MAX_CALLS ? bound[call_id] : NULL;
}

static int sock_add(void *host, int fd, mc_sock_fn *fn, void *ctx, struct mc_sock **out) {
    return mc_sock_add(host, fd, fn, ctx, out);
}

static int on_worker(void *host, int (*fn)(void *arg), void *arg) {
    return mc_worker_call(host, fn, arg);
}

void mc_seam_fill(struct mc_worker *w) {
    w->seam = (struct mc_seam){
        .host = w,
        .leg_of_call = leg_of_call,
        .leg_ref = mc_leg_ref,
        .leg_unref = mc_leg_unref,
        .leg_start = mc_worker_leg_start,
        .leg_bye = mc_worker_leg_bye,
        .leg_stop = mc_worker_leg_stop,
        .leg_rtp = mc_leg_on_packet,
        .leg_rtcp = mc_leg_on_rtcp,
        .leg_source = mc_leg_count_source,
        .leg_seen = mc_leg_seen,
        .sock_add = sock_add,
        .sock_del = mc_sock_del,
        .sock_send = mc_sock_send,
        .on_worker = on_worker,
    };
}
