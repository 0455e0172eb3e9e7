/* SPDX-License-Identifier: GPL-3.0-or-later
 * What goes on beside the sound of a bridge: digits, recordings, legs that are taken away. */
#include "join_pair.h"
#include "tap.h"

static void send_event(struct pair *p, uint8_t code, uint16_t duration, bool end, uint32_t ts, uint16_t seq) {
    uint8_t buf[MC_RTP_HEADER + 4] = {0};
    struct mc_rtp head = {.pt = 101, .seq = seq, .ts = ts, .ssrc = 0x1234};
    mc_rtp_build(buf, sizeof buf, &head);
    buf[12] = code;
    buf[13] = (uint8_t)((end ? 0x80 : 0) | 10);
    buf[14] = (uint8_t)(duration >> 8);
    buf[15] = (uint8_t)duration;
    mc_leg_on_packet(p->a->leg, buf, sizeof buf, p->now);
}

static void digit_of_a(struct pair *p, uint8_t code) {
    uint32_t ts = p->a->ts;
    for (int k = 1; k <= 6; k++) {
        send_event(p, code, (uint16_t)(k < 5 ? k * 160 : 800), k >= 5, ts, p->a->seq++);
        mc_leg_on_tick(p->a->leg, p->now + 1000);
        mc_leg_on_tick(p->b->leg, p->now + 1000 + B_PHASE);
        p->now += TICK;
        p->a->ts += FRAME;
    }
}

static void digits_pass_as_events(void) {
    for (int transcode = 0; transcode < 2; transcode++) {
        struct mc_bridge_cfg cfg = {.transcode = transcode};
        struct pair p = pair_of(&mc_codec_pcmu, 20, &mc_codec_pcmu, 20, &cfg);
        for (int k = 0; k < 20; k++) {
            step(&p, false);
        }
        digit_of_a(&p, 5);
        for (int k = 0; k < 40; k++) {
            step(&p, false);
        }
        struct mc_bridge_way way;
        mc_bridge_stats(p.bridge, p.a->leg, &way);
        CHECK_INT(transcode, way.digits, transcode);
        if (!transcode) {
            CHECK_INT(transcode, p.b->n_events, 6);
        } else {
            CHECK_BETWEEN(transcode, p.b->n_events, 5, 9);
        }
        CHECK_INT(transcode, p.b->jumps, 0);
        struct mc_event ev;
        int n = 0;
        while (mc_leg_pop_event(p.a->leg, &ev) == MC_OK) {
            n += ev.kind == MC_EV_DTMF && ev.a == '5';
        }
        CHECK_INT(transcode, n, 1); /* the engine knows of it too */
        pair_free(&p);
    }
}

/* b's peer takes no events: no hole in the numbers, which would sound like loss. */
static void swallowed_events_leave_no_hole(void) {
    struct pair p = pair_of(&mc_codec_pcmu, 20, &mc_codec_pcmu, 20, NULL);
    struct mc_leg_params params;
    end_params(p.b, &params, 20);
    params.event_tx_pt = MC_PT_NONE;
    end_start(p.b, &params, p.now);
    for (int k = 0; k < 20; k++) {
        step(&p, false);
    }
    digit_of_a(&p, 5);
    for (int k = 0; k < 20; k++) {
        step(&p, false);
    }
    CHECK_INT(0, p.b->n_events, 0);
    CHECK_INT(0, p.b->jumps, 0);
    pair_free(&p);
}

static uint64_t digits_made(const struct pair *p) {
    struct mc_bridge_way way;
    mc_bridge_stats(p->bridge, p->a->leg, &way);
    return way.digits;
}

/* An event that is no digit is swallowed while packets are relayed: the next one follows the one before. */
static void a_swallowed_packet_leaves_no_hole(void) {
    struct pair p = pair_of(&mc_codec_pcmu, 20, &mc_codec_pcmu, 20, NULL);
    struct mc_leg_params params;
    end_params(p.b, &params, 20);
    params.event_tx_pt = MC_PT_NONE;
    end_start(p.b, &params, p.now);
    for (int k = 0; k < 40; k++) {
        if (k >= 20 && k % 5 == 0) {
            send_event(&p, 77, 160, true, p.a->ts, p.a->seq++);
        }
        step(&p, false);
    }
    CHECK_INT(0, memcmp(p.b->rtp.payload, p.said, p.said_len), 0);
    CHECK_INT(0, p.b->jumps, 0);
    pair_free(&p);
}

/* While the engine speaks to b, digits go anew, those after relayed ones as well; while b is held, none goes, nor later. */
static void digits_beside_what_else_a_bridge_does(void) {
    struct pair p = pair_of(&mc_codec_pcmu, 20, &mc_codec_pcmu, 20, NULL);
    static int16_t pcm[2 * 16000];
    for (int k = 0; k < 20; k++) {
        step(&p, false);
    }
    digit_of_a(&p, 5);
    CHECK_INT(0, p.b->n_events, 6);
    CHECK_INT(0, digits_made(&p), 0);
    mc_leg_write(p.b->leg, pcm, COUNT(pcm));
    step(&p, false);
    digit_of_a(&p, 6);
    for (int k = 0; k < 120; k++) {
        step(&p, false);
    }
    CHECK_INT(0, digits_made(&p), 1);
    CHECK_BETWEEN(0, p.b->n_events, 6 + 5, 6 + 9);
    uint64_t before = p.b->n_events;
    CHECK_INT(0, mc_bridge_hold(p.bridge, p.b->leg, NULL), MC_OK);
    digit_of_a(&p, 7);
    CHECK_INT(0, mc_bridge_resume(p.bridge, p.b->leg), MC_OK);
    for (int k = 0; k < 40; k++) {
        step(&p, false);
    }
    CHECK_INT(0, digits_made(&p), 1);
    CHECK_INT(0, p.b->n_events, before);
    pair_free(&p);
}

/* The end of a relayed digit is lost, so it is told with the next one, which is made anew: each goes once. */
static void a_lost_end_belongs_to_its_own_digit(void) {
    struct pair p = pair_of(&mc_codec_pcmu, 20, &mc_codec_pcmu, 20, NULL);
    static int16_t pcm[16000];
    for (int k = 0; k < 20; k++) {
        step(&p, false);
    }
    for (uint16_t k = 1; k <= 3; k++) {
        send_event(&p, 5, k * 160, false, p.a->ts, p.a->seq++);
    }
    p.a->ts += 4 * FRAME;
    CHECK_INT(0, p.b->n_events, 3);
    mc_leg_write(p.b->leg, pcm, COUNT(pcm));
    digit_of_a(&p, 6);
    for (int k = 0; k < 80; k++) {
        step(&p, false);
    }
    CHECK_INT(0, digits_made(&p), 1);
    CHECK_INT(0, p.b->jumps, 0);
    pair_free(&p);
}

/* Faster than they can be sent: they wait, and each comes once, in order. */
static void digits_wait_for_each_other(void) {
    struct mc_bridge_cfg cfg = {.transcode = true};
    struct pair p = pair_of(&mc_codec_pcmu, 20, &mc_codec_pcmu, 20, &cfg);
    char seen[16] = "";
    size_t n = 0;
    for (int k = 0; k < 20; k++) {
        step(&p, false);
    }
    for (uint8_t code = 1; code <= 4; code++) {
        uint32_t ts = p.a->ts;
        send_event(&p, code, 160, true, ts, p.a->seq++);
        p.a->ts += FRAME;
    }
    for (int k = 0; k < 100; k++) {
        step(&p, false);
        bool end = p.b->rtp.pt == 101 && (p.b->rtp.payload[1] & 0x80) != 0;
        char digit = (char)('0' + p.b->rtp.payload[0]);
        if (end && n < sizeof seen - 1 && (n == 0 || seen[n - 1] != digit)) {
            seen[n++] = digit;
            CHECK_INT(k, p.b->rtp.payload[2] << 8 | p.b->rtp.payload[3], 2 * FRAME); /* 20 ms made 40 */
        }
    }
    CHECK_INT(0, digits_made(&p), 4);
    CHECK_INT(0, strcmp(seen, "1234"), 0);
    pair_free(&p);
}

/* a's peer rests for 20 s with comfort noise (RFC 3389), told twice; then it speaks again. */
static void comfort_noise_goes_on_or_leaves_no_hole(void) {
    for (uint8_t takes = 0; takes < 2; takes++) {
        struct pair p = pair_of(&mc_codec_pcmu, 20, &mc_codec_pcmu, 20, NULL);
        struct mc_leg_params params;
        end_params(p.a, &params, 20);
        params.cn_rx_pt = 13;
        end_start(p.a, &params, p.now);
        end_params(p.b, &params, 20);
        params.cn_tx_pt = takes ? 19 : 0;
        end_start(p.b, &params, p.now);
        for (int k = 0; k < 20; k++) {
            step(&p, false);
        }
        uint64_t sent = p.b->n_packets;
        uint32_t ts = p.b->rtp.ts;
        for (int k = 0; k < 1000; k++, p.now += TICK, p.a->ts += FRAME) {
            uint8_t buf[MC_RTP_HEADER + 1];
            struct mc_rtp head = {.pt = 13, .seq = p.a->seq, .ts = p.a->ts, .ssrc = 0x1234};
            if (k % 500 == 0) {
                mc_rtp_build(buf, sizeof buf, &head);
                buf[MC_RTP_HEADER] = (uint8_t)(60 + k / 500);
                p.a->seq++;
                mc_leg_on_packet(p.a->leg, buf, sizeof buf, p.now);
                if (takes) {
                    CHECK_INT(k, p.b->rtp.pt, 19);
                    CHECK_INT(k, p.b->rtp.payload[0], 60 + k / 500);
                    CHECK_INT(k, p.b->rtp.ts - ts, (uint32_t)(k + 1) * FRAME);
                }
            }
            mc_leg_on_tick(p.a->leg, p.now + 1000);
            mc_leg_on_tick(p.b->leg, p.now + 1000 + B_PHASE);
        }
        if (takes) { /* it rests as well: nothing but the two */
            CHECK_INT(0, p.b->n_packets - sent, 2);
        } else { /* silence of our own */
            CHECK_BETWEEN(1, p.b->n_packets - sent, 960, 1000);
        }
        for (int k = 0; k < 20; k++) {
            step(&p, false);
        }
        CHECK_INT(takes, p.b->rtp.pt, 96);
        CHECK_INT(takes, memcmp(p.b->rtp.payload, p.said, FRAME), 0);
        CHECK_INT(takes, p.b->jumps, 0);
        pair_free(&p);
    }
}

/* A recording has both sides although the packets pass untouched. */
static void a_recording_hears_what_passes(void) {
    struct pair p = pair_of(&mc_codec_l16_16k, 20, &mc_codec_l16_16k, 20, NULL);
    struct mc_tap *tap = NULL;
    CHECK_INT(0, mc_tap_new(&tap, 16000, 0), MC_OK);
    mc_leg_set_tap(p.b->leg, tap);
    int16_t left[320 * 64], right[320 * 64];
    size_t n = 0;
    for (int k = 0; k < 100; k++) {
        step(&p, true);
        struct mc_tap_head head;
        int16_t ticks[2][MC_TAP_MAX];
        while (mc_tap_take(tap, &head, ticks[0], ticks[1])) {
            CHECK_INT(k, head.n_left, 320);
            CHECK_INT(k, head.n_right, 320);
            for (size_t i = 0; k >= 40 && n < COUNT(left) && i < 320; i++, n++) {
                left[n] = ticks[0][i];
                right[n] = ticks[1][i];
            }
        }
        if (k > 0) {
            CHECK_INT(k, memcmp(p.b->rtp.payload, p.said, p.said_len), 0);
        }
    }
    CHECK_BETWEEN(0, part_of(left, 12800, 470, 16000), 5900, 6100);
    CHECK_BETWEEN(0, part_of(right, 12800, 310, 16000), 7900, 8100);
    mc_leg_set_tap(p.b->leg, NULL);
    mc_tap_free(tap);
    pair_free(&p);
}

/* G.722's decoder goes on with the state that the relayed packets gave it, and so does the leg's encoder when the engine speaks. */
static void an_encoder_goes_after_what_was_relayed(void) {
    static const struct {
        double theirs_hz, theirs, ours_hz, ours;
    } rows[] = {{207, 16000, 200, 16000}, {317, 16000, 200, 16000}, {207, 3000, 200, 16000}, {317, 16000, 310, 300}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pair p = pair_of(&mc_codec_g722, 20, &mc_codec_g722, 20, NULL);
        p.sa = (struct sine){.hz = rows[i].theirs_hz, .level = rows[i].theirs, .rate = 16000};
        struct sine ours = {.hz = rows[i].ours_hz, .level = rows[i].ours, .rate = 16000};
        for (int round = 0; round < 15; round++) {
            for (int k = 0; k < 20 + round % 4; k++) {
                step(&p, true);
            }
            CHECK_INT(round, memcmp(p.b->rtp.payload, p.said, FRAME), 0);
            for (int k = 0; k < 6; k++) {
                int16_t pcm[320];
                sine_fill(&ours, pcm, COUNT(pcm));
                mc_leg_write(p.b->leg, pcm, COUNT(pcm));
                step(&p, true);
            }
        }
        /* Both sound together where relaying begins and ends: the least of 16000 is 5 ms of fading, 200 a sample. */
        double bend = bend_of(&p.sa) + bend_of(&ours);
        CHECK_BETWEEN(i, sharpest(p.b->heard + 1600, p.b->n_heard - 1600), 0, 3 * bend + 600);
        CHECK_INT(i, p.b->jumps, 0);
        pair_free(&p);
    }
}

/* The other leg was taken away by somebody else: nothing goes to it any more. */
static void a_leg_that_was_moved_is_left_alone(void) {
    struct pair p = pair_of(&mc_codec_l16_8k, 20, &mc_codec_l16_8k, 20, NULL);
    for (int k = 0; k < 20; k++) {
        step(&p, true);
    }
    mc_leg_set_sink(p.a->leg, &mc_sink_null); /* then the other has silence, at once */
    for (uint64_t k = 0, n = p.b->n_packets; k < 5; k++) {
        step(&p, true);
        CHECK_INT(k, p.b->n_packets - n, k + 1);
    }
    pair_free(&p);
    p = pair_of(&mc_codec_l16_8k, 20, &mc_codec_l16_8k, 20, NULL);
    for (int k = 0; k < 20; k++) {
        step(&p, true);
    }
    mc_leg_set_sink(p.b->leg, &mc_sink_null);
    size_t from = p.b->n_heard;
    for (int k = 0; k < 20; k++) {
        step(&p, true);
    }
    CHECK_BETWEEN(0, part_of(p.b->heard + from + 320, 2400, 310, 8000), 0, 20);
    mc_bridge_free(p.bridge);
    p.bridge = NULL;
    CHECK(mc_leg_sink(p.b->leg) == &mc_sink_null);
    CHECK(mc_leg_sink(p.a->leg) == &mc_sink_engine);
    pair_free(&p);
    struct end *e = end_new(&mc_codec_pcmu, 8000, 20, 1, &live);
    struct mc_bridge_cfg cfg = {0};
    CHECK_INT(0, mc_bridge_new(&p.bridge, e->leg, e->leg, &cfg), MC_E_ARG);
    end_free(e);
}

static int16_t first_heard;

static void keep_first(const struct mc_sink *self, struct mc_leg *leg, const int16_t *pcm, size_t n, uint64_t now_us) {
    for (size_t i = 0; i < n && first_heard == 0; i++) {
        first_heard = pcm[i];
    }
}

/* Somebody begins to listen in the middle of a word. */
static void listening_begins_softly(void) {
    const struct mc_sink sink = {.name = "first", .play = keep_first};
    struct end *e = end_new(&mc_codec_l16_8k, 8000, 20, 1, &live);
    int16_t loud[FRAME];
    for (size_t i = 0; i < FRAME; i++) {
        loud[i] = 10000;
    }
    mc_leg_set_sink(e->leg, &sink);
    for (uint64_t k = 0; k < 10; k++) {
        end_say(e, loud, FRAME, START + k * TICK, NULL);
        mc_leg_on_tick(e->leg, START + k * TICK);
    }
    CHECK_BETWEEN(0, first_heard, 1, 1000);
    end_free(e);
}

int main(void) {
    RUN(digits_pass_as_events);
    RUN(swallowed_events_leave_no_hole);
    RUN(a_swallowed_packet_leaves_no_hole);
    RUN(digits_beside_what_else_a_bridge_does);
    RUN(a_lost_end_belongs_to_its_own_digit);
    RUN(digits_wait_for_each_other);
    RUN(comfort_noise_goes_on_or_leaves_no_hole);
    RUN(a_recording_hears_what_passes);
    RUN(an_encoder_goes_after_what_was_relayed);
    RUN(a_leg_that_was_moved_is_left_alone);
    RUN(listening_begins_softly);
    return check_done();
}
