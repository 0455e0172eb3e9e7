/* SPDX-License-Identifier: GPL-3.0-or-later
 * The jitter buffer behind networks of every kind, with seeds: what must always hold, and how good it must be. */
#include "jitter_sim.h"

static struct sim_result res;

#define SCALED_MOST 0.01
#define SECOND 50 /* packets of 20 ms */
#define HOURS_2 (7200 * SECOND)

static void run(uint64_t seed, uint32_t clock, uint32_t ptime_ms, uint32_t tick_ms, size_t n, struct mc_jb_cfg cfg,
                struct sim_net net, double *loss) {
    struct rng r = rng_of(seed);
    struct sim s = sim_make(&r, clock, ptime_ms, n, net);
    cfg.clock = clock;
    cfg.tick_us = tick_ms * 1000;
    struct mc_jb *jb = mc_jb_new(&cfg);
    sim_run(&s, jb, tick_ms, rng_below(&r, ptime_ms * 1000), (int)seed, &res);
    if (loss != NULL) {
        *loss = (double)s.n_lost / (double)n;
    }
    mc_jb_free(jb);
    free(s.packets);
}

static void run_20(uint64_t seed, size_t n, struct sim_net net, double *loss) {
    run(seed, 8000, 20, 20, n, (struct mc_jb_cfg){.min_ms = 5, .max_ms = 400}, net, loss);
}

/* Share of n packets of 20 ms that was made up or cut. */
static double concealed(size_t n) {
    return (double)res.concealed_us / ((double)n * 20000);
}

/* Order, no doubles, counters that add up, the depth that is told: sim_run checks them. */
static void any_network(void) {
    static const uint32_t ptimes[] = {10, 20, 30, 40, 60};
    static const uint32_t clocks[] = {8000, 16000, 48000};
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rng r = rng_of(seed + 1000);
        struct sim_net net = {
            .loss = rng_unit(&r) * 0.4,
            .jitter_us = rng_below(&r, 300000),
            .dup = rng_unit(&r) * 0.2,
            .quiet = rng_below(&r, 2),
            .stiff = rng_below(&r, 4) == 0,
            .drift = rng_unit(&r) * 4e-3 - 2e-3,
            .spike_from_ms = rng_below(&r, 10000),
            .spike_us = rng_below(&r, 600000), /* with jitter < 1 s: else RFC 3550 A.1 takes stragglers for a new numbering */
            .spike_burst = rng_below(&r, 2)};
        net.spike_to_ms = net.spike_from_ms + rng_below(&r, 4000);
        struct mc_jb_cfg cfg = {.min_ms = rng_below(&r, 100), .capacity = rng_below(&r, 2) ? 0 : 1 + rng_below(&r, 64)};
        cfg.max_ms = cfg.min_ms + rng_below(&r, 400);
        cfg.price_us = rng_below(&r, 200000);
        run(seed, clocks[rng_below(&r, 3)], ptimes[rng_below(&r, 5)], rng_below(&r, 2) ? 10 : 20, 1000, cfg, net, NULL);
    }
}

static void a_clean_line_is_played_whole_with_the_least_delay(void) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        run_20(seed, 60 * SECOND, (struct sim_net){0}, NULL);
        CHECK_INT(seed, res.n_frames, 60 * SECOND);
        CHECK_INT(seed, res.concealed_us + res.n_skipped, 0);
        CHECK_BETWEEN(seed, res.added_ms[res.n_frames - 1], 5, 25);
    }
}

/* Every loss is concealed, and little else; the delay stays small. */
static void loss_and_jitter_of_an_ordinary_line(void) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        double loss;
        run_20(seed, 60 * SECOND, (struct sim_net){.loss = 0.03, .jitter_us = 20000}, &loss);
        CHECK_BETWEEN(seed, concealed(60 * SECOND), 0.01, loss + 0.005);
        CHECK_BETWEEN(seed, sim_quantile(res.added_ms, res.n_frames, 0.95), 20, 50);
        CHECK_BETWEEN(seed, (double)res.scaled_us / 60e6, 0, SCALED_MOST); /* it does not come and go */
    }
}

static void loss_and_jitter_of_a_bad_line(void) {
    for (uint64_t seed = 1; seed <= 10; seed++) {
        double loss;
        run_20(seed, 60 * SECOND, (struct sim_net){.loss = 0.2, .jitter_us = 100000}, &loss);
        CHECK_BETWEEN(seed, concealed(60 * SECOND), 0.1, loss + 0.01);
        CHECK_BETWEEN(seed, sim_quantile(res.added_ms, res.n_frames, 0.95), 60, 140);
    }
}

/* Hours of drift are neither kept nor lost: nothing is concealed for it, the delay stays. */
static void drift_does_not_grow(void) {
    for (int sign = -1; sign <= 1; sign += 2) {
        run_20(7, HOURS_2, (struct sim_net){.drift = sign * 1e-3, .jitter_us = 5000}, NULL);
        CHECK_BETWEEN(sign, concealed(HOURS_2), 0, 0.001);
        CHECK_BETWEEN(sign, sim_quantile(res.added_ms, res.n_frames, 1), 5, 60);
        CHECK_BETWEEN(sign, (double)res.scaled_us, 3e6, 8e6); /* of 7.2 s of drift */
    }
}

/* A clock that is off by 2.5 % is broken, but is heard. */
static void wild_drift_is_survived(void) {
    for (int sign = -1; sign <= 1; sign += 2) {
        run_20(7, 120 * SECOND, (struct sim_net){.drift = sign * 25e-3, .jitter_us = 5000}, NULL);
        CHECK_BETWEEN(sign, concealed(120 * SECOND), 0, 0.05);
        CHECK_BETWEEN(sign, sim_quantile(res.added_ms, res.n_frames, 0.99), 5, 300);
        CHECK_BETWEEN(sign, res.stats.n_restart, 0, 0);
    }
}

/* Seconds after the trouble until the delay is down again for good. */
static double recovery_s(uint32_t trouble_end_ms, uint32_t base_ms) {
    uint64_t end_us = 1000000 + trouble_end_ms * UINT64_C(1000);
    uint64_t bad_us = end_us;
    for (size_t i = 0; i < res.n_frames; i++) {
        if (res.played_us[i] > end_us && res.added_ms[i] > base_ms) {
            bad_us = res.played_us[i];
        }
    }
    return (double)(bad_us - end_us) / 1e6;
}

/* Any stall, burst or longer way, whatever the sound lets time scaling do: within five seconds the delay is what it was. */
static void back_at_base_after_any_trouble(void) {
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rng r = rng_of(seed + 77);
        struct sim_net net = {
            .spike_from_ms = 20000, .jitter_us = rng_below(&r, 20000), .stiff = seed % 3 == 0, .quiet = seed % 3 == 1};
        const uint32_t long_ms = 60 + rng_below(&r, 2900);
        net.spike_to_ms = net.spike_from_ms + long_ms;
        net.spike_burst = rng_below(&r, 3) != 0;
        net.spike_us = 40000 + rng_below(&r, 500000);
        run_20(seed, 60 * SECOND, net, NULL);
        CHECK_BETWEEN(seed, recovery_s(net.spike_to_ms, 90), 0, 5);
    }
}

static void a_long_trouble_is_forgotten_too(void) {
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct sim_net net = {.spike_from_ms = 20000, .spike_to_ms = 30000, .spike_us = 100000};
        run_20(seed, 60 * SECOND, net, NULL);
        CHECK_BETWEEN(seed, recovery_s(net.spike_to_ms, 60), 0, 5);
    }
}

/* The way got longer for good: what is missing is made up once, then all is played. */
static void a_longer_way_is_followed(void) {
    for (uint64_t seed = 1; seed <= 10; seed++) {
        run_20(seed, 60 * SECOND, (struct sim_net){.spike_from_ms = 20000, .spike_to_ms = 100000, .spike_us = 100000}, NULL);
        CHECK_BETWEEN(seed, concealed(60 * SECOND) * 60 * SECOND, 1, 8);
        CHECK_BETWEEN(seed, res.n_frames, 60 * SECOND - 5, 60 * SECOND);
    }
}

/* A spike that is one of a kind is let go, one that comes again and again is waited for. */
static void spikes_that_repeat_raise_the_delay(void) {
    static const uint32_t every_ms[] = {100000, 1000};
    double after[2], made_up[2];
    for (int k = 0; k < 2; k++) {
        struct rng r = rng_of(5);
        struct sim s = sim_make(&r, 8000, 20, 60 * SECOND, (struct sim_net){.jitter_us = 5000});
        struct mc_jb *jb = mc_jb_new(&(struct mc_jb_cfg){.clock = 8000, .min_ms = 5, .max_ms = 400});
        for (size_t i = 0; i < s.n; i++) { /* every so often 80 ms, going down as a queue does */
            const uint32_t since = (s.packets[i].id * 20 + every_ms[k] - 10000 % every_ms[k]) % every_ms[k];
            s.packets[i].arrival_us += since < 80 ? (80 - since) * UINT64_C(1000) : 0;
        }
        sim_run(&s, jb, 20, 7000, k, &res);
        after[k] = res.added_ms[45 * SECOND];
        made_up[k] = (double)res.concealed_us / 1e6;
        mc_jb_free(jb);
        free(s.packets);
    }
    CHECK_BETWEEN(0, after[0], 5, 30);
    CHECK_BETWEEN(1, after[1], 80, 130);
    CHECK_BETWEEN(0, made_up[0], 0, 0.1);
    CHECK_BETWEEN(1, made_up[1], 0, 0.4); /* of 24 spikes, 1.9 s */
}

/* Packets of an enemy: nothing breaks, nothing grows, and a good stream is heard after it. */
static void hostile_packets(void) {
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct rng r = rng_of(seed);
        struct mc_jb *jb = mc_jb_new(&(struct mc_jb_cfg){.clock = 8000, .min_ms = 20, .max_ms = 200, .capacity = 32});
        struct mc_jb_frame f;
        struct mc_jb_stats st;
        uint64_t now = 1000000;
        uint16_t seq = 0;
        uint32_t ts = 0;
        uint32_t n_in = 0;
        for (int i = 0; i < 3000; i++) {
            uint8_t *payload = malloc(8);
            struct mc_rtp p = {
                .payload = payload, .len = rng_below(&r, 9), .ssrc = rng_below(&r, 20) == 0 ? rng_below(&r, 3) : 0};
            memset(payload, 0x55, 8);
            seq = (uint16_t)(rng_below(&r, 10) == 0 ? rng_next(&r) : seq + rng_below(&r, 4));
            ts = rng_below(&r, 10) == 0 ? rng_next(&r) : ts + rng_below(&r, 500);
            p.seq = seq;
            p.ts = ts;
            if (rng_below(&r, 8) == 0) {
                mc_jb_void(jb, &p);
            } else {
                n_in += mc_jb_put(jb, &p, now) == MC_OK;
            }
            free(payload);
            now += rng_below(&r, 30000);
            if (rng_below(&r, 2)) {
                CHECK_INT(seed, mc_jb_get(jb, now, 0, &f), MC_OK);
                CHECK(f.payload != NULL || f.what != MC_JB_FRAME);
                for (size_t k = 0; k < f.len; k++) {
                    CHECK_INT(seed, f.payload[k], 0x55);
                }
            }
            mc_jb_stats(jb, &st);
            CHECK_INT(seed, st.n_in, n_in);
            CHECK_BETWEEN(seed, st.n_in - st.n_played - st.n_dropped, 0, 32);
            CHECK_BETWEEN(seed, st.target_ms, 18, 200); /* a place 2 ms below the least is kept */
        }
        uint64_t played = st.n_played;
        for (uint32_t i = 0; i < 10 * SECOND; i++) {
            struct mc_rtp p = {
                .seq = (uint16_t)(40000 + i), .ts = 77 + i * 160, .ssrc = 9, .payload = (const uint8_t *)"", .len = 1};
            mc_jb_put(jb, &p, now);
            now += 20000;
            mc_jb_get(jb, now, 0, &f);
        }
        mc_jb_stats(jb, &st);
        CHECK_BETWEEN(seed, st.n_played - played, 10 * SECOND - 5, 10 * SECOND);
        mc_jb_free(jb);
    }
}

int main(void) {
    RUN(any_network);
    RUN(a_clean_line_is_played_whole_with_the_least_delay);
    RUN(loss_and_jitter_of_an_ordinary_line);
    RUN(loss_and_jitter_of_a_bad_line);
    RUN(drift_does_not_grow);
    RUN(wild_drift_is_survived);
    RUN(back_at_base_after_any_trouble);
    RUN(a_long_trouble_is_forgotten_too);
    RUN(a_longer_way_is_followed);
    RUN(spikes_that_repeat_raise_the_delay);
    RUN(hostile_packets);
    return check_done();
}
