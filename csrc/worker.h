/* SPDX-License-Identifier: GPL-3.0-or-later
 * The one media thread: polls the RTP sockets, runs the 20 ms clock, and never touches Python. Everything that changes what it works on
 * comes as a command between two batches. */
#ifndef MC_WORKER_H
#define MC_WORKER_H

#include "codec.h"
#include "leg.h"
#include "seam.h"

struct mc_worker;

struct mc_worker_cfg {
    int cpu;   /* to be pinned to; -1 = anywhere */
    bool fifo; /* SCHED_FIFO if the system allows it */
    uint32_t max_legs;
    mc_live *live_workers, *live_socks; /* may be NULL */
};

struct mc_worker_stats {
    uint64_t legs, ticks, late_max_us, late_sum_us, overruns, rx_packets, tx_packets, rx_dropped, tx_dropped, wakeups, signals,
        last_tick_us, fifo;
};

int mc_worker_new(struct mc_worker **out, const struct mc_worker_cfg *cfg);
/* Stops it if it runs, and lets go; legs that are still held elsewhere keep its memory until they go. */
void mc_worker_close(struct mc_worker *w);
int mc_worker_start(struct mc_worker *w); /* MC_E_STATE: runs already, or was stopped; MC_E_SYS */
void mc_worker_stop(struct mc_worker *w); /* joins; commands are run by their callers from now on */
void mc_worker_stats(const struct mc_worker *w, struct mc_worker_stats *out); /* any thread */
int mc_worker_call(struct mc_worker *w, int (*fn)(void *arg), void *arg);     /* on the worker, synchronous */
const struct mc_seam *mc_worker_seam(struct mc_worker *w);
/* rest, ask: see struct mc_seam. Before mc_seam_set. */
void mc_worker_seam_cfg(struct mc_worker *w, bool rest, const struct mc_fmtp *ask);

/* Engine side: one eventfd says that legs are ready. */
int mc_worker_fd(const struct mc_worker *w);
size_t mc_worker_ready(struct mc_worker *w);       /* takes the signal back; how many mc_worker_pop will give */
struct mc_leg *mc_worker_pop(struct mc_worker *w); /* with a reference, for the caller to give back; NULL = none */
void mc_worker_done(struct mc_worker *w);          /* with what was ready: the worker may have this processor for itself */

/* A leg of this worker; the caller has the reference. MC_E_FULL beyond max_legs. cfg's notify, seed and wall_us are filled in here. */
int mc_worker_leg_new(struct mc_worker *w, struct mc_leg **out, const struct mc_leg_cfg *cfg);
int mc_worker_leg_start(struct mc_leg *leg, const struct mc_leg_params *params, const struct mc_wire *wire);
void mc_worker_leg_stop(struct mc_leg *leg);
void mc_worker_leg_bye(struct mc_leg *leg); /* mc_leg_bye */
/* BYE, and stops it for good: a later start is MC_E_STATE. `text`, `params`: what mc_worker_describe and mc_worker_params say of it
 * from then on, and what is returned is the latter's; NULL, 0, NULL: nobody asks. */
int mc_worker_leg_close(struct mc_leg *leg, char *text, size_t size, struct mc_leg_params *params);
int mc_worker_set_sink(struct mc_leg *leg, const struct mc_sink *sink); /* returns when the old one is used no more */
int mc_worker_tap(struct mc_leg *leg, struct mc_tap *tap);              /* MC_E_STATE: it has one */
void mc_worker_untap(struct mc_leg *leg, struct mc_tap *tap); /* returns when it is used no more; nothing if it isn't its tap */
int mc_worker_describe(struct mc_leg *leg, char *out, size_t size);
/* 1 = runs with them, 0 = stopped and had them last, MC_E_STATE = never started. */
int mc_worker_params(struct mc_leg *leg, struct mc_leg_params *out);

/* Sockets; see seam.h. */
int mc_sock_add(struct mc_worker *w, int fd, mc_sock_fn *fn, void *ctx, struct mc_sock **out);
void mc_sock_del(struct mc_sock *sock);
int mc_sock_send(struct mc_sock *sock, const void *buf, size_t len, const struct sockaddr *to, socklen_t to_len);

/* A leg on a plain UDP socket, without signalling: tests and benchmarks. Packets from anywhere but `remote` are ignored. */
struct mc_udp_leg;
struct mc_udp_ends {
    struct sockaddr_storage local, remote; /* local: port 0 = any; filled with what was bound */
    socklen_t local_len, remote_len;
    bool rtcp; /* on the same socket (RFC 5761); else none is sent, and what comes is not RTP */
};
int mc_udp_leg_start(struct mc_udp_leg **out, struct mc_leg *leg, const struct mc_leg_params *params, struct mc_udp_ends *ends);
void mc_udp_leg_stop(struct mc_udp_leg *ul);

#endif
