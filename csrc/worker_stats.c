/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the worker counts: written by it alone, read by any thread. */
#include "worker_int.h"

static void set(_Atomic uint64_t *to, uint64_t v) {
    atomic_store_explicit(to, v, memory_order_relaxed);
}

void mc_worker_publish(struct mc_worker *w, uint64_t now_us) {
    const struct mc_udp_stats *u = mc_udp_stats(w->udp);
    set(&w->pub.ticks, w->grid.n_visits);
    set(&w->pub.late_max_us, w->grid.late_max_us);
    set(&w->pub.late_sum_us, w->grid.late_sum_us);
    set(&w->pub.overruns, w->grid.n_overruns);
    set(&w->pub.rx_packets, u->rx_packets);
    set(&w->pub.tx_packets, u->tx_packets);
    set(&w->pub.rx_dropped, u->rx_dropped);
    set(&w->pub.tx_dropped, u->tx_dropped);
    set(&w->pub.wakeups, w->n_wakeups);
    set(&w->pub.signals, w->n_signals);
    set(&w->pub.last_tick_us, now_us);
}

void mc_worker_stats(const struct mc_worker *w, struct mc_worker_stats *out) {
#define GET(field) out->field = atomic_load_explicit(&w->pub.field, memory_order_relaxed)
    GET(legs);
    GET(ticks);
    GET(late_max_us);
    GET(late_sum_us);
    GET(overruns);
    GET(rx_packets);
    GET(tx_packets);
    GET(rx_dropped);
    GET(tx_dropped);
    GET(wakeups);
    GET(signals);
    GET(last_tick_us);
    GET(fifo);
#undef GET
}
