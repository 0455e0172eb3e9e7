/* SPDX-License-Identifier: GPL-3.0-or-later
 * The leg's two doors from C: an echo, restarts while packets fly, and whatever bytes. What it sounds like is tested in tests/media. */
#include "leg.h"

#include "check.h"
#include "codec.h"
#include "err.h"
#include "rtp.h"
#include "tap.h"

#define START 1000000u
#define TICK 20000u

struct box {
    uint8_t pkt[64][MC_RTP_MAX_PACKET];
    size_t len[64];
    int n;
};

static int into_box(void *ctx, const void *pkt, size_t len) {
    struct box *box = ctx;
    if (box->n == 64) {
        return MC_E_FULL;
    }
    memcpy(box->pkt[box->n], pkt, len);
    box->len[box->n++] = len;
    return MC_OK;
}

static struct mc_leg_params params_of(const char *codec, uint32_t clock, uint16_t ptime_ms) {
    struct mc_leg_params p = {.clock = clock,
                              .tx_pt = 96,
                              .rx_pt = 96,
                              .event_tx_pt = 101,
                              .event_rx_pt = 101,
                              .ptime_ms = ptime_ms,
                              .send = true,
                              .recv = true};
    snprintf(p.codec, sizeof p.codec, "%s", codec);
    return p;
}

static struct mc_leg *leg_of(uint32_t rate, mc_live *live) {
    struct mc_leg_cfg cfg = {.rate = rate, .tx_ms = 2000, .seed = 7, .name = "test", .live = live};
    struct mc_leg *leg = NULL;
    CHECK_INT(rate, mc_leg_new(&leg, &cfg), MC_OK);
    return leg;
}

static void start(struct mc_leg *leg, const struct mc_leg_params *p, struct box *box, uint64_t now_us) {
    struct mc_wire wire = {.ctx = box, .send_rtp = into_box};
    struct mc_path *path = NULL;
    CHECK_INT(p->ptime_ms, mc_path_new(&path, leg, p), MC_OK);
    mc_path_free(mc_leg_start(leg, path, &wire, now_us));
}

static void finish(struct mc_leg *leg) {
    mc_path_free(mc_leg_stop(leg, START));
    mc_leg_unref(leg);
}

/* A packet in which every sample is `value`, as L16. */
static size_t packet(uint8_t *buf, uint16_t seq, uint32_t ts, int16_t value, size_t n) {
    struct mc_rtp head = {.pt = 96, .seq = seq, .ts = ts, .ssrc = 0x1234};
    mc_rtp_build(buf, MC_RTP_HEADER, &head);
    for (size_t i = 0; i < n; i++) {
        buf[MC_RTP_HEADER + 2 * i] = (uint8_t)((uint16_t)value >> 8);
        buf[MC_RTP_HEADER + 2 * i + 1] = (uint8_t)value;
    }
    return MC_RTP_HEADER + 2 * n;
}

static size_t read_all(struct mc_leg *leg) {
    struct mc_frame f;
    struct mc_event ev;
    int16_t pcm[MC_CODEC_MAX_PCM + 8];
    size_t n = 0;
    while (mc_leg_pop_ear(leg, &f) == MC_OK) {
        mc_leg_take_ear(leg, pcm, f.n);
        n += f.n;
    }
    while (mc_leg_pop_event(leg, &ev) == MC_OK) {
    }
    return n;
}

static void echo_comes_back_in_the_next_packet(void) {
    mc_live live = 0;
    struct box box = {0};
    struct mc_leg *leg = leg_of(16000, &live);
    struct mc_leg_params p = params_of("L16", 16000, 20);
    start(leg, &p, &box, START);
    mc_leg_set_sink(leg, &mc_sink_echo);
    for (int k = 0; k < 50; k++) {
        uint8_t buf[MC_RTP_MAX_PACKET];
        size_t len = packet(buf, (uint16_t)k, (uint32_t)k * 320, (int16_t)(k + 1), 320);
        mc_leg_on_packet(leg, buf, len, START + k * TICK);
        box.n = 0;
        CHECK_INT(k, mc_leg_on_tick(leg, START + k * TICK + 1), 1);
        CHECK_INT(k, box.n, 1);
        CHECK_INT(k, box.len[0], len);
        CHECK_INT(k, memcmp(box.pkt[0] + MC_RTP_HEADER, buf + MC_RTP_HEADER, len - MC_RTP_HEADER), 0);
    }
    CHECK_INT(0, live, 1);
    finish(leg);
    CHECK_INT(0, live, 0);
}

static void refuses_what_it_cannot_do(void) {
    static const struct {
        const char *codec;
        uint32_t clock;
        uint16_t ptime_ms;
        uint8_t pt;
        int want;
    } rows[] = {
        {"PCMU", 8000, 20, 0, MC_OK},       {"pcma", 8000, 60, 8, MC_OK},       {"opus", 48000, 10, 127, MC_OK},
        {"PCMU", 16000, 20, 0, MC_E_CODEC}, {"G729", 8000, 20, 18, MC_E_CODEC}, {"PCMU", 8000, 30, 0, MC_E_ARG},
        {"PCMU", 8000, 20, 128, MC_E_ARG},  {"L16", 16000, 60, 96, MC_OK},
    };
    struct mc_leg *leg = leg_of(16000, NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mc_leg_params p = params_of(rows[i].codec, rows[i].clock, rows[i].ptime_ms);
        struct mc_path *path = NULL;
        p.tx_pt = p.rx_pt = rows[i].pt;
        CHECK_INT(i, mc_path_new(&path, leg, &p), rows[i].want);
        mc_path_free(path);
    }
    struct mc_leg_params p = params_of("PCMU", 8000, 20);
    memset(p.codec, 'x', sizeof p.codec); /* no NUL */
    struct mc_path *path = NULL;
    CHECK_INT(0, mc_path_new(&path, leg, &p), MC_E_ARG);
    mc_leg_unref(leg);
    struct mc_leg_cfg bad = {.rate = 44100, .tx_ms = 1000};
    CHECK_INT(0, mc_leg_new(&leg, &bad), MC_E_ARG);
}

/* Any order of anything, checked by the sanitizers; and the counters must agree with what was put in. */
static void whatever_happens(void) {
    static const struct {
        const char *codec;
        uint32_t clock;
    } codecs[] = {{"PCMU", 8000}, {"L16", 16000}, {"opus", 48000}, {"L16", 8000}};
    static const uint16_t ptimes[] = {10, 20, 40, 60};
    static const uint32_t rates[] = {8000, 16000, 24000, 48000};
    struct box box = {0};
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct rng r = rng_of(seed);
        struct mc_leg *leg = leg_of(rates[seed % 4], NULL);
        struct mc_tap *tap = NULL;
        struct mc_tap_head tick;
        static int16_t sides[2][MC_TAP_MAX];
        CHECK_INT(seed, mc_tap_new(&tap, mc_leg_rate(leg), 0), MC_OK);
        uint64_t now = START;
        uint16_t seq = 0;
        uint32_t ts = 0;
        uint64_t n_put = 0;
        for (int i = 0; i < 4000; i++) {
            uint8_t buf[1600];
            int16_t pcm[4000];
            char text[300];
            struct mc_leg_params p;
            uint32_t n_codec;
            now += rng_below(&r, 9000);
            switch (rng_below(&r, 24)) {
            case 0:
                n_codec = rng_below(&r, COUNT(codecs));
                p = params_of(codecs[n_codec].codec, codecs[n_codec].clock, ptimes[rng_below(&r, 4)]);
                p.send = rng_below(&r, 4) != 0;
                p.recv = rng_below(&r, 4) != 0;
                start(leg, &p, &box, now);
                break;
            case 1:
                mc_path_free(mc_leg_stop(leg, now));
                break;
            case 2:
                mc_leg_set_tap(leg, mc_leg_tap(leg) == NULL ? tap : NULL);
                break;
            case 3:
                mc_leg_flush(leg);
                break;
            case 4:
                mc_leg_send_dtmf(leg, "12#", 60 + rng_below(&r, 200));
                break;
            case 5:
                mc_leg_set_sink(leg, rng_below(&r, 2) ? &mc_sink_engine : &mc_sink_null);
                break;
            case 6:
                CHECK(mc_leg_describe(leg, text, 1 + rng_below(&r, sizeof text)) < (int)sizeof text);
                break;
            case 7:
                now += rng_below(&r, 3000000); /* everybody slept */
                break;
            case 8:
                ts += rng_next(&r); /* the sender's clock, or its numbering, or itself, made anew */
                seq = (uint16_t)(seq + rng_below(&r, 20000));
                break;
            case 9:
            case 10:
                memset(pcm, (int)rng_below(&r, 256), sizeof pcm);
                mc_leg_write(leg, pcm, rng_below(&r, 4000));
                break;
            case 11:
            case 12:
            case 13:
                box.n = 0;
                mc_leg_on_tick(leg, now);
                read_all(leg);
                while (mc_tap_take(tap, &tick, sides[0], sides[1])) {
                    CHECK(tick.n_left <= MC_TAP_MAX && tick.n_right <= MC_TAP_MAX);
                }
                break;
            default: {
                struct mc_rtp head = {
                    .pt = rng_below(&r, 9) ? 96 : 101, .seq = seq, .ts = ts, .ssrc = rng_below(&r, 30) ? 1 : 2};
                size_t len = rng_below(&r, 8) ? 652 : rng_below(&r, sizeof buf);
                for (size_t k = 0; k < len; k++) {
                    buf[k] = (uint8_t)rng_next(&r);
                }
                if (len >= MC_RTP_HEADER && rng_below(&r, 10)) {
                    mc_rtp_build(buf, MC_RTP_HEADER, &head);
                }
                seq = (uint16_t)(seq + rng_below(&r, 3));
                ts += 160;
                mc_leg_on_packet(leg, buf, len, now);
                n_put++;
            }
            }
        }
        struct mc_leg_stats st;
        mc_leg_publish(leg);
        mc_leg_stats(leg, &st);
        CHECK_BETWEEN(seed, st.rx_packets + st.rx_malformed + st.rx_ignored, n_put * 0.9, n_put * 2.0);
        CHECK(mc_leg_played(leg) <= mc_leg_written(leg));
        CHECK_INT(seed, st.tx_errors, 0);
        mc_leg_set_tap(leg, NULL);
        finish(leg);
        mc_tap_free(tap);
    }
}

struct counting_sink {
    struct mc_sink sink;
    int n_packets;
    size_t n_played;
};

static bool take_even(const struct mc_sink *self, struct mc_leg *leg, const struct mc_rtp *pkt, uint64_t now_us) {
    ((struct counting_sink *)self)->n_packets++;
    return pkt->seq % 2 == 0;
}

static void count_played(const struct mc_sink *self, struct mc_leg *leg, const int16_t *pcm, size_t n, uint64_t now_us) {
    ((struct counting_sink *)self)->n_played += n;
}

/* What a bridge or a mixer will be: a sink with a state of its own. */
static void a_sink_may_take_packets_or_ask_for_playout(void) {
    struct counting_sink mine = {.sink = {.name = "counting", .packet = take_even, .play = count_played}};
    struct box box = {0};
    struct mc_leg *leg = leg_of(8000, NULL);
    struct mc_leg_params p = params_of("L16", 8000, 10);
    start(leg, &p, &box, START);
    mc_leg_set_sink(leg, &mine.sink);
    for (int k = 0; k < 100; k++) {
        uint8_t buf[MC_RTP_MAX_PACKET];
        mc_leg_on_packet(leg, buf, packet(buf, (uint16_t)k, (uint32_t)k * 80, 5, 80), START + k * TICK / 2);
        box.n = 0;
        mc_leg_on_tick(leg, START + k * TICK / 2);
    }
    CHECK_INT(0, mine.n_packets, 100);
    CHECK_INT(0, mine.n_played, 100 * 80);
    struct mc_leg_stats st;
    mc_leg_stats(leg, &st);
    CHECK_INT(0, st.ear_frames, 50);
    CHECK_INT(0, st.ear_lost, 0);
    CHECK_INT(0, read_all(leg), 0);
    finish(leg);
}

static struct mc_leg_stats stats_of(const struct mc_leg *leg) {
    struct mc_leg_stats st;
    mc_leg_stats(leg, &st);
    return st;
}

/* Counters that hardly change are published only when they did: none may be forgotten. */
static void what_happened_is_published_with_the_next_tick(void) {
    struct box box = {.n = 0};
    struct mc_leg_params p = params_of("L16", 8000, 20);
    struct mc_leg *leg = leg_of(8000, NULL);
    struct mc_wire wire = {.ctx = &box, .send_rtp = into_box, .send_rtcp = into_box};
    struct mc_path *path = NULL;
    uint8_t buf[MC_RTP_MAX_PACKET];
    uint64_t now = START;
    double r_factor = 0;
    unsigned n_reports = 0;
    CHECK_INT(0, mc_path_new(&path, leg, &p), MC_OK);
    mc_path_free(mc_leg_start(leg, path, &wire, now));
    mc_leg_on_tick(leg, now); /* what the start itself changed */
    for (int i = 1; i < 250; i++) {
        box.n = i % 50 == 49 ? 64 : 0; /* now and then the wire takes nothing */
        if (i % 2) {
            mc_leg_on_packet(leg, buf, packet(buf, (uint16_t)i, (uint32_t)i * 160, 1, 160), now);
        }
        switch (i % 5) {
        case 0:
            mc_leg_on_packet(leg, buf, 3, now);
            break;
        case 1:
            mc_leg_on_rtcp(leg, buf, 3, now);
            break;
        case 2:
            mc_leg_count_source(leg, MC_SOURCE_STRANGER);
            break;
        case 3:
            mc_leg_flush(leg);
            break;
        }
        now += TICK;
        uint64_t errors = stats_of(leg).tx_errors;
        mc_leg_on_tick(leg, now);
        struct mc_leg_stats st = stats_of(leg);
        CHECK_INT(i, st.rx_packets, (i + 1) / 2);
        CHECK_INT(i, st.rx_malformed, i / 5);
        CHECK_INT(i, st.rtcp_malformed, (i + 4) / 5);
        CHECK_INT(i, st.rx_strangers, (i + 3) / 5);
        CHECK_INT(i, st.tx_packets, i + 1 - st.tx_errors);
        CHECK_INT(i, st.tx_errors, errors + (i % 50 == 49));
        r_factor = st.r_factor;
        read_all(leg);
    }
    for (int i = 250; i < 1000; i++) { /* quiet: only reports leave, and the line gets better */
        box.n = 0;
        mc_leg_on_packet(leg, buf, packet(buf, (uint16_t)i, (uint32_t)i * 160, 1, 160), now);
        now += TICK;
        uint64_t sent = stats_of(leg).rtcp_sent;
        mc_leg_on_tick(leg, now);
        CHECK_INT(i, stats_of(leg).rtcp_sent, sent + (box.n == 2)); /* beside the packet */
        n_reports += box.n == 2;
        if (i % 100 == 0) {
            CHECK(stats_of(leg).r_factor > r_factor); /* judged every second */
            r_factor = stats_of(leg).r_factor;
        }
        read_all(leg);
    }
    CHECK(n_reports > 1);
    mc_path_free(mc_leg_stop(leg, now));
    CHECK_INT(0, stats_of(leg).rx_malformed, 49);
    CHECK_INT(0, stats_of(leg).rx_packets, 125 + 750);
    CHECK_INT(0, stats_of(leg).rx_lost, 124);
    mc_leg_unref(leg);
}

int main(void) {
    RUN(echo_comes_back_in_the_next_packet);
    RUN(refuses_what_it_cannot_do);
    RUN(whatever_happens);
    RUN(what_happened_is_published_with_the_next_tick);
    RUN(a_sink_may_take_packets_or_ask_for_playout);
    return check_done();
}
