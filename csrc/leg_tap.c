/* SPDX-License-Identifier: GPL-3.0-or-later
 * Recording tap: what the human ear heard beside what was sent, in blocks of 20 ms, each with the time of its tick and the age of its
 * left side. Ticks are 10 or 20 ms, packets sent 10 to 60 ms: both sides are gathered until a block is whole. */
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "leg_int.h"

#define BLOCKS 128 /* 2.5 s until the engine must have come by */
#define RIGHT_MS 120

struct mc_tap {
    struct mc_queue q;
    size_t block; /* samples of one channel */
    size_t n_left, n_right, right_size;
    uint64_t t_us;
    int64_t age_us;
    int16_t *left;  /* one block */
    int16_t *right; /* what was sent and is not yet in a block */
};

int mc_tap_new(struct mc_tap **out, uint32_t rate) {
    struct mc_tap *tap = aligned_alloc(64, sizeof *tap);
    if (tap == NULL) {
        return MC_E_NOMEM;
    }
    memset(tap, 0, sizeof *tap);
    tap->block = rate / 50;
    tap->right_size = (size_t)rate / 1000 * RIGHT_MS;
    tap->left = malloc(tap->block * sizeof *tap->left);
    tap->right = malloc(tap->right_size * sizeof *tap->right);
    int rc = mc_queue_init(&tap->q, sizeof(struct mc_tap_block) + 2 * tap->block * sizeof(int16_t), BLOCKS);
    if (rc == MC_OK && (tap->left == NULL || tap->right == NULL)) {
        rc = MC_E_NOMEM;
    }
    if (rc != MC_OK) {
        mc_tap_free(tap);
        return rc;
    }
    *out = tap;
    return MC_OK;
}

void mc_tap_free(struct mc_tap *tap) {
    if (tap == NULL) {
        return;
    }
    mc_queue_free(&tap->q);
    free(tap->left);
    free(tap->right);
    free(tap);
}

size_t mc_tap_samples(const struct mc_tap *tap) {
    return tap->block;
}

void mc_leg_set_tap(struct mc_leg *leg, struct mc_tap *tap) {
    leg->tap = tap;
    if (leg->path != NULL && tap == NULL) {
        leg->path->rx.human.on = false;
    }
}

struct mc_tap *mc_leg_tap(const struct mc_leg *leg) {
    return leg->tap;
}

const struct mc_tap_block *mc_tap_front(struct mc_tap *tap) {
    return mc_queue_front(&tap->q);
}

void mc_tap_front_done(struct mc_tap *tap) {
    mc_queue_front_done(&tap->q);
}

void mc_tap_right(struct mc_tap *tap, const int16_t *pcm, size_t n) {
    size_t room = tap->right_size - tap->n_right;
    n = n < room ? n : room;
    memcpy(tap->right + tap->n_right, pcm, n * sizeof *pcm);
    tap->n_right += n;
}

void mc_tap_left(struct mc_tap *tap, const int16_t *pcm, size_t n, int64_t age_us, uint64_t t_us) {
    if (tap->n_left == 0) {
        tap->t_us = t_us;
        tap->age_us = age_us;
    }
    size_t room = tap->block - tap->n_left;
    n = n < room ? n : room;
    memcpy(tap->left + tap->n_left, pcm, n * sizeof *pcm);
    tap->n_left += n;
}

int mc_tap_emit(struct mc_tap *tap, uint64_t *dropped) {
    if (tap->n_left < tap->block) {
        return 0;
    }
    size_t have = tap->n_right < tap->block ? tap->n_right : tap->block; /* held or between packets: silence */
    struct mc_tap_block *b = mc_queue_slot(&tap->q);
    if (b != NULL) {
        b->t_us = tap->t_us;
        b->left_delay_us = tap->age_us;
        for (size_t i = 0; i < tap->block; i++) {
            b->pcm[2 * i] = tap->left[i];
            b->pcm[2 * i + 1] = i < have ? tap->right[i] : 0;
        }
        mc_queue_slot_done(&tap->q);
    } else {
        ++*dropped;
    }
    tap->n_left = 0;
    tap->n_right -= have;
    memmove(tap->right, tap->right + have, tap->n_right * sizeof *tap->right);
    return b != NULL;
}
