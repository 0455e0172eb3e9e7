/* SPDX-License-Identifier: GPL-3.0-or-later
 * The worker's datagram sockets, one for each leg: so a batched call would carry one datagram, and a plain one is cheaper. */
#ifndef MC_UDP_H
#define MC_UDP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "seam.h"

#define MC_UDP_SIZE 2048 /* bytes of a datagram; longer ones are dropped */

struct mc_udp; /* buffer and counters of one worker */

struct mc_sock {
    void *worker;
    int fd;
    _Atomic bool dead;
    mc_sock_fn *fn;
    void *ctx;
    uint64_t arrival_us;  /* of its newest packet */
    struct mc_sock *next; /* among the dead */
};

struct mc_udp_stats {
    uint64_t rx_packets, tx_packets, rx_dropped, tx_dropped;
};

struct mc_udp *mc_udp_new(void);
void mc_udp_free(struct mc_udp *udp);
/* The kernel is to note when packets come to this socket, and to keep only so many of them. */
void mc_udp_prepare(int fd);
/* Begins a batch: it is now_us, and the legs were told of the time ticked_us already. No packet is said to have come before that,
 * nor before an earlier one of its socket: time at a leg's doors never runs backwards. */
void mc_udp_look(struct mc_udp *udp, uint64_t now_us, uint64_t ticked_us);
/* Reads one datagram and hands it over with the time at which the kernel had it; one that is older than 400 ms is dropped and counted:
 * whoever has more to do than he can must not do what is too late. Whoever polls the socket is told of the next. */
void mc_udp_receive(struct mc_udp *udp, struct mc_sock *sock);
/* At once. MC_OK, MC_E_SHORT (too long), MC_E_FULL (no room in the socket, or nobody there): it is lost then, the next may go. */
int mc_udp_send(struct mc_udp *udp, const struct mc_sock *sock, const void *buf, size_t len, const struct sockaddr *to,
                socklen_t to_len);
const struct mc_udp_stats *mc_udp_stats(const struct mc_udp *udp);

/* "127.0.0.1" or "::1", no names: MC_E_ARG for anything else. */
int mc_addr_parse(struct sockaddr_storage *out, socklen_t *len, const char *text, uint16_t port);
int mc_addr_format(const struct sockaddr_storage *addr, char *text, size_t size, uint16_t *port);

#endif
