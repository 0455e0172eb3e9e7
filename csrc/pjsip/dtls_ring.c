/* SPDX-License-Identifier: GPL-3.0-or-later
 * Handshake packets on their way from the media worker to the sip thread: one writer, one reader, no allocation. */
#include <stdatomic.h>

#include "../udp.h"
#include "dtls_int.h"
#include "mc_pjsip.h"

#define SLOTS 64
#define EACH 8 /* of one association at once: one flood is not everybody's */

struct letter {
    uint32_t handle;
    size_t len;
    pj_sockaddr from;
    uint8_t bytes[MC_UDP_SIZE];
};

static struct letter ring[SLOTS];
static _Atomic uint32_t head, tail; /* next to write, next to read */
static _Atomic uint8_t waiting[MC_DTLS_MAX];

void mc_dtls_post(uint32_t handle, const uint8_t *pkt, size_t len, const struct sockaddr *from, socklen_t from_len) {
    uint32_t at = atomic_load_explicit(&head, memory_order_relaxed);
    struct letter *letter = &ring[at % SLOTS];

    if (len > sizeof(letter->bytes) || at - atomic_load_explicit(&tail, memory_order_acquire) >= SLOTS ||
        atomic_load_explicit(&waiting[MC_DTLS_PLACE(handle)], memory_order_relaxed) >= EACH) {
        return;
    }
    letter->handle = handle;
    letter->len = len;
    pj_bzero(&letter->from, sizeof(letter->from));
    pj_memcpy(&letter->from, from, PJ_MIN((size_t)from_len, sizeof(letter->from)));
    pj_memcpy(letter->bytes, pkt, len);
    atomic_fetch_add_explicit(&waiting[MC_DTLS_PLACE(handle)], 1, memory_order_relaxed);
    atomic_store_explicit(&head, at + 1, memory_order_release);
    mc_pjsip_wake();
}

void mc_dtls_deliver(void) {
    for (uint32_t at = atomic_load_explicit(&tail, memory_order_relaxed);
         at != atomic_load_explicit(&head, memory_order_acquire); at++) {
        const struct letter *letter = &ring[at % SLOTS];

        atomic_fetch_sub_explicit(&waiting[MC_DTLS_PLACE(letter->handle)], 1, memory_order_relaxed);
        mc_dtls_packet(letter->handle, letter->bytes, letter->len, &letter->from);
        atomic_store_explicit(&tail, at + 1, memory_order_release);
    }
}
