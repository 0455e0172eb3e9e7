/* SPDX-License-Identifier: GPL-3.0-or-later
 * udpfloor CALLS PORT: what the kernel's UDP costs and nothing else. The system calls of the media worker at the same times: a socket
 * for each call, polled twice for each 2 ms bucket, each datagram read with its time stamp and sent back to 127.0.0.1:PORT at its
 * socket's bucket of the 20 ms. No RTP, no codec, no rings. Prints the sockets' ports; ends when its standard input does. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define MOST 4096
#define BUCKETS 10
#define BUCKET_US 2000
#define SIZE 2048
#define FIFO_PRIORITY 20

struct line {
    int fd;
    ssize_t n; /* bytes that wait to be sent back; a second datagram in the same 20 ms sends the first at once */
    uint8_t data[SIZE];
};

static struct line lines[MOST];
static unsigned n_lines;
static struct sockaddr_in to;

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int open_line(int poll_fd, struct line *l) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int on = 1;
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};
    l->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        getsockname(l->fd, (struct sockaddr *)&a, &len) != 0 ||
        setsockopt(l->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0 ||
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, l->fd, &ev) != 0)
        return -1;
    return ntohs(a.sin_port);
}

static void send_back(struct line *l) {
    if (l->n > 0)
        sendto(l->fd, l->data, (size_t)l->n, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to);
    l->n = 0;
}

static void read_one(struct line *l) {
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct timespec))];
    struct sockaddr_storage from;
    struct iovec data = {.iov_base = l->data, .iov_len = SIZE};
    struct msghdr msg = {.msg_name = &from,
                         .msg_namelen = sizeof from,
                         .msg_iov = &data,
                         .msg_iovlen = 1,
                         .msg_control = control,
                         .msg_controllen = sizeof control};
    send_back(l);
    l->n = recvmsg(l->fd, &msg, MSG_DONTWAIT | MSG_TRUNC);
}

static void look(int poll_fd) {
    struct epoll_event ev[256];
    struct timespec none = {0};
    int n;
    while ((n = epoll_pwait2(poll_fd, ev, 256, &none, NULL)) > 0)
        for (int i = 0; i < n; i++)
            read_one(ev[i].data.ptr);
}

static void tick(uint64_t bucket) {
    for (unsigned i = (unsigned)(bucket % BUCKETS); i < n_lines; i += BUCKETS)
        send_back(&lines[i]);
}

/* 1: the input has ended */
static int sleep_until(uint64_t at_us) {
    uint64_t now = now_us(), us = now < at_us ? at_us - now : 0;
    struct timespec t = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
    struct pollfd input = {.fd = 0, .events = POLLIN};
    return ppoll(&input, 1, &t, NULL) > 0;
}

int main(int argc, char **argv) {
    n_lines = argc == 3 ? (unsigned)atoi(argv[1]) : 0;
    if (n_lines == 0 || n_lines > MOST) {
        fprintf(stderr, "usage: udpfloor CALLS PORT\n");
        return 2;
    }
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)atoi(argv[2]));
    const uint64_t lead_us = 250 + 8 * n_lines / BUCKETS; /* as csrc/look.c */
    int poll_fd = epoll_create1(0);
    for (unsigned i = 0; i < n_lines; i++) {
        int port = open_line(poll_fd, &lines[i]);
        if (port < 0) {
            perror("udpfloor: socket");
            return 1;
        }
        printf("%d%c", port, i + 1 < n_lines ? ' ' : '\n');
    }
    fflush(stdout);
    struct sched_param p = {.sched_priority = FIFO_PRIORITY};
    sched_setscheduler(0, SCHED_FIFO, &p); /* as the worker: if the system allows it */
    prctl(PR_SET_TIMERSLACK, 1UL);
    for (uint64_t bucket = now_us() / BUCKET_US + 1;; bucket++) {
        if (sleep_until(bucket * BUCKET_US - lead_us))
            break;
        look(poll_fd);
        if (sleep_until(bucket * BUCKET_US))
            break;
        look(poll_fd);
        tick(bucket);
    }
    printf("{}\n");
    return 0;
}
