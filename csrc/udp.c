/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"

#define STALE_US 400000 /* a packet that waited so long in its socket is no use to anybody who listens now */
#define BACKLOG 32768   /* bytes, which Linux doubles for its own: 78 packets of G.711, or 28 of 1,500 bytes, on loopback */

struct mc_udp {
    struct mc_udp_stats stats;
    uint64_t now_us, ticked_us; /* of the batch */
    int64_t wall_us;            /* Unix time - ours */
    struct sockaddr_storage from;
    _Alignas(8) uint8_t data[MC_UDP_SIZE];
};

struct mc_udp *mc_udp_new(void) {
    return calloc(1, sizeof(struct mc_udp));
}

void mc_udp_free(struct mc_udp *udp) {
    free(udp);
}

const struct mc_udp_stats *mc_udp_stats(const struct mc_udp *udp) {
    return &udp->stats;
}

void mc_udp_prepare(int fd) {
    int on = 1, size = BACKLOG;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on); /* without: the time at which it is read */
}

void mc_udp_look(struct mc_udp *udp, uint64_t now_us, uint64_t ticked_us) {
    udp->now_us = now_us;
    udp->ticked_us = ticked_us;
    udp->wall_us = mc_clock_wall_us();
}

/* When the kernel had it, on our clock; a stamp that can't be (the wall clock was set meanwhile, or there is none) is now. */
static uint64_t stamp_us(const struct mc_udp *udp, struct msghdr *msg) {
    const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    uint64_t at = udp->now_us;
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
        struct timespec ts;
        memcpy(&ts, CMSG_DATA(c), sizeof ts);
        at = (uint64_t)((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 - udp->wall_us);
        at = at > udp->now_us ? udp->now_us : at;
    }
    return at;
}

static uint64_t arrival_us(const struct mc_udp *udp, const struct mc_sock *sock, uint64_t at) {
    at = at < udp->ticked_us ? udp->ticked_us : at;
    return at < sock->arrival_us ? sock->arrival_us : at;
}

void mc_udp_receive(struct mc_udp *udp, struct mc_sock *sock) {
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct timespec))];
    struct iovec data = {.iov_base = udp->data, .iov_len = MC_UDP_SIZE};
    struct msghdr msg = {.msg_name = &udp->from,
                         .msg_namelen = sizeof udp->from,
                         .msg_iov = &data,
                         .msg_iovlen = 1,
                         .msg_control = control,
                         .msg_controllen = sizeof control};
    ssize_t n = recvmsg(sock->fd, &msg, MSG_DONTWAIT | MSG_TRUNC); /* MSG_TRUNC: the length as it was sent */
    if (n < 0) {
        return; /* an ICMP error of an earlier send, or nothing there after all */
    }
    if (n > MC_UDP_SIZE) {
        udp->stats.rx_dropped++;
        return;
    }
    uint64_t at = stamp_us(udp, &msg);
    if (udp->now_us - at > STALE_US) {
        udp->stats.rx_dropped++;
        return;
    }
    udp->stats.rx_packets++;
    sock->arrival_us = arrival_us(udp, sock, at);
    sock->fn(sock->ctx, udp->data, (size_t)n, (struct sockaddr *)&udp->from, msg.msg_namelen, sock->arrival_us);
}

int mc_udp_send(struct mc_udp *udp, const struct mc_sock *sock, const void *buf, size_t len, const struct sockaddr *to,
                socklen_t to_len) {
    if (len > MC_UDP_SIZE) {
        return MC_E_SHORT;
    }
    ssize_t n;
    do {
        n = sendto(sock->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL, to, to_len);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        udp->stats.tx_dropped++;
        return MC_E_FULL;
    }
    udp->stats.tx_packets++;
    return MC_OK;
}

int mc_addr_parse(struct sockaddr_storage *out, socklen_t *len, const char *text, uint16_t port) {
    memset(out, 0, sizeof *out);
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof *v4;
        return MC_OK;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *len = sizeof *v6;
        return MC_OK;
    }
    return MC_E_ARG;
}

int mc_addr_format(const struct sockaddr_storage *addr, char *text, size_t size, uint16_t *port) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;
    const void *ip = addr->ss_family == AF_INET ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr;
    *port = ntohs(addr->ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
    return inet_ntop(addr->ss_family, ip, text, (socklen_t)size) != NULL ? MC_OK : MC_E_SYS;
}
