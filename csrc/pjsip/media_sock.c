/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP and RTCP sockets on ports of our own choice. PJSIP takes the first free one of a hundred from where it stood, with a cursor for
 * each account, so a port may serve the next call at once and packets that are still under way to the last one would be heard there. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../clock.h"
#include "../err.h"
#include "../port_pool.h"
#include "mc_pjsip.h"
#include "pj_internal.h"

#define THIS_FILE "mc_media_sock"

static struct mc_port_pool pool; /* sip thread; n == 0: PJSIP's ports are taken as they are */
static bool told;                /* that it is exhausted */

int mc_pjsip_set_media_ports(int low, int high, int rest_ms) {
    struct mc_port_pool fresh;
    int rc;

    if (low < 1 || high > 65535 || rest_ms < 0) {
        return MC_E_ARG;
    }
    rc = mc_port_pool_init(&fresh, (uint16_t)low, (uint16_t)high, (uint64_t)rest_ms * 1000);
    if (rc == MC_OK) {
        mc_port_pool_free(&pool);
        pool = fresh;
        told = false;
    }
    return rc;
}

int mc_pjsip_media_ports_left(void) {
    return (int)mc_port_pool_left(&pool, mc_clock_us());
}

/* A socket like `model` on another port; -1 = it can't be had, errno says why. */
static int open_like(int model, uint16_t port) {
    pj_sockaddr addr;
    socklen_t len = sizeof(addr);
    int fd, err;

    if (getsockname(model, (struct sockaddr *)&addr, &len)) {
        return -1;
    }
    fd = socket(addr.addr.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    pj_sockaddr_set_port(&addr, port);
    if (!bind(fd, (struct sockaddr *)&addr, len)) {
        return fd;
    }
    err = errno;
    close(fd);
    errno = err;
    return -1;
}

static bool open_pair(const pj_sock_t model[2], uint16_t port, int fd[2]) {
    int err;

    fd[0] = open_like((int)model[0], port);
    fd[1] = fd[0] < 0 ? -1 : open_like((int)model[1], (uint16_t)(port + 1));
    if (fd[1] >= 0) {
        return true;
    }
    err = errno;
    if (fd[0] >= 0) {
        close(fd[0]);
    }
    errno = err;
    return false;
}

static pj_status_t nothing_left(void) {
    if (!told) {
        PJ_LOG(1, (THIS_FILE, "media.ports: all %u pairs from %u on are in use or rest (media.port_rest_s); calls get 503",
                   (unsigned)pool.n, pool.low));
        told = true; /* until one is free again: a flood of calls is no flood of lines */
    }
    return PJSIP_ERRNO_FROM_SIP_STATUS(PJSIP_SC_SERVICE_UNAVAILABLE);
}

bool mc_media_sock_spare(unsigned *wait_s) {
    *wait_s = (unsigned)(pool.rest_us / 1000000) + 1;
    if (pool.n == 0 || mc_port_pool_left(&pool, mc_clock_us()) > 0) {
        return true;
    }
    nothing_left();
    return false;
}

static bool set_nonblocking(pj_sock_t fd) {
    int flags = fcntl((int)fd, F_GETFL);

    return flags >= 0 && !fcntl((int)fd, F_SETFL, flags | O_NONBLOCK);
}

pj_status_t mc_media_sock_move(pjmedia_sock_info *si) {
    const pj_sock_t model[2] = {si->rtp_sock, si->rtcp_sock};
    uint64_t now_us = mc_clock_us();
    int fd[2], port;

    if (pool.n == 0) {
        return set_nonblocking(model[0]) && set_nonblocking(model[1]) ? PJ_SUCCESS : PJ_RETURN_OS_ERROR(errno);
    }
    for (;;) {
        port = mc_port_pool_take(&pool, now_us);
        if (port < 0) {
            return nothing_left();
        }
        if (open_pair(model, (uint16_t)port, fd)) {
            break;
        }
        mc_port_pool_give(&pool, (uint16_t)port, now_us + 1); /* another program has it: not asked for again at once */
        if (errno != EADDRINUSE && errno != EACCES) {
            return PJ_RETURN_OS_ERROR(errno);
        }
    }
    told = false;
    close((int)model[0]);
    close((int)model[1]);
    si->rtp_sock = fd[0];
    si->rtcp_sock = fd[1];
    pj_sockaddr_set_port(&si->rtp_addr_name, (pj_uint16_t)port);
    pj_sockaddr_set_port(&si->rtcp_addr_name, (pj_uint16_t)(port + 1));
    return PJ_SUCCESS;
}

void mc_media_sock_drain(pj_sock_t fd) {
    char sink[4];

    for (int i = 0; i < 4096 && recv((int)fd, sink, sizeof(sink), MSG_DONTWAIT | MSG_TRUNC) >= 0; i++) {
        ;
    }
}

void mc_media_sock_rest(uint16_t port) {
    mc_port_pool_give(&pool, port, mc_clock_us());
}

void mc_media_sock_stop(void) {
    mc_port_pool_free(&pool);
}
