/* SPDX-License-Identifier: GPL-3.0-or-later
 * Rows of what came, and how long the ear then waits. */
#include "hold.h"

#include "check.h"

#define MS 1000

static struct mc_hold fresh(void) {
    struct mc_hold hold;
    mc_hold_init(&hold);
    return hold;
}

/* Packet `ext` is overtaken by the next one and comes late_us after it. */
static void overtaken(struct mc_hold *hold, uint32_t ext, uint64_t now_us, uint64_t late_us) {
    mc_hold_packet(hold, ext + 1, now_us);
    mc_hold_packet(hold, ext, now_us + late_us);
}

static void nothing_known_yet(void) {
    struct mc_hold hold = fresh();
    CHECK(mc_hold_us(&hold) == MC_HOLD_FIRST_US);
    for (uint32_t i = 0; i < 100; i++) {
        mc_hold_packet(&hold, i, i * 20 * MS);
    }
    CHECK(mc_hold_us(&hold) == MC_HOLD_FIRST_US);
}

static void losses_alone_end_the_wait(void) {
    struct mc_hold hold = fresh();
    for (uint32_t i = 0; i < 3; i++) {
        mc_hold_vain(&hold);
        CHECK(mc_hold_us(&hold) == MC_HOLD_FIRST_US);
    }
    mc_hold_vain(&hold);
    CHECK(mc_hold_us(&hold) == 0);
}

static void one_late_packet_brings_it_back(void) {
    struct mc_hold hold = fresh();
    mc_hold_packet(&hold, 0, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        mc_hold_vain(&hold);
    }
    overtaken(&hold, 1, 20 * MS, 5 * MS);
    CHECK(mc_hold_us(&hold) > 5 * MS);
}

static void the_wait_follows_the_late_ones(void) {
    static const struct {
        uint64_t late_us;
        uint32_t low, high;
    } rows[] = {
        {2 * MS, 2 * MS, 6 * MS}, {10 * MS, 10 * MS, 14 * MS}, {30 * MS, 30 * MS, 34 * MS}, {40 * MS, 37 * MS, 40 * MS}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mc_hold hold = fresh();
        mc_hold_packet(&hold, UINT32_MAX - 100, 0); /* over the wrap */
        for (uint32_t k = 0; k < 400; k += 2) {
            overtaken(&hold, UINT32_MAX - 99 + k, k * 20 * MS, rows[i].late_us);
        }
        CHECK_BETWEEN(i, mc_hold_us(&hold), rows[i].low, rows[i].high);
    }
}

/* Nine of ten come within the wait: packets 1 ... 20 ms late. */
static void nearly_all_are_caught(void) {
    struct mc_hold hold = fresh();
    uint32_t n = 0, caught = 0;
    mc_hold_packet(&hold, 0, 0);
    for (uint32_t k = 0; k < 20000; k += 2) {
        uint64_t late_us = (k / 2 * 7 % 20 + 1) * MS;
        caught += late_us <= mc_hold_us(&hold);
        n++;
        overtaken(&hold, 1 + k, k * 20 * MS, late_us);
    }
    CHECK_BETWEEN(0, (double)caught / n, 0.87, 0.97);
}

static void what_no_wait_would_catch_changes_nothing(void) {
    struct mc_hold hold = fresh();
    mc_hold_packet(&hold, 0, 0);
    for (uint32_t i = 0; i < 4; i++) {
        mc_hold_vain(&hold);
    }
    overtaken(&hold, 1, 20 * MS, MC_HOLD_MAX_US + 1);
    CHECK(mc_hold_us(&hold) == 0);
    mc_hold_packet(&hold, 0, 30 * MS); /* old, or a second copy: in no gap */
    CHECK(mc_hold_us(&hold) == 0);
}

int main(void) {
    RUN(nothing_known_yet);
    RUN(losses_alone_end_the_wait);
    RUN(one_late_packet_brings_it_back);
    RUN(the_wait_follows_the_late_ones);
    RUN(nearly_all_are_caught);
    RUN(what_no_wait_would_catch_changes_nothing);
    return check_done();
}
