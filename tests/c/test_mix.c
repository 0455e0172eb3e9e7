/* SPDX-License-Identifier: GPL-3.0-or-later
 * The room and the music, in virtual time: everybody hears the others and not himself, to the sample; nobody's coming or going clicks. */
#include "mix.h"

#include "join.h"
#include "limit.h"
#include "mix_line.h"
#include "prompt.h"
#include "tap.h"

#define PARTIES 4

static mc_live live;
static const double hz_of[PARTIES] = {310, 470, 730, 1130};

struct room {
    struct end *end[PARTIES];
    struct mc_party *party[PARTIES];
    struct sine say[PARTIES];
    struct mc_mix *mix;
    uint64_t now;
    int bunch; /* so many packets of the second party come at once; 0 or 1: as they are due */
};

static struct mc_party_cfg plain(void) {
    return (struct mc_party_cfg){.gain = MC_MIX_UNITY};
}

static struct room room_of(const struct mc_codec *const *codecs, const uint32_t *rates, uint32_t mix_rate, double level) {
    struct room r = {.now = START};
    CHECK_INT(0, mc_mix_new(&r.mix, mix_rate, &live), MC_OK);
    for (uint64_t i = 0; i < PARTIES; i++) {
        r.end[i] = end_new(codecs[i], rates[i], 20, i + 1, &live);
        r.say[i] = (struct sine){.hz = hz_of[i], .level = level, .rate = codecs[i]->rate};
        mc_leg_set_grid(r.end[i]->leg, START + 1000 + i * 5000);
        struct mc_party_cfg cfg = plain();
        CHECK_INT(i, mc_mix_add(r.mix, &r.party[i], r.end[i]->leg, &cfg), MC_OK);
    }
    return r;
}

static struct room l16_room(double level) {
    static const struct mc_codec *const codecs[] = {&mc_codec_l16_16k, &mc_codec_l16_16k, &mc_codec_l16_16k, &mc_codec_l16_16k};
    static const uint32_t rates[] = {16000, 16000, 16000, 16000};
    return room_of(codecs, rates, 16000, level);
}

static void room_free(struct room *r) {
    mc_mix_free(r->mix);
    for (int i = 0; i < PARTIES; i++) {
        end_free(r->end[i]);
    }
    CHECK_INT(0, live, 0);
}

static void step(struct room *r) {
    int16_t pcm[MC_CODEC_MAX_PCM];
    for (int i = 0; i < PARTIES; i++) {
        size_t n = r->end[i]->codec->rate / 50;
        int bunch = i == 1 && r->bunch > 1 ? r->bunch : 1;
        for (int k = 0; k < bunch && (r->now - START) / TICK % (uint64_t)bunch == 0; k++) {
            sine_fill(&r->say[i], pcm, n);
            end_say(r->end[i], pcm, n, r->now + (uint64_t)i * 100, NULL);
        }
    }
    for (uint64_t i = 0; i < PARTIES; i++) {
        mc_leg_on_tick(r->end[i]->leg, r->now + 1000 + i * 5000);
    }
    r->now += TICK;
}

static void steps(struct room *r, int n) {
    while (n-- > 0) {
        step(r);
    }
}

/* How loud `whom` is in the last half second that `who` heard. */
static double hears(const struct room *r, int who, int whom) {
    const struct end *e = r->end[who];
    size_t n = e->codec->rate / 2;
    return e->n_heard < n ? -1 : part_of(e->heard + e->n_heard - n, n, hz_of[whom], e->codec->rate);
}

static void everybody_hears_the_others_and_not_himself(void) {
    static const struct mc_codec *const mixed[] = {&mc_codec_pcmu, &mc_codec_opus, &mc_codec_g722, &mc_codec_l16_8k};
    static const uint32_t rates[] = {8000, 48000, 16000, 24000};
    static const uint32_t mix_rates[] = {16000, 48000, 8000};
    for (size_t row = 0; row < COUNT(mix_rates); row++) {
        struct room r = room_of(mixed, rates, mix_rates[row], 4000);
        steps(&r, 150);
        for (int who = 0; who < PARTIES; who++) {
            for (int whom = 0; whom < PARTIES; whom++) {
                CHECK_BETWEEN(who * 10 + whom, hears(&r, who, whom), who == whom ? 0 : 3300, who == whom ? 80 : 4500);
            }
            CHECK_INT(who, r.end[who]->jumps, 0);
            CHECK_INT(who, r.end[who]->n_packets, 150);
        }
        room_free(&r);
    }
}

/* Any amount of anything at any phase: a reader's sum less his own is the sum of the others, sample for sample. */
static void mix_minus_is_exact(void) {
    static int32_t want[PARTIES][40000]; /* of the others, by place */
    struct mc_mix_sum sum;
    struct mc_mix_lane lane[PARTIES];
    struct rng rng = rng_of(5);
    memset(want, 0, sizeof want);
    CHECK_INT(0, mc_mix_sum_init(&sum, 16000), MC_OK);
    for (int i = 0; i < PARTIES; i++) {
        CHECK_INT(i, mc_mix_lane_init(&lane[i], 16000), MC_OK);
    }
    for (uint64_t at = 16000; at < 48000; at += 80) {
        for (int i = 0; i < PARTIES; i++) {
            if (at % 320 != (uint64_t)i * 80) {
                continue;
            }
            int16_t pcm[320];
            for (int k = 0; k < 320; k++) {
                pcm[k] = (int16_t)(rng_next(&rng) | 1);
            }
            mc_mix_say(&lane[i], &sum, sum.read, at, pcm, 320);
            for (int k = at < 16320 ? 80 : 0; k < 320; k++) { /* its very first samples fade in */
                for (int j = 0; j < PARTIES; j++) {
                    want[j][at - 16000 + (uint64_t)k] += j != i ? pcm[k] : 0;
                }
            }
        }
        if (at < 17280) {
            continue;
        }
        for (int i = 0; i < PARTIES; i++) {
            int32_t heard[320];
            mc_mix_read(&sum, at - 320, heard, 320);
            mc_mix_lane_add(&lane[i], at - 320, heard, 320, -1);
            CHECK_INT(at, memcmp(heard, want[i] + (at - 320 - 16000), sizeof heard), 0);
        }
    }
    for (int i = 0; i < PARTIES; i++) {
        mc_mix_lane_free(&lane[i]);
    }
    mc_mix_sum_free(&sum);
}

static void too_loud_is_bent_not_wrapped(void) {
    int16_t before = INT16_MIN;
    for (int32_t v = -300000; v <= 300000; v += 7) {
        int16_t got = mc_limit(v);
        CHECK(got >= before);
        CHECK_INT(v, got, -mc_limit(-v));
        if (abs(v) <= MC_LIMIT_KNEE) {
            CHECK_INT(v, got, v);
        }
        before = got;
    }
    CHECK_INT(0, mc_limit(INT32_MAX) > 32760, 1);
    CHECK_INT(0, mc_limit(INT32_MIN) < -32760, 1);
    struct room r = l16_room(30000);
    steps(&r, 100);
    const struct end *e = r.end[0];
    CHECK_BETWEEN(0, hears(&r, 0, 1), 9000, 30000);
    /* Three full-scale sines: wrapped samples would bend by a whole scale and more. */
    CHECK_BETWEEN(0, sharpest(e->heard, e->n_heard), 0, 30000);
    room_free(&r);
}

static void coming_and_going_does_not_click(void) {
    struct room r = l16_room(6000);
    double bend = 0;
    for (int i = 1; i < PARTIES; i++) {
        bend += bend_of(&r.say[i]);
    }
    for (int round = 0; round < 40; round++) {
        int who = 1 + round % 3;
        steps(&r, 6 + round % 3);
        switch (round / 3 % 4) {
        case 0: /* leaves */
            mc_mix_remove(r.party[who]);
            steps(&r, round % 5);
            struct mc_party_cfg cfg = plain();
            CHECK_INT(round, mc_mix_add(r.mix, &r.party[who], r.end[who]->leg, &cfg), MC_OK);
            break;
        case 1: /* is stolen by another sink, and comes back */
            mc_leg_set_sink(r.end[who]->leg, &mc_sink_null);
            steps(&r, 5);
            mc_mix_remove(r.party[who]);
            CHECK(mc_leg_sink(r.end[who]->leg) == &mc_sink_null);
            cfg = plain();
            CHECK_INT(round, mc_mix_add(r.mix, &r.party[who], r.end[who]->leg, &cfg), MC_OK);
            break;
        case 2: /* is muted and heard again */
            cfg = (struct mc_party_cfg){.gain = 0};
            CHECK_INT(round, mc_mix_set(r.party[who], &cfg), MC_OK);
            steps(&r, 5);
            cfg = plain();
            CHECK_INT(round, mc_mix_set(r.party[who], &cfg), MC_OK);
            break;
        default: /* whispers to another, listens, speaks */
            cfg = (struct mc_party_cfg){.gain = MC_MIX_UNITY, .to = r.party[0]};
            CHECK_INT(round, mc_mix_set(r.party[who], &cfg), MC_OK);
            steps(&r, 5);
            cfg = (struct mc_party_cfg){.gain = MC_MIX_UNITY, .listen = true};
            CHECK_INT(round, mc_mix_set(r.party[who], &cfg), MC_OK);
            steps(&r, 5);
            cfg = plain();
            CHECK_INT(round, mc_mix_set(r.party[who], &cfg), MC_OK);
        }
    }
    steps(&r, 20);
    const struct end *e = r.end[0];
    CHECK_BETWEEN(0, sharpest(e->heard, e->n_heard), 0, 2 * bend);
    CHECK_INT(0, e->jumps, 0);
    room_free(&r);
}

static void listening_and_whispering(void) {
    struct room r = l16_room(4000);
    struct mc_party_cfg listen = {.gain = MC_MIX_UNITY, .listen = true};
    struct mc_party_cfg whisper = {.gain = MC_MIX_UNITY, .to = r.party[1]};
    CHECK_INT(0, mc_mix_set(r.party[2], &listen), MC_OK);
    CHECK_INT(0, mc_mix_set(r.party[3], &whisper), MC_OK);
    steps(&r, 100);
    static const bool heard[PARTIES][PARTIES] = {{0, 1, 0, 0}, {1, 0, 0, 1}, {1, 1, 0, 0}, {1, 1, 0, 0}};
    for (int who = 0; who < PARTIES; who++) {
        for (int whom = 0; whom < PARTIES; whom++) {
            CHECK_BETWEEN(who * 10 + whom, hears(&r, who, whom), heard[who][whom] ? 3900 : 0, heard[who][whom] ? 4100 : 20);
        }
    }
    mc_mix_remove(r.party[1]); /* then nobody hears the whisperer */
    steps(&r, 50);
    CHECK_BETWEEN(0, hears(&r, 0, 3), 0, 20);
    struct mc_party_cfg loud = {.gain = 2 * MC_MIX_UNITY};
    CHECK_INT(0, mc_mix_set(r.party[3], &loud), MC_OK);
    steps(&r, 50);
    CHECK_BETWEEN(0, hears(&r, 0, 3), 7800, 8200);
    CHECK_INT(0, mc_mix_count(r.mix), 3);
    loud.gain = MC_MIX_MAX_GAIN + 1;
    CHECK_INT(0, mc_mix_set(r.party[3], &loud), MC_E_ARG);
    struct mc_party_cfg self = {.gain = MC_MIX_UNITY, .to = r.party[3]};
    CHECK_INT(0, mc_mix_set(r.party[3], &self), MC_E_ARG);
    struct mc_mix *bad = NULL;
    CHECK_INT(0, mc_mix_new(&bad, 44100, NULL), MC_E_ARG);
    room_free(&r);
}

/* One party's ticks come late, all at once: the others lose him for a moment and hear no click. */
static void a_late_party_fades(void) {
    struct room r = l16_room(6000);
    steps(&r, 50);
    for (int k = 0; k < 4; k++) { /* only 0 and 1 tick */
        int16_t pcm[320];
        for (int i = 0; i < PARTIES; i++) {
            sine_fill(&r.say[i], pcm, 320);
            end_say(r.end[i], pcm, 320, r.now, NULL);
        }
        mc_leg_on_tick(r.end[0]->leg, r.now + 1000);
        mc_leg_on_tick(r.end[1]->leg, r.now + 6000);
        r.now += TICK;
    }
    steps(&r, 50);
    double bend = bend_of(&r.say[1]) + bend_of(&r.say[2]) + bend_of(&r.say[3]);
    CHECK_BETWEEN(0, sharpest(r.end[0]->heard, r.end[0]->n_heard), 0, 2 * bend);
    CHECK_BETWEEN(0, hears(&r, 0, 3), 5800, 6200);
    room_free(&r);
}

/* Sound out of nothing, and back, in the middle of a block: the place where it borders on digital silence fades. */
static void silence_has_soft_edges(void) {
    struct mc_mix_sum sum;
    struct mc_mix_lane lane;
    int16_t loud[320], none[320] = {0}, heard[1600];
    int32_t read[1600];
    CHECK_INT(0, mc_mix_sum_init(&sum, 16000), MC_OK);
    CHECK_INT(0, mc_mix_lane_init(&lane, 16000), MC_OK);
    for (size_t i = 0; i < COUNT(loud); i++) {
        loud[i] = 8000;
    }
    for (uint64_t k = 0; k < 5; k++) {
        mc_mix_say(&lane, &sum, sum.read, 16000 + k * 320, k == 1 || k == 2 ? loud : none, 320);
    }
    mc_mix_read(&sum, 16000, read, COUNT(read));
    for (size_t i = 0; i < COUNT(read); i++) {
        heard[i] = (int16_t)read[i];
    }
    CHECK_BETWEEN(0, sharpest(heard, COUNT(heard)), 1, 400);
    CHECK_INT(0, heard[600], 8000);
    mc_mix_lane_free(&lane);
    mc_mix_sum_free(&sum);
}

static int16_t hum[16000 * 2 + 40];

/* Coded once: what leaves is the loop's own bytes, and going round leaves no seam. */
static void music_is_coded_once_and_goes_round(void) {
    struct mc_prompt *music = NULL;
    struct sine s = {.hz = 333, .level = 7000, .rate = 16000};
    sine_fill(&s, hum, COUNT(hum));
    CHECK_INT(0, mc_prompt_new(&music, 16000, hum, COUNT(hum), true, &live), MC_OK);
    CHECK_INT(0, mc_prompt_ms(music), 1990); /* the join takes 5 ms of the last 10 */
    const struct mc_codec *codecs[] = {&mc_codec_l16_16k, &mc_codec_l16_8k, &mc_codec_opus, &mc_codec_g722, &mc_codec_pcmu};
    for (size_t i = 0; i < COUNT(codecs); i++) {
        struct end *e = end_new(codecs[i], 16000, 20, i + 1, &live);
        struct mc_prompt_player *player = NULL;
        CHECK_INT(i, mc_prompt_start(&player, music, e->leg, false), MC_OK);
        struct mc_coding coding = {.codec = codecs[i], .ptime_ms = 20};
        struct mc_prompt_at at = {0};
        uint64_t now = START;
        CHECK_INT(i, mc_prompt_code(music, &coding), MC_OK);
        for (int k = 0; k < 250; k++, now += TICK) {
            mc_leg_on_tick(e->leg, now);
            uint8_t want[MC_RTP_MAX_PACKET];
            int len = mc_prompt_coded(music, &at, &coding, k > 0, want, sizeof want);
            CHECK_INT(i, len > 0, codecs[i] != &mc_codec_g722);
            if (k > 0 && len > 0) {
                CHECK_INT(k, e->rtp.len, len);
                CHECK_INT(k, memcmp(e->rtp.payload, want, (size_t)len), 0);
            }
        }
        mc_prompt_stop(player);
        for (int k = 0; k < 10; k++, now += TICK) {
            mc_leg_on_tick(e->leg, now);
        }
        uint32_t rate = codecs[i]->rate;
        struct sine sent = {.hz = 333, .level = 7000, .rate = rate};
        CHECK_BETWEEN(i, part_of(e->heard + rate, rate / 2, 333, rate), 6300, 7400);
        CHECK_BETWEEN(i, part_of(e->heard + e->n_heard - rate / 10, rate / 10, 333, rate), 0, 10);
        if (i < 2) {
            CHECK_BETWEEN(i, sharpest(e->heard, e->n_heard), 0, 3 * bend_of(&sent));
        }
        CHECK_INT(i, e->jumps, 0);
        end_free(e);
    }
    CHECK_INT(0, mc_prompt_new(&music, 16000, hum, 1000, true, NULL), MC_E_ARG);
    CHECK_INT(0, mc_prompt_new(&music, 44100, hum, 16000, true, NULL), MC_E_ARG);
    struct end *e = end_new(&mc_codec_pcmu, 8000, 20, 1, &live);
    struct mc_prompt_player *player = NULL;
    CHECK_INT(0, mc_prompt_start(&player, music, e->leg, false), MC_E_ARG);
    end_free(e);
    mc_prompt_unref(music);
    CHECK_INT(0, live, 0);
}

/* A recording begins and ends, and what waits in the recorded party's jitter buffer is still heard. */
static void a_recording_that_ends_silences_nobody(void) {
    struct room r = l16_room(4000);
    r.bunch = 3;
    struct sine *say = &r.say[1];
    struct mc_tap *tap = NULL;
    steps(&r, 75);
    CHECK_INT(0, mc_tap_new(&tap, 16000, 0), MC_OK);
    mc_leg_set_tap(r.end[1]->leg, tap);
    steps(&r, 25); /* the hundredth brings a bunch */
    size_t before = r.end[0]->n_heard;
    mc_leg_set_tap(r.end[1]->leg, NULL);
    mc_tap_free(tap);
    steps(&r, 50);
    const struct end *e = r.end[0];
    double sum = bend_of(say) + bend_of(&r.say[2]) + bend_of(&r.say[3]);
    CHECK_BETWEEN(0, sharpest(e->heard + before - 1600, e->n_heard - before + 1600), 0, 1.2 * sum);
    for (size_t at = before; at + 1600 <= e->n_heard; at += 1600) { /* 100 ms, whole periods */
        CHECK_BETWEEN(at, part_of(e->heard + at, 1600, say->hz, 16000), 3800, 4200);
    }
    struct mc_leg_stats st;
    mc_leg_stats(r.end[1]->leg, &st);
    CHECK_INT(0, st.concealed, 0);
    room_free(&r);
}

int main(void) {
    RUN(everybody_hears_the_others_and_not_himself);
    RUN(mix_minus_is_exact);
    RUN(too_loud_is_bent_not_wrapped);
    RUN(coming_and_going_does_not_click);
    RUN(listening_and_whispering);
    RUN(a_late_party_fades);
    RUN(silence_has_soft_edges);
    RUN(a_recording_that_ends_silences_nobody);
    RUN(music_is_coded_once_and_goes_round);
    return check_done();
}
