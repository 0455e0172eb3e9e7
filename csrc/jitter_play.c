/* SPDX-License-Identifier: GPL-3.0-or-later
 * The jitter buffer's way out: what is played now; see jitter_int.h for the picture, jitter_scale.c for the delay that is wanted. */
#include <string.h>

#include "err.h"
#include "jitter_int.h"

#define EXCESS_US 2000000      /* time scaling has so long to bring the delay down (sound may be such that it can't) ... */
#define EXCESS_AGAIN_US 100000 /* ... and then a packet is cut each such time */
#define AGE_MAX_US 10000000    /* of a player that did not ask for long */
#define SHORT_US 500000        /* so long to bring it up, then a missing packet is waited for */
#define RESUME_US 60000        /* after an underrun playing goes on up to so far above the target */

static uint32_t n_sound(const struct mc_jb *jb) {
    return jb->n_held - jb->n_void;
}

/* How many are missing before the first held packet that has sound; there is one. */
static uint32_t missing(const struct mc_jb *jb, const struct mc_jb_slot **head) {
    uint32_t n = 0;
    for (uint16_t seq = jb->next_seq;; seq++) {
        uint16_t slot = jb->index[seq & (jb->capacity - 1)];
        if (slot != MC_JB_NONE && !jb->slots[slot].is_void) {
            *head = &jb->slots[slot];
            return n;
        }
        n += slot == MC_JB_NONE;
    }
}

/* Void packets take no time. */
static void skip_void(struct mc_jb *jb) {
    while (jb->n_void > 0) {
        uint16_t slot = *mc_jb_entry(jb, jb->next_seq);
        if (slot == MC_JB_NONE || !jb->slots[slot].is_void) {
            return;
        }
        mc_jb_pass(jb);
    }
}

struct view {
    const struct mc_jb_slot *head;
    uint32_t n_missing;
    int64_t position;
    int64_t age_us;    /* when it is played now */
    int64_t excess_us; /* age above the target */
    int64_t grain_us;  /* less than this can't be changed by passing: one packet, or the player's tick when that is longer */
};

static struct view look(struct mc_jb *jb, uint64_t play_us) {
    struct view v;
    skip_void(jb);
    v.n_missing = missing(jb, &v.head);
    v.position = v.head->at - (int64_t)v.n_missing * jb->step;
    v.age_us = (int64_t)play_us - mc_jb_us(jb, v.position) - mc_delay_base_us(&jb->delay);
    v.excess_us = v.age_us - jb->target_us;
    v.grain_us = mc_jb_us(jb, jb->step);
    v.grain_us = v.grain_us < jb->tick_us ? jb->tick_us : v.grain_us;
    return v;
}

/* The last held packet is never passed over: there would be nothing to play. */
static bool may_pass(const struct mc_jb *jb, const struct view *v) {
    return v->n_missing > 0 || n_sound(jb) > 1;
}

/* After a pause or an underrun: what should have been played long ago is passed over, the rest is caught up with by time scaling.
 * False = not yet. */
static bool resume(struct mc_jb *jb, struct view *v, uint64_t play_us) {
    while (may_pass(jb, v) && (v->excess_us >= v->grain_us + (v->n_missing > 0 ? 0 : RESUME_US) ||
                               v->age_us >= (int64_t)jb->max_us + v->grain_us)) {
        mc_jb_pass(jb);
        *v = look(jb, play_us);
    }
    return v->excess_us >= 0;
}

/* True when one more packet is to be passed over, so that the delay comes down to the target. */
static bool too_long(struct mc_jb *jb, const struct view *v, uint64_t now_us) {
    const bool far = v->excess_us >= v->grain_us + v->grain_us / 4; /* a quarter more, so that it does not come and go */
    if (!far) {
        jb->excess_us = 0;
    } else if (jb->excess_us == 0) {
        jb->excess_us = now_us;
    }
    if (v->excess_us < v->grain_us || !may_pass(jb, v)) {
        return false;
    }
    if (v->n_missing > 0 || v->age_us > (int64_t)jb->max_us + v->grain_us) {
        return true;
    }
    if (jb->excess_us != 0 && now_us - jb->excess_us >= EXCESS_US) {
        jb->excess_us += EXCESS_AGAIN_US;
        return true;
    }
    return false;
}

/* True when time scaling had its time to make the delay longer, and could not. */
static bool too_short(struct mc_jb *jb, const struct view *v, uint64_t now_us) {
    if (v->excess_us > -v->grain_us) {
        jb->short_us = 0;
        return false;
    }
    jb->short_us = jb->short_us == 0 ? now_us : jb->short_us;
    return now_us - jb->short_us >= SHORT_US;
}

/* What the source left out before it: neither played nor passed over. */
static uint32_t pause_before(const struct mc_jb *jb, const struct view *v) {
    const int64_t units = v->position - jb->play_at - (int64_t)jb->n_passed * jb->step;
    return jb->fresh ? MC_JB_UNKNOWN : units < 0 ? 0 : (uint32_t)units;
}

static void give(struct mc_jb *jb, const struct view *v, struct mc_jb_frame *out) {
    const bool here = v->n_missing == 0;
    out->what = here ? MC_JB_FRAME : MC_JB_LOST;
    if (v->n_missing <= 1) {
        out->payload = v->head->payload;
        out->len = v->head->len;
        out->pt = v->head->pt;
    }
    out->ts = v->head->ts - v->n_missing * jb->step;
    out->n_skipped = jb->n_passed;
    out->pause = pause_before(jb, v);
    jb->n_passed = 0;
    jb->fresh = false;
    if (here) {
        out->marker = v->head->marker;
        out->arrival_us = v->head->arrival_us;
        jb->lent = *mc_jb_entry(jb, jb->next_seq);
        *mc_jb_entry(jb, jb->next_seq) = MC_JB_NONE;
        jb->n_held--;
        jb->stats.n_played++;
    } else {
        jb->stats.n_lost++;
    }
    jb->played = true;
    jb->history = jb->history << 1 | here;
    jb->next_seq++;
    jb->play_at = v->position + jb->step;
}

static bool due(struct mc_jb *jb, uint64_t now_us, uint32_t ahead_us, struct view *v) {
    if (n_sound(jb) == 0) {
        return false;
    }
    *v = look(jb, now_us + ahead_us);
    if (!jb->idle && v->position - jb->play_at > (int64_t)jb->step / 2) {
        jb->idle = true; /* a pause in the stream, no loss */
    }
    mc_jb_aim(jb, v->age_us, ahead_us);
    *v = look(jb, now_us + ahead_us);
    if (jb->idle) {
        return resume(jb, v, now_us + ahead_us);
    }
    if (too_short(jb, v, now_us) && v->n_missing > 0) {
        return false; /* a step longer is wanted anyway, and the missing packet may come in it */
    }
    while (too_long(jb, v, now_us)) {
        mc_jb_pass(jb);
        *v = look(jb, now_us + ahead_us);
    }
    return true;
}

int mc_jb_get(struct mc_jb *jb, uint64_t now_us, uint32_t ahead_us, struct mc_jb_frame *out) {
    struct view v;
    mc_jb_take_back(jb);
    memset(out, 0, sizeof *out);
    out->what = MC_JB_EMPTY;
    out->step = jb->step;
    const bool is_due = due(jb, now_us, ahead_us, &v);
    if (is_due) {
        jb->idle = false;
        give(jb, &v, out);
        jb->age_us = (int32_t)(v.age_us < -AGE_MAX_US ? -AGE_MAX_US : v.age_us > AGE_MAX_US ? AGE_MAX_US : v.age_us);
        return MC_OK;
    }
    jb->age_us = jb->quiet_target_us = jb->target_us; /* nothing to scale */
    jb->idle = jb->idle || n_sound(jb) == 0;
    jb->stats.n_empty += jb->played;
    return MC_OK;
}

void mc_jb_stats(const struct mc_jb *jb, struct mc_jb_stats *out) {
    *out = jb->stats;
    out->target_ms = (uint32_t)(jb->target_us / 1000);
    out->depth_ms = 0;
    if (n_sound(jb) > 0) {
        const struct mc_jb_slot *head;
        uint32_t n = missing(jb, &head);
        int64_t units = jb->max_at - head->at + (int64_t)(n + 1) * jb->step;
        int64_t ms = units * 1000 / jb->clock;
        out->depth_ms = ms > 0 && ms < UINT32_MAX ? (uint32_t)ms : 0;
    }
}
