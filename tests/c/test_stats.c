/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stats.h"

#include "check.h"

#define CLOCK 8000

static struct mc_rtp packet(uint32_t ssrc, uint16_t seq, uint32_t ts) {
    return (struct mc_rtp){.ssrc = ssrc, .seq = seq, .ts = ts, .len = 160};
}

struct row {
    uint32_t ssrc;
    uint16_t seq;
    enum mc_seq_verdict want;
    uint64_t expected; /* after it */
    int64_t lost;
};

static void play(const struct row *rows, size_t n) {
    struct mc_rx_stats st;
    mc_rx_stats_init(&st, CLOCK);
    CHECK_INT(-1, mc_rx_stats_expected(&st), 0);
    for (size_t i = 0; i < n; i++) {
        struct mc_rtp p = packet(rows[i].ssrc, rows[i].seq, rows[i].seq * 160u);
        CHECK_INT(i, mc_rx_stats_packet(&st, &p, i * 20000), rows[i].want);
        CHECK_INT(i, mc_rx_stats_expected(&st), rows[i].expected);
        CHECK_INT(i, mc_rx_stats_lost(&st), rows[i].lost);
    }
}

static void verdicts(void) {
    static const struct row order[] = {
        {1, 65534, MC_SEQ_NEXT, 1, 0}, {1, 65535, MC_SEQ_NEXT, 2, 0},     {1, 0, MC_SEQ_NEXT, 3, 0},
        {1, 1, MC_SEQ_NEXT, 4, 0},     {1, 4, MC_SEQ_GAP, 7, 2},          {1, 3, MC_SEQ_OLD, 7, 1},
        {1, 3, MC_SEQ_DUP, 7, 0},      {1, 4, MC_SEQ_DUP, 7, -1},         {1, 5, MC_SEQ_NEXT, 8, -1},
        {1, 65535, MC_SEQ_DUP, 8, -2}, {1, 3004, MC_SEQ_GAP, 3007, 2996},
    };
    play(order, COUNT(order));
}

static void a_far_jump_is_believed_the_second_time(void) {
    static const struct row jump[] = {
        {1, 10, MC_SEQ_NEXT, 1, 0},      {1, 30000, MC_SEQ_IGNORE, 1, 0},  {1, 11, MC_SEQ_NEXT, 2, 0},
        {1, 30001, MC_SEQ_IGNORE, 2, 0}, {1, 30002, MC_SEQ_RESTART, 1, 0}, {1, 30003, MC_SEQ_NEXT, 2, 0},
    };
    static const struct row back[] = {
        {1, 10000, MC_SEQ_NEXT, 1, 0}, {1, 9900, MC_SEQ_OLD, 1, -1}, {1, 9899, MC_SEQ_IGNORE, 1, -1},
        {1, 9900, MC_SEQ_OLD, 1, -2},  {1, 5, MC_SEQ_IGNORE, 1, -2}, {1, 6, MC_SEQ_RESTART, 1, 0},
    };
    static const struct row wrap[] = {{1, 100, MC_SEQ_NEXT, 1, 0}, {1, 65535, MC_SEQ_IGNORE, 1, 0}, {1, 0, MC_SEQ_OLD, 1, -1}};
    play(jump, COUNT(jump));
    play(back, COUNT(back));
    play(wrap, COUNT(wrap));
}

static void another_source_needs_two_in_a_row(void) {
    static const struct row rows[] = {
        {1, 10, MC_SEQ_NEXT, 1, 0},     {2, 500, MC_SEQ_IGNORE, 1, 0}, {1, 11, MC_SEQ_NEXT, 2, 0},
        {2, 501, MC_SEQ_IGNORE, 2, 0},  {3, 502, MC_SEQ_IGNORE, 2, 0}, {2, 502, MC_SEQ_IGNORE, 2, 0},
        {2, 503, MC_SEQ_RESTART, 1, 0}, {2, 504, MC_SEQ_NEXT, 2, 0},   {1, 12, MC_SEQ_IGNORE, 2, 0},
    };
    play(rows, COUNT(rows));
}

static void extended_sequence_over_three_wraps(void) {
    struct mc_rx_stats st;
    mc_rx_stats_init(&st, CLOCK);
    for (uint32_t i = 0; i < 200000; i++) {
        struct mc_rtp p = packet(7, (uint16_t)(1000 + i), i * 160);
        mc_rx_stats_packet(&st, &p, i * UINT64_C(20000));
        CHECK_INT(i, mc_rx_stats_ext_seq(&st, p.seq), 1000 + i);
    }
    CHECK_INT(0, mc_rx_stats_expected(&st), 200000);
    CHECK_INT(0, mc_rx_stats_lost(&st), 0);
    CHECK_INT(0, mc_rx_stats_ext_seq(&st, (uint16_t)(1000 + 199998)), 1000 + 199998); /* one behind */
}

/* The loss that A.3 computes, against a count of what was really left out, in any order and with wraps. */
static void loss_against_a_count(void) {
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct rng r = rng_of(seed);
        struct mc_rx_stats st;
        mc_rx_stats_init(&st, CLOCK);
        uint16_t seq = (uint16_t)rng_next(&r);
        int64_t n_lost = 0;
        for (uint64_t i = 0; i < 20000; i++) {
            bool end = i == 0 || i >= 19990; /* first and last come, so that the count is exact */
            struct mc_rtp a = packet(1, seq++, 0);
            struct mc_rtp b = packet(1, seq++, 0);
            if (!end && rng_below(&r, 10) == 0) {
                n_lost++;
                mc_rx_stats_packet(&st, &b, i);
            } else if (!end && rng_below(&r, 10) == 0) {
                mc_rx_stats_packet(&st, &b, i);
                CHECK_INT(seed, mc_rx_stats_packet(&st, &a, i), MC_SEQ_OLD);
            } else {
                mc_rx_stats_packet(&st, &a, i);
                mc_rx_stats_packet(&st, &b, i);
            }
        }
        CHECK_INT(seed, mc_rx_stats_lost(&st), n_lost);
        CHECK_INT(seed, mc_rx_stats_expected(&st), 40000);
        CHECK_INT(seed, st.n_dup, 0);
    }
}

/* A.8: a steady stream has none; when every other packet is d late, |D| is always d, and J tends to d. */
static void jitter(void) {
    for (unsigned late_ms = 0; late_ms <= 16; late_ms += 4) {
        struct mc_rx_stats st;
        mc_rx_stats_init(&st, CLOCK);
        for (uint32_t i = 0; i < 500; i++) {
            struct mc_rtp p = packet(1, (uint16_t)i, 0xffffff00 + i * 160); /* the timestamp wraps */
            mc_rx_stats_packet(&st, &p, UINT64_C(1) << 40 | (i * 20000 + (i & 1) * late_ms * 1000));
        }
        CHECK_BETWEEN(late_ms, mc_rx_stats_jitter_ms(&st), late_ms - 0.2, late_ms + 0.2);
    }
}

static void jitter_is_not_moved_by_events_and_new_clocks(void) {
    struct mc_rx_stats st;
    mc_rx_stats_init(&st, CLOCK);
    uint32_t ts = 0;
    for (uint32_t i = 0; i < 400; i++) {
        struct mc_rtp p = packet(1, (uint16_t)i, i >= 100 && i < 110 ? 100 * 160 : ts); /* ten packets of one digit */
        mc_rx_stats_packet(&st, &p, i * UINT64_C(20000));
        ts += i == 200 ? 123456789 : 160; /* the source's clock jumps */
        CHECK_BETWEEN(i, mc_rx_stats_jitter_ms(&st), 0, 0.01);
    }
}

int main(void) {
    RUN(verdicts);
    RUN(a_far_jump_is_believed_the_second_time);
    RUN(another_source_needs_two_in_a_row);
    RUN(extended_sequence_over_three_wraps);
    RUN(loss_against_a_count);
    RUN(jitter);
    RUN(jitter_is_not_moved_by_events_and_new_clocks);
    return check_done();
}
