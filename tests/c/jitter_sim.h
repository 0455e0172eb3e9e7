/* SPDX-License-Identifier: GPL-3.0-or-later
 * A line in virtual time: a source, a network with a seed, and a player that asks the jitter buffer when its next tick lacks sound. It
 * scales time as speech would let it: half of what is asked, two frames of three. */
#ifndef JITTER_SIM_H
#define JITTER_SIM_H

#include <math.h>

#include "check.h"
#include "err.h"
#include "jitter.h"

#define SIM_MAX 360000   /* packets: two hours of 20 ms */
#define SIM_NET_US 30000 /* what the network always takes */

struct sim_packet {
    uint16_t seq;
    uint32_t ts;
    uint64_t sent_us;
    uint64_t arrival_us;
    uint32_t id; /* written into the payload: which packet it really is */
    bool marker;
};

struct sim_net {
    double loss;        /* 0 ... 1 */
    uint32_t jitter_us; /* each packet by itself, evenly between 0 and this: packets overtake each other */
    double dup;         /* share that comes twice */
    bool quiet;         /* the player finds every frame quiet */
    bool stiff;         /* it can scale nothing */
    double drift;       /* source's clock against ours: 1e-3 = 1,000 ppm fast */
    uint32_t spike_from_ms, spike_to_ms, spike_us; /* packets sent in that time are held up by so much ... */
    bool spike_burst;                              /* ... or: none passes until its end, then all at once */
};

struct sim {
    struct sim_packet *packets; /* sorted by arrival */
    size_t n;
    uint32_t clock, ptime_ms;
    double speed; /* of the source's clock */
    bool quiet, stiff;
    size_t n_lost; /* by the network */
};

static int sim_by_arrival(const void *a, const void *b) {
    const struct sim_packet *x = a;
    const struct sim_packet *y = b;
    return x->arrival_us != y->arrival_us ? (x->arrival_us < y->arrival_us ? -1 : 1) : (int)x->id - (int)y->id;
}

/* n packets of talk without a pause. */
__attribute__((unused)) static struct sim sim_make(struct rng *r, uint32_t clock, uint32_t ptime_ms, size_t n,
                                                   struct sim_net net) {
    struct sim s = {malloc((2 * n + 1) * sizeof *s.packets), 0, clock, ptime_ms, 1 + net.drift, net.quiet, net.stiff, 0};
    uint16_t seq = (uint16_t)rng_next(r);
    uint32_t ts = rng_next(r);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t sent = 1000000 + (uint64_t)(i * (ptime_ms * 1000.0) / s.speed);
        uint64_t arrival = sent + SIM_NET_US + rng_below(r, net.jitter_us + 1);
        uint64_t ms = i * (uint64_t)ptime_ms;
        if (ms >= net.spike_from_ms && ms < net.spike_to_ms) {
            arrival = net.spike_burst ? 1000000 + net.spike_to_ms * UINT64_C(1000) + SIM_NET_US + i % 7
                                      : arrival + net.spike_us;
        }
        struct sim_packet p = {(uint16_t)(seq + i), ts + i * (clock / 1000 * ptime_ms), sent, arrival, i, i == 0};
        if (rng_unit(r) < net.loss) {
            s.n_lost++;
            continue;
        }
        s.packets[s.n++] = p;
        if (rng_unit(r) < net.dup) {
            p.arrival_us += rng_below(r, 50000);
            s.packets[s.n++] = p;
        }
    }
    qsort(s.packets, s.n, sizeof *s.packets, sim_by_arrival);
    return s;
}

struct sim_result {
    size_t n_frames, n_skipped;
    uint64_t concealed_us;      /* made up or cut */
    uint64_t scaled_us;         /* added and taken away by time scaling */
    uint32_t added_ms[SIM_MAX]; /* of each frame: between the network's least and playing */
    uint64_t played_us[SIM_MAX];
    struct mc_jb_stats stats;
};

__attribute__((unused)) static int sim_put(struct mc_jb *jb, const struct sim_packet *p, uint64_t now_us) {
    struct mc_rtp pkt = {.marker = p->marker, .seq = p->seq, .ts = p->ts, .ssrc = 42};
    pkt.payload = (const uint8_t *)&p->id;
    pkt.len = sizeof p->id;
    return mc_jb_put(jb, &pkt, now_us);
}

struct sim_player {
    const struct sim *s;
    struct mc_jb *jb;
    struct sim_result *out;
    struct rng rng;
    int seed;
    int64_t last_id; /* played */
    int64_t max_id;  /* arrived */
    uint64_t tick_us, store_us;
    uint64_t end_us; /* of the last packet's sound */
};

/* What is taken out of a frame, < 0: put in. */
static int64_t sim_scale(struct sim_player *p, int64_t frame_us) {
    const int64_t most_us = p->s->quiet ? frame_us * 3 / 4 : frame_us / 2;
    int64_t us = mc_jb_scale_us(p->jb, p->s->quiet);
    if (p->s->stiff || (!p->s->quiet && (rng_below(&p->rng, 3) == 0 || (us < 2500 && us > -2500)))) {
        return 0;
    }
    us = us > most_us ? most_us : us < -most_us ? -most_us : us;
    p->out->scaled_us += (uint64_t)(us < 0 ? -us : us);
    return us;
}

static void sim_pull(struct sim_player *p, uint64_t now) {
    const int64_t frame_us = p->s->ptime_ms * INT64_C(1000);
    struct sim_result *out = p->out;
    struct mc_jb_frame f;
    struct mc_jb_stats st;
    CHECK_INT(p->seed, mc_jb_get(p->jb, now, (uint32_t)p->store_us, &f), MC_OK);
    out->n_skipped += f.n_skipped;
    if (f.what != MC_JB_FRAME) {
        const uint64_t us = f.what == MC_JB_LOST ? (uint64_t)frame_us : p->tick_us - p->store_us;
        p->store_us += us;
        return;
    }
    uint32_t id;
    CHECK_INT(p->seed, f.len, sizeof id);
    memcpy(&id, f.payload, sizeof id);
    CHECK(id > p->last_id); /* in order, none twice */
    if (p->last_id >= 0) {  /* what was made up stands for what is missing */
        const uint64_t missing_us = (uint64_t)(id - p->last_id - 1) * (uint64_t)frame_us;
        const uint64_t made_up_us = now + p->store_us - p->end_us;
        out->concealed_us += missing_us > made_up_us ? missing_us : made_up_us;
    }
    p->last_id = id;
    mc_jb_stats(p->jb, &st);
    if (f.step == p->s->clock / 1000 * p->s->ptime_ms) { /* it knows the packet time by now: reported = measured */
        CHECK_INT(p->seed, st.depth_ms, (p->max_id - p->last_id) * p->s->ptime_ms);
    }
    uint64_t sent = 1000000 + (uint64_t)((double)(id * (uint64_t)frame_us) / p->s->speed);
    out->played_us[out->n_frames] = now + p->store_us;
    out->added_ms[out->n_frames++] = (uint32_t)((now + p->store_us - sent - SIM_NET_US) / 1000);
    p->store_us += (uint64_t)(frame_us - sim_scale(p, frame_us));
    p->end_us = now + p->store_us;
}

/* Plays all of it at ticks of tick_ms; what must hold for any line is checked on the way. */
__attribute__((unused)) static void sim_run(const struct sim *s, struct mc_jb *jb, uint32_t tick_ms, uint64_t tick_offset_us,
                                            int seed, struct sim_result *out) {
    struct sim_player p = {
        .s = s, .jb = jb, .out = out, .rng = rng_of(3), .seed = seed, .last_id = -1, .max_id = -1, .tick_us = tick_ms * 1000};
    const uint64_t end_us = s->packets[s->n - 1].arrival_us + 1000000;
    size_t next = 0;
    memset(out, 0, sizeof *out);
    for (uint64_t now = 1000000 + tick_offset_us; now < end_us; now += p.tick_us) {
        for (; next < s->n && s->packets[next].arrival_us <= now; next++) {
            int rc = sim_put(jb, &s->packets[next], s->packets[next].arrival_us);
            CHECK(rc == MC_OK || rc == MC_E_LATE || rc == MC_E_DUP);
            p.max_id = s->packets[next].id > p.max_id ? s->packets[next].id : p.max_id;
        }
        while (p.store_us < p.tick_us) {
            sim_pull(&p, now);
        }
        p.store_us -= p.tick_us;
    }
    mc_jb_stats(jb, &out->stats);
    CHECK_INT(seed, out->stats.n_in + out->stats.n_late + out->stats.n_dup + out->stats.n_stray, s->n);
    CHECK_INT(seed, out->stats.n_played, out->n_frames);
    CHECK_INT(seed, out->stats.n_in, out->stats.n_played + out->stats.n_dropped);
}

static int sim_u32_order(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The q-th part of n values, which are sorted by this. */
__attribute__((unused)) static uint32_t sim_quantile(uint32_t *v, size_t n, double q) {
    qsort(v, n, sizeof *v, sim_u32_order);
    return n ? v[(size_t)(q * (double)(n - 1))] : 0;
}

#endif
