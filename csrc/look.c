/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "look.h"

#include "grid.h"

#define BUSY 40 /* packets in 20 ms: two for each look */
/* What the engine takes for the packets of a bucket: to wake up, and for each (docs/decisions.md). */
#define WAKE_US 250
#define PACKET_US 8
#define LEAD_MOST_US 1600
#define READ_US 1000
#define AWAKE_US 500 /* before a bucket: what it takes from a sleeping processor to the engine's answer (docs/decisions.md) */
#define AWAKE_MOST_US 1000
#define GRACE_US 700
#define VAIN_MOST 2
#define IMPATIENT_US 100000

void mc_look_count(struct mc_look *l, unsigned n_packets) {
    l->n_round += n_packets;
}

static void judge(struct mc_look *l, uint64_t now_us) {
    uint64_t round = now_us / MC_GRID_BUCKET_US / MC_GRID_ROUND;
    if (round == l->round) {
        return;
    }
    l->busy = round == l->round + 1 && l->n_round > BUSY;
    uint64_t lead_us = WAKE_US + PACKET_US * l->n_round / MC_GRID_ROUND;
    l->lead_us = lead_us < LEAD_MOST_US ? (uint32_t)lead_us : LEAD_MOST_US;
    l->round = round;
    l->n_round = 0;
}

uint64_t mc_look_next_us(struct mc_look *l, uint64_t now_us) {
    judge(l, now_us);
    l->early = true;
    if (!l->busy) {
        return 0;
    }
    uint64_t due_us = (now_us / MC_GRID_BUCKET_US + 1) * MC_GRID_BUCKET_US;
    l->early = now_us + l->lead_us < due_us;
    return l->early ? due_us - l->lead_us : due_us;
}

uint64_t mc_look_sleep_us(uint64_t now_us, uint64_t due_us, unsigned n_buckets, bool engine_works) {
    uint64_t awake_us = n_buckets * AWAKE_US < AWAKE_MOST_US ? AWAKE_US : AWAKE_MOST_US / n_buckets;
    uint64_t until_us = engine_works ? due_us : due_us - awake_us;
    return now_us < until_us ? until_us - now_us : 0;
}

bool mc_look_tell(struct mc_look *l) {
    l->withheld = !l->early && !l->withheld;
    return !l->withheld;
}

uint64_t mc_look_grace_us(const struct mc_look *l, uint64_t now_us, uint64_t due_us) {
    if (!l->busy || now_us < l->impatient_us || now_us < due_us || now_us >= due_us + GRACE_US) {
        return 0;
    }
    return due_us + GRACE_US - now_us;
}

void mc_look_waited(struct mc_look *l, uint64_t now_us, bool in_vain) {
    l->n_vain = in_vain ? l->n_vain + 1 : 0;
    if (l->n_vain == VAIN_MOST) {
        l->n_vain = 0;
        l->impatient_us = now_us + IMPATIENT_US;
    }
}

void mc_look_read(uint64_t ticks_us, uint64_t (*clock)(void), unsigned (*receive)(void *ctx), void *ctx) {
    uint64_t end = clock() + (ticks_us > READ_US ? ticks_us : READ_US);
    while (receive(ctx) > 0 && clock() < end) { /* again: a socket may hold more than one */
    }
}
