/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the load generators share: a socket on loopback with the kernel's time of arrival, and dice. */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rtpgen.h"

#define BATCH 64

static inline void die(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(1);
}

/* 0 to 1. */
static inline double uniform(void) {
    static uint64_t rng = 88172645463325252ULL;
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (double)(rng >> 11) / 9007199254740992.0;
}

static inline int open_socket(uint16_t *port) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1, size = 8 << 20;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        die("socket");
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0)
        die("SO_TIMESTAMPNS");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    *port = ntohs(a.sin_port);
    return fd;
}

typedef void packet_fn(uint16_t port, uint8_t *buf, size_t len, int64_t at, void *ctx);

/* Hands over everything that waits in the socket; each datagram has a zero behind it. */
static inline void receive(int fd, packet_fn *fn, void *ctx) {
    static uint8_t buf[BATCH][4096], control[BATCH][64];
    struct sockaddr_in from[BATCH];
    struct iovec iov[BATCH];
    struct mmsghdr msg[BATCH];
    int n;
    do {
        for (int i = 0; i < BATCH; i++) {
            iov[i] = (struct iovec){buf[i], sizeof buf[i] - 1};
            msg[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                             .msg_namelen = sizeof from[i],
                                             .msg_iov = &iov[i],
                                             .msg_iovlen = 1,
                                             .msg_control = control[i],
                                             .msg_controllen = sizeof control[i]};
        }
        n = recvmmsg(fd, msg, BATCH, 0, NULL);
        for (int i = 0; i < n; i++) {
            int64_t at = 0;
            for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg[i].msg_hdr); c; c = CMSG_NXTHDR(&msg[i].msg_hdr, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
                    struct timespec t;
                    memcpy(&t, CMSG_DATA(c), sizeof t);
                    at = t.tv_sec * 1000000000LL + t.tv_nsec;
                }
            if (at == 0)
                die("packet without a kernel time stamp");
            buf[i][msg[i].msg_len] = 0;
            fn(from[i].sin_port, buf[i], msg[i].msg_len, at, ctx);
        }
    } while (n == BATCH);
}

/* Until then, or until one of the sockets has something. */
static inline void wait_until(const int *fds, nfds_t n, int64_t at) {
    int64_t left = at - now_ns();
    if (left < 0)
        left = 0;
    struct timespec t = {left / 1000000000LL, left % 1000000000LL};
    struct pollfd p[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[n - 1], .events = POLLIN}};
    if (ppoll(p, n, &t, NULL) < 0 && errno != EINTR)
        die("poll");
}

#endif
