/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a person hears through a whole leg while its sound changes hands: loss, comfort noise, another codec, holding. Nowhere a click.
 * Bridge, room, prompts and time scaling have tests of their own with the same measure (join.h). */
#include "join.h"
#include "tap.h"

#define CN_PT 13
#define HEARD (12 * 48000)
#define OWN 1000 /* bends that are a codec's own: Opus's first packet, G.722 finding back after a loss; a cut has 8000 */

/* A leg at 16 kHz whose recording tap is put together. */
struct ear {
    struct end *end;
    struct mc_tap *tap;
    struct sine sine; /* what its peer says */
    uint64_t now;
    int16_t heard[HEARD];
    size_t n;
};

static void wanted(const struct mc_codec *codec, struct mc_leg_params *p, struct end *e) {
    e->codec = codec;
    end_params(e, p, 20);
    p->cn_rx_pt = CN_PT;
}

static struct ear *ear_new(const struct mc_codec *codec) {
    struct ear *e = calloc(1, sizeof *e);
    struct mc_leg_params p;
    e->end = end_new(codec, 16000, 20, 5, NULL);
    wanted(codec, &p, e->end);
    end_start(e->end, &p, START);
    CHECK_INT(0, mc_tap_new(&e->tap, 16000, 0), MC_OK);
    mc_leg_set_tap(e->end->leg, e->tap);
    e->sine = (struct sine){.hz = 310, .level = 8000, .rate = codec->rate};
    e->now = START;
    return e;
}

static void ear_free(struct ear *e) {
    mc_leg_set_tap(e->end->leg, NULL);
    mc_tap_free(e->tap);
    end_free(e->end);
    free(e);
}

enum said { SOUND, LOST, NOISE, NOTHING };

/* 20 ms of it, n times. */
static void hear(struct ear *e, enum said what, size_t n) {
    for (; n > 0; n--, e->now += TICK) {
        int16_t pcm[MC_CODEC_MAX_PCM];
        const size_t k = e->end->codec->rate / 50;
        uint8_t buf[MC_RTP_HEADER + 1] = {0};
        struct mc_rtp head = {.pt = CN_PT, .seq = e->end->seq, .ts = e->end->ts, .ssrc = 0x1234};
        if (what == SOUND || what == LOST) { /* in a pause the talker's sound stands still: he does not click either */
            sine_fill(&e->sine, pcm, k);
        }
        if (what == SOUND) {
            end_say(e->end, pcm, k, e->now, NULL);
        } else if (what == NOISE) {
            mc_rtp_build(buf, sizeof buf, &head);
            buf[MC_RTP_HEADER] = 60; /* -60 dBov */
            mc_leg_on_packet(e->end->leg, buf, sizeof buf, e->now);
            e->end->seq++;
        } else if (what == LOST) {
            uint8_t gone[MC_RTP_MAX_PACKET];
            e->end->codec->encode(e->end->enc, pcm, k, gone, sizeof gone);
            e->end->seq++;
        }
        e->end->ts += what == SOUND ? 0 : (uint32_t)(k * e->end->codec->clock / e->end->codec->rate);
        what = what == NOISE ? NOTHING : what; /* told once */
        mc_leg_on_tick(e->end->leg, e->now + 1000);
        struct mc_tap_head block;
        int16_t sides[2][MC_TAP_MAX];
        while (mc_tap_take(e->tap, &block, sides[0], sides[1])) {
            for (size_t i = 0; i < block.n_left && e->n < HEARD; i++) {
                e->heard[e->n++] = sides[0][i];
            }
        }
        e->end->n_heard = 0;
    }
}

/* At 16 kHz the bend of the peer's sine; a cut's is about its height. */
static void no_click(struct ear *e, int row, double more) {
    const struct sine at_16k = {.hz = e->sine.hz, .level = e->sine.level, .rate = 16000};
    CHECK_BETWEEN(row, sharpest(e->heard, e->n), bend_of(&at_16k) * 0.9, bend_of(&at_16k) * 3 + more);
    CHECK_BETWEEN(row, 16 * bend_of(&at_16k), 0, e->sine.level); /* so a cut would be seen */
}

static const struct mc_codec *const codecs[] = {&mc_codec_pcma, &mc_codec_l16_16k, &mc_codec_g722, &mc_codec_opus};

static void losses(void) {
    for (size_t k = 0; k < COUNT(codecs); k++) {
        for (int seed = 0; seed < 8; seed++) { /* another phase at each join */
            struct ear *e = ear_new(codecs[k]);
            e->sine.hz += 3 * seed;
            hear(e, SOUND, 20);
            for (size_t lost = 1; lost < 8; lost++) {
                hear(e, LOST, lost);
                hear(e, SOUND, 10 + lost);
            }
            no_click(e, (int)k, OWN);
            ear_free(e);
        }
    }
}

static void comfort_noise_comes_and_goes(void) {
    for (size_t k = 0; k < COUNT(codecs) - 1; k++) {
        for (int seed = 0; seed < 8; seed++) {
            struct ear *e = ear_new(codecs[k]);
            e->sine.hz += 3 * seed;
            for (int i = 0; i < 5; i++) {
                hear(e, SOUND, 20 + (size_t)i);
                hear(e, NOISE, 30);
            }
            hear(e, SOUND, 20);
            no_click(e, (int)k, OWN);
            ear_free(e);
        }
    }
}

static void the_line_falls_silent_and_speaks_again(void) {
    for (size_t k = 0; k < COUNT(codecs); k++) {
        struct ear *e = ear_new(codecs[k]);
        for (int i = 0; i < 8; i++) {
            hear(e, SOUND, 20);
            hear(e, NOTHING, 25);
        }
        no_click(e, (int)k, OWN);
        ear_free(e);
    }
}

static void another_codec_in_mid_call(void) {
    struct ear *e = ear_new(codecs[0]);
    for (size_t k = 1; k <= 3 * COUNT(codecs); k++) {
        const struct mc_codec *codec = codecs[k % COUNT(codecs)];
        struct mc_fmtp fmtp = {0};
        struct mc_leg_params p;
        hear(e, SOUND, 20 + k);
        wanted(codec, &p, e->end);
        end_start(e->end, &p, e->now);
        free(e->end->enc);
        free(e->end->dec);
        e->end->enc = calloc(1, codec->enc_size + 1);
        e->end->dec = calloc(1, codec->dec_size + 1);
        codec->enc_init(e->end->enc, &fmtp, 20);
        codec->dec_init(e->end->dec);
        e->sine.rate = codec->rate;
        e->sine.phase = 0;
    }
    hear(e, SOUND, 20);
    no_click(e, 0, OWN);
    ear_free(e);
}

int main(void) {
    RUN(losses);
    RUN(comfort_noise_comes_and_goes);
    RUN(the_line_falls_silent_and_speaks_again);
    RUN(another_codec_in_mid_call);
    return check_done();
}
