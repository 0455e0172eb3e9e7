/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "delay.h"

#include "check.h"

#define STEP_US 20000
#define LONGEST_US 400000

static void feed(struct mc_delay *d, uint64_t from_us, int n, int64_t way_us, uint32_t jitter_us, struct rng *r) {
    for (int i = 0; i < n; i++) {
        int64_t sent = (int64_t)from_us + (int64_t)i * STEP_US;
        mc_delay_add(d, (uint64_t)(sent + way_us) + rng_below(r, jitter_us + 1), sent);
    }
}

/* Least age, in whole milliseconds, that all but `share` of the packets make. */
static int64_t needed_ms(const struct mc_delay *d, float share) {
    struct mc_delay_late late;
    int64_t ms = 0;
    mc_delay_late(d, &late);
    while (ms < 2000 && mc_delay_later_than(&late, ms * 1000) > share) {
        ms++;
    }
    return ms;
}

static void nothing_known(void) {
    struct mc_delay d;
    struct mc_delay_late late;
    mc_delay_init(&d, LONGEST_US);
    CHECK_INT(0, mc_delay_base_us(&d), 0);
    mc_delay_late(&d, &late);
    CHECK(mc_delay_later_than(&late, 0) == 0 || mc_delay_later_than(&late, MC_DELAY_BIN_US) == 0);
    CHECK(mc_delay_later_than(&late, -1) == 1 && mc_delay_later_than(&late, 100000000) == 0);
}

static void a_steady_line_needs_one_bin(void) {
    struct mc_delay d;
    struct rng r = rng_of(1);
    mc_delay_init(&d, LONGEST_US);
    feed(&d, 1000000, 500, -123456, 0, &r); /* transit may be negative: the scales have nothing to do with each other */
    CHECK_INT(0, mc_delay_base_us(&d), -123456);
    CHECK_BETWEEN(0, needed_ms(&d, 0), 1, MC_DELAY_BIN_US / 1000);
}

static void shares_follow_the_jitter(void) {
    for (uint32_t jitter_us = 10000; jitter_us <= 200000; jitter_us += 10000) {
        struct mc_delay d;
        struct rng r = rng_of(jitter_us);
        mc_delay_init(&d, LONGEST_US);
        feed(&d, 1000000, 2000, 50000, jitter_us, &r);
        CHECK_BETWEEN(jitter_us, needed_ms(&d, 0.01F) * 1000, 0.85 * jitter_us, 1.2 * jitter_us + 2 * MC_DELAY_BIN_US);
        CHECK_BETWEEN(jitter_us, needed_ms(&d, 0.5F) * 1000, 0.4 * jitter_us, 0.6 * jitter_us + 2 * MC_DELAY_BIN_US);
        CHECK_BETWEEN(jitter_us, mc_delay_base_us(&d), 50000, 50000 + 0.1 * jitter_us);
    }
}

/* Shares never rise with the age, whatever is in it. */
static void later_is_rarer(void) {
    struct mc_delay d;
    struct mc_delay_late late;
    struct rng r = rng_of(9);
    mc_delay_init(&d, LONGEST_US);
    for (uint64_t k = 0; k < 20; k++) {
        feed(&d, 1000000 + k * 2000000, 100, rng_below(&r, 300000), rng_below(&r, 400000), &r);
        mc_delay_late(&d, &late);
        for (int64_t us = 0; us < 1100000; us += 700) {
            CHECK(mc_delay_later_than(&late, us) >= mc_delay_later_than(&late, us + 700) - 1e-6F);
        }
        CHECK_BETWEEN(k, late.part[0], 0, 1.0001);
    }
}

/* A second of spikes every ten is still known nine seconds later, if little; a way that was longer for as long as a call's half is not. */
static void spikes_are_remembered_a_longer_way_is_not(void) {
    struct mc_delay spiky, longer;
    struct rng r = rng_of(2);
    uint64_t at = 1000000;
    mc_delay_init(&spiky, LONGEST_US);
    mc_delay_init(&longer, LONGEST_US);
    for (int k = 0; k < 5; k++, at += 10000000) {
        feed(&spiky, at, 450, 0, 0, &r);
        for (uint64_t i = 0; i < 50; i++) { /* now and then one, so that they stand out */
            feed(&spiky, at + 9000000 + i * 20000, 1, i % 5 == 0 ? 100000 : 0, 0, &r);
        }
    }
    feed(&spiky, at, 450, 0, 0, &r);
    CHECK_BETWEEN(0, needed_ms(&spiky, 0.003F), 96, 106);
    feed(&spiky, at + 9000000, 60, 70000, 0, &r); /* the way gets longer: the spikes would stand out of that */
    CHECK_BETWEEN(3, needed_ms(&spiky, 0.003F), 166, 176);
    feed(&longer, 1000000, 1500, 0, 0, &r);
    feed(&longer, 31000000, 500, 100000, 0, &r); /* ten seconds */
    CHECK_BETWEEN(1, needed_ms(&longer, 0.02F), 0, 106);
    feed(&longer, 41000000, 250, 0, 0, &r);
    CHECK_BETWEEN(2, needed_ms(&longer, 0.06F), 0, 8);
}

/* Ways that get longer again and again, for three seconds each: neither their beginning nor their end makes a packet late. */
static void a_step_is_no_spike(void) {
    struct mc_delay d;
    struct rng r = rng_of(7);
    uint64_t at = 1000000;
    mc_delay_init(&d, LONGEST_US);
    for (int k = 0; k < 10; k++, at += 6000000) {
        feed(&d, at, 150, 0, 0, &r);
        feed(&d, at + 3000000, 150, 100000, 0, &r);
    }
    feed(&d, at, 100, 0, 0, &r);
    CHECK_BETWEEN(0, needed_ms(&d, 0.002F), 0, 8);
}

/* Bell-shaped jitter: now and then a packet is far faster than the rest, and the seconds after it are no longer way: what is needed stays. */
static void a_lucky_packet_is_no_shorter_way(void) {
    struct mc_delay d;
    struct rng r = rng_of(8);
    int64_t least = INT64_MAX, most = 0;
    mc_delay_init(&d, LONGEST_US);
    for (uint64_t k = 0; k < 6000; k++) {
        int64_t us = 0;
        for (int i = 0; i < 12; i++) {
            us += rng_below(&r, 20000); /* 20 ms the deviation */
        }
        feed(&d, 1000000 + k * STEP_US, 1, us, 0, &r);
        const int64_t ms = k >= 1500 ? needed_ms(&d, 0.02F) : 0;
        least = ms > 0 && ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    CHECK_BETWEEN(0, most - least, 0, 30);
}

static void a_trouble_is_forgotten(void) {
    struct mc_delay d;
    struct rng r = rng_of(3);
    mc_delay_init(&d, LONGEST_US);
    feed(&d, 1000000, 500, 0, 100000, &r);
    CHECK_BETWEEN(0, needed_ms(&d, 0.05F), 80, 108);
    feed(&d, 11000000, 50, 0, 0, &r);
    CHECK_BETWEEN(1, needed_ms(&d, 0.05F), 60, 108); /* a second: not quite */
    feed(&d, 12000000, 3000, 0, 0, &r);
    CHECK_BETWEEN(2, needed_ms(&d, 0.05F), 0, 8);
}

/* The base follows both ways, and what was measured against the old one is not wrong by the change. */
static void the_base_moves(void) {
    struct mc_delay d;
    struct rng r = rng_of(4);
    mc_delay_init(&d, LONGEST_US);
    feed(&d, 1000000, 500, 0, 20000, &r);
    feed(&d, 11000000, 600, 300000, 20000, &r); /* a longer way, for twelve seconds */
    CHECK_BETWEEN(0, mc_delay_base_us(&d), 300000, 302000);
    CHECK_BETWEEN(0, needed_ms(&d, 0.05F), 12, 28);
    feed(&d, 23000000, 1, 0, 0, &r); /* and a shorter one: the first packet tells */
    CHECK_INT(1, mc_delay_base_us(&d), 0);
    CHECK_BETWEEN(1, needed_ms(&d, 0.02F), 290, 328); /* the newest packets are that late now ... */
    feed(&d, 23020000, 200, 0, 20000, &r);
    CHECK_BETWEEN(2, needed_ms(&d, 0.1F), 12, 28); /* ... until those of the new way have come */
}

static void drift_is_followed(void) {
    for (int ppm = -1000; ppm <= 1000; ppm += 1000) {
        struct mc_delay d;
        mc_delay_init(&d, LONGEST_US);
        for (int64_t i = 0; i < 15000; i++) {
            mc_delay_add(&d, 1000000 + (uint64_t)(i * STEP_US), i * STEP_US + i * STEP_US / 1000000 * ppm);
        }
        CHECK_BETWEEN(ppm, mc_delay_base_us(&d), 1000000 - 300.0 * ppm - 9000, 1000000 - 300.0 * ppm + 9000);
        CHECK_BETWEEN(ppm, needed_ms(&d, 0.01F), 1, 14);
    }
}

static void hours_do_not_wear_it_out(void) {
    struct mc_delay d;
    struct rng r = rng_of(5);
    mc_delay_init(&d, LONGEST_US);
    feed(&d, 1000000, 1000000, 0, 30000, &r);
    CHECK_BETWEEN(0, needed_ms(&d, 0.02F), 24, 36);
    for (int i = 0; i < MC_DELAY_MEMORIES; i++) {
        CHECK(d.memory[i].total > 0 && d.memory[i].total < 1e10F);
    }
}

static void any_numbers(void) {
    struct rng r = rng_of(6);
    for (int k = 0; k < 100; k++) {
        struct mc_delay d;
        struct mc_delay_late late;
        uint64_t now = 0;
        mc_delay_init(&d, LONGEST_US);
        for (int i = 0; i < 500; i++) {
            now += rng_below(&r, 100000);
            mc_delay_add(&d, now, (int64_t)rng_next(&r) * 1000 - INT64_C(2000000000000));
            mc_delay_late(&d, &late);
            CHECK_BETWEEN(i, late.part[0], 0, 1.0001);
            CHECK_BETWEEN(i, late.part[MC_DELAY_BINS - 1], 0, late.part[0]);
        }
    }
}

int main(void) {
    RUN(nothing_known);
    RUN(a_steady_line_needs_one_bin);
    RUN(shares_follow_the_jitter);
    RUN(later_is_rarer);
    RUN(spikes_are_remembered_a_longer_way_is_not);
    RUN(a_step_is_no_spike);
    RUN(a_lucky_packet_is_no_shorter_way);
    RUN(a_trouble_is_forgotten);
    RUN(the_base_moves);
    RUN(drift_is_followed);
    RUN(hours_do_not_wear_it_out);
    RUN(any_numbers);
    return check_done();
}
