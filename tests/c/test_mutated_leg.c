/* SPDX-License-Identifier: GPL-3.0-or-later
 * A million damaged packets through whole legs, each in a block of its exact length, with everything on: machine ear, human ear,
 * recording tap, bridge, digits in the sound, comfort noise and reports. */
#include "bridge.h"
#include "damage.h"
#include "join.h"
#include "tap.h"

static mc_live live;

#define SOUNDS 16
#define SAID 4 /* packets in a tick */
#define CN_PT 13
#define PEER 77 /* its SSRC */

/* One leg and what its peer says. */
struct side {
    struct end *end;
    struct mc_tap *tap;
    uint16_t seq;
    uint32_t ts;
    uint8_t sound[SOUNDS][MC_RTP_MAX_PACKET];
    size_t len[SOUNDS];
    uint64_t n_ear, n_taps;
};

static struct side *side_new(const struct mc_codec *codec, uint64_t seed) {
    struct side *s = calloc(1, sizeof *s);
    struct mc_leg_params p;
    struct sine sine = {.hz = 300, .level = 8000, .rate = codec->rate};
    int16_t pcm[MC_CODEC_MAX_PCM];
    s->end = end_new(codec, 16000, 20, seed, &live);
    end_params(s->end, &p, 20);
    p.cn_rx_pt = CN_PT;
    end_start(s->end, &p, START);
    CHECK_INT(seed, mc_tap_new(&s->tap, 16000, 0), MC_OK);
    mc_leg_set_tap(s->end->leg, s->tap);
    for (size_t k = 0; k < SOUNDS; k++) {
        sine_fill(&sine, pcm, codec->rate / 50);
        int n = codec->encode(s->end->enc, pcm, codec->rate / 50, s->sound[k], MC_RTP_MAX_PACKET - MC_RTP_HEADER);
        s->len[k] = n > 0 ? (size_t)n : 0;
    }
    return s;
}

static void side_free(struct side *s) {
    mc_leg_set_tap(s->end->leg, NULL);
    mc_tap_free(s->tap);
    end_free(s->end);
    free(s);
}

static void say(struct side *s, struct rng *r, uint8_t pt, const void *payload, size_t n, uint64_t now_us) {
    uint8_t buf[MC_RTP_MAX_PACKET];
    struct mc_rtp head = {.seq = s->seq, .ts = s->ts, .ssrc = PEER, .pt = pt};
    size_t len = MC_RTP_HEADER + n;
    mc_rtp_build(buf, MC_RTP_HEADER, &head);
    memcpy(buf + MC_RTP_HEADER, payload, n);
    uint8_t *sent = damaged(r, buf, &len);
    mc_leg_on_packet(s->end->leg, sent, len, now_us);
    free(sent);
}

static void report(struct side *s, struct rng *r, uint64_t now_us) {
    uint8_t buf[400];
    size_t len = compound(buf, sizeof buf, PEER);
    uint8_t *sent = damaged(r, buf, &len);
    mc_leg_on_rtcp(s->end->leg, sent, len, now_us);
    free(sent);
}

/* Sound for the most part. */
static void say_something(struct side *s, struct rng *r, uint64_t now_us) {
    const size_t k = rng_below(r, SOUNDS);
    switch (rng_below(r, 16)) {
    case 0:
        report(s, r, now_us);
        break;
    case 1:
        say(s, r, 101, rng_below(r, 2) ? "\x05\x0a\x00\xa0" : "\x05\x8a\x03\x20", 4, now_us);
        break;
    case 2:
        say(s, r, CN_PT, "\x40\x80\x70", 3, now_us);
        break;
    default:
        say(s, r, 96, s->sound[k], s->len[k], now_us);
    }
}

/* Of the same number and time: one of them may do. */
static void say_some(struct side *s, struct rng *r, uint64_t now_us) {
    s->seq++;
    s->ts += s->end->codec->clock / 50;
    for (int i = 0; i < SAID; i++) {
        say_something(s, r, now_us + rng_below(r, 1000));
    }
}

/* The engine's side, so that no queue stays full. */
static void hear(struct side *s) {
    struct mc_frame f;
    struct mc_event ev;
    int16_t pcm[MC_CODEC_MAX_PCM + 8];
    struct mc_tap_head head;
    static int16_t sides[2][MC_TAP_MAX];
    while (mc_leg_pop_ear(s->end->leg, &f) == MC_OK) {
        mc_leg_take_ear(s->end->leg, pcm, f.n);
        s->n_ear++;
    }
    while (mc_leg_pop_event(s->end->leg, &ev) == MC_OK) {
    }
    for (; mc_tap_take(s->tap, &head, sides[0], sides[1]); s->n_taps++) {
    }
    s->end->n_heard = 0; /* what its peer got need not be kept */
}

static void pair(const struct mc_codec *ca, const struct mc_codec *cb, size_t packets, bool bridged) {
    struct rng r = rng_of(packets);
    struct side *a = side_new(ca, 1), *b = side_new(cb, 2);
    struct mc_bridge *bridge = NULL;
    struct mc_bridge_cfg cfg = {.ears = true, .live = &live};
    struct mc_leg_stats st;
    uint64_t now = START;
    if (bridged) {
        CHECK_INT(0, mc_bridge_new(&bridge, a->end->leg, b->end->leg, &cfg), MC_OK);
    }
    for (size_t i = 0; i < packets; i += 2 * SAID, now += TICK) {
        say_some(a, &r, now);
        say_some(b, &r, now + rng_below(&r, 30000));
        mc_leg_on_tick(a->end->leg, now + 1000);
        mc_leg_on_tick(b->end->leg, now + 8000);
        hear(a);
        hear(b);
    }
    mc_leg_stats(a->end->leg, &st);
    CHECK_BETWEEN(packets, st.rx_packets, packets / 8, packets / 2); /* the damage is not such that nothing gets through */
    CHECK_BETWEEN(packets, st.rtcp_received, packets / 200, packets / 20);
    CHECK_BETWEEN(packets, a->n_ear, packets / 16, packets);
    CHECK_INT(packets, a->n_taps, packets / 2 / SAID);
    CHECK_INT(packets, st.tx_errors, 0);
    if (bridge != NULL) {
        mc_bridge_free(bridge);
    }
    side_free(a);
    side_free(b);
    CHECK_INT(packets, live, 0);
}

static void laws_relayed(void) {
    pair(&mc_codec_pcmu, &mc_codec_pcma, PACKETS / 10 * 4, true);
}

static void laws_at_the_engine(void) {
    pair(&mc_codec_pcmu, &mc_codec_pcma, PACKETS / 10 * 3, false);
}

static void wideband_transcoded(void) {
    pair(&mc_codec_g722, &mc_codec_l16_16k, PACKETS / 10 * 2, true);
}

static void opus_transcoded(void) {
    pair(&mc_codec_opus, &mc_codec_pcmu, PACKETS / 10, true);
}

int main(void) {
    RUN(laws_relayed);
    RUN(laws_at_the_engine);
    RUN(wideband_transcoded);
    RUN(opus_transcoded);
    return check_done();
}
