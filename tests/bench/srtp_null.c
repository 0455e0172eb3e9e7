/* SPDX-License-Identifier: GPL-3.0-or-later
 * The null engine of `srtp`: the product's own worker, sockets, decoder, rings, encoder and clock with the native echo, no Python
 * and no signalling in the process; with a SUITE libsrtp opens what comes in and seals what goes out.
 *
 *   srtp_null CALLS PORT [SUITE RX_KEY TX_KEY]    keys: hex digits (rtpgen_srtp.h)
 *
 * Prints the calls' ports in one line, then runs until its standard input ends. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec.h"
#include "err.h"
#include "leg.h"
#include "rtp.h"
#include "rtpgen.h"
#include "rtpgen_srtp.h"
#include "worker.h"

static struct call {
    struct mc_leg *leg;
    struct mc_sock *sock;
    struct line *line; /* NULL: plain */
    struct sockaddr_in remote;
    int fd;
} calls[MAX_CALLS];

static void need(bool true_, const char *what) {
    if (!true_) {
        fprintf(stderr, "srtp_null: %s failed\n", what);
        exit(1);
    }
}

static void on_datagram(void *ctx, uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len, uint64_t now_us) {
    struct call *c = ctx;
    int n = (int)len;
    if (!c->line || line_open(c->line, buf, &n))
        mc_leg_on_packet(c->leg, buf, (size_t)n, now_us);
}

static int send_rtp(void *ctx, const void *pkt, size_t len) {
    struct call *c = ctx;
    uint8_t room[RTP_HEADER + PAYLOAD + SRTP_ROOM];
    int n = (int)len;
    if (len > RTP_HEADER + PAYLOAD)
        return MC_E_SHORT;
    if (!c->line)
        return mc_sock_send(c->sock, pkt, len, (const struct sockaddr *)&c->remote, sizeof c->remote);
    memcpy(room, pkt, len);
    if (!line_seal(c->line, room, &n))
        return MC_E_STATE;
    return mc_sock_send(c->sock, room, (size_t)n, (const struct sockaddr *)&c->remote, sizeof c->remote);
}

static int set_echo(void *leg) {
    mc_leg_set_sink(leg, &mc_sink_echo);
    return MC_OK;
}

static uint16_t open_call(struct call *c, struct mc_worker *w, uint16_t port) {
    const struct mc_leg_cfg cfg = {.rate = 8000, .tx_ms = 1000, .name = "null"};
    const struct mc_leg_params params = {.codec = "PCMU",
                                         .clock = 8000,
                                         .event_tx_pt = MC_PT_NONE,
                                         .event_rx_pt = MC_PT_NONE,
                                         .ptime_ms = 20,
                                         .send = true,
                                         .recv = true};
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof local;
    c->remote = local;
    c->remote.sin_port = htons(port);
    c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    need(c->fd >= 0 && !bind(c->fd, (struct sockaddr *)&local, len) && !getsockname(c->fd, (struct sockaddr *)&local, &len),
         "socket");
    need(mc_worker_leg_new(w, &c->leg, &cfg) == MC_OK, "leg");
    need(mc_worker_call(w, set_echo, c->leg) == MC_OK, "sink");
    need(mc_sock_add(w, c->fd, on_datagram, c, &c->sock) == MC_OK, "socket of the worker");
    const struct mc_wire wire = {.ctx = c, .send_rtp = send_rtp};
    need(mc_worker_leg_start(c->leg, &params, &wire) == MC_OK, "start");
    return ntohs(local.sin_port);
}

int main(int argc, char **argv) {
    const struct mc_worker_cfg cfg = {.cpu = -1, .fifo = true, .max_legs = MAX_CALLS};
    struct mc_worker *w;
    int n = argc > 2 ? atoi(argv[1]) : 0;
    char byte;
    if ((argc != 3 && argc != 6) || n < 1 || n > MAX_CALLS) {
        fprintf(stderr, "usage: srtp_null CALLS PORT [SUITE RX_KEY TX_KEY]\n");
        return 2;
    }
    need(mc_worker_new(&w, &cfg) == MC_OK && mc_worker_start(w) == MC_OK, "worker");
    for (int i = 0; i < n; i++) {
        if (argc == 6)
            need((calls[i].line = line_new(argv[3], argv[5], argv[4])) != NULL, "SRTP");
        printf("%u ", open_call(&calls[i], w, (uint16_t)atoi(argv[2])));
    }
    printf("\n");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    for (int i = 0; i < n; i++) {
        mc_worker_leg_stop(calls[i].leg);
        mc_sock_del(calls[i].sock);
        close(calls[i].fd);
        mc_leg_unref(calls[i].leg);
        if (calls[i].line)
            line_free(calls[i].line);
    }
    mc_worker_close(w);
    printf("{}\n");
    return 0;
}
