/* SPDX-License-Identifier: GPL-3.0-or-later
 * A leg on a plain UDP socket of its own. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "leg.h"
#include "rtp.h"
#include "worker_int.h"

struct mc_udp_leg {
    struct mc_leg *leg;
    struct mc_sock *sock;
    int fd;
    struct mc_udp_ends ends;
};

static int send_rtp(void *ctx, const void *pkt, size_t len) {
    struct mc_udp_leg *ul = ctx;
    return mc_sock_send(ul->sock, pkt, len, (const struct sockaddr *)&ul->ends.remote, ul->ends.remote_len);
}

static bool same_peer(const struct sockaddr_storage *a, const struct sockaddr *b) {
    if (a->ss_family != b->sa_family) {
        return false;
    }
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *x = (const struct sockaddr_in *)a, *y = (const struct sockaddr_in *)b;
        return x->sin_port == y->sin_port && x->sin_addr.s_addr == y->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *x = (const struct sockaddr_in6 *)a, *y = (const struct sockaddr_in6 *)b;
    return x->sin6_port == y->sin6_port && memcmp(&x->sin6_addr, &y->sin6_addr, sizeof x->sin6_addr) == 0;
}

static void on_datagram(void *ctx, uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len, uint64_t now_us) {
    struct mc_udp_leg *ul = ctx;
    if (!same_peer(&ul->ends.remote, from)) {
        mc_leg_count_source(ul->leg, MC_SOURCE_STRANGER);
        return;
    }
    if (ul->ends.rtcp && mc_rtp_is_rtcp(buf, len)) {
        mc_leg_on_rtcp(ul->leg, buf, len, now_us);
    } else {
        mc_leg_on_packet(ul->leg, buf, len, now_us);
    }
}

static int open_socket(struct mc_udp_leg *ul) {
    ul->fd = socket(ul->ends.local.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (ul->fd < 0 || bind(ul->fd, (struct sockaddr *)&ul->ends.local, ul->ends.local_len) != 0) {
        return MC_E_SYS;
    }
    ul->ends.local_len = sizeof ul->ends.local;
    return getsockname(ul->fd, (struct sockaddr *)&ul->ends.local, &ul->ends.local_len) == 0 ? MC_OK : MC_E_SYS;
}

int mc_udp_leg_start(struct mc_udp_leg **out, struct mc_leg *leg, const struct mc_leg_params *params,
                     struct mc_udp_ends *ends) {
    struct mc_udp_leg *ul = calloc(1, sizeof *ul);
    if (ul == NULL) {
        return MC_E_NOMEM;
    }
    ul->leg = leg;
    ul->ends = *ends;
    struct mc_wire wire = {.ctx = ul, .send_rtp = send_rtp, .send_rtcp = ul->ends.rtcp ? send_rtp : NULL};
    int rc = open_socket(ul);
    if (rc == MC_OK) {
        rc = mc_sock_add(mc_leg_seat(leg)->worker, ul->fd, on_datagram, ul, &ul->sock);
    }
    if (rc == MC_OK) {
        rc = mc_worker_leg_start(leg, params, &wire);
    }
    if (rc != MC_OK) {
        mc_udp_leg_stop(ul);
        return rc;
    }
    *ends = ul->ends;
    *out = ul;
    return MC_OK;
}

void mc_udp_leg_stop(struct mc_udp_leg *ul) {
    mc_worker_leg_stop(ul->leg);
    if (ul->sock != NULL) {
        mc_sock_del(ul->sock);
    }
    if (ul->fd >= 0) {
        int err = errno; /* of what went wrong before */
        close(ul->fd);
        errno = err;
    }
    free(ul);
}
