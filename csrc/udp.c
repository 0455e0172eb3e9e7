/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

struct mc_udp {
    struct mc_udp_stats stats;
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

void mc_udp_receive(struct mc_udp *udp, struct mc_sock *sock, uint64_t now_us) {
    socklen_t from_len = sizeof udp->from;
    /* MSG_TRUNC: the length as it was sent */
    ssize_t n = recvfrom(sock->fd, udp->data, MC_UDP_SIZE, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&udp->from, &from_len);
    if (n < 0) {
        return; /* an ICMP error of an earlier send, or nothing there after all */
    }
    if (n > MC_UDP_SIZE) {
        udp->stats.rx_dropped++;
        return;
    }
    udp->stats.rx_packets++;
    sock->fn(sock->ctx, udp->data, (size_t)n, (struct sockaddr *)&udp->from, from_len, now_us);
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
