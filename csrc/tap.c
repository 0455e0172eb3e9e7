/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "ring.h"

#define HOLD_S 8          /* until the other thread must have come by; what a disk may sleep. Touched only when it does */
#define TICKS_PER_S 100   /* at most */
#define PAUSED UINT64_MAX /* no tick is so late */

struct mc_tap {
    struct mc_queue heads;
    struct mc_ring pcm; /* of each tick: left, then right */
    _Atomic uint64_t from_us;
    _Atomic uint64_t dropped;
};

int mc_tap_new(struct mc_tap **out, uint32_t rate, uint64_t from_us) {
    struct mc_tap *tap = aligned_alloc(64, sizeof *tap);
    if (tap == NULL) {
        return MC_E_NOMEM;
    }
    memset(tap, 0, sizeof *tap);
    atomic_init(&tap->from_us, from_us);
    int rc = mc_queue_init(&tap->heads, sizeof(struct mc_tap_head), (size_t)HOLD_S * TICKS_PER_S);
    if (rc == MC_OK) {
        rc = mc_ring_init(&tap->pcm, (size_t)rate * 2 * HOLD_S);
    }
    if (rc != MC_OK) {
        mc_tap_free(tap);
        return rc;
    }
    *out = tap;
    return MC_OK;
}

void mc_tap_free(struct mc_tap *tap) {
    if (tap != NULL) {
        mc_ring_free(&tap->pcm);
        mc_queue_free(&tap->heads);
        free(tap);
    }
}

void mc_tap_pause(struct mc_tap *tap) {
    atomic_store_explicit(&tap->from_us, PAUSED, memory_order_release);
}

void mc_tap_resume(struct mc_tap *tap, uint64_t now_us) {
    uint64_t paused = PAUSED;
    atomic_compare_exchange_strong(&tap->from_us, &paused, now_us);
}

bool mc_tap_paused(const struct mc_tap *tap) {
    return atomic_load_explicit(&tap->from_us, memory_order_acquire) == PAUSED;
}

uint64_t mc_tap_dropped(const struct mc_tap *tap) {
    return atomic_load_explicit(&tap->dropped, memory_order_relaxed);
}

bool mc_tap_put(struct mc_tap *tap, struct mc_tap_head *head, const int16_t *left, const int16_t *right) {
    head->from_us = atomic_load_explicit(&tap->from_us, memory_order_acquire);
    if (head->t_us < head->from_us) {
        return true;
    }
    struct mc_tap_head *slot = mc_queue_slot(&tap->heads);
    if (slot == NULL || mc_ring_room(&tap->pcm) < (size_t)head->n_left + head->n_right) {
        atomic_fetch_add_explicit(&tap->dropped, head->n_left, memory_order_relaxed);
        return false;
    }
    mc_ring_write(&tap->pcm, left, head->n_left);
    mc_ring_write(&tap->pcm, right, head->n_right);
    *slot = *head;
    mc_queue_slot_done(&tap->heads); /* after its samples: who sees the head finds them */
    return true;
}

bool mc_tap_take(struct mc_tap *tap, struct mc_tap_head *head, int16_t *left, int16_t *right) {
    if (mc_queue_pop(&tap->heads, head) != MC_OK) {
        return false;
    }
    mc_ring_read(&tap->pcm, left, head->n_left);
    mc_ring_read(&tap->pcm, right, head->n_right);
    return true;
}
