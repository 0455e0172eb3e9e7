/* SPDX-License-Identifier: GPL-3.0-or-later
 * Adaptive jitter buffer, sans-IO: a pure function of packets and times. Holds coded payloads in playout order; decoding is
 * the caller's. One memory block, taken by mc_jb_new. */
#ifndef MC_JITTER_H
#define MC_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp.h"

struct mc_jb;

struct mc_jb_cfg {
    uint32_t clock;    /* RTP clock, Hz */
    uint32_t min_ms;   /* bounds of the target delay */
    uint32_t max_ms;
    uint32_t capacity; /* packets; 0 = 128 */
};

enum mc_jb_what {
    MC_JB_EMPTY,   /* nothing due: before the first packet, in an underrun, or in a DTX pause: play comfort or conceal */
    MC_JB_FRAME,   /* payload holds the next packet */
    MC_JB_LOST,    /* the next packet is missing and its time has come; payload holds the one after it when it is here (FEC), else NULL */
};

struct mc_jb_frame {
    enum mc_jb_what what;
    const uint8_t *payload; /* valid until the next mc_jb_ call */
    size_t len;
    uint8_t pt;
    uint32_t ts;
    bool marker;
    uint64_t arrival_us; /* of FRAME's packet */
};

struct mc_jb_stats {
    uint64_t n_in, n_played, n_lost, n_late, n_dup, n_dropped, n_empty, n_restart;
    uint32_t target_ms; /* what it aims at */
    uint32_t depth_ms;  /* what it holds: newest timestamp held - next to play, plus one packet */
};

struct mc_jb *mc_jb_new(const struct mc_jb_cfg *cfg);
void mc_jb_free(struct mc_jb *jb);
void mc_jb_reset(struct mc_jb *jb);
/* MC_OK, MC_E_LATE, MC_E_DUP, MC_E_SHORT (payload too long). A full buffer drops its oldest and counts it. */
int mc_jb_put(struct mc_jb *jb, const struct mc_rtp *pkt, uint64_t now_us);
/* Asked once for each packet time that playout needs; moves on by one packet for FRAME and LOST. */
int mc_jb_get(struct mc_jb *jb, uint64_t now_us, struct mc_jb_frame *out);
void mc_jb_stats(const struct mc_jb *jb, struct mc_jb_stats *out);

#endif
