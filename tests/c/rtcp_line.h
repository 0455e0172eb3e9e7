/* SPDX-License-Identifier: GPL-3.0-or-later
 * Two RTCP sessions in virtual time, each with an RTP stream of 20 ms packets at 8 kHz, and a line between them. */
#ifndef RTCP_LINE_H
#define RTCP_LINE_H

#include "check.h"
#include "err.h"
#include "rtcp_session.h"

#define SECOND UINT64_C(1000000)
#define TICK 20000u
#define CLOCK 8000u
#define BPS 40000u
#define FLYING 32

struct side {
    struct mc_rtcp_session s;
    struct mc_rx_stats rx;
    uint32_t ssrc, n_packets;
    uint16_t seq;
    bool sends;
    uint64_t n_reports, first_us, last_us;
    uint8_t last[MC_RTCP_MAX_BUILT];
    size_t last_len;
    /* RTCP under way to the other side */
    struct {
        uint64_t at_us;
        uint8_t bytes[MC_RTCP_MAX_BUILT];
        size_t len;
    } flying[FLYING];
    unsigned n_flying, n_landed;
};

struct line {
    struct side a, b;
    uint64_t now_us, delay_us; /* one way */
    unsigned lose_every;       /* of a's RTP, each n-th; 0 = none */
};

static void init_side(struct side *x, uint64_t seed, int64_t wall_us, uint64_t now_us) {
    struct mc_rtcp_session_cfg cfg = {.seed = seed, .wall_us = wall_us, .session_bps = BPS};
    memset(x, 0, sizeof *x);
    mc_rtcp_session_init(&x->s, &cfg, now_us);
    mc_rx_stats_init(&x->rx, CLOCK);
    x->ssrc = 0x1000 + (uint32_t)seed;
    x->seq = (uint16_t)(65000 + seed);
    x->sends = true;
    mc_rtcp_session_ssrc(&x->s, x->ssrc, CLOCK);
}

static struct line *line_of(uint64_t seed, uint64_t delay_us) {
    struct line *l = calloc(1, sizeof *l);
    l->now_us = 1000 * SECOND;
    l->delay_us = delay_us;
    init_side(&l->a, 2 * seed + 1, 1700000000 * (int64_t)SECOND, l->now_us);
    init_side(&l->b, 2 * seed + 2, 1800000000 * (int64_t)SECOND + 123456, l->now_us); /* no clock is like the other */
    return l;
}

static struct mc_rtcp_ours ours_of(const struct side *x) {
    return (struct mc_rtcp_ours){.ssrc = x->ssrc,
                                 .clock = CLOCK,
                                 .rtp_ts = x->n_packets * 160,
                                 .n_packets = x->n_packets,
                                 .n_octets = x->n_packets * 160,
                                 .rx = &x->rx};
}

static void take_off(struct line *l, struct side *x, const uint8_t *buf, int n) {
    unsigned i = x->n_flying++ % FLYING;
    x->n_reports++;
    x->first_us = x->first_us != 0 ? x->first_us : l->now_us;
    x->last_us = l->now_us;
    memcpy(x->last, buf, (size_t)n);
    x->last_len = (size_t)n;
    x->flying[i].at_us = l->now_us + l->delay_us;
    memcpy(x->flying[i].bytes, buf, (size_t)n);
    x->flying[i].len = (size_t)n;
}

static void speak(struct line *l, struct side *x, struct side *other, bool lossy) {
    uint8_t buf[MC_RTCP_MAX_BUILT];
    if (x->sends) {
        struct mc_rtp p = {.ssrc = x->ssrc, .seq = x->seq++, .ts = x->n_packets * 160, .len = 160};
        x->n_packets++;
        if (!lossy || l->lose_every == 0 || x->n_packets % l->lose_every != 0) {
            mc_rx_stats_packet(&other->rx, &p, l->now_us + l->delay_us);
        }
    }
    struct mc_rtcp_ours ours = ours_of(x);
    int n = mc_rtcp_session_poll(&x->s, &ours, buf, sizeof buf, l->now_us);
    CHECK(n >= 0);
    if (n > 0) {
        take_off(l, x, buf, n);
    }
}

static void land(struct line *l, struct side *from, struct side *to) {
    while (from->n_landed < from->n_flying && from->flying[from->n_landed % FLYING].at_us <= l->now_us) {
        unsigned i = from->n_landed++ % FLYING;
        CHECK_INT(from->n_landed,
                  mc_rtcp_session_packet(&to->s, from->flying[i].bytes, from->flying[i].len, from->flying[i].at_us), MC_OK);
    }
}

static void run(struct line *l, double seconds) {
    uint64_t end = l->now_us + (uint64_t)(seconds * 1e6);
    for (; l->now_us < end; l->now_us += TICK) {
        land(l, &l->a, &l->b);
        land(l, &l->b, &l->a);
        speak(l, &l->a, &l->b, true);
        speak(l, &l->b, &l->a, false);
    }
}

#endif
