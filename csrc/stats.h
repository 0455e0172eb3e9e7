/* SPDX-License-Identifier: GPL-3.0-or-later
 * Receiver statistics of one RTP source: extended sequence number and validity (RFC 3550 appendix A.1), loss (A.3),
 * interarrival jitter (A.8). Time is a parameter. */
#ifndef MC_STATS_H
#define MC_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "rtp.h"

struct mc_rx_stats {
    bool started;
    uint32_t ssrc;
    uint32_t clock;      /* RTP clock, Hz */
    uint16_t max_seq;    /* highest sequence number seen */
    uint32_t cycles;     /* wraps of it, << 16 */
    uint32_t base_seq;   /* first one */
    uint32_t bad_seq;    /* A.1: last one + 1 that made a large jump or came from another source */
    uint32_t bad_ssrc;   /* its source */
    uint64_t seen;       /* bit i: max_seq - i was here */
    uint64_t n_received; /* of this source, since its start or restart */
    uint64_t n_bytes;    /* payload bytes */
    uint64_t n_late;     /* counted by the ears, not here */
    uint64_t n_dup;
    uint64_t n_reordered;
    uint64_t n_restart; /* sequence restarts and SSRC changes */
    uint32_t last_ts;
    uint32_t transit; /* A.8, RTP clock units */
    double jitter;    /* A.8, RTP clock units */
    uint64_t last_us; /* arrival of the newest packet */
};

enum mc_seq_verdict {
    MC_SEQ_NEXT,    /* the one after the highest, or the first of all */
    MC_SEQ_GAP,     /* ahead of it: some are missing */
    MC_SEQ_OLD,     /* behind it, not seen before (or too far behind to know) */
    MC_SEQ_DUP,     /* seen before */
    MC_SEQ_RESTART, /* a new source or numbering begins here: everything that was learnt about the old one is void */
    MC_SEQ_IGNORE,  /* a stray: far jump or other source, believed only when its successor comes next */
};

void mc_rx_stats_init(struct mc_rx_stats *st, uint32_t clock);
/* Accounts for one parsed packet; says how its sequence number relates to what came before. */
enum mc_seq_verdict mc_rx_stats_packet(struct mc_rx_stats *st, const struct mc_rtp *pkt, uint64_t now_us);
/* Sequence number extended by its wraps, for a packet that mc_rx_stats_packet just took. */
uint32_t mc_rx_stats_ext_seq(const struct mc_rx_stats *st, uint16_t seq);
uint64_t mc_rx_stats_expected(const struct mc_rx_stats *st);
int64_t mc_rx_stats_lost(const struct mc_rx_stats *st); /* may be negative: duplicates (A.3) */
double mc_rx_stats_jitter_ms(const struct mc_rx_stats *st);

#endif
