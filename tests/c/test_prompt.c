/* SPDX-License-Identifier: GPL-3.0-or-later
 * Prompts, in virtual time: coded once, the same packets for all, and no click where they begin, end, go round or give way. */
#include "prompt.h"

#include "join.h"

#define PCM_RATE 16000u
#define NO_WORSE 1.5

static mc_live live;
static int16_t sound[PCM_RATE * 2];

static const struct mc_codec *const codecs[] = {&mc_codec_opus, &mc_codec_g722, &mc_codec_pcmu, &mc_codec_l16_16k};

static struct mc_prompt *prompt_of(double hz, double seconds, bool loop) {
    struct mc_prompt *prompt = NULL;
    struct sine s = {.hz = hz, .level = 7000, .rate = PCM_RATE};
    const size_t n = (size_t)(seconds * PCM_RATE), soft = PCM_RATE / 50;
    sine_fill(&s, sound, COUNT(sound));
    for (size_t i = 0; !loop && i < soft; i++) { /* its own ends don't click */
        sound[i] = (int16_t)(sound[i] * (int)i / (int)soft);
        sound[n - 1 - i] = (int16_t)(sound[n - 1 - i] * (int)i / (int)soft);
    }
    CHECK_INT(0, mc_prompt_new(&prompt, PCM_RATE, sound, n, loop, &live), MC_OK);
    return prompt;
}

static void code_for(struct mc_prompt *prompt, const struct mc_codec *codec, unsigned ptime_ms) {
    struct mc_coding coding = {.codec = codec, .ptime_ms = ptime_ms};
    CHECK_INT(0, mc_prompt_code(prompt, &coding), MC_OK);
}

static uint64_t run(struct end *e, uint64_t now, uint32_t ms) {
    for (uint64_t end = now + ms * 1000u; now < end; now += TICK) {
        mc_leg_on_tick(e->leg, now);
    }
    return now;
}

static void the_same_packets_for_all(void) {
    static const uint16_t ptimes[] = {10, 20, 40, 60};
    for (size_t c = 0; c < COUNT(codecs); c++) {
        for (size_t k = 0; k < COUNT(ptimes); k++) {
            if (codecs[c] == &mc_codec_l16_16k && ptimes[k] > 40) {
                continue; /* does not fit a packet */
            }
            struct mc_prompt *prompt = prompt_of(440, 0.75, false);
            struct end *a = end_new(codecs[c], PCM_RATE, ptimes[k], 5, &live);
            struct end *b = end_new(codecs[c], PCM_RATE, ptimes[k], 6, &live);
            struct mc_prompt_player *pa = NULL, *pb = NULL;
            code_for(prompt, codecs[c], ptimes[k]);
            CHECK_INT(c, mc_prompt_start(&pa, prompt, a->leg, false), MC_OK);
            CHECK_INT(c, mc_prompt_left(pa), 750);
            uint64_t now = run(a, START, 120);
            CHECK_INT(c, mc_prompt_start(&pb, prompt, b->leg, false), MC_OK);
            run(a, now, 1200);
            run(b, START, 1320);
            CHECK_INT(c, mc_prompt_left(pa), 0);
            size_t n = codecs[c]->rate * 7 / 10, skip = codecs[c]->rate / 20;
            CHECK_BETWEEN(c, part_of(a->heard + skip, n - skip, 440, codecs[c]->rate), 6300, 7400);
            if (c < 3) { /* from a fresh encoder in a fresh decoder: the same sound, sample by sample */
                CHECK_INT((int)(c * 10 + k), memcmp(a->heard + skip, b->heard + skip, (n - skip) * sizeof *a->heard), 0);
            }
            CHECK_BETWEEN(c, part_of(a->heard + a->n_heard - codecs[c]->rate / 5, codecs[c]->rate / 5, 440, codecs[c]->rate), 0,
                          20);
            CHECK_INT(c, a->jumps + b->jumps, 0);
            mc_prompt_stop(pa);
            mc_prompt_stop(pb);
            end_free(a);
            end_free(b);
            mc_prompt_unref(prompt);
        }
    }
    CHECK_INT(0, live, 0);
}

/* Ready packets are what leaves, not something that sounds alike. */
static void coded_beforehand(void) {
    for (size_t c = 0; c < COUNT(codecs); c++) {
        if (codecs[c] == &mc_codec_g722) {
            continue; /* its legs encode for themselves */
        }
        struct mc_prompt *prompt = prompt_of(440, 1, false);
        struct end *e = end_new(codecs[c], PCM_RATE, 20, 5, &live);
        struct mc_prompt_player *player = NULL;
        struct mc_coding coding = {.codec = codecs[c], .ptime_ms = 20};
        struct mc_prompt_at at = {0};
        code_for(prompt, codecs[c], 20);
        CHECK_INT(c, mc_prompt_start(&player, prompt, e->leg, false), MC_OK);
        for (int k = 0; k < 40; k++) {
            uint8_t want[MC_RTP_MAX_PACKET];
            run(e, START + (uint64_t)k * TICK, 20);
            int len = mc_prompt_coded(prompt, &at, &coding, k > 0, want, sizeof want);
            CHECK_INT(k, e->rtp.len, len);
            if (k > 0 || !mc_codec_stateless(codecs[c])) { /* those are joined to the silence */
                CHECK_INT(k, memcmp(e->rtp.payload, want, (size_t)len), 0);
            }
        }
        mc_prompt_stop(player);
        end_free(e);
        mc_prompt_unref(prompt);
    }
}

enum cut { STOPS, SPEECH_FOLLOWS, SPEECH_OVER_IT, OTHER_PROMPT, UNREADY_BEFORE, BEGINS_IN_SPEECH, ROUND, N_CUTS };

/* 440 Hz all along, so that any click stands out; the prompt is cut where it is loud. */
static double bend_of_cut(const struct mc_codec *codec, enum cut cut, uint16_t ptime_ms, bool coded) {
    struct mc_prompt *prompt = prompt_of(440, 1.003, cut == ROUND), *other = prompt_of(440, 0.5, false);
    struct end *e = end_new(codec, PCM_RATE, ptime_ms, 5, &live);
    struct mc_prompt_player *player = NULL, *next = NULL;
    uint64_t now = START;
    if (coded) {
        if (cut != UNREADY_BEFORE) {
            code_for(prompt, codec, ptime_ms);
        }
        code_for(other, codec, ptime_ms);
    }
    if (cut == BEGINS_IN_SPEECH) { /* what was written lasts on: it is the flush that ends it */
        CHECK_INT(0, mc_leg_write(e->leg, sound, PCM_RATE), PCM_RATE);
        now = run(e, now, 300);
        mc_leg_flush(e->leg);
    }
    CHECK_INT(cut, mc_prompt_start(&player, prompt, e->leg, false), MC_OK);
    now = run(e, now, 360);
    if (cut == STOPS || cut == SPEECH_FOLLOWS) {
        mc_prompt_stop(player);
        player = NULL;
    }
    if (cut == SPEECH_FOLLOWS || cut == SPEECH_OVER_IT) {
        CHECK_INT(0, mc_leg_write(e->leg, sound, PCM_RATE / 2), PCM_RATE / 2);
    }
    if (cut == OTHER_PROMPT || cut == UNREADY_BEFORE) {
        CHECK_INT(cut, mc_prompt_start(&next, other, e->leg, false), MC_OK);
    }
    run(e, now, cut == ROUND ? 4000 : 1500);
    if (player != NULL) {
        mc_prompt_stop(player);
    }
    if (next != NULL) {
        mc_prompt_stop(next);
    }
    double bend = sharpest(e->heard, e->n_heard);
    CHECK_INT(cut, e->jumps, 0);
    end_free(e);
    mc_prompt_unref(prompt);
    mc_prompt_unref(other);
    return bend;
}

/* No worse than a leg that codes all of it itself. */
static void nothing_clicks(void) {
    static const uint16_t ptimes[] = {20, 60, 10};
    for (size_t c = 0; c < 3; c++) {
        for (enum cut cut = STOPS; cut < N_CUTS; cut++) {
            for (size_t k = 0; k < COUNT(ptimes); k++) {
                double own = bend_of_cut(codecs[c], cut, ptimes[k], false);
                double ready = bend_of_cut(codecs[c], cut, ptimes[k], true);
                CHECK_BETWEEN((int)(c * 100 + cut * 10 + k), ready, 0, NO_WORSE * own);
            }
        }
    }
    CHECK_INT(0, live, 0);
}

int main(void) {
    RUN(the_same_packets_for_all);
    RUN(coded_beforehand);
    RUN(nothing_clicks);
    return check_done();
}
