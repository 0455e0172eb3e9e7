/* SPDX-License-Identifier: GPL-3.0-or-later
 * The bell of the sip thread: one byte into a socket pair whose other end stands in PJSIP's ioqueue ends a waiting
 * libHandleEvents. The pair lives as long as the process, so ringing is safe at any time from any thread or signal handler. */
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../err.h"
#include "dtls.h"
#include "mc_pjsip.h"
#include "pj_internal.h"

static int pair[2] = {-1, -1}; /* [0] is polled by PJSIP (a duplicate of it), [1] is rung */
static atomic_int bell = -1;   /* pair[1] while somebody listens */
static atomic_bool rung;       /* a byte is on its way: one is enough */

static pj_ioqueue_key_t *key;
static pj_ioqueue_op_key_t read_op;
static char bytes[64];

void mc_pjsip_wake(void) {
    int fd = atomic_load(&bell);

    if (fd >= 0 && !atomic_exchange(&rung, true)) {
        (void)!send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

static void listen_again(void) {
    pj_ssize_t size = sizeof(bytes);

    while (pj_ioqueue_recv(key, &read_op, bytes, &size, 0) == PJ_SUCCESS) {
        atomic_store(&rung, false);
        size = sizeof(bytes);
    }
}

static void on_read(pj_ioqueue_key_t *from, pj_ioqueue_op_key_t *op, pj_ssize_t n) {
    atomic_store(&rung, false);
    if (n > 0) {
        listen_again();
    }
    mc_dtls_deliver();
}

int mc_wake_start(void) {
    static const pj_ioqueue_callback callbacks = {.on_read_complete = on_read};
    pj_sock_t polled;

    if (pair[0] < 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
        return MC_E_SYS;
    }
    polled = fcntl(pair[0], F_DUPFD_CLOEXEC, 0); /* PJSIP closes what it was given */
    if (polled < 0) {
        return MC_E_SYS;
    }
    if (pj_ioqueue_register_sock(pjsua_var.pool, pjsip_endpt_get_ioqueue(pjsua_var.endpt), polled, NULL, &callbacks, &key) !=
        PJ_SUCCESS) {
        close((int)polled);
        return MC_E_STATE;
    }
    pj_ioqueue_op_key_init(&read_op, sizeof(read_op));
    atomic_store(&rung, false);
    listen_again();
    atomic_store(&bell, pair[1]);
    return MC_OK;
}

void mc_wake_stop(void) {
    atomic_store(&bell, -1);
    if (key) {
        pj_ioqueue_unregister(key);
    }
    key = NULL;
}
