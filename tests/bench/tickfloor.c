/* SPDX-License-Identifier: GPL-3.0-or-later
 * tickfloor CALLS PORT: a packet of sound every 20 ms for each of CALLS sockets, spread over the 20 ms, to 127.0.0.1:PORT, each after
 * an absolute timer and nothing else: how well this machine keeps time. Prints "sending"; ends when its standard input does. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define MOST 1000
#define FRAME_NS 20000000
#define FIFO_PRIORITY 20 /* as the media worker */
#define RTP 12
#define SIZE (RTP + 160)

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
    int fds[MOST];
    unsigned n = argc == 3 ? (unsigned)atoi(argv[1]) : 0;
    if (n == 0 || n > MOST) {
        fprintf(stderr, "usage: tickfloor CALLS PORT\n");
        return 2;
    }
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)atoi(argv[2]))};
    uint8_t packet[SIZE] = {0x80};
    for (unsigned i = RTP; i < SIZE; i++)
        packet[i] = (uint8_t)i;
    for (unsigned i = 0; i < n; i++)
        fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct sched_param p = {.sched_priority = FIFO_PRIORITY};
    sched_setscheduler(0, SCHED_FIFO, &p);
    prctl(PR_SET_TIMERSLACK, 1UL);
    printf("sending\n");
    fflush(stdout);
    int64_t began = now_ns() + FRAME_NS;
    for (uint64_t k = 0;; k++) {
        int64_t at = began + (int64_t)k * FRAME_NS / n, left = at - now_ns();
        struct timespec t = {.tv_nsec = left > 0 ? left : 0};
        struct pollfd input = {.fd = 0, .events = POLLIN};
        if (ppoll(&input, 1, &t, NULL) > 0)
            break;
        packet[2] = (uint8_t)(k / n >> 8);
        packet[3] = (uint8_t)(k / n);
        sendto(fds[k % n], packet, SIZE, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
    }
    printf("{}\n");
    return 0;
}
