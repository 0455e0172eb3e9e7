/* SPDX-License-Identifier: GPL-3.0-or-later
 * A third party at a leg, in virtual time: who hears whom, to the packet; that it costs the call nothing; and no click. */
#include "listen.h"

#include "join_pair.h"
#include "mix.h"
#include "rng.h"

#define WHISPER_HZ 730

struct desk {
    struct pair pair;
    struct end *s; /* the listener's */
    struct mc_listen *listen;
    struct sine says;
};

static struct desk desk_of(const struct mc_codec *ca, const struct mc_codec *cb, const struct mc_codec *cs, uint32_t rate) {
    struct desk d = {.pair = pair_of(ca, 20, cb, 20, NULL), .s = end_new(cs, rate, 20, 3, &live)};
    d.says = (struct sine){.hz = WHISPER_HZ, .level = 4000, .rate = cs->rate};
    mc_leg_set_grid(d.s->leg, START + 13000);
    return d;
}

static void attach(struct desk *d, struct mc_leg *target, bool peer, bool other) {
    struct mc_listen_cfg cfg = {.peer = peer, .other = other};
    if (d->listen == NULL) {
        CHECK_INT(0, mc_listen_new(&d->listen, d->s->leg, target, &cfg, &live), MC_OK);
    } else {
        CHECK_INT(0, mc_listen_set(d->listen, &cfg), MC_OK);
    }
}

static void detach(struct desk *d) {
    mc_listen_free(d->listen);
    d->listen = NULL;
}

static void steps(struct desk *d, int n, bool says) {
    int16_t pcm[MC_CODEC_MAX_PCM];
    size_t k = d->s->codec->rate / 50;
    while (n-- > 0) {
        memset(pcm, 0, k * sizeof *pcm);
        if (says) {
            sine_fill(&d->says, pcm, k);
        }
        end_say(d->s, pcm, k, d->pair.now + 500, NULL);
        mc_leg_on_tick(d->s->leg, d->pair.now + 13000);
        step(&d->pair, true);
    }
}

static void desk_free(struct desk *d) {
    if (d->listen != NULL) {
        detach(d);
    }
    end_free(d->s);
    pair_free(&d->pair);
}

/* How loud it is in the last half second that this end's peer heard. */
static double hears(const struct end *e, double hz) {
    size_t n = e->codec->rate / 2;
    return e->n_heard < n ? -1 : part_of(e->heard + e->n_heard - n, n, hz, e->codec->rate);
}

static uint64_t relayed(struct desk *d) {
    struct mc_bridge_way one, two;
    mc_bridge_stats(d->pair.bridge, d->pair.a->leg, &one);
    mc_bridge_stats(d->pair.bridge, d->pair.b->leg, &two);
    return one.relayed + two.relayed;
}

static void both_sides_are_heard_and_the_packets_go_on(void) {
    const struct mc_codec *codecs[] = {&mc_codec_pcmu, &mc_codec_l16_16k, &mc_codec_g722, &mc_codec_opus};
    for (size_t i = 0; i < COUNT(codecs); i++) {
        struct desk d = desk_of(codecs[i], codecs[i], &mc_codec_l16_8k, i % 2 ? 16000 : 8000);
        struct pair *p = &d.pair;
        steps(&d, 50, true);
        attach(&d, p->a->leg, false, false);
        for (int k = 0; k < 100; k++) {
            steps(&d, 1, true);
            CHECK_INT(i, p->b->rtp.len, p->said_len);
            CHECK_INT(i, memcmp(p->b->rtp.payload, p->said, p->said_len), 0);
        }
        CHECK_INT(i, relayed(&d), 300);
        CHECK_BETWEEN(i, hears(d.s, 310), 7200, 8600);
        CHECK_BETWEEN(i, hears(d.s, 470), 5400, 6500);
        CHECK_BETWEEN(i, hears(d.s, WHISPER_HZ), 0, 60);
        CHECK_BETWEEN(i, hears(p->a, WHISPER_HZ) + hears(p->b, WHISPER_HZ), 0, 60);
        detach(&d);
        steps(&d, 60, true);
        CHECK_INT(i, relayed(&d), 420);
        CHECK_BETWEEN(i, hears(d.s, 310) + hears(d.s, 470), 0, 20);
        CHECK_INT(i, p->a->jumps + p->b->jumps + d.s->jumps, 0);
        desk_free(&d);
    }
}

struct row {
    bool peer, other;
    double a, b; /* how loud they hear the listener */
};

static const struct row rows[] = {
    {true, false, 4000, 0}, {false, true, 0, 4000}, {true, true, 4000, 4000}, {false, false, 0, 0}};

static void who_is_meant_hears_it_and_nobody_else(void) {
    const struct mc_codec *codecs[][2] = {{&mc_codec_pcmu, &mc_codec_pcmu}, {&mc_codec_l16_16k, &mc_codec_opus}};
    for (size_t i = 0; i < COUNT(codecs); i++) {
        struct desk d = desk_of(codecs[i][0], codecs[i][1], &mc_codec_pcma, 16000);
        struct pair *p = &d.pair;
        steps(&d, 50, true);
        for (size_t k = 0; k < COUNT(rows); k++) {
            int64_t row = (int64_t)(i * 10 + k);
            attach(&d, p->a->leg, rows[k].peer, rows[k].other);
            steps(&d, 60, true);
            CHECK_BETWEEN(row, hears(p->a, WHISPER_HZ), rows[k].a * 0.85 - 1, rows[k].a * 1.15 + 60);
            CHECK_BETWEEN(row, hears(p->b, WHISPER_HZ), rows[k].b * 0.85 - 1, rows[k].b * 1.15 + 60);
            CHECK_BETWEEN(row, hears(p->a, 470), 5200, 6600);
            CHECK_BETWEEN(row, hears(p->b, 310), 7000, 8800);
            CHECK_BETWEEN(row, hears(d.s, 310), 7000, 8800);
            CHECK_BETWEEN(row, hears(d.s, 470), 5200, 6600);
            CHECK_BETWEEN(row, hears(d.s, WHISPER_HZ), 0, 120);
        }
        CHECK_INT((int64_t)i, p->a->jumps + p->b->jumps, 0);
        desk_free(&d);
    }
}

/* Nothing that begins or ends here is a step in anybody's sound: attached, speaking, turned from one to the other, gone. */
static void nothing_clicks(void) {
    for (int silent = 0; silent < 2; silent++) { /* in silence a click has nothing to hide behind */
        struct desk d = desk_of(&mc_codec_l16_16k, &mc_codec_l16_16k, &mc_codec_l16_16k, 16000);
        struct pair *p = &d.pair;
        p->sa.level = silent ? 0 : 6000;
        p->sb.level = silent ? 0 : 5000;
        steps(&d, 20, false);
        size_t from = p->a->n_heard, begins = d.s->n_heard;
        for (size_t k = 0; k < 3 * COUNT(rows); k++) {
            attach(&d, p->b->leg, rows[k % COUNT(rows)].peer, rows[k % COUNT(rows)].other);
            steps(&d, 17, k % 3 != 1);
        }
        steps(&d, 10, false);
        detach(&d);
        steps(&d, 20, true);
        double bend = bend_of(&p->sa) + bend_of(&p->sb) + bend_of(&d.says);
        CHECK_BETWEEN(silent, sharpest(p->a->heard + from, p->a->n_heard - from), silent ? 1 : 0, 2 * bend);
        CHECK_BETWEEN(silent, sharpest(p->b->heard + from, p->b->n_heard - from), silent ? 1 : 0, 2 * bend);
        CHECK_BETWEEN(silent, sharpest(d.s->heard + begins, d.s->n_heard - begins), 0, 2 * bend);
        desk_free(&d);
    }
}

/* An engine at the other end: what it says is heard, and it hears who joins. */
static void an_engine_is_heard_and_hears(void) {
    struct desk d = desk_of(&mc_codec_l16_16k, &mc_codec_l16_16k, &mc_codec_l16_16k, 16000);
    struct mc_leg *leg = d.pair.a->leg;
    static int16_t ear[16000 * 4], bot[320];
    struct sine speech = {.hz = 1130, .level = 5000, .rate = 16000};
    mc_bridge_free(d.pair.bridge);
    d.pair.bridge = NULL;
    for (size_t k = 0; k < COUNT(rows); k++) {
        size_t n_ear = 0;
        attach(&d, leg, rows[k].peer, rows[k].other);
        for (int i = 0; i < 60; i++) {
            struct mc_frame frame;
            sine_fill(&speech, bot, COUNT(bot));
            mc_leg_write(leg, bot, COUNT(bot));
            steps(&d, 1, true);
            while (mc_leg_pop_ear(leg, &frame) == MC_OK) {
                mc_leg_take_ear(leg, ear + n_ear, frame.n);
                n_ear += frame.n;
            }
        }
        int64_t row = (int64_t)k;
        CHECK_BETWEEN(row, n_ear, 18000, 20000);
        CHECK_BETWEEN(row, part_of(ear + n_ear - 8000, 8000, WHISPER_HZ, 16000), rows[k].b * 0.85 - 1, rows[k].b * 1.15 + 60);
        CHECK_BETWEEN(row, part_of(ear + n_ear - 8000, 8000, 310, 16000), 7000, 8800);
        CHECK_BETWEEN(row, hears(d.pair.a, WHISPER_HZ), rows[k].a * 0.85 - 1, rows[k].a * 1.15 + 60);
        CHECK_BETWEEN(row, hears(d.pair.a, 1130), 4400, 5600);
        CHECK_BETWEEN(row, hears(d.s, 310), 7000, 8800);
        CHECK_BETWEEN(row, hears(d.s, 1130), 4400, 5600);
    }
    desk_free(&d);
}

/* In a room the other side is everybody. */
static void a_room_is_heard_and_hears(void) {
    struct desk d = desk_of(&mc_codec_l16_16k, &mc_codec_l16_16k, &mc_codec_l16_16k, 16000);
    struct mc_party_cfg cfg = {.gain = MC_MIX_UNITY};
    struct mc_party *party;
    struct mc_mix *mix;
    mc_bridge_free(d.pair.bridge);
    d.pair.bridge = NULL;
    CHECK_INT(0, mc_mix_new(&mix, 16000, &live), MC_OK);
    CHECK_INT(0, mc_mix_add(mix, &party, d.pair.a->leg, &cfg), MC_OK);
    CHECK_INT(0, mc_mix_add(mix, &party, d.pair.b->leg, &cfg), MC_OK);
    for (size_t k = 0; k < COUNT(rows); k++) {
        attach(&d, d.pair.a->leg, rows[k].peer, rows[k].other);
        steps(&d, 60, true);
        CHECK_BETWEEN((int64_t)k, hears(d.pair.a, WHISPER_HZ), rows[k].a * 0.85 - 1, rows[k].a * 1.15 + 60);
        CHECK_BETWEEN((int64_t)k, hears(d.pair.b, WHISPER_HZ), rows[k].b * 0.85 - 1, rows[k].b * 1.15 + 60);
        CHECK_BETWEEN((int64_t)k, hears(d.s, 310), 7000, 8800);
        CHECK_BETWEEN((int64_t)k, hears(d.s, 470), 5200, 6600);
    }
    mc_mix_free(mix);
    desk_free(&d);
}

/* A leg that is listened to may be stopped, started again and taken away; its packets may be of any length. */
static void the_call_may_change_under_it(void) {
    struct desk d = desk_of(&mc_codec_pcmu, &mc_codec_pcmu, &mc_codec_pcmu, 16000);
    struct mc_leg_params params;
    attach(&d, d.pair.a->leg, true, true);
    steps(&d, 30, true);
    end_params(d.pair.a, &params, 60);
    end_start(d.pair.a, &params, d.pair.now);
    steps(&d, 60, true);
    CHECK_BETWEEN(0, hears(d.s, 470), 5200, 6600);
    mc_path_free(mc_leg_stop(d.pair.a->leg, d.pair.now));
    steps(&d, 60, true);
    CHECK_BETWEEN(0, hears(d.s, 470), 0, 20);
    end_params(d.pair.a, &params, 20);
    end_start(d.pair.a, &params, d.pair.now);
    mc_leg_set_grid(d.pair.a->leg, d.pair.now + 1000);
    steps(&d, 120, true); /* what waited meanwhile is left out after a second */
    CHECK_BETWEEN(0, hears(d.s, 470), 5200, 6600);
    CHECK_BETWEEN(0, hears(d.pair.a, WHISPER_HZ), 3400, 4600);
    desk_free(&d);
}

static void two_may_listen(void) {
    struct desk d = desk_of(&mc_codec_l16_16k, &mc_codec_l16_16k, &mc_codec_l16_16k, 16000);
    struct end *second = end_new(&mc_codec_l16_16k, 16000, 20, 4, &live);
    struct mc_listen_cfg quiet = {0};
    struct mc_listen *listen, *none;
    CHECK_INT(0, mc_listen_new(&listen, second->leg, d.pair.a->leg, &quiet, &live), MC_OK);
    attach(&d, d.pair.a->leg, true, false);
    for (int k = 0; k < 60; k++) {
        steps(&d, 1, true);
        mc_leg_on_tick(second->leg, d.pair.now);
    }
    CHECK_BETWEEN(0, hears(second, WHISPER_HZ), 3400, 4600); /* it hears what the caller hears */
    CHECK_BETWEEN(0, hears(second, 310), 7000, 8800);
    CHECK_BETWEEN(0, hears(d.s, WHISPER_HZ), 0, 120);
    CHECK_INT(0, mc_listen_new(&none, second->leg, second->leg, &quiet, &live), MC_E_ARG);
    mc_listen_free(listen);
    end_free(second);
    steps(&d, 30, true);
    CHECK_BETWEEN(0, hears(d.s, 310), 7000, 8800);
    desk_free(&d);
}

/* Of what passes in packets too, every sample: noise, which no joint could carry on. */
static void what_passes_is_heard_as_it_is(void) {
    struct desk d = desk_of(&mc_codec_l16_16k, &mc_codec_l16_16k, &mc_codec_l16_16k, 16000);
    static int16_t said[200 * 320];
    struct pair *p = &d.pair;
    uint64_t seed = 1;
    attach(&d, p->b->leg, false, false);
    for (int16_t *pcm = said; pcm < said + COUNT(said); pcm += 320) {
        for (size_t i = 0; i < 320; i++) {
            pcm[i] = (int16_t)((int)(mc_rng_next(&seed) % 8000) - 4000);
        }
        end_say(p->a, pcm, 320, p->now, NULL);
        mc_leg_on_tick(d.s->leg, p->now + 13000);
        mc_leg_on_tick(p->a->leg, p->now + 1000);
        mc_leg_on_tick(p->b->leg, p->now + 1000 + B_PHASE);
        p->now += TICK;
    }
    CHECK_BETWEEN(0, relayed(&d), 199, 200);
    const size_t n = 16000;
    const int16_t *heard = d.s->heard + d.s->n_heard - n, *end = said + COUNT(said);
    size_t lag = 0;
    while (lag < n && memcmp(heard, end - n - lag, n * sizeof *heard) != 0) {
        lag++;
    }
    CHECK_BETWEEN(0, lag, 0, 16000 / 5);
    desk_free(&d);
}

/* The call itself turns from speech to music, to silence and back: the listener hears no step there either. */
static void a_hold_does_not_click(void) {
    struct desk d = desk_of(&mc_codec_l16_16k, &mc_codec_l16_16k, &mc_codec_l16_16k, 16000);
    struct sine hum = {.hz = 200, .level = 6000, .rate = 16000};
    static int16_t pcm[16000];
    struct pair *p = &d.pair;
    struct mc_prompt *music = NULL;
    sine_fill(&hum, pcm, COUNT(pcm));
    CHECK_INT(0, mc_prompt_new(&music, 16000, pcm, COUNT(pcm), true, &live), MC_OK);
    p->sb.level = 0;
    attach(&d, p->b->leg, false, false);
    steps(&d, 30, false);
    size_t from = d.s->n_heard;
    for (int k = 0; k < 12; k++) {
        CHECK_INT(k, mc_bridge_hold(p->bridge, p->a->leg, k % 3 == 2 ? NULL : music), MC_OK);
        steps(&d, 7, false);
        CHECK_INT(k, mc_bridge_resume(p->bridge, p->a->leg), MC_OK);
        steps(&d, 9, false);
    }
    CHECK_BETWEEN(0, hears(d.s, 310), 1000, 8800);
    CHECK_BETWEEN(0, sharpest(d.s->heard + from, d.s->n_heard - from), 1, 4 * (bend_of(&p->sa) + bend_of(&hum)));
    mc_prompt_unref(music);
    desk_free(&d);
}

int main(void) {
    RUN(both_sides_are_heard_and_the_packets_go_on);
    RUN(who_is_meant_hears_it_and_nobody_else);
    RUN(what_passes_is_heard_as_it_is);
    RUN(nothing_clicks);
    RUN(a_hold_does_not_click);
    RUN(an_engine_is_heard_and_hears);
    RUN(a_room_is_heard_and_hears);
    RUN(the_call_may_change_under_it);
    RUN(two_may_listen);
    return check_done();
}
