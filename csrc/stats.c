/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stats.h"

#include <math.h>

#define MAX_DROPOUT 3000 /* RFC 3550 appendix A.1: a gap that is still the same numbering */
#define MAX_MISORDER 100 /* RFC 3550 appendix A.1 */
#define SEQ_MOD (1u << 16)
#define NO_SEQ (SEQ_MOD + 1) /* no uint16_t is equal to it */
#define SEEN_BITS 64
#define TS_JUMP_S 10 /* transit moved by more: the source set its clock anew, that is no jitter */

void mc_rx_stats_init(struct mc_rx_stats *st, uint32_t clock) {
    *st = (struct mc_rx_stats){.clock = clock, .bad_seq = NO_SEQ};
}

static uint32_t arrival_units(const struct mc_rx_stats *st, uint64_t now_us) {
    return (uint32_t)(now_us / 1000000 * st->clock + now_us % 1000000 * st->clock / 1000000);
}

static void begin(struct mc_rx_stats *st, const struct mc_rtp *pkt, uint64_t now_us) {
    st->started = true;
    st->ssrc = pkt->ssrc;
    st->max_seq = pkt->seq;
    st->base_seq = pkt->seq;
    st->bad_seq = NO_SEQ;
    st->cycles = 0;
    st->seen = 1;
    st->n_received = 1;
    st->n_bytes += pkt->len;
    st->last_ts = pkt->ts;
    st->transit = arrival_units(st, now_us) - pkt->ts;
    st->jitter = 0;
    st->last_us = now_us;
}

/* A.8. A packet with the timestamp of the one before it (telephone-event, RFC 4733 section 2.5.1.2) says nothing about timing. */
static void update_jitter(struct mc_rx_stats *st, const struct mc_rtp *pkt, uint64_t now_us) {
    if (pkt->ts == st->last_ts) {
        return;
    }
    uint32_t transit = arrival_units(st, now_us) - pkt->ts;
    double d = fabs((double)(int32_t)(transit - st->transit));
    st->transit = transit;
    st->last_ts = pkt->ts;
    if (d < (double)TS_JUMP_S * st->clock) {
        st->jitter += (d - st->jitter) / 16;
    }
}

/* A far jump, or another source: true when it is the successor of the stray before it. Two sources that interleave never take
 * over from each other, because each packet of the present one forgets the stray. */
static bool believe(struct mc_rx_stats *st, const struct mc_rtp *pkt) {
    bool same = pkt->seq == st->bad_seq && pkt->ssrc == st->bad_ssrc;
    st->bad_seq = (pkt->seq + 1u) & (SEQ_MOD - 1);
    st->bad_ssrc = pkt->ssrc;
    return same;
}

static void advance(struct mc_rx_stats *st, uint16_t seq, uint16_t ahead) {
    if (seq < st->max_seq) {
        st->cycles += SEQ_MOD;
    }
    st->max_seq = seq;
    st->seen = ahead < SEEN_BITS ? st->seen << ahead | 1 : 1;
}

enum mc_seq_verdict mc_rx_stats_packet(struct mc_rx_stats *st, const struct mc_rtp *pkt, uint64_t now_us) {
    if (!st->started) {
        begin(st, pkt, now_us);
        return MC_SEQ_NEXT;
    }
    uint16_t ahead = (uint16_t)(pkt->seq - st->max_seq);
    uint16_t behind = (uint16_t)(st->max_seq - pkt->seq);
    if (pkt->ssrc != st->ssrc || (ahead >= MAX_DROPOUT && behind > MAX_MISORDER)) {
        if (!believe(st, pkt)) {
            return MC_SEQ_IGNORE;
        }
        begin(st, pkt, now_us);
        st->n_restart++;
        return MC_SEQ_RESTART;
    }
    st->bad_seq = NO_SEQ;
    st->n_received++;
    st->n_bytes += pkt->len;
    st->last_us = now_us;
    if (ahead > 0 && ahead < MAX_DROPOUT) {
        advance(st, pkt->seq, ahead);
        update_jitter(st, pkt, now_us);
        return ahead == 1 ? MC_SEQ_NEXT : MC_SEQ_GAP;
    }
    if (behind < SEEN_BITS) {
        uint64_t bit = UINT64_C(1) << behind;
        if (st->seen & bit) {
            st->n_dup++;
            return MC_SEQ_DUP;
        }
        st->seen |= bit;
    }
    st->n_reordered++;
    return MC_SEQ_OLD;
}

uint32_t mc_rx_stats_ext_seq(const struct mc_rx_stats *st, uint16_t seq) {
    return st->cycles + seq - (seq > st->max_seq ? SEQ_MOD : 0);
}

uint64_t mc_rx_stats_expected(const struct mc_rx_stats *st) {
    return st->started ? (uint64_t)st->cycles + st->max_seq - st->base_seq + 1 : 0;
}

int64_t mc_rx_stats_lost(const struct mc_rx_stats *st) {
    return (int64_t)mc_rx_stats_expected(st) - (int64_t)st->n_received;
}

double mc_rx_stats_jitter_ms(const struct mc_rx_stats *st) {
    return st->clock ? st->jitter * 1000 / st->clock : 0;
}
