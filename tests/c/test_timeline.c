/* SPDX-License-Identifier: GPL-3.0-or-later
 * A recording's time line: sound stands where it was on the wire, to the sample. */
#include "timeline.h"

#include "check.h"
#include "err.h"

#define RATE 8000
#define TICK 160
#define TICK_US 20000
#define LOUD 8000
#define MOST 2000000

static int16_t out[2 * MOST]; /* interleaved: what was taken */
static size_t n_out;

static void drain(struct mc_timeline *tl) {
    size_t n;
    while (n_out + 960 <= MOST && (n = mc_timeline_take(tl, out + 2 * n_out, 960)) > 0) {
        n_out += n;
    }
}

static struct mc_timeline begin(uint32_t rate, uint64_t start_us) {
    struct mc_timeline tl;
    CHECK_INT(0, mc_timeline_init(&tl, rate, start_us), MC_OK);
    n_out = 0;
    return tl;
}

static void feed(struct mc_timeline *tl, const struct mc_tap_head *head, const int16_t *left, const int16_t *right) {
    mc_timeline_open(tl, head);
    drain(tl);
    mc_timeline_put(tl, head, left, right);
    drain(tl);
}

static void end(struct mc_timeline *tl) {
    mc_timeline_finish(tl);
    drain(tl);
    mc_timeline_free(tl);
}

/* A tick of two constant levels. */
static void level(struct mc_timeline *tl, uint64_t t_us, int64_t age_us, int left, int right) {
    struct mc_tap_head head = {.t_us = t_us, .left_age_us = age_us, .n_left = TICK, .n_right = TICK};
    int16_t l[TICK], r[TICK];
    for (size_t i = 0; i < TICK; i++) {
        l[i] = (int16_t)left;
        r[i] = (int16_t)right;
    }
    feed(tl, &head, l, r);
}

static bool loud(size_t frame, int side) {
    return frame < n_out && (out[2 * frame + side] > LOUD / 2 || out[2 * frame + side] < -LOUD / 2);
}

static size_t onset(size_t from, int side) {
    while (from < n_out && !loud(from, side)) {
        from++;
    }
    return from;
}

static size_t n_loud(int side) {
    size_t n = 0;
    for (size_t i = 0; i < n_out; i++) {
        n += loud(i, side);
    }
    return n;
}

/* The same tick plays a click that came a while ago and sends one now: in the file they are that while apart. */
static void sides_stand_at_their_wire_times(void) {
    struct rng r = rng_of(1);
    for (int row = 0; row < 300; row++) {
        uint64_t start = rng_next(&r) * UINT64_C(1000003), phase = rng_below(&r, 20000);
        unsigned at = 21 + rng_below(&r, 60), delay_us = rng_below(&r, 400) * 1000;
        struct mc_timeline tl = begin(RATE, start);
        for (unsigned i = 0; i < at + 2; i++) {
            int v = i == at ? LOUD : 0;
            level(&tl, start + phase + i * (uint64_t)TICK_US, delay_us, v, v);
        }
        end(&tl);
        double sent = (phase + at * (double)TICK_US) * RATE / 1e6;
        CHECK_BETWEEN(row, (double)onset(0, 1) - sent, -0.51, 0.51);
        CHECK_BETWEEN(row, (double)onset(0, 0) - (sent - delay_us * (RATE / 1e6)), -0.51, 0.51);
        CHECK_INT(row, n_loud(0), TICK);
        CHECK_INT(row, n_loud(1), TICK);
    }
}

/* A tick 3 ms after the start: nothing to tear, so no tolerance. */
static void the_first_sound_is_exact(void) {
    struct mc_timeline tl = begin(RATE, 1000);
    level(&tl, 1000 + 3125, 0, LOUD, LOUD);
    end(&tl);
    CHECK_INT(0, onset(0, 0), 25);
    CHECK_INT(0, onset(0, 1), 25);
}

/* A buffer that waits for a second: a word after a silence keeps its beginning. */
static void nothing_is_cut_behind_a_long_delay(void) {
    for (int age_us = 100000; age_us <= 1300000; age_us += 100000) {
        struct mc_timeline tl = begin(RATE, 0);
        for (int i = 0; i < 400; i++) {
            bool speaks = i % 50 < 25;
            level(&tl, (uint64_t)(100 + i) * TICK_US, speaks ? age_us + (i / 50 % 2) * 150000 : 0, speaks ? LOUD : 0, 0);
        }
        end(&tl);
        /* The very first may come from further back than anybody could know. */
        CHECK_BETWEEN(age_us, n_loud(0), (age_us <= 400000 ? 8 : 7) * 25 * TICK, 8 * 25 * TICK);
    }
}

/* What is said is not torn by a delay that wobbles a little. */
static void wobble_is_left_alone(void) {
    struct rng r = rng_of(2);
    struct mc_timeline tl = begin(RATE, 0);
    int16_t left[TICK], right[TICK] = {0};
    for (int i = 0; i < 1000; i++) {
        struct mc_tap_head head = {.t_us = 100000 + (uint64_t)i * TICK_US,
                                   .left_age_us = 50000 + (i ? (int64_t)rng_below(&r, 19000) - 9500 : 0),
                                   .n_left = TICK,
                                   .n_right = TICK};
        for (int k = 0; k < TICK; k++) {
            left[k] = (int16_t)(1000 + (i * TICK + k) % 30000);
        }
        feed(&tl, &head, left, right);
    }
    end(&tl);
    for (size_t i = 0; i < 1000 * TICK; i++) {
        CHECK_INT(i, out[2 * (400 + i)], 1000 + (int)(i % 30000));
    }
}

static void a_new_delay_is_taken_over_in_the_pause(void) {
    struct rng r = rng_of(3);
    for (int row = 0; row < 300; row++) {
        unsigned ticks = 1 + rng_below(&r, 40), pause = 15 + rng_below(&r, 35), n = 2 * ticks + pause;
        unsigned before = rng_below(&r, 200), after = rng_below(&r, 200);
        int hiss = row % 2 ? 100 : 0; /* below -40 dBFS, or nothing at all */
        struct mc_timeline tl = begin(RATE, 0);
        for (unsigned i = 0; i < n; i++) {
            bool second = i >= ticks + pause, speaks = i < ticks || second;
            int64_t age = (i < ticks + pause / 2 ? before : after) * 1000;
            level(&tl, 300000 + i * (uint64_t)TICK_US, age, speaks ? LOUD : hiss, 0);
        }
        end(&tl);
        CHECK_INT(row, n_loud(0), 2 * ticks * TICK); /* not one loud sample lost or made up */
        size_t first = onset(0, 0);
        CHECK_INT(row, first, (300 - before) * 8);
        double want = (300.0 + (ticks + pause) * 20.0 - after) * 8;
        CHECK_BETWEEN(row, (double)onset(first + ticks * TICK, 0) - want, hiss ? -40 : 0, hiss ? 40 : 0); /* 5 ms */
    }
}

static void a_hole_is_silence_of_its_length_at_its_place(void) {
    static const int lost[] = {1, 2, 12, 500, 10000};
    for (size_t row = 0; row < COUNT(lost); row++) {
        struct mc_timeline tl = begin(RATE, 0);
        for (int i = 0; i < 40; i++) {
            level(&tl, (uint64_t)(i < 20 ? i : i + lost[row]) * TICK_US, 0, LOUD, LOUD);
        }
        end(&tl);
        size_t ends = n_out - 20 * TICK;
        if (n_out < MOST) {
            CHECK_INT(row, n_out, (size_t)(40 + lost[row]) * TICK);
        }
        for (size_t i = 20 * TICK; i < ends; i++) {
            CHECK(!loud(i, 1));
        }
        CHECK_INT(row, onset(20 * TICK, 1), ends);
        if (lost[row] > 10) { /* on the left, a smaller one waits for a pause */
            CHECK_INT(row, onset(20 * TICK, 0), ends);
            CHECK_INT(row, n_loud(0), 40 * TICK);
        }
        CHECK_INT(row, n_loud(1), 40 * TICK);
    }
}

/* Delay falls by 100 ms while the caller never pauses: the error lives for 300 ms, then it is put right. */
static void endless_sound_is_anchored_after_the_patience(void) {
    struct mc_timeline tl = begin(RATE, 0);
    for (int i = 0; i < 100; i++) {
        level(&tl, 200000 + (uint64_t)i * TICK_US, i < 50 ? 150000 : 50000, LOUD, 0);
    }
    end(&tl);
    size_t first = onset(0, 0), hole = first;
    while (loud(hole, 0)) {
        hole++;
    }
    CHECK_INT(0, first, 400);
    CHECK_BETWEEN(0, hole, 400 + (50 + 15) * TICK, 400 + (50 + 17) * TICK);
    CHECK_INT(0, onset(hole, 0) - hole, RATE / 10);
}

/* Packets of 60 ms are one piece each; a path that starts again between two ticks is not shifted onto the old grid. */
static void long_packets_and_a_new_grid(void) {
    static int16_t left[TICK], right[3 * TICK];
    struct mc_timeline tl = begin(RATE, 0);
    uint64_t t = 0;
    for (int i = 0; i < 60; i++, t += TICK_US) {
        if (i == 30) {
            t += 7125; /* 57 samples */
        }
        struct mc_tap_head head = {.t_us = t, .n_left = TICK, .n_right = i % 3 == 0 ? 3 * TICK : 0};
        for (int k = 0; k < 3 * TICK; k++) {
            right[k] = (int16_t)(10000 + i * TICK + k);
        }
        feed(&tl, &head, left, right);
    }
    end(&tl);
    CHECK_INT(0, n_out, 60 * TICK + 57);
    for (size_t i = 0; i < 60 * TICK; i++) {
        size_t at = i < 30 * TICK ? i : i + 57;
        CHECK_INT(i, out[2 * at + 1], 10000 + (int)i);
    }
}

/* From a pause nothing is kept, however late it is played. */
static void what_came_before_the_resume_is_not_kept(void) {
    struct mc_timeline tl = begin(RATE, 0);
    for (int i = 0; i < 300; i++) {
        struct mc_tap_head head = {.t_us = (uint64_t)i * TICK_US, .left_age_us = 130000, .n_left = TICK, .n_right = TICK};
        int16_t pcm[TICK];
        for (int k = 0; k < TICK; k++) {
            pcm[k] = LOUD;
        }
        head.from_us = i < 100 ? 0 : UINT64_C(3950000); /* paused from 2 s on; resumed just before tick 198 */
        if (i < 100 || head.t_us >= head.from_us) {
            feed(&tl, &head, pcm, pcm);
        }
    }
    end(&tl);
    for (size_t i = 100 * TICK; i < 3950 * 8; i++) {
        CHECK(!loud(i, 0) && !loud(i, 1));
    }
    CHECK_INT(0, onset(100 * TICK, 0), 3950 * 8);
    CHECK_INT(0, onset(100 * TICK, 1), 3960 * 8);
}

/* Time passes although no tick comes. */
static void silence_by_the_clock(void) {
    struct mc_timeline tl = begin(RATE, 1000000);
    level(&tl, 1000000, 0, LOUD, LOUD);
    mc_timeline_pass(&tl, 3000000);
    drain(&tl);
    CHECK_INT(0, n_out, 2 * RATE);
    mc_timeline_pass(&tl, 2000000);
    level(&tl, 4000000, 0, LOUD, LOUD);
    end(&tl);
    CHECK_INT(0, onset(TICK, 0), 3 * RATE);
    CHECK_INT(0, onset(TICK, 1), 3 * RATE);
}

static void wild_times_never_break_it(void) {
    static int16_t pcm[MC_TAP_MAX];
    static const uint32_t rates[] = {8000, 16000, 24000, 48000};
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct rng r = rng_of(seed);
        uint32_t rate = rates[rng_below(&r, 4)];
        struct mc_timeline tl = begin(rate, rng_next(&r));
        uint64_t t = tl.start_us, passed = 0;
        for (int i = 0; i < 40; i++) {
            int64_t step = rng_below(&r, 8) ? rng_below(&r, 60000) : (int64_t)rng_below(&r, 1000000) - 50000;
            struct mc_tap_head head = {.left_age_us = (int64_t)((uint64_t)rng_next(&r) << rng_below(&r, 31)) - (1 << 20),
                                       .n_left = rng_below(&r, rate / 50 + 1),
                                       .n_right = rng_below(&r, rate / 1000 * 60 + 1)};
            t += (uint64_t)step;
            passed += (uint64_t)(step > 0 ? step : 0);
            head.t_us = t;
            memset(pcm, rng_below(&r, 2) ? 77 : 0, sizeof pcm);
            feed(&tl, &head, pcm, pcm);
            if (rng_below(&r, 5) == 0) {
                mc_timeline_pass(&tl, t - rng_below(&r, 1000000));
            }
        }
        end(&tl);
        CHECK_BETWEEN(seed, n_out, 0, (passed + 40 * 60000.0 + 2000000) * rate / 1e6);
    }
}

int main(void) {
    RUN(sides_stand_at_their_wire_times);
    RUN(the_first_sound_is_exact);
    RUN(nothing_is_cut_behind_a_long_delay);
    RUN(wobble_is_left_alone);
    RUN(a_new_delay_is_taken_over_in_the_pause);
    RUN(a_hole_is_silence_of_its_length_at_its_place);
    RUN(endless_sound_is_anchored_after_the_patience);
    RUN(long_packets_and_a_new_grid);
    RUN(what_came_before_the_resume_is_not_kept);
    RUN(silence_by_the_clock);
    RUN(wild_times_never_break_it);
    return check_done();
}
