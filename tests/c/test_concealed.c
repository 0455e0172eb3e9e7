/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a whole leg counts as concealed: packets that did not come in time for the human ear, and no pause in which the source sent
 * nothing (DTX), which the timestamps tell. In virtual time. */
#include "join.h"
#include "tap.h"

#define TALK 50 /* packets of 20 ms */
#define PAUSE 25
#define ROUNDS 20
#define IN_FLIGHT 64
#define PEER 0x1234

struct row {
    const struct mc_codec *codec;
    uint32_t jitter_us;
    uint32_t wake_us; /* the packets that end a pause come so late: a burst */
    size_t n_cut;     /* packets lost at the end of each talk, */
    size_t n_hole;    /* in its middle, */
    size_t n_early;   /* and at its beginning */
    size_t pause;     /* 0: the source talks on */
    double slack;     /* of a round, packets: how much more may be concealed */
};

struct sent {
    uint64_t at_us;
    size_t len;
    uint8_t buf[MC_RTP_MAX_PACKET];
};

struct line {
    struct end *end;
    struct mc_tap *tap;
    struct rng rng;
    struct sent flight[IN_FLIGHT];
    size_t n_flight;
    uint64_t now, before; /* no packet overtakes one that arrives then */
};

static void say(struct line *l, uint16_t seq, uint32_t k, uint32_t late_us, struct sine *sine) {
    const struct mc_codec *codec = l->end->codec;
    const struct mc_rtp head = {.pt = 96, .seq = seq, .ts = k * (codec->clock / 50), .ssrc = PEER};
    struct sent *s = &l->flight[l->n_flight];
    int16_t pcm[MC_CODEC_MAX_PCM];
    CHECK(l->n_flight < IN_FLIGHT);
    sine_fill(sine, pcm, codec->rate / 50);
    mc_rtp_build(s->buf, sizeof s->buf, &head);
    int len = codec->encode(l->end->enc, pcm, codec->rate / 50, s->buf + MC_RTP_HEADER, sizeof s->buf - MC_RTP_HEADER);
    CHECK(len > 0);
    s->len = MC_RTP_HEADER + (size_t)len;
    s->at_us = l->now + late_us;
    s->at_us = s->at_us < l->before ? l->before : s->at_us;
    l->before = s->at_us;
    l->n_flight++;
}

/* 20 ms pass. */
static void pass(struct line *l) {
    struct mc_event ev;
    struct mc_frame f;
    struct mc_tap_head block;
    static int16_t sides[2][MC_TAP_MAX], pcm[MC_CODEC_MAX_PCM + 8];
    size_t i = 0;
    l->now += TICK;
    for (; i < l->n_flight && l->flight[i].at_us <= l->now; i++) {
        mc_leg_on_packet(l->end->leg, l->flight[i].buf, l->flight[i].len, l->flight[i].at_us);
    }
    l->n_flight -= i;
    memmove(l->flight, l->flight + i, l->n_flight * sizeof *l->flight);
    mc_leg_on_tick(l->end->leg, l->now);
    while (mc_leg_pop_ear(l->end->leg, &f) == MC_OK) {
        mc_leg_take_ear(l->end->leg, pcm, f.n);
    }
    while (mc_leg_pop_event(l->end->leg, &ev) == MC_OK || mc_tap_take(l->tap, &block, sides[0], sides[1])) {
    }
    l->end->n_heard = 0;
}

static bool is_lost(const struct row *r, size_t round, size_t i) {
    return round > 0 && (i < r->n_early || i >= TALK - r->n_cut || (i >= TALK / 2 && i < TALK / 2 + r->n_hole));
}

/* Packets concealed. */
static uint64_t talk(const struct row *r) {
    struct line *l = calloc(1, sizeof *l);
    struct sine sine = {.hz = 310, .level = 8000, .rate = r->codec->rate};
    struct mc_leg_stats st;
    uint16_t seq = 7;
    uint32_t k = 0;
    l->end = end_new(r->codec, r->codec->rate, 20, 5, NULL);
    l->rng = rng_of(3);
    l->now = START;
    CHECK_INT(0, mc_tap_new(&l->tap, r->codec->rate, 0), MC_OK);
    mc_leg_set_tap(l->end->leg, l->tap);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < TALK; i++, k++, seq++) {
            const uint64_t wake_us = r->wake_us > i * TICK && round > 0 ? r->wake_us - i * TICK : 0;
            if (!is_lost(r, round, i)) {
                say(l, seq, k, (uint32_t)wake_us + rng_below(&l->rng, r->jitter_us + 1), &sine);
            }
            pass(l);
        }
        for (size_t i = 0; i < r->pause; i++, k++) {
            pass(l);
        }
    }
    say(l, seq, k, 0, &sine); /* judges the last gap */
    for (size_t i = 0; i < 10; i++) {
        pass(l);
    }
    mc_leg_stats(l->end->leg, &st);
    mc_leg_set_tap(l->end->leg, NULL);
    mc_tap_free(l->tap);
    end_free(l->end);
    free(l);
    return st.concealed;
}

static void run(const struct row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const double lost = (double)(rows[i].n_cut + rows[i].n_hole + rows[i].n_early) * (ROUNDS - 1);
        CHECK_BETWEEN(i, (double)talk(&rows[i]), 0.9 * lost, lost + rows[i].slack * ROUNDS);
    }
}

static void a_pause_is_not_concealed(void) {
    static const struct row rows[] = {
        {.codec = &mc_codec_pcma, .pause = PAUSE},
        {.codec = &mc_codec_opus, .pause = PAUSE},
        {.codec = &mc_codec_opus, .pause = 1},
        {.codec = &mc_codec_pcma, .pause = PAUSE, .jitter_us = 30000, .slack = 0.3},
        {.codec = &mc_codec_opus, .pause = PAUSE, .jitter_us = 30000, .slack = 0.3},
    };
    run(rows, COUNT(rows));
}

/* A pause that lasts longer for us than for the source has no more sound in it; what is dropped because it came too late had. */
static void nor_is_its_lengthening(void) {
    static const struct row rows[] = {
        {.codec = &mc_codec_pcma, .pause = PAUSE, .wake_us = 60000},
        {.codec = &mc_codec_opus, .pause = PAUSE, .wake_us = 60000},
    };
    run(rows, COUNT(rows));
}

static void what_is_lost_around_a_pause_is(void) {
    static const struct row rows[] = {
        {.codec = &mc_codec_pcma, .pause = PAUSE, .n_cut = 3},   {.codec = &mc_codec_opus, .pause = PAUSE, .n_cut = 3},
        {.codec = &mc_codec_pcma, .pause = PAUSE, .n_early = 2}, {.codec = &mc_codec_opus, .pause = PAUSE, .n_early = 2},
        {.codec = &mc_codec_pcma, .pause = PAUSE, .n_hole = 4},  {.codec = &mc_codec_opus, .pause = PAUSE, .n_hole = 4},
    };
    run(rows, COUNT(rows));
}

/* Without a pause all that an empty buffer makes up counts. */
static void a_hole_in_talk_is(void) {
    static const struct row rows[] = {
        {.codec = &mc_codec_pcma, .n_hole = 10},
        {.codec = &mc_codec_opus, .n_hole = 10},
    };
    run(rows, COUNT(rows));
}

int main(void) {
    RUN(a_pause_is_not_concealed);
    RUN(nor_is_its_lengthening);
    RUN(what_is_lost_around_a_pause_is);
    RUN(a_hole_in_talk_is);
    return check_done();
}
