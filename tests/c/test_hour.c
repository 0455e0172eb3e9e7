/* SPDX-License-Identifier: GPL-3.0-or-later
 * A call of an hour over a bad line, through a whole leg with human ear and recording tap, in virtual time: 5 % of the packets lost in
 * bursts (Gilbert-Elliott), 20 ms of jitter, and a sender whose clock is right, or 1,000 ppm fast or slow. Nothing grows: no memory, no
 * delay, no distance of the machine ear's time line from the sender's, nor of the tap's from ours. */
#include <malloc.h>

#include "join.h"
#include "tap.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MINUTES 4
#else
#define MINUTES 60
#endif
#define PER_MINUTE 3000 /* packets, ticks */
#define LOOP 400        /* packets of sound, then again */
#define LOSS 0.05
#define BURST 2.5 /* packets, the mean */
#define JITTER_US 20000
#define IN_FLIGHT 8

struct sent {
    uint64_t at_us;
    uint32_t k;
};

/* What was seen in one minute. */
struct minute {
    double delay_ms, delay_max_ms; /* of the human ear: age of what is played */
    double depth_ms;               /* of the jitter buffer, as it reports it */
    double ear_ms;                 /* the newest sound sent, less how far the machine ear is */
    double ear_max_ms;
    size_t heap; /* bytes in use at its end */
};

struct call {
    struct end *end;
    struct mc_tap *tap;
    double tick; /* sender's packet time, microseconds of ours */
    struct rng rng;
    bool bad; /* the line's state */
    struct sent flight[IN_FLIGHT];
    size_t n_flight;
    uint32_t k; /* packets sent */
    uint64_t n_lost, n_ear, n_blocks;
    uint8_t sound[LOOP][400];
    size_t len[LOOP];
    struct minute minutes[MINUTES];
};

/* Words of a second and pauses of half a one. */
static void speak(struct call *c, const struct mc_codec *codec) {
    int16_t pcm[MC_CODEC_MAX_PCM];
    const size_t n = codec->rate / 50;
    double phase = 0;
    for (size_t k = 0; k < LOOP; k++) {
        for (size_t i = 0; i < n; i++) {
            double t = (double)(k * n + i) / codec->rate, v = 0;
            phase += 2 * M_PI * (130 + 25 * sin(3 * t)) / codec->rate;
            for (int h = 1; h < 12; h++) {
                v += sin(h * phase) / h;
            }
            bool word = fmod(t, 1.5) < 1;
            pcm[i] = (int16_t)(word ? 5000 * v * sin(M_PI * fmod(t, 1.5)) : rng_below(&c->rng, 9));
        }
        int len = codec->encode(c->end->enc, pcm, n, c->sound[k], sizeof c->sound[k]);
        CHECK(len > 0);
        c->len[k] = len > 0 ? (size_t)len : 0;
    }
}

static struct call *call_new(const struct mc_codec *codec, double ppm) {
    struct call *c = calloc(1, sizeof *c);
    c->rng = rng_of((uint64_t)(ppm + 5000));
    c->end = end_new(codec, codec->rate, 20, 3, NULL);
    if (codec->enc_size > 0) { /* encoding costs more than all the rest, and silence it would be */
        struct mc_leg_params p;
        end_params(c->end, &p, 20);
        p.send = false;
        end_start(c->end, &p, START);
    }
    c->tick = TICK / (1 + ppm * 1e-6);
    CHECK_INT(0, mc_tap_new(&c->tap, codec->rate, 0), MC_OK);
    mc_leg_set_tap(c->end->leg, c->tap);
    speak(c, codec);
    return c;
}

static void call_free(struct call *c) {
    mc_leg_set_tap(c->end->leg, NULL);
    mc_tap_free(c->tap);
    end_free(c->end);
    free(c);
}

/* What the sender sends until now goes on its way, or is lost on it. */
static void send_until(struct call *c, uint64_t now_us) {
    for (; START + c->k * c->tick <= (double)now_us; c->k++) {
        c->bad = rng_unit(&c->rng) < (c->bad ? 1 - 1 / BURST : LOSS / (1 - LOSS) / BURST);
        c->n_lost += c->bad;
        if (!c->bad && c->n_flight < IN_FLIGHT) {
            c->flight[c->n_flight++] = (struct sent){(uint64_t)(START + c->k * c->tick) + rng_below(&c->rng, JITTER_US), c->k};
        }
    }
}

/* The first to arrive until now; false: none. */
static bool arrive(struct call *c, uint64_t now_us) {
    size_t first = 0;
    for (size_t i = 1; i < c->n_flight; i++) {
        first = c->flight[i].at_us < c->flight[first].at_us ? i : first;
    }
    if (c->n_flight == 0 || c->flight[first].at_us > now_us) {
        return false;
    }
    uint8_t buf[500];
    const struct sent s = c->flight[first];
    const size_t which = s.k % LOOP;
    struct mc_rtp head = {.pt = 96, .seq = (uint16_t)s.k, .ts = s.k * (c->end->codec->clock / 50), .ssrc = 5};
    mc_rtp_build(buf, sizeof buf, &head);
    memcpy(buf + MC_RTP_HEADER, c->sound[which], c->len[which]);
    c->flight[first] = c->flight[--c->n_flight];
    mc_leg_on_packet(c->end->leg, buf, MC_RTP_HEADER + c->len[which], s.at_us);
    return true;
}

static void look(struct call *c, struct minute *m) {
    struct mc_frame f;
    struct mc_event ev;
    int16_t pcm[MC_CODEC_MAX_PCM + 8];
    while (mc_leg_pop_ear(c->end->leg, &f) == MC_OK) {
        mc_leg_take_ear(c->end->leg, pcm, f.n);
        CHECK_INT(f.index, f.index, c->n_ear);
        c->n_ear += f.n;
    }
    double behind = 20.0 * c->k - (double)c->n_ear * 1000 / c->end->codec->rate;
    m->ear_ms += behind / PER_MINUTE;
    m->ear_max_ms = behind > m->ear_max_ms ? behind : m->ear_max_ms;
    while (mc_leg_pop_event(c->end->leg, &ev) == MC_OK) {
    }
    struct mc_tap_head head;
    static int16_t sides[2][MC_TAP_MAX];
    if (mc_tap_take(c->tap, &head, sides[0], sides[1])) {
        double delay = (double)head.left_age_us / 1000;
        CHECK_INT(c->n_blocks, head.t_us, START + c->n_blocks * TICK);
        m->delay_ms += delay / PER_MINUTE;
        m->delay_max_ms = delay > m->delay_max_ms ? delay : m->delay_max_ms;
        c->n_blocks++;
    }
    CHECK(!mc_tap_take(c->tap, &head, sides[0], sides[1]));
    struct mc_leg_stats st;
    mc_leg_stats(c->end->leg, &st);
    m->depth_ms += (double)st.jb_depth_ms / PER_MINUTE;
    c->end->n_heard = 0;
}

static void run(struct call *c) {
    uint64_t now = START;
    for (size_t m = 0; m < MINUTES; m++) {
        for (size_t i = 0; i < PER_MINUTE; i++, now += TICK) {
            send_until(c, now);
            while (arrive(c, now)) {
            }
            mc_leg_on_tick(c->end->leg, now);
            look(c, &c->minutes[m]);
        }
        c->minutes[m].heap = mallinfo2().uordblks;
    }
}

static void an_hour(const struct mc_codec *codec, double ppm) {
    struct call *c = call_new(codec, ppm);
    struct mc_leg_stats st;
    run(c);
    mc_leg_stats(c->end->leg, &st);
    for (size_t m = 1; m < MINUTES; m++) {
        const struct minute *now = &c->minutes[m];
        CHECK_INT(m, now->heap, c->minutes[0].heap);
        CHECK_BETWEEN(m, now->delay_ms, 5, 65);
        CHECK_BETWEEN(m, now->delay_max_ms, 15, 200);
        CHECK_BETWEEN(m, now->depth_ms, 0, 80);
        CHECK_BETWEEN(m, now->delay_ms - c->minutes[1].delay_ms, -10, 10);
        CHECK_BETWEEN(m, now->ear_ms - c->minutes[1].ear_ms, -5, 5);
        CHECK_BETWEEN(m, now->ear_max_ms, 0, 500);
    }
    const double n = c->k;
    CHECK_BETWEEN(0, (double)c->n_lost / n, 0.7 * LOSS, 1.3 * LOSS);
    CHECK_BETWEEN(0, (double)st.ear_lost / n, 0.9 * (double)c->n_lost / n, 1.2 * (double)c->n_lost / n);
    CHECK_BETWEEN(0, (double)st.concealed / n, 0.97 * (double)c->n_lost / n, 1.03 * (double)c->n_lost / n);
    CHECK_INT(0, c->n_blocks, MINUTES * PER_MINUTE);
    CHECK_INT(0, st.tap_dropped + st.ear_dropped + st.events_dropped + st.tx_skipped, 0);
    call_free(c);
}

static void g711_from_a_fast_clock(void) {
    an_hour(&mc_codec_pcmu, 1000);
}

static void g711_from_a_slow_clock(void) {
    an_hour(&mc_codec_pcmu, -1000);
}

static void opus(void) {
    an_hour(&mc_codec_opus, 0);
}

int main(void) {
    RUN(g711_from_a_fast_clock);
    RUN(g711_from_a_slow_clock);
    RUN(opus);
    return check_done();
}
