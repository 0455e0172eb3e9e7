/* SPDX-License-Identifier: GPL-3.0-or-later
 * Inside of the worker, shared by worker*.c and seam.c only. */
#ifndef MC_WORKER_INT_H
#define MC_WORKER_INT_H

#include <pthread.h>

#include "command.h"
#include "grid.h"
#include "look.h"
#include "ring.h"
#include "udp.h"
#include "worker.h"

struct mc_worker_pub {
    _Atomic uint64_t legs, ticks, late_max_us, late_sum_us, overruns, rx_packets, tx_packets, rx_dropped, tx_dropped, wakeups,
        signals, last_tick_us, fifo;
};

struct mc_worker {
    struct mc_worker_cfg cfg;
    _Atomic int refs; /* the owner's and one for each leg */
    struct mc_seam seam;
    struct mc_commands commands;
    struct mc_queue ready;               /* struct mc_leg *, each with a reference */
    _Atomic int signalled, engine_works; /* the engine was told and has not come yet; it takes what is ready */
    _Atomic int awaited;                 /* the worker sleeps until the engine has taken it */
    int engine_fd;
    struct mc_worker_pub pub;
    bool running; /* owner's */
    /* the worker thread's */
    bool stopping, unsignalled;
    int epoll_fd;
    struct mc_grid grid;
    struct mc_udp *udp;
    struct mc_sock *dead;          /* removed inside a batch */
    uint64_t n_wakeups, n_signals; /* its own; the engine's */
    struct mc_look look;
    uint64_t ticks_us;     /* that the last turn's ticks took */
    uint64_t commanded_us; /* when the last command came */
};

void mc_worker_unref(struct mc_worker *w);
void mc_worker_publish(struct mc_worker *w, uint64_t now_us); /* worker_stats.c */
void mc_socks_bury(struct mc_worker *w);
void mc_seam_fill(struct mc_worker *w);

#endif
