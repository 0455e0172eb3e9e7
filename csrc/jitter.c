/* SPDX-License-Identifier: GPL-3.0-or-later
 * The jitter buffer's way in; see jitter_int.h for the picture. */
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "jitter_int.h"

#define CAPACITY 128
#define CAPACITY_MAX 4096
#define DELAY_MAX_MS 1000
#define CLOCK_MIN 1000
#define MAX_DROPOUT 3000 /* RFC 3550 appendix A.1 */
#define MAX_MISORDER 100
#define NO_SEQ (UINT16_MAX + 1u)
#define TICK_US 20000
#define PRICE_US 20000
#define TICK_MAX_US 120000
#define PRICE_MAX_US 1000000
#define STEP_MIN_DIV 400 /* of the clock: 2.5 ms, the shortest frame of RFC 6716 */
#define STEP_MAX_MS 120
#define STEP_DEFAULT_MS 20
#define TS_JUMP_US 1000000 /* timestamp and arrival disagree by more: the source set its clock anew */

/* A power of two, 0 = bad. */
static uint32_t slots_of(const struct mc_jb_cfg *cfg) {
    uint32_t want = cfg->capacity ? cfg->capacity : CAPACITY;
    if (cfg->clock < CLOCK_MIN || cfg->min_ms > cfg->max_ms || cfg->max_ms > DELAY_MAX_MS || want > CAPACITY_MAX ||
        cfg->tick_us > TICK_MAX_US || cfg->price_us > PRICE_MAX_US) {
        return 0;
    }
    uint32_t n = 2;
    while (n < want) {
        n *= 2;
    }
    return n;
}

size_t mc_jb_size(const struct mc_jb_cfg *cfg) {
    size_t n = slots_of(cfg);
    return n == 0 ? 0 : sizeof(struct mc_jb) + n * (sizeof(struct mc_jb_slot) + 2 * sizeof(uint16_t));
}

struct mc_jb *mc_jb_init(void *memory, const struct mc_jb_cfg *cfg) {
    struct mc_jb *jb = memory;
    memset(jb, 0, sizeof *jb); /* the slots are not touched: they become resident when they are needed */
    jb->capacity = slots_of(cfg);
    jb->index = (uint16_t *)(jb + 1);
    jb->free = jb->index + jb->capacity;
    jb->slots = (struct mc_jb_slot *)(jb->free + jb->capacity); /* capacity >= 2: 8-aligned */
    jb->clock = cfg->clock;
    jb->min_us = cfg->min_ms * 1000;
    jb->max_us = cfg->max_ms * 1000;
    jb->tick_us = cfg->tick_us ? cfg->tick_us : TICK_US;
    jb->price_us = cfg->price_us ? cfg->price_us : PRICE_US;
    mc_jb_reset(jb);
    return jb;
}

struct mc_jb *mc_jb_new(const struct mc_jb_cfg *cfg) {
    size_t size = mc_jb_size(cfg);
    void *memory = size > 0 ? malloc(size) : NULL;
    return memory != NULL ? mc_jb_init(memory, cfg) : NULL;
}

void mc_jb_free(struct mc_jb *jb) {
    free(jb);
}

void mc_jb_reset(struct mc_jb *jb) {
    jb->stats.n_dropped += jb->n_held - jb->n_void;
    jb->started = jb->played = false;
    jb->idle = jb->fresh = true;
    jb->history = 0;
    jb->n_passed = 0;
    jb->bad_seq = NO_SEQ;
    jb->step = jb->clock / 1000 * STEP_DEFAULT_MS;
    jb->next_step = 0;
    jb->excess_us = jb->short_us = 0;
    jb->target_us = jb->quiet_target_us = (int32_t)jb->min_us;
    jb->age_us = jb->target_us;
    jb->n_held = jb->n_void = 0;
    jb->lent = MC_JB_NONE;
    jb->n_free = jb->capacity;
    for (uint32_t i = 0; i < jb->capacity; i++) {
        jb->index[i] = MC_JB_NONE;
        jb->free[i] = (uint16_t)(jb->capacity - 1 - i);
    }
    mc_delay_init(&jb->delay, jb->max_us);
}

static void release(struct mc_jb *jb, uint16_t slot) {
    jb->free[jb->n_free++] = slot;
}

void mc_jb_take_back(struct mc_jb *jb) {
    if (jb->lent != MC_JB_NONE) {
        release(jb, jb->lent);
        jb->lent = MC_JB_NONE;
    }
}

void mc_jb_pass(struct mc_jb *jb) {
    uint16_t *at = mc_jb_entry(jb, jb->next_seq);
    if (*at == MC_JB_NONE) {
        jb->stats.n_lost++;
        jb->n_passed++;
    } else {
        const bool is_void = jb->slots[*at].is_void;
        release(jb, *at);
        *at = MC_JB_NONE;
        jb->n_held--;
        jb->n_void -= is_void;
        jb->stats.n_dropped += !is_void;
        jb->n_passed += !is_void;
    }
    jb->history <<= 1;
    jb->next_seq++;
}

static int64_t unwrap(const struct mc_jb *jb, uint32_t ts) {
    return jb->last_at + (int32_t)(ts - jb->last_ts);
}

static void start(struct mc_jb *jb, const struct mc_rtp *pkt, uint64_t now_us) {
    jb->started = true;
    jb->ssrc = pkt->ssrc;
    jb->next_seq = jb->max_seq = pkt->seq;
    jb->last_ts = pkt->ts;
    jb->last_at = jb->max_at = jb->play_at = 0;
    jb->last_us = now_us;
}

static void restart(struct mc_jb *jb, const struct mc_rtp *pkt, uint64_t now_us) {
    mc_jb_reset(jb);
    start(jb, pkt, now_us);
    jb->stats.n_restart++;
}

/* Another source, or a sequence number far off: believed when the next packet is its successor. */
static bool belongs(struct mc_jb *jb, const struct mc_rtp *pkt, uint64_t now_us) {
    uint16_t ahead = (uint16_t)(pkt->seq - jb->max_seq);
    uint16_t behind = (uint16_t)(jb->max_seq - pkt->seq);
    if (pkt->ssrc == jb->ssrc && (ahead < MAX_DROPOUT || behind <= MAX_MISORDER || behind < jb->capacity)) {
        jb->bad_seq = NO_SEQ;
        return true;
    }
    if (pkt->seq == jb->bad_seq && pkt->ssrc == jb->bad_ssrc) {
        restart(jb, pkt, now_us);
        return true;
    }
    jb->bad_seq = (uint16_t)(pkt->seq + 1);
    jb->bad_ssrc = pkt->ssrc;
    return false;
}

/* The source set its clock anew and numbers on: what is held can't be timed against what comes now. */
static void retime(struct mc_jb *jb, const struct mc_rtp *pkt, uint64_t now_us) {
    while (jb->n_held > 0) {
        mc_jb_pass(jb);
    }
    if (jb->next_seq != pkt->seq) {
        jb->next_seq = pkt->seq;
        jb->history = 0;
    }
    mc_delay_init(&jb->delay, jb->max_us);
    jb->idle = jb->fresh = true;
    jb->n_passed = 0;
    jb->max_seq = pkt->seq;
    jb->last_ts = pkt->ts;
    jb->last_at = jb->max_at = jb->play_at = 0;
    jb->last_us = now_us;
    jb->stats.n_restart++;
}

static bool clock_jumped(const struct mc_jb *jb, const struct mc_rtp *pkt, uint64_t now_us) {
    int64_t off = (int64_t)(now_us - jb->last_us) - mc_jb_us(jb, (int32_t)(pkt->ts - jb->last_ts));
    return off > TS_JUMP_US || off < -TS_JUMP_US;
}

/* Two packets in a row say how long one is. A longer distance can be a pause, so it is believed when it comes twice. */
static void learn_step(struct mc_jb *jb, const struct mc_rtp *pkt) {
    uint32_t step = pkt->ts - jb->last_ts;
    if (pkt->seq != (uint16_t)(jb->max_seq + 1) || pkt->marker) {
        return;
    }
    if (step == jb->step) {
        jb->next_step = 0; /* so the longer one before was a pause */
        return;
    }
    if (step < jb->clock / STEP_MIN_DIV || step > jb->clock / 1000 * STEP_MAX_MS) {
        return;
    }
    if (step < jb->step || step == jb->next_step) {
        jb->step = step;
    }
    jb->next_step = step;
}

/* Before the first packet is played a late one may still become the first. */
static bool first_after_all(struct mc_jb *jb, uint16_t seq) {
    if (jb->played || (uint16_t)(jb->max_seq - seq) >= jb->capacity) {
        return false;
    }
    jb->next_seq = seq;
    return true;
}

static int refuse_old(struct mc_jb *jb, uint16_t seq) {
    uint16_t back = (uint16_t)(jb->next_seq - 1 - seq);
    if (back < 64 && (jb->history >> back & 1)) {
        jb->stats.n_dup++;
        return MC_E_DUP;
    }
    jb->stats.n_late++;
    return MC_E_LATE;
}

static void make_room(struct mc_jb *jb, uint16_t seq) {
    uint32_t ahead = (uint16_t)(seq - jb->next_seq);
    while (ahead >= jb->capacity && jb->n_held > 0) {
        mc_jb_pass(jb);
        ahead--;
    }
    if (ahead >= jb->capacity) { /* nothing left to drop: jump */
        uint32_t n = ahead - jb->capacity + 1;
        jb->stats.n_lost += n;
        jb->n_passed += n;
        jb->next_seq = (uint16_t)(jb->next_seq + n);
        jb->history = 0;
    }
}

static void store(struct mc_jb *jb, const struct mc_rtp *pkt, int64_t at, uint64_t now_us) {
    uint16_t i = jb->free[--jb->n_free];
    struct mc_jb_slot *slot = &jb->slots[i];
    slot->len = (uint16_t)pkt->len;
    slot->pt = pkt->pt;
    slot->marker = pkt->marker;
    slot->is_void = false;
    slot->ts = pkt->ts;
    slot->at = at;
    slot->arrival_us = now_us;
    if (pkt->len > 0) {
        memcpy(slot->payload, pkt->payload, pkt->len);
    }
    *mc_jb_entry(jb, pkt->seq) = i;
    jb->n_held++;
}

int mc_jb_put(struct mc_jb *jb, const struct mc_rtp *pkt, uint64_t now_us) {
    mc_jb_take_back(jb);
    if (pkt->len > MC_JB_PAYLOAD) {
        return MC_E_SHORT;
    }
    if (!jb->started) {
        start(jb, pkt, now_us);
    } else if (!belongs(jb, pkt, now_us)) {
        jb->stats.n_stray++;
        return MC_E_LATE;
    }
    int64_t at = unwrap(jb, pkt->ts);
    if ((int16_t)(pkt->seq - jb->next_seq) < 0 && !first_after_all(jb, pkt->seq)) {
        int rc = refuse_old(jb, pkt->seq);
        if (rc == MC_E_LATE && !clock_jumped(jb, pkt, now_us)) {
            mc_delay_add(&jb->delay, now_us, mc_jb_us(jb, at)); /* how late it was is what the target must know */
        }
        return rc;
    }
    if ((uint16_t)(pkt->seq - jb->next_seq) < jb->capacity && *mc_jb_entry(jb, pkt->seq) != MC_JB_NONE) {
        jb->stats.n_dup++;
        return MC_E_DUP;
    }
    if ((int16_t)(pkt->seq - jb->max_seq) > 0 && clock_jumped(jb, pkt, now_us)) {
        retime(jb, pkt, now_us);
        at = 0;
    }
    make_room(jb, pkt->seq);
    learn_step(jb, pkt);
    store(jb, pkt, at, now_us);
    jb->stats.n_in++;
    mc_delay_add(&jb->delay, now_us, mc_jb_us(jb, at));
    if ((int16_t)(pkt->seq - jb->max_seq) >= 0) {
        jb->max_seq = pkt->seq;
        jb->max_at = at;
        jb->last_ts = pkt->ts;
        jb->last_at = at;
        jb->last_us = now_us;
    }
    return MC_OK;
}

void mc_jb_void(struct mc_jb *jb, const struct mc_rtp *pkt) {
    mc_jb_take_back(jb);
    const uint16_t ahead = (uint16_t)(pkt->seq - jb->next_seq);
    if (!jb->started || pkt->ssrc != jb->ssrc || ahead >= jb->capacity || *mc_jb_entry(jb, pkt->seq) != MC_JB_NONE) {
        return; /* nothing that the window could mistake for a loss */
    }
    store(jb, &(struct mc_rtp){.seq = pkt->seq, .ts = jb->last_ts}, jb->last_at, jb->last_us);
    jb->slots[*mc_jb_entry(jb, pkt->seq)].is_void = true;
    jb->n_void++;
    if ((int16_t)(pkt->seq - jb->max_seq) > 0) {
        jb->max_seq = pkt->seq;
    }
}
