/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "delay.h"

#include "check.h"

#define STEP_US 20000

static void feed(struct mc_delay *d, uint64_t from_us, int n, int64_t way_us, uint32_t jitter_us, struct rng *r) {
    for (int i = 0; i < n; i++) {
        int64_t sent = (int64_t)from_us + (int64_t)i * STEP_US;
        mc_delay_add(d, (uint64_t)(sent + way_us) + rng_below(r, jitter_us + 1), sent);
    }
}

static void nothing_known(void) {
    struct mc_delay d;
    mc_delay_init(&d);
    CHECK_INT(0, mc_delay_base_us(&d), 0);
    CHECK_INT(0, mc_delay_target_us(&d), 0);
}

static void a_steady_line_needs_one_bin(void) {
    struct mc_delay d;
    struct rng r = rng_of(1);
    mc_delay_init(&d);
    feed(&d, 1000000, 500, -123456, 0, &r); /* transit may be negative: the scales have nothing to do with each other */
    CHECK_INT(0, mc_delay_base_us(&d), -123456);
    CHECK_INT(0, mc_delay_target_us(&d), MC_DELAY_BIN_US);
}

static void target_covers_the_jitter(void) {
    for (uint32_t jitter_us = 10000; jitter_us <= 200000; jitter_us += 10000) {
        struct mc_delay d;
        struct rng r = rng_of(jitter_us);
        mc_delay_init(&d);
        feed(&d, 1000000, 1000, 50000, jitter_us, &r);
        CHECK_BETWEEN(jitter_us, mc_delay_target_us(&d), 0.85 * jitter_us, jitter_us + 2 * MC_DELAY_BIN_US);
        CHECK_BETWEEN(jitter_us, mc_delay_base_us(&d), 50000, 50000 + 0.1 * jitter_us);
    }
}

static void one_late_packet_does_not_count_two_do(void) {
    struct mc_delay d;
    struct rng r = rng_of(2);
    mc_delay_init(&d);
    feed(&d, 1000000, 500, 0, 0, &r);
    feed(&d, 11000000, 1, 80000, 0, &r);
    CHECK_INT(0, mc_delay_target_us(&d), MC_DELAY_BIN_US);
    feed(&d, 11020000, 1, 80000, 0, &r);
    CHECK_BETWEEN(1, mc_delay_target_us(&d), 80000, 84000);
}

static void a_trouble_is_forgotten(void) {
    struct mc_delay d;
    struct rng r = rng_of(3);
    mc_delay_init(&d);
    feed(&d, 1000000, 500, 0, 100000, &r);
    CHECK_BETWEEN(0, mc_delay_target_us(&d), 80000, 108000);
    feed(&d, 11000000, 100, 0, 0, &r);
    CHECK_BETWEEN(1, mc_delay_target_us(&d), 20000, 108000); /* two seconds: not quite */
    feed(&d, 13000000, 100, 0, 0, &r);
    CHECK_INT(2, mc_delay_target_us(&d), MC_DELAY_BIN_US); /* four: forgotten */
}

/* The base follows both ways, and the histogram moves with it: the target is not wrong by the change. */
static void the_base_moves(void) {
    struct mc_delay d;
    struct rng r = rng_of(4);
    mc_delay_init(&d);
    feed(&d, 1000000, 500, 0, 20000, &r);
    feed(&d, 11000000, 250, 300000, 20000, &r); /* a longer way, for five seconds */
    CHECK_BETWEEN(0, mc_delay_base_us(&d), 300000, 302000);
    CHECK_BETWEEN(0, mc_delay_target_us(&d), 16000, 28000);
    feed(&d, 16000000, 1, 0, 0, &r); /* and a shorter one: the first packet tells */
    CHECK_INT(1, mc_delay_base_us(&d), 0);
    CHECK_BETWEEN(1, mc_delay_target_us(&d), 316000, 328000);
}

static void drift_is_followed(void) {
    for (int ppm = -1000; ppm <= 1000; ppm += 1000) {
        struct mc_delay d;
        mc_delay_init(&d);
        for (int64_t i = 0; i < 15000; i++) {
            mc_delay_add(&d, 1000000 + (uint64_t)(i * STEP_US), i * STEP_US + i * STEP_US / 1000000 * ppm);
        }
        CHECK_BETWEEN(ppm, mc_delay_base_us(&d), 1000000 - 300.0 * ppm - 5000, 1000000 - 300.0 * ppm + 5000);
        CHECK_BETWEEN(ppm, mc_delay_target_us(&d), 4000, 8000);
    }
}

static void hours_do_not_wear_it_out(void) {
    struct mc_delay d;
    struct rng r = rng_of(5);
    mc_delay_init(&d);
    feed(&d, 1000000, 1000000, 0, 30000, &r);
    CHECK_BETWEEN(0, mc_delay_target_us(&d), 24000, 36000);
    CHECK(d.total > 0 && d.total < 1e9F);
}

static void any_numbers(void) {
    struct rng r = rng_of(6);
    for (int k = 0; k < 100; k++) {
        struct mc_delay d;
        uint64_t now = 0;
        mc_delay_init(&d);
        for (int i = 0; i < 500; i++) {
            now += rng_below(&r, 100000);
            mc_delay_add(&d, now, (int64_t)rng_next(&r) * 1000 - INT64_C(2000000000000));
            CHECK_BETWEEN(i, mc_delay_target_us(&d), MC_DELAY_BIN_US, MC_DELAY_BIN_US * MC_DELAY_BINS);
        }
    }
}

int main(void) {
    RUN(nothing_known);
    RUN(a_steady_line_needs_one_bin);
    RUN(target_covers_the_jitter);
    RUN(one_late_packet_does_not_count_two_do);
    RUN(a_trouble_is_forgotten);
    RUN(the_base_moves);
    RUN(drift_is_followed);
    RUN(hours_do_not_wear_it_out);
    RUN(any_numbers);
    return check_done();
}
