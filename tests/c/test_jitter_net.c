/* SPDX-License-Identifier: GPL-3.0-or-later
 * The jitter buffer behind networks of every kind, with seeds: what must always hold, and how good it must be. */
#include "jitter_sim.h"

static struct sim_result res;

#define SECOND 50 /* packets of 20 ms */

static void run(uint64_t seed, uint32_t clock, uint32_t ptime_ms, size_t n, struct mc_jb_cfg cfg, struct sim_net net,
                double *loss) {
    struct rng r = rng_of(seed);
    struct sim s = sim_make(&r, clock, ptime_ms, n, net);
    cfg.clock = clock;
    struct mc_jb *jb = mc_jb_new(&cfg);
    sim_run(&s, jb, rng_below(&r, ptime_ms * 1000), (int)seed, &res);
    if (loss != NULL) {
        *loss = (double)s.n_lost / (double)n;
    }
    mc_jb_free(jb);
    free(s.packets);
}

static void run_20(uint64_t seed, size_t n, struct sim_net net, double *loss) {
    run(seed, 8000, 20, n, (struct mc_jb_cfg){.min_ms = 20, .max_ms = 200}, net, loss);
}

/* Order, no doubles, counters that add up: sim_run checks them. */
static void any_network(void) {
    static const uint32_t ptimes[] = {10, 20, 40, 60};
    static const uint32_t clocks[] = {8000, 16000, 48000};
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rng r = rng_of(seed + 1000);
        struct sim_net net = {
            .loss = rng_unit(&r) * 0.4,
            .jitter_us = rng_below(&r, 300000),
            .dup = rng_unit(&r) * 0.2,
            .quiet = rng_below(&r, 2),
            .drift = rng_unit(&r) * 4e-3 - 2e-3,
            .spike_from_ms = rng_below(&r, 10000),
            .spike_us = rng_below(&r, 600000), /* with jitter < 1 s: else RFC 3550 A.1 takes stragglers for a new numbering */
            .spike_burst = rng_below(&r, 2)};
        net.spike_to_ms = net.spike_from_ms + rng_below(&r, 4000);
        struct mc_jb_cfg cfg = {.min_ms = rng_below(&r, 100), .capacity = rng_below(&r, 2) ? 0 : 1 + rng_below(&r, 64)};
        cfg.max_ms = cfg.min_ms + rng_below(&r, 400);
        run(seed, clocks[rng_below(&r, 3)], ptimes[rng_below(&r, 4)], 1000, cfg, net, NULL);
    }
}

static void a_clean_line_is_played_whole_with_the_least_delay(void) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        run_20(seed, 60 * SECOND, (struct sim_net){0}, NULL);
        CHECK_INT(seed, res.n_frames, 60 * SECOND);
        CHECK_INT(seed, res.n_lost + res.n_empty + res.n_skipped, 0);
        CHECK_BETWEEN(seed, res.added_ms[res.n_frames - 1], 20, 40);
    }
}

/* Every loss is concealed, and little else; the delay stays small. */
static void loss_and_jitter_of_an_ordinary_line(void) {
    for (uint64_t seed = 1; seed <= 10; seed++) {
        double loss;
        run_20(seed, 60 * SECOND, (struct sim_net){.loss = 0.03, .jitter_us = 20000}, &loss);
        CHECK_BETWEEN(seed, (double)(res.n_lost + res.n_empty) / (60 * SECOND), 0.01, loss + 0.005);
        CHECK_BETWEEN(seed, sim_quantile(res.added_ms, res.n_frames, 0.95), 20, 50);
    }
}

static void loss_and_jitter_of_a_bad_line(void) {
    for (uint64_t seed = 1; seed <= 10; seed++) {
        double loss;
        run_20(seed, 60 * SECOND, (struct sim_net){.loss = 0.2, .jitter_us = 100000}, &loss);
        CHECK_BETWEEN(seed, (double)(res.n_lost + res.n_empty) / (60 * SECOND), 0.1, loss + 0.01);
        CHECK_BETWEEN(seed, sim_quantile(res.added_ms, res.n_frames, 0.95), 60, 140);
    }
}

/* Five minutes, 300 ms of drift: neither kept nor lost. */
static void drift_does_not_grow(void) {
    for (int sign = -1; sign <= 1; sign += 2) {
        run_20(7, 300 * SECOND, (struct sim_net){.drift = sign * 1e-3, .jitter_us = 5000}, NULL);
        CHECK_BETWEEN(sign, sim_quantile(res.added_ms, res.n_frames, 1), 10, 75);
        CHECK_BETWEEN(sign, res.n_lost + res.n_empty, 0, 25);
        CHECK_BETWEEN(sign, res.n_skipped, 0, 25);
    }
}

/* Seconds after the trouble until the delay is down again for good. */
static double recovery_s(uint32_t trouble_end_ms) {
    uint64_t end_us = 1000000 + trouble_end_ms * UINT64_C(1000);
    uint64_t bad_us = end_us;
    for (size_t i = 0; i < res.n_frames; i++) {
        if (res.played_us[i] > end_us && res.added_ms[i] > 60) {
            bad_us = res.played_us[i];
        }
    }
    return (double)(bad_us - end_us) / 1e6;
}

static void back_at_base_after_a_trouble(void) {
    static const struct sim_net nets[] = {
        {.spike_from_ms = 20000, .spike_to_ms = 20500, .spike_burst = true},
        {.spike_from_ms = 20000, .spike_to_ms = 22000, .spike_burst = true},
        {.spike_from_ms = 20000, .spike_to_ms = 30000, .spike_us = 100000},
        {.spike_from_ms = 20000, .spike_to_ms = 20100, .spike_us = 300000, .jitter_us = 20000},
    };
    double talking = 0;
    double quiet = 0;
    for (size_t i = 0; i < COUNT(nets); i++) {
        for (uint64_t seed = 1; seed <= 10; seed++) {
            struct sim_net net = nets[i];
            run_20(seed, 60 * SECOND, net, NULL);
            CHECK_BETWEEN(i * 100 + seed, recovery_s(net.spike_to_ms), 0, 5);
            talking += recovery_s(net.spike_to_ms);
            net.quiet = true;
            run_20(seed, 60 * SECOND, net, NULL);
            CHECK_BETWEEN(i * 100 + seed, recovery_s(net.spike_to_ms), 0, 4);
            quiet += recovery_s(net.spike_to_ms);
        }
    }
    CHECK_BETWEEN(0, quiet / talking, 0, 0.9);
}

/* The way got longer for good: what is missing is concealed once, then all is played. */
static void a_longer_way_is_followed(void) {
    for (uint64_t seed = 1; seed <= 10; seed++) {
        run_20(seed, 60 * SECOND, (struct sim_net){.spike_from_ms = 20000, .spike_to_ms = 100000, .spike_us = 100000}, NULL);
        CHECK_BETWEEN(seed, res.n_lost + res.n_empty, 3, 8);
        CHECK_INT(seed, res.n_frames, 60 * SECOND);
    }
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
                CHECK_INT(seed, mc_jb_get(jb, now, &f), MC_OK);
                CHECK(f.payload != NULL || f.what != MC_JB_FRAME);
                for (size_t k = 0; k < f.len; k++) {
                    CHECK_INT(seed, f.payload[k], 0x55);
                }
            }
            mc_jb_stats(jb, &st);
            CHECK_INT(seed, st.n_in, n_in);
            CHECK_BETWEEN(seed, st.n_in - st.n_played - st.n_dropped, 0, 32);
            CHECK_BETWEEN(seed, st.target_ms, 20, 200);
        }
        uint64_t played = st.n_played;
        for (uint32_t i = 0; i < 10 * SECOND; i++) {
            struct mc_rtp p = {
                .seq = (uint16_t)(40000 + i), .ts = 77 + i * 160, .ssrc = 9, .payload = (const uint8_t *)"", .len = 1};
            mc_jb_put(jb, &p, now);
            now += 20000;
            mc_jb_get(jb, now, &f);
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
    RUN(back_at_base_after_a_trouble);
    RUN(a_longer_way_is_followed);
    RUN(hostile_packets);
    return check_done();
}
