/* SPDX-License-Identifier: GPL-3.0-or-later
 * Adaptive jitter buffer, sans-IO: a pure function of packets and times. Holds coded payloads in playout order; decoding and time
 * scaling (scale.h) are the caller's, when and by how much is decided here. One memory block. delay.h says how late packets are. */
#ifndef MC_JITTER_H
#define MC_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp.h"

struct mc_jb;

struct mc_jb_cfg {
    uint32_t clock;  /* RTP clock, Hz */
    uint32_t min_ms; /* bounds of the target delay; 2 ms less are not left for more */
    uint32_t max_ms;
    uint32_t capacity; /* packets; 0 = 128 */
    uint32_t tick_us;  /* the player asks so often; 0 = 20,000 */
    uint32_t price_us; /* delay that one percent fewer late packets is worth; 0 = 20,000 */
};

#define MC_JB_UNKNOWN UINT32_MAX

enum mc_jb_what {
    MC_JB_EMPTY, /* nothing due: before the first packet, in an underrun, or in a DTX pause: play comfort or conceal */
    MC_JB_FRAME, /* payload holds the next packet */
    MC_JB_LOST, /* the next packet is missing and its time has come; payload holds the one after it when it is here (FEC), else NULL */
};

struct mc_jb_frame {
    enum mc_jb_what what;
    const uint8_t *payload; /* valid until the next mc_jb_ call */
    size_t len;
    uint8_t pt;
    uint32_t ts;
    bool marker;
    uint64_t arrival_us; /* of FRAME's packet */
    uint32_t step;       /* RTP clock units of one packet: how much sound a LOST frame stands for */
    uint32_t n_skipped;  /* packets passed over just before this one, here or not: the sound jumps */
    uint32_t pause; /* RTP clock units before it in which the source sent nothing; MC_JB_UNKNOWN: the stream begins with it */
};

struct mc_jb_stats {
    uint64_t n_in;      /* packets taken */
    uint64_t n_played;  /* given out as FRAME */
    uint64_t n_lost;    /* passed over or given out as LOST: not here when their time came */
    uint64_t n_late;    /* refused: their time was over */
    uint64_t n_dup;     /* refused: here or played already */
    uint64_t n_dropped; /* taken and not played: to catch up, no room, or a restart */
    uint64_t n_stray;   /* refused: another source, or a sequence number far off */
    uint64_t n_empty;   /* EMPTY answers since the first FRAME */
    uint64_t n_restart; /* new source, numbering or clock */
    uint32_t target_ms; /* what it aims at */
    uint32_t depth_ms;  /* what it holds: newest timestamp held - next to play, plus one packet */
};

/* In the caller's memory, 8-aligned, of so many bytes (0 = the configuration is bad); only what is needed of it is touched. */
size_t mc_jb_size(const struct mc_jb_cfg *cfg);
struct mc_jb *mc_jb_init(void *memory, const struct mc_jb_cfg *cfg);
/* In memory of its own. NULL: no memory, or clock 0, min_ms > max_ms, or one of the others beyond all reason (max_ms 1,000, capacity
 * 4,096, tick_us 120,000, price_us 1,000,000). */
struct mc_jb *mc_jb_new(const struct mc_jb_cfg *cfg);
void mc_jb_free(struct mc_jb *jb);
/* Forgets the stream, not the counters. */
void mc_jb_reset(struct mc_jb *jb);
/* MC_OK, MC_E_LATE, MC_E_DUP, MC_E_SHORT (payload too long). A full buffer drops its oldest and counts it. A stray (other
 * source, or a sequence number far off) is MC_E_LATE; when its successor is the next packet, the buffer starts anew with it. */
int mc_jb_put(struct mc_jb *jb, const struct mc_rtp *pkt, uint64_t now_us);
/* A packet of the same source that carried no sound (telephone-event, RFC 4733; comfort noise): its sequence number is then not
 * taken for a loss. Not counted in n_in. */
void mc_jb_void(struct mc_jb *jb, const struct mc_rtp *pkt);
/* Asked when playout needs more, `ahead_us` of sound that it holds before what is given now; moves on by one packet for FRAME and
 * LOST. */
int mc_jb_get(struct mc_jb *jb, uint64_t now_us, uint32_t ahead_us, struct mc_jb_frame *out);
/* By how much the frame that was given last is to be shortened, microseconds, < 0: stretched. `quiet`: it is near silence, where
 * nobody hears that. What is done shows in the next ahead_us. */
int32_t mc_jb_scale_us(const struct mc_jb *jb, bool quiet);
void mc_jb_stats(const struct mc_jb *jb, struct mc_jb_stats *out);

#endif
