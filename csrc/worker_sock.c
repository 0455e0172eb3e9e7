/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sockets of the worker. */
#include <stdlib.h>
#include <sys/epoll.h>

#include "err.h"
#include "worker_int.h"

/* Needs no turn of the worker: the kernel takes new sockets from any thread, and `dead` tells the worker that the rest is written. */
int mc_sock_add(struct mc_worker *w, int fd, mc_sock_fn *fn, void *ctx, struct mc_sock **out) {
    struct mc_sock *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return MC_E_NOMEM;
    }
    s->worker = w;
    s->fd = fd;
    s->fn = fn;
    s->ctx = ctx;
    atomic_store_explicit(&s->dead, false, memory_order_release);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};
    mc_udp_prepare(fd);
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
        free(s);
        return MC_E_SYS;
    }
    if (w->cfg.live_socks != NULL) {
        atomic_fetch_add(w->cfg.live_socks, 1);
    }
    *out = s;
    return MC_OK;
}

static int do_del(void *arg) {
    struct mc_sock *s = arg;
    struct mc_worker *w = s->worker;
    epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
    atomic_store_explicit(&s->dead, true, memory_order_relaxed);
    s->next = w->dead; /* its events may be in the batch at hand, when a callback removes it */
    w->dead = s;
    return MC_OK;
}

void mc_sock_del(struct mc_sock *sock) {
    struct mc_worker *w = sock->worker;
    mc_worker_call(w, do_del, sock);
    if (w->cfg.live_socks != NULL) {
        atomic_fetch_sub(w->cfg.live_socks, 1);
    }
}

int mc_sock_send(struct mc_sock *sock, const void *buf, size_t len, const struct sockaddr *to, socklen_t to_len) {
    if (atomic_load_explicit(&sock->dead, memory_order_relaxed)) {
        return MC_E_STATE;
    }
    struct mc_worker *w = sock->worker;
    return mc_udp_send(w->udp, sock, buf, len, to, to_len);
}

void mc_socks_bury(struct mc_worker *w) {
    while (w->dead != NULL) {
        struct mc_sock *s = w->dead;
        w->dead = s->next;
        free(s);
    }
}
