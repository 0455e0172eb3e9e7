/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

struct outgoing {
    struct mc_sock *sock;
    struct sockaddr_storage to;
    socklen_t to_len;
    uint32_t len;
    _Alignas(8) uint8_t data[MC_UDP_SIZE];
};

struct mc_udp {
    struct mc_udp_stats stats;
    struct mmsghdr rx[MC_UDP_RX_BATCH];
    struct iovec rx_iov[MC_UDP_RX_BATCH];
    struct sockaddr_storage rx_from[MC_UDP_RX_BATCH];
    _Alignas(8) uint8_t rx_data[MC_UDP_RX_BATCH][MC_UDP_SIZE];
    struct mmsghdr tx_msg[MC_UDP_TX_BATCH];
    struct iovec tx_iov[MC_UDP_TX_BATCH];
    struct outgoing tx[MC_UDP_TX_BATCH];
    size_t n_tx;
};

struct mc_udp *mc_udp_new(void) {
    struct mc_udp *udp = calloc(1, sizeof *udp);
    if (udp == NULL) {
        return NULL;
    }
    for (int i = 0; i < MC_UDP_RX_BATCH; i++) {
        udp->rx_iov[i] = (struct iovec){.iov_base = udp->rx_data[i], .iov_len = MC_UDP_SIZE};
        udp->rx[i].msg_hdr = (struct msghdr){.msg_name = &udp->rx_from[i], .msg_iov = &udp->rx_iov[i], .msg_iovlen = 1};
    }
    return udp;
}

void mc_udp_free(struct mc_udp *udp) {
    free(udp);
}

const struct mc_udp_stats *mc_udp_stats(const struct mc_udp *udp) {
    return &udp->stats;
}

void mc_udp_receive(struct mc_udp *udp, struct mc_sock *sock, uint64_t now_us) {
    for (int i = 0; i < MC_UDP_RX_BATCH; i++) {
        udp->rx[i].msg_hdr.msg_namelen = sizeof udp->rx_from[i];
    }
    int n = recvmmsg(sock->fd, udp->rx, MC_UDP_RX_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n && !sock->dead; i++) {
        struct msghdr *h = &udp->rx[i].msg_hdr;
        if ((h->msg_flags & MSG_TRUNC) != 0) {
            udp->stats.rx_dropped++;
            continue;
        }
        udp->stats.rx_packets++;
        sock->fn(sock->ctx, udp->rx_data[i], udp->rx[i].msg_len, h->msg_name, h->msg_namelen, now_us);
    }
    /* n < 0: an ICMP error of an earlier send (ECONNREFUSED) or nothing there; either way there is nothing to hand over. */
}

int mc_udp_queue(struct mc_udp *udp, struct mc_sock *sock, const void *buf, size_t len, const struct sockaddr *to,
                 socklen_t to_len) {
    if (len > MC_UDP_SIZE || to_len > sizeof(struct sockaddr_storage)) {
        return MC_E_SHORT;
    }
    if (udp->n_tx == MC_UDP_TX_BATCH) {
        mc_udp_flush(udp);
    }
    struct outgoing *o = &udp->tx[udp->n_tx++];
    o->sock = sock;
    o->len = (uint32_t)len;
    o->to_len = to_len;
    memcpy(&o->to, to, to_len);
    memcpy(o->data, buf, len);
    return MC_OK;
}

static void send_run(struct mc_udp *udp, int fd, size_t from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct outgoing *o = &udp->tx[from + i];
        udp->tx_iov[i] = (struct iovec){.iov_base = o->data, .iov_len = o->len};
        udp->tx_msg[i].msg_hdr = (struct msghdr){
            .msg_name = &o->to, .msg_namelen = o->to_len, .msg_iov = &udp->tx_iov[i], .msg_iovlen = 1};
    }
    for (size_t done = 0; done < n;) {
        int k = sendmmsg(fd, udp->tx_msg + done, (unsigned)(n - done), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (k > 0) {
            udp->stats.tx_packets += (uint64_t)k;
            done += (size_t)k;
        } else if (k < 0 && errno == EINTR) {
            continue;
        } else {
            udp->stats.tx_dropped++; /* full socket buffer, unreachable peer: this one is lost, the next may go */
            done++;
        }
    }
}

void mc_udp_flush(struct mc_udp *udp) {
    size_t from = 0;
    while (from < udp->n_tx) {
        size_t n = 1;
        while (from + n < udp->n_tx && udp->tx[from + n].sock == udp->tx[from].sock) {
            n++;
        }
        send_run(udp, udp->tx[from].sock->fd, from, n);
        from += n;
    }
    udp->n_tx = 0;
}

void mc_udp_forget(struct mc_udp *udp, struct mc_sock *sock) {
    for (size_t i = 0; i < udp->n_tx; i++) {
        if (udp->tx[i].sock == sock) {
            mc_udp_flush(udp); /* rare, and the others go out a little early */
            return;
        }
    }
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
