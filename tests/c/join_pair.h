/* SPDX-License-Identifier: GPL-3.0-or-later
 * Two legs in a bridge, in virtual time. */
#ifndef JOIN_PAIR_H
#define JOIN_PAIR_H

#include "bridge.h"
#include "join.h"

#define B_PHASE 7000u /* b ticks so much after a */

static mc_live live;

struct pair {
    struct end *a, *b;
    struct mc_bridge *bridge;
    struct sine sa, sb; /* what their peers say */
    uint64_t now;
    uint64_t n_said;
    uint8_t said[MC_RTP_MAX_PACKET]; /* a's newest payload */
    size_t said_len;
};

static struct pair pair_of(const struct mc_codec *ca, uint16_t pa, const struct mc_codec *cb, uint16_t pb,
                           const struct mc_bridge_cfg *how) {
    struct mc_bridge_cfg cfg = how != NULL ? *how : (struct mc_bridge_cfg){0};
    struct pair p = {.a = end_new(ca, 16000, pa, 1, &live), .b = end_new(cb, 16000, pb, 2, &live), .now = START};
    p.sa = (struct sine){.hz = 310, .level = 8000, .rate = ca->rate};
    p.sb = (struct sine){.hz = 470, .level = 6000, .rate = cb->rate};
    cfg.live = &live;
    CHECK_INT(0, mc_bridge_new(&p.bridge, p.a->leg, p.b->leg, &cfg), MC_OK);
    mc_leg_set_grid(p.a->leg, START + 1000);
    mc_leg_set_grid(p.b->leg, START + 1000 + B_PHASE);
    return p;
}

static void pair_free(struct pair *p) {
    if (p->bridge != NULL) {
        mc_bridge_free(p->bridge);
    }
    end_free(p->a);
    end_free(p->b);
    CHECK_INT(0, live, 0);
}

/* 20 ms: both peers say a packet (b's only when its packets are as long), both legs tick. */
static void step(struct pair *p, bool b_says) {
    int16_t pcm[MC_CODEC_MAX_PCM];
    size_t n = p->a->codec->rate / 50;
    sine_fill(&p->sa, pcm, n);
    p->said_len = end_say(p->a, pcm, n, p->now, p->said);
    if (b_says) {
        n = p->b->codec->rate / 50;
        sine_fill(&p->sb, pcm, n);
        end_say(p->b, pcm, n, p->now + 300, NULL);
    }
    mc_leg_on_tick(p->a->leg, p->now + 1000);
    mc_leg_on_tick(p->a->leg, p->now + 11000); /* of 10 ms packets the second */
    mc_leg_on_tick(p->b->leg, p->now + 1000 + B_PHASE);
    mc_leg_on_tick(p->b->leg, p->now + 11000 + B_PHASE);
    p->now += TICK;
    p->n_said++;
}

#endif
