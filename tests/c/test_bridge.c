/* SPDX-License-Identifier: GPL-3.0-or-later
 * Two legs joined, in virtual time: what passes untouched, what is coded anew, holding, and no click at any change. */
#include "join_pair.h"
#include "level.h"

static void equal_legs_pass_packets_untouched(void) {
    const struct mc_codec *codecs[] = {&mc_codec_pcmu, &mc_codec_pcma, &mc_codec_l16_16k, &mc_codec_opus};
    for (size_t i = 0; i < COUNT(codecs); i++) {
        struct pair p = pair_of(codecs[i], 20, codecs[i], 20, NULL);
        for (int k = 0; k < 100; k++) {
            uint32_t ts = p.b->rtp.ts;
            step(&p, false);
            CHECK_INT(i, p.b->n_packets, k + 1);
            if (k > 0) { /* the first one is joined to the silence before */
                CHECK_INT(k, p.b->rtp.len, p.said_len);
                CHECK_INT(k, memcmp(p.b->rtp.payload, p.said, p.said_len), 0);
                CHECK_INT(k, p.b->rtp.ts - ts, codecs[i]->clock / 50);
            }
            CHECK(p.b->rtp.ssrc != 0x1234 && p.b->rtp.pt == 96);
        }
        CHECK_INT(i, p.b->jumps, 0);
        struct mc_bridge_way way;
        CHECK_INT(i, mc_bridge_stats(p.bridge, p.a->leg, &way), MC_OK);
        CHECK_INT(i, way.relayed, 100);
        CHECK_INT(i, way.decoded, 0);
        pair_free(&p);
    }
}

static void one_law_becomes_the_other_at_once(void) {
    struct pair p = pair_of(&mc_codec_pcmu, 20, &mc_codec_pcma, 20, NULL);
    for (int k = 0; k < 50; k++) {
        step(&p, true);
        CHECK_INT(k, p.b->n_packets, k + 1);
        CHECK_INT(k, p.a->n_packets, k + 1);
    }
    CHECK_BETWEEN(0, part_of(p.b->heard + 800, 6400, 310, 8000), 7750, 8250);
    CHECK_BETWEEN(0, part_of(p.a->heard + 800, 6400, 470, 8000), 5800, 6200);
    pair_free(&p);
}

static void losses_and_order_stay_as_they_were(void) {
    struct pair p = pair_of(&mc_codec_l16_8k, 20, &mc_codec_l16_8k, 20, NULL);
    for (int k = 0; k < 10; k++) {
        step(&p, false);
    }
    uint16_t seq = p.b->rtp.seq;
    uint32_t ts = p.b->rtp.ts;
    p.a->seq += 3; /* lost on the way to us */
    p.a->ts += 3 * FRAME;
    step(&p, false);
    CHECK_INT(0, (uint16_t)(p.b->rtp.seq - seq), 4);
    CHECK_INT(0, p.b->rtp.ts - ts, 4 * FRAME);
    p.a->seq -= 3; /* one of them comes late */
    p.a->ts -= 3 * FRAME;
    step(&p, false);
    CHECK_INT(0, (uint16_t)(p.b->rtp.seq - seq), 2);
    CHECK_INT(0, p.b->rtp.ts - ts, 2 * FRAME);
    pair_free(&p);
}

/* Another source takes the first one's place; b's peer must see one stream. */
static void a_new_source_goes_on_in_the_same_stream(void) {
    struct pair p = pair_of(&mc_codec_l16_8k, 20, &mc_codec_l16_8k, 20, NULL);
    for (int k = 0; k < 10; k++) {
        step(&p, false);
    }
    uint32_t ssrc = p.b->rtp.ssrc;
    p.a->ts += 5000000; /* its clock is set anew */
    for (int k = 0; k < 10; k++) {
        uint32_t ts = p.b->rtp.ts;
        step(&p, false);
        CHECK_BETWEEN(k, (int32_t)(p.b->rtp.ts - ts), 1, 2 * FRAME);
    }
    CHECK_INT(0, p.b->jumps, 0);
    CHECK_INT(0, p.b->rtp.ssrc, ssrc);
    CHECK_BETWEEN(0, sharpest(p.b->heard, p.b->n_heard), 0, 3 * bend_of(&p.sa));
    pair_free(&p);
}

/* A source with a fast clock, then a word of the engine's: time goes on, not back. */
static void a_fast_source_does_not_turn_time_back(void) {
    struct pair p = pair_of(&mc_codec_l16_8k, 20, &mc_codec_l16_8k, 20, NULL);
    for (int k = 0; k < 30; k++) {
        int16_t pcm[FRAME];
        sine_fill(&p.sa, pcm, FRAME);
        end_say(p.a, pcm, FRAME, p.now, NULL);
        step(&p, false);
    }
    uint32_t ts = p.b->rtp.ts;
    int16_t word[640] = {0};
    mc_leg_write(p.b->leg, word, COUNT(word));
    step(&p, false);
    CHECK_BETWEEN(0, (int32_t)(p.b->rtp.ts - ts), FRAME, 4 * FRAME);
    CHECK_INT(0, p.b->jumps, 0);
    pair_free(&p);
}

/* Sent before the first packet that was passed on, come after it: its number is one of our own packets'. */
static void what_is_older_than_the_beginning_is_left_out(void) {
    struct pair p = pair_of(&mc_codec_l16_8k, 20, &mc_codec_l16_8k, 20, NULL);
    for (int k = 0; k < 3; k++) {
        mc_leg_on_tick(p.b->leg, p.now + 1000 + B_PHASE);
        p.now += TICK;
    }
    p.a->seq += 1;
    step(&p, false);
    uint64_t n = p.b->n_packets;
    int16_t pcm[FRAME] = {0};
    p.a->seq -= 2;
    p.a->ts -= 2 * FRAME;
    end_say(p.a, pcm, FRAME, p.now, NULL);
    CHECK_INT(0, p.b->n_packets, n);
    CHECK_INT(0, p.b->jumps, 0);
    pair_free(&p);
}

/* A peer that limits the encoder gets its packets from ours. */
static void a_strict_peer_gets_packets_made_for_it(void) {
    struct pair p = pair_of(&mc_codec_opus, 20, &mc_codec_opus, 20, NULL);
    struct mc_leg_params params;
    end_params(p.b, &params, 20);
    snprintf(params.fmtp, sizeof params.fmtp, "maxaveragebitrate=8000");
    end_start(p.b, &params, p.now);
    for (int k = 0; k < 50; k++) {
        step(&p, false);
    }
    struct mc_bridge_way way;
    mc_bridge_stats(p.bridge, p.a->leg, &way);
    CHECK_INT(0, way.relayed, 0);
    CHECK_INT(0, p.b->n_packets, 50);
    pair_free(&p);
}

static void other_codecs_are_coded_anew(void) {
    static const struct {
        const struct mc_codec *a, *b;
        uint16_t pa, pb;
    } rows[] = {{&mc_codec_pcmu, &mc_codec_opus, 20, 20},    {&mc_codec_opus, &mc_codec_pcma, 20, 20},
                {&mc_codec_pcmu, &mc_codec_pcmu, 20, 40},    {&mc_codec_l16_16k, &mc_codec_g722, 20, 20},
                {&mc_codec_g722, &mc_codec_l16_16k, 20, 40}, {&mc_codec_pcmu, &mc_codec_opus, 10, 60},
                {&mc_codec_opus, &mc_codec_l16_8k, 20, 10}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pair p = pair_of(rows[i].a, rows[i].pa, rows[i].b, rows[i].pb, NULL);
        uint32_t rate = rows[i].b->rate;
        for (int k = 0; k < 150; k++) {
            step(&p, true);
        }
        CHECK_INT(i, p.b->n_packets, 3000 / rows[i].pb);
        CHECK_BETWEEN(i, part_of(p.b->heard + rate, rate, 310, rate), 7000, 8600);
        CHECK_BETWEEN(i, part_of(p.a->heard + rows[i].a->rate, rows[i].a->rate, 470, rows[i].a->rate), 5200, 6500);
        CHECK_INT(i, p.b->jumps, 0);
        pair_free(&p);
    }
}

/* From the packet that carries the first loud sample to the one it leaves in: jitter buffer, the legs' phases, one packet. */
static void the_delay_is_bounded(void) {
    const struct mc_bridge_cfg decode = {.transcode = true};
    struct pair p = pair_of(&mc_codec_l16_8k, 20, &mc_codec_l16_8k, 20, &decode);
    p.sa.level = 0;
    for (int k = 0; k < 100; k++) {
        step(&p, true);
    }
    size_t before = p.b->n_heard;
    p.sa.level = 8000;
    for (int k = 0; k < 20; k++) {
        step(&p, true);
    }
    size_t first = before;
    while (first < p.b->n_heard && abs(p.b->heard[first]) < 1000) {
        first++;
    }
    CHECK_BETWEEN(0, (double)(first - before) / 8, 0, 70); /* ms */
    /* b's side of the worker sleeps; what piled up is gone a second later. */
    p.now += 400000;
    mc_leg_on_tick(p.a->leg, p.now);
    for (int k = 0; k < 120; k++) {
        step(&p, true);
    }
    struct mc_bridge_way way;
    mc_bridge_stats(p.bridge, p.a->leg, &way);
    CHECK_BETWEEN(0, way.queued_us, 0, 20000);
    pair_free(&p);
}

static int16_t hum[16000];

static struct mc_prompt *hum_of(void) {
    struct sine s = {.hz = 200, .level = 3000, .rate = 16000};
    struct mc_prompt *music = NULL;
    sine_fill(&s, hum, COUNT(hum));
    CHECK_INT(0, mc_prompt_new(&music, 16000, hum, COUNT(hum), true, &live), MC_OK);
    return music;
}

static void who_is_held_is_replaced_by_music_or_silence(void) {
    const struct mc_codec *codecs[] = {&mc_codec_l16_8k, &mc_codec_opus, &mc_codec_opus};
    for (size_t i = 0; i < COUNT(codecs); i++) {
        struct mc_bridge_cfg how = {.ears = i == 2}; /* somebody else wants the sound all the same */
        struct pair p = pair_of(codecs[i], 20, codecs[i], 20, &how);
        uint32_t rate = codecs[i]->rate;
        struct mc_prompt *music = hum_of();
        for (int k = 0; k < 50; k++) {
            step(&p, true);
        }
        CHECK_INT(i, mc_bridge_hold(p.bridge, p.a->leg, music), MC_OK);
        size_t b_held = p.b->n_heard, a_held = p.a->n_heard;
        for (int k = 0; k < 50; k++) {
            step(&p, true);
        }
        CHECK_BETWEEN(i, part_of(p.b->heard + b_held + rate / 10, rate / 2, 200, rate), 2500, 3200);
        CHECK_BETWEEN(i, part_of(p.b->heard + b_held + rate / 10, rate / 2, 310, rate), 0, 60);
        CHECK_BETWEEN(i, part_of(p.a->heard + a_held + rate / 10, rate / 2, 470, rate), 0, 60);
        CHECK_INT(i, mc_bridge_resume(p.bridge, p.a->leg), MC_OK);
        size_t b_back = p.b->n_heard, a_back = p.a->n_heard;
        for (int k = 0; k < 50; k++) {
            step(&p, true);
        }
        CHECK_BETWEEN(i, part_of(p.b->heard + b_back + rate / 10, rate / 2, 310, rate), 7500, 8200);
        CHECK_BETWEEN(i, part_of(p.a->heard + a_back + rate / 10, rate / 2, 470, rate), 5500, 6200);
        /* The peer of a holds by its SDP: the same music again. */
        struct mc_leg_params held;
        end_params(p.a, &held, 20);
        held.recv = false;
        end_start(p.a, &held, p.now);
        size_t b_away = p.b->n_heard;
        for (int k = 0; k < 50; k++) {
            step(&p, true);
        }
        CHECK_BETWEEN(i, part_of(p.b->heard + b_away + rate / 10, rate / 2, 200, rate), 2500, 3200);
        CHECK_INT(i, p.b->jumps, 0);
        if (i == 0) {
            CHECK_BETWEEN(i, sharpest(p.b->heard, p.b->n_heard), 0, 3 * bend_of(&p.sa));
        }
        struct mc_leg *stranger = NULL;
        struct mc_leg_cfg cfg = {.rate = 16000, .tx_ms = 1000};
        CHECK_INT(i, mc_leg_new(&stranger, &cfg), MC_OK);
        CHECK_INT(i, mc_bridge_hold(p.bridge, stranger, NULL), MC_E_ARG);
        mc_leg_unref(stranger);
        mc_prompt_unref(music);
        pair_free(&p);
    }
}

/* The engine says something to b while packets pass: b hears both, then packets pass again. No click, one stream. */
static void the_engine_may_speak_into_a_bridge(void) {
    struct pair p = pair_of(&mc_codec_l16_8k, 20, &mc_codec_l16_8k, 20, NULL);
    struct sine prompt = {.hz = 800, .level = 2000, .rate = 16000};
    int16_t pcm[16000];
    for (int k = 0; k < 50; k++) {
        step(&p, true);
    }
    sine_fill(&prompt, pcm, COUNT(pcm));
    mc_fade(pcm, 80, 0, 256);
    mc_fade(pcm + COUNT(pcm) - 80, 80, 256, 0);
    mc_leg_write(p.b->leg, pcm, COUNT(pcm));
    size_t from = p.b->n_heard;
    for (int k = 0; k < 50; k++) {
        step(&p, true);
    }
    CHECK_BETWEEN(0, part_of(p.b->heard + from + 1600, 4800, 800, 8000), 1800, 2100);
    CHECK_BETWEEN(0, part_of(p.b->heard + from + 1600, 4800, 310, 8000), 7600, 8200);
    struct mc_bridge_way way;
    mc_bridge_stats(p.bridge, p.a->leg, &way);
    CHECK(!way.relaying);
    for (int k = 0; k < 50; k++) {
        step(&p, true);
    }
    mc_bridge_stats(p.bridge, p.a->leg, &way);
    CHECK(way.relaying);
    struct mc_leg_stats st;
    mc_leg_stats(p.a->leg, &st);
    CHECK_INT(0, st.jb_target_ms, 0); /* the jitter buffer runs no more */
    CHECK_INT(0, memcmp(p.b->rtp.payload, p.said, p.said_len), 0);
    CHECK_INT(0, p.b->jumps, 0);
    CHECK_BETWEEN(0, sharpest(p.b->heard, p.b->n_heard), 0, 3 * (bend_of(&p.sa) + bend_of(&prompt) * 4));
    pair_free(&p);
}

/* Joining and parting in the middle of loud sounds, both ways of going; the engine's own sound before and after. */
static void joining_and_parting_do_not_click(void) {
    for (int transcode = 0; transcode < 2; transcode++) {
        struct mc_bridge_cfg cfg = {.transcode = transcode, .live = &live};
        struct pair p = pair_of(&mc_codec_l16_8k, 20, &mc_codec_l16_8k, 20, &cfg);
        for (int round = 0; round < 20; round++) {
            for (int k = 0; k < 9; k++) {
                step(&p, true);
            }
            mc_bridge_free(p.bridge);
            p.bridge = NULL;
            for (int k = 0; k < round % 4; k++) {
                step(&p, true);
            }
            CHECK_INT(round, mc_bridge_new(&p.bridge, p.a->leg, p.b->leg, &cfg), MC_OK);
            struct mc_event ev;
            struct mc_frame f;
            int16_t pcm[2000];
            while (mc_leg_pop_event(p.b->leg, &ev) == MC_OK) {
            }
            while (mc_leg_pop_ear(p.b->leg, &f) == MC_OK) {
                mc_leg_take_ear(p.b->leg, pcm, f.n);
            }
        }
        CHECK_INT(transcode, p.b->jumps, 0);
        CHECK_BETWEEN(transcode, sharpest(p.b->heard, p.b->n_heard), 0, 3 * bend_of(&p.sa));
        CHECK_BETWEEN(transcode, sharpest(p.a->heard, p.a->n_heard), 0, 3 * bend_of(&p.sb));
        pair_free(&p);
    }
}

/* b's peer negotiates anew in mid-call: another packet time, another codec, and back. The sine of a goes on without a click, and every
 * packet says so in its number and time. */
static void another_packet_time_or_codec_in_mid_call(void) {
    struct pair p = pair_of(&mc_codec_pcmu, 20, &mc_codec_pcmu, 20, NULL);
    static const struct {
        const struct mc_codec *codec;
        uint16_t ptime_ms;
    } turns[] = {{&mc_codec_pcmu, 10}, {&mc_codec_pcma, 10}, {&mc_codec_pcma, 20}, {&mc_codec_pcmu, 60}, {&mc_codec_pcmu, 20}};
    for (int k = 0; k < 50; k++) {
        step(&p, false);
    }
    size_t from = p.b->n_heard;
    for (size_t i = 0; i < COUNT(turns); i++) {
        struct mc_leg_params params;
        p.b->codec = turns[i].codec;
        end_params(p.b, &params, turns[i].ptime_ms);
        end_start(p.b, &params, p.now);
        for (int k = 0; k < 50; k++) {
            step(&p, false);
        }
        size_t n = RATE / 5;
        CHECK_BETWEEN((int)i, part_of(p.b->heard + p.b->n_heard - n, n, 310, RATE), 7000, 8600);
    }
    struct sine heard = {.hz = 310, .level = 8000, .rate = RATE};
    double law = 1024; /* the coarsest step of G.711 there, bent twice */
    CHECK_BETWEEN(0, sharpest(p.b->heard + from, p.b->n_heard - from), 0, bend_of(&heard) + law + 600);
    CHECK_INT(0, p.b->jumps, 0);
    pair_free(&p);
}

int main(void) {
    RUN(equal_legs_pass_packets_untouched);
    RUN(one_law_becomes_the_other_at_once);
    RUN(losses_and_order_stay_as_they_were);
    RUN(a_new_source_goes_on_in_the_same_stream);
    RUN(a_fast_source_does_not_turn_time_back);
    RUN(what_is_older_than_the_beginning_is_left_out);
    RUN(a_strict_peer_gets_packets_made_for_it);
    RUN(other_codecs_are_coded_anew);
    RUN(the_delay_is_bounded);
    RUN(who_is_held_is_replaced_by_music_or_silence);
    RUN(the_engine_may_speak_into_a_bridge);
    RUN(joining_and_parting_do_not_click);
    RUN(another_packet_time_or_codec_in_mid_call);
    return check_done();
}
