/* SPDX-License-Identifier: GPL-3.0-or-later
 * Inside of the jitter buffer: jitter.c takes packets in, jitter_play.c gives frames out, jitter_scale.c says at what age.
 *
 *   next_seq          held packets, by sequence number              max_seq
 *      v                                                               v
 *   [ missing | missing | head | packet |         | packet | packet |  .  ]
 *     position = head's timestamp - 2 steps: when the first missing one would be played
 *     age      = when it is played - (position + base): what the fastest packet has waited then
 *
 * Playing goes on packet by packet, each made shorter or longer (jitter_scale.c) as the age is off the target. `idle` = nothing was
 * due: playing goes on by time.
 */
#ifndef MC_JITTER_INT_H
#define MC_JITTER_INT_H

#include "delay.h"
#include "jitter.h"

#define MC_JB_PAYLOAD (MC_RTP_MAX_PACKET - MC_RTP_HEADER)
#define MC_JB_NONE UINT16_MAX /* no slot */

struct mc_jb_slot {
    uint16_t len;
    uint8_t pt;
    bool marker;
    bool is_void; /* no sound in it: it only stands for its sequence number */
    uint32_t ts;
    int64_t at; /* timestamp, unwrapped */
    uint64_t arrival_us;
    uint8_t payload[MC_JB_PAYLOAD];
};

struct mc_jb {
    uint32_t clock;
    uint32_t min_us, max_us;
    uint32_t tick_us, price_us;
    uint32_t capacity; /* power of two */

    bool started; /* a packet came: the source is known */
    bool played;  /* one of it was played */
    bool idle;
    bool fresh; /* nothing was given since the stream began, or its clock did anew */
    uint32_t ssrc;
    uint16_t next_seq;
    uint16_t max_seq;
    uint64_t history; /* bit i: next_seq - 1 - i was played */
    uint32_t bad_seq; /* successor of a stray */
    uint32_t bad_ssrc;

    uint32_t last_ts;        /* of the newest packet, by arrival ... */
    int64_t last_at;         /* ... unwrapped ... */
    uint64_t last_us;        /* ... and when it came */
    int64_t max_at;          /* timestamp of max_seq */
    int64_t play_at;         /* end of what was played */
    uint32_t n_passed;       /* packets passed over since the last one that was given */
    uint32_t step;           /* RTP clock units of a packet */
    uint32_t next_step;      /* seen once */
    uint64_t excess_us;      /* since when the age is far above the target; 0 = it is not */
    uint64_t short_us;       /* and below it */
    int32_t target_us;       /* age that is aimed at ... */
    int32_t quiet_target_us; /* ... where a change is not heard */
    int32_t age_us;          /* of the frame that was given last, when it is played */

    struct mc_delay delay;
    struct mc_jb_stats stats;

    uint32_t n_held; /* voids included */
    uint32_t n_void;
    uint32_t n_free;
    uint16_t lent;   /* slot that the caller may be reading */
    uint16_t *index; /* sequence number -> slot */
    uint16_t *free;  /* stack: few slots are touched when few are needed, so little memory is resident */
    struct mc_jb_slot *slots;
};

/* The slot of a sequence number inside the window, MC_JB_NONE when it is not here. */
static inline uint16_t *mc_jb_entry(struct mc_jb *jb, uint16_t seq) {
    return &jb->index[seq & (jb->capacity - 1)];
}

static inline int64_t mc_jb_us(const struct mc_jb *jb, int64_t units) {
    return units * 1000000 / jb->clock;
}

/* Gives the slot that the caller was reading back to the free ones. */
void mc_jb_take_back(struct mc_jb *jb);
/* Moves on by one packet; a held one is dropped, a missing one is lost, a void one is neither. */
void mc_jb_pass(struct mc_jb *jb);

/* jitter_scale.c: chooses the age to aim at, when what comes next would be played at age_us, behind ahead_us of sound. */
void mc_jb_aim(struct mc_jb *jb, int64_t age_us, uint32_t ahead_us);

#endif
