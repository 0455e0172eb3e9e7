/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the jitter buffer takes and gives; test_jitter_play.c: the delay that it plays at. */
#include "jitter_rows.h"

static void in_order(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, EMPTY(0), P(5, 10, 0, MC_OK), EMPTY(20), P(25, 11, 160, MC_OK), FRAME(40, 10), P(45, 12, 320, MC_OK),
         FRAME(60, 11), FRAME(80, 12));
    struct mc_jb_stats st = close_jb(jb);
    CHECK_INT(0, st.n_played, 3);
    CHECK_INT(0, st.n_lost, 0);
}

static void over_the_wrap_of_both_numbers(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 65534, 0xffffff60, MC_OK), P(20, 65535, 0, MC_OK), FRAME(20, 65534), P(40, 0, 160, MC_OK), FRAME(40, 65535),
         P(60, 1, 320, MC_OK), FRAME(60, 0), FRAME(80, 1));
    close_jb(jb);
}

static void reordered_before_its_time(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 1, 160, MC_OK), P(20, 3, 480, MC_OK), P(25, 2, 320, MC_OK), FRAME(25, 1), FRAME(45, 2), P(45, 4, 640, MC_OK),
         FRAME(65, 3), FRAME(85, 4));
    CHECK_INT(0, close_jb(jb).n_lost, 0);
}

static void the_first_packet_may_come_second(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 2, 320, MC_OK), P(1, 1, 160, MC_OK), FRAME(21, 1), P(21, 3, 480, MC_OK), FRAME(41, 2), FRAME(61, 3));
    CHECK_INT(0, close_jb(jb).n_late, 0);
}

static void lost_with_and_without_the_next_one(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 1, 160, MC_OK), FRAME(20, 1), P(40, 3, 480, MC_OK), LOST(40, 3), P(60, 4, 640, MC_OK), FRAME(60, 3),
         FRAME(80, 4), P(99, 8, 1280, MC_OK), LOST(100, 0), LOST(120, 0), LOST(140, 8), FRAME(160, 8));
    struct mc_jb_stats st = close_jb(jb);
    CHECK_INT(0, st.n_lost, 4);
    CHECK_INT(0, st.n_played, 4);
}

static void late_and_duplicate(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 1, 160, MC_OK), P(1, 1, 160, MC_E_DUP), FRAME(20, 1), P(21, 1, 160, MC_E_DUP), P(40, 3, 480, MC_OK),
         LOST(40, 3), P(41, 2, 320, MC_E_LATE), P(42, 2, 320, MC_E_LATE), FRAME(60, 3));
    struct mc_jb_stats st = close_jb(jb);
    CHECK_INT(0, st.n_dup, 2);
    CHECK_INT(0, st.n_late, 2);
}

static void a_pause_is_no_loss(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 1, 160, MC_OK), FRAME(20, 1), EMPTY(40), EMPTY(60), EMPTY(80), P(100, 2, 960, MC_OK), EMPTY(100),
         P(120, 3, 1120, MC_OK), FRAME(120, 2), FRAME(140, 3));
    CHECK_INT(0, close_jb(jb).n_lost, 0);
}

/* What the source left out is told apart from what was lost or came late. */
static void how_long_a_pause_was(void) {
    static const struct {
        uint16_t seq; /* of the second packet: the first has 1 */
        uint32_t ts, ms;
        uint32_t pause, skipped;
    } rows[] = {
        {2, 320, 20, 0, 0},                 /* none */
        {2, 320, 90, 0, 0},                 /* late */
        {2, 960, 100, 640, 0},              /* a pause */
        {2, 960, 160, 640, 0},              /* and late */
        {6, 960, 100, 0, 4},                /* four lost */
        {6, 1760, 200, 800, 4},             /* in a pause */
        {1001, 160160, 20000, 0, 999},      /* an outage longer than the window */
        {2, 5000000, 20, MC_JB_UNKNOWN, 0}, /* the source's clock began anew */
        {40000, 320, 20, MC_JB_UNKNOWN, 0}, /* another numbering */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mc_jb *jb = open_jb();
        struct mc_jb_frame f;
        PLAY(jb, P(0, 1, 160, MC_OK), P(0, 1, 160, MC_E_DUP));
        mc_jb_get(jb, 5020000, 0, &f);
        CHECK_INT(i, f.pause, MC_JB_UNKNOWN);
        mc_jb_get(jb, 5040000, 0, &f);
        for (uint16_t k = 0; k < 8; k++) { /* those behind a gap */
            struct mc_rtp p = {.seq = (uint16_t)(rows[i].seq + k), .ts = rows[i].ts + k * 160, .ssrc = 1};
            mc_jb_put(jb, &p, 5000000 + rows[i].ms * UINT64_C(1000) + k * 20000);
        }
        mc_jb_get(jb, 5000000 + rows[i].ms * UINT64_C(1000) + 160000, 0, &f);
        CHECK_INT(i, f.what != MC_JB_EMPTY, 1);
        CHECK_INT(i, f.pause, rows[i].pause);
        CHECK_BETWEEN(i, f.n_skipped, rows[i].skipped, rows[i].skipped + 8); /* and what is caught up with */
        mc_jb_free(jb);
    }
}

/* The packet after the pause comes early: it still waits for its time. */
static void a_pause_is_played_at_its_length(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 1, 160, MC_OK), P(1, 2, 960, MC_OK), FRAME(20, 1), EMPTY(40), EMPTY(60), EMPTY(80), EMPTY(100),
         FRAME(120, 2));
    CHECK_INT(0, close_jb(jb).n_lost, 0);
}

static void packets_without_sound_are_no_loss(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 1, 160, MC_OK), FRAME(20, 1), V(20, 2, 320), V(40, 3, 320), EMPTY(40), V(60, 4, 320), EMPTY(60),
         P(80, 5, 800, MC_OK), EMPTY(80), FRAME(100, 5), V(101, 5, 0), P(120, 7, 1120, MC_OK), V(121, 6, 960), EMPTY(121),
         FRAME(140, 7));
    struct mc_jb_stats st = close_jb(jb);
    CHECK_INT(0, st.n_lost, 0);
    CHECK_INT(0, st.n_in, 3);
}

static void a_stray_does_nothing_and_its_successor_restarts(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 100, 160, MC_OK), FRAME(20, 100), FROM(1, 21, 5000, 777, MC_E_LATE), P(22, 101, 320, MC_OK), FRAME(40, 101),
         P(41, 40000, 0, MC_E_LATE), P(42, 102, 480, MC_OK), FRAME(60, 102), FROM(1, 61, 7, 0, MC_E_LATE),
         FROM(1, 80, 8, 160, MC_OK), EMPTY(80), FROM(1, 100, 9, 320, MC_OK), FRAME(100, 8), FRAME(120, 9),
         P(121, 103, 640, MC_E_LATE), FROM(1, 122, 40000, 480, MC_E_LATE), FROM(1, 140, 40001, 640, MC_OK), FRAME(160, 40001));
    struct mc_jb_stats st = close_jb(jb);
    CHECK_INT(0, st.n_restart, 2);
    CHECK_INT(0, st.n_lost, 0);
}

static void two_strays_with_a_good_packet_between_are_strays(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 100, 160, MC_OK), FRAME(20, 100), FROM(1, 21, 5000, 777, MC_E_LATE), P(22, 101, 320, MC_OK),
         FROM(1, 23, 5001, 937, MC_E_LATE), FRAME(40, 101));
    CHECK_INT(0, close_jb(jb).n_stray, 2);
}

static void the_source_sets_its_clock_anew(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 1, 160, MC_OK), FRAME(20, 1), P(20, 2, 4000000000, MC_OK), EMPTY(20), P(40, 3, 4000000160, MC_OK),
         FRAME(40, 2), FRAME(60, 3));
    CHECK_INT(0, close_jb(jb).n_restart, 1);
}

static void underrun_then_on_with_the_packet_that_was_late(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 1, 160, MC_OK), P(20, 2, 320, MC_OK), FRAME(20, 1), FRAME(40, 2), EMPTY(60), EMPTY(80), P(90, 3, 480, MC_OK),
         FRAME(100, 3), P(110, 4, 640, MC_OK), FRAME(120, 4));
    struct mc_jb_stats st = close_jb(jb);
    CHECK_INT(0, st.n_empty, 2);
    CHECK_INT(0, st.n_lost, 0);
}

static void after_a_burst_only_the_newest_is_played(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 1, 160, MC_OK), FRAME(20, 1), EMPTY(40));
    for (uint16_t i = 2; i <= 51; i++) { /* a second of sound at once */
        struct row r = P(1000, i, i * 160u, MC_OK);
        play(jb, &r, 1);
    }
    struct mc_jb_frame f;
    CHECK_INT(0, mc_jb_get(jb, 6000000, 0, &f), MC_OK);
    CHECK_INT(0, f.what, MC_JB_FRAME);
    CHECK_BETWEEN(0, seq_in(&f), 51 - 200 / 20 - 1, 51); /* never more than the bound of the delay behind the newest */
    CHECK_INT(0, f.n_skipped, seq_in(&f) - 2);
    close_jb(jb);
}

static void a_full_buffer_drops_its_oldest(void) {
    struct mc_jb *jb = mc_jb_new(&(struct mc_jb_cfg){.clock = CLOCK, .min_ms = 20, .max_ms = 1000, .capacity = 8});
    struct mc_jb_stats st;
    for (uint16_t i = 0; i < 20; i++) {
        struct row r = P(i, i, i * 160u, MC_OK);
        play(jb, &r, 1);
    }
    mc_jb_stats(jb, &st);
    CHECK_INT(0, st.n_in, 20);
    CHECK_INT(0, st.n_dropped, 12);
    CHECK_INT(0, st.depth_ms, 160);
    PLAY(jb, P(30, 500, 80000, MC_OK)); /* far ahead, and still the same numbering */
    mc_jb_stats(jb, &st);
    CHECK_INT(0, st.n_restart, 1); /* but the timestamp ran ten seconds ahead of the clock */
    PLAY(jb, P(50, 900, 80160, MC_OK), SKIP(400, 70, 900));
    mc_jb_free(jb);
}

/* The first longer packet comes later against its timestamp, by what it is longer: one step of waiting, then on. */
static void packet_time_changes_in_mid_stream(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 1, 160, MC_OK), FRAME(20, 1), P(20, 2, 320, MC_OK), FRAME(40, 2), P(40, 3, 480, MC_OK), FRAME(60, 3));
    PLAY(jb, P(80, 4, 640, MC_OK), FRAME(80, 4), P(120, 5, 960, MC_OK), EMPTY(120), FRAME(140, 5), P(160, 6, 1280, MC_OK),
         FRAME(180, 6), P(200, 7, 1600, MC_OK), FRAME(220, 7)); /* 40 ms */
    PLAY(jb, P(210, 8, 1920, MC_OK), P(220, 9, 2000, MC_OK), P(230, 10, 2080, MC_OK), FRAME(260, 8), FRAME(270, 9),
         FRAME(280, 10));
    struct mc_jb_stats st = close_jb(jb);
    CHECK_INT(0, st.n_empty, 1);
    CHECK_INT(0, st.n_lost, 0);
    CHECK_INT(0, st.n_dropped, 0);
}

/* Shorter is believed at once, longer (it might be a pause) the second time. */
static void packet_time_is_learnt(void) {
    static const struct {
        uint32_t move;
        uint32_t step;
    } want[] = {{160, 160}, {80, 80},   {80, 80},   {320, 80}, {320, 320}, {320, 320},
                {160, 160}, {960, 160}, {160, 160}, {1, 160},  {7000, 160}};
    struct mc_jb *jb = open_jb();
    uint32_t ts = 0;
    PLAY(jb, P(0, 0, 0, MC_OK));
    for (uint16_t i = 0; i < COUNT(want); i++) {
        struct mc_jb_frame f;
        ts += want[i].move;
        struct row r = P(ts / 8, (uint16_t)(i + 1), ts, MC_OK);
        play(jb, &r, 1);
        mc_jb_get(jb, 5000000, 0, &f);
        CHECK_INT(i, f.step, want[i].step);
    }
    mc_jb_free(jb);
}

/* 10 ms packets, a player that ticks every 20 ms and asks twice in the same microsecond. */
static void two_frames_at_one_time(void) {
    struct mc_jb *jb = open_jb();
    uint16_t next = 0;
    for (uint32_t i = 0; i < 100; i++) {
        struct row in[] = {P(20 * i, (uint16_t)(2 * i), i * 160, MC_OK),
                           P(20 * i + 10, (uint16_t)(2 * i + 1), i * 160 + 80, MC_OK)};
        play(jb, in, 2);
        for (int k = 0; k < 2; k++) {
            struct mc_jb_frame f;
            mc_jb_get(jb, 5000000 + (20 * i + 15) * UINT64_C(1000), 0, &f);
            CHECK_INT(i, f.what, i == 0 ? MC_JB_EMPTY : MC_JB_FRAME);
            if (f.what == MC_JB_FRAME) {
                CHECK_INT(i, seq_in(&f), next++);
            }
        }
    }
    CHECK_INT(0, next, 198);
    mc_jb_free(jb);
}

static void empty_payload_and_too_long_payload(void) {
    struct mc_jb *jb = open_jb();
    static uint8_t big[MC_RTP_MAX_PACKET];
    struct mc_rtp p = {.seq = 1, .ssrc = 1, .payload = big, .len = MC_RTP_MAX_PACKET - MC_RTP_HEADER + 1};
    struct mc_jb_frame f;
    CHECK_INT(0, mc_jb_put(jb, &p, 1000), MC_E_SHORT);
    p.len--;
    CHECK_INT(1, mc_jb_put(jb, &p, 1000), MC_OK);
    p = (struct mc_rtp){.seq = 2, .ssrc = 1, .ts = 160, .payload = NULL, .len = 0};
    CHECK_INT(2, mc_jb_put(jb, &p, 21000), MC_OK);
    CHECK_INT(3, mc_jb_get(jb, 21000, 0, &f), MC_OK);
    CHECK(f.what == MC_JB_FRAME && f.len == MC_RTP_MAX_PACKET - MC_RTP_HEADER);
    CHECK_INT(4, mc_jb_get(jb, 41000, 0, &f), MC_OK);
    CHECK(f.what == MC_JB_FRAME && f.len == 0);
    mc_jb_free(jb);
}

static void what_a_frame_says(void) {
    struct mc_jb *jb = open_jb();
    struct mc_jb_frame f;
    struct mc_rtp p = {.marker = true, .pt = 8, .seq = 9, .ts = 4711, .ssrc = 1, .payload = (const uint8_t *)"x", .len = 1};
    mc_jb_put(jb, &p, 1000);
    mc_jb_get(jb, 21000, 0, &f);
    CHECK(f.marker && f.pt == 8 && f.ts == 4711 && f.arrival_us == 1000 && f.step == 160 && f.len == 1 && f.payload[0] == 'x');
    p.seq = 11;
    p.ts = 4711 + 320;
    p.marker = false;
    mc_jb_put(jb, &p, 40000);
    mc_jb_get(jb, 41000, 0, &f);
    CHECK(f.what == MC_JB_LOST && f.ts == 4711 + 160 && f.step == 160 && f.payload != NULL && f.arrival_us == 0);
    mc_jb_free(jb);
}

static void reset_forgets_the_stream_and_keeps_the_counters(void) {
    struct mc_jb *jb = open_jb();
    PLAY(jb, P(0, 1, 160, MC_OK), P(20, 2, 320, MC_OK), FRAME(20, 1));
    mc_jb_reset(jb);
    PLAY(jb, EMPTY(40), P(41, 60000, 5, MC_OK), EMPTY(41), FRAME(61, 60000));
    struct mc_jb_stats st = close_jb(jb);
    CHECK_INT(0, st.n_in, 3);
    CHECK_INT(0, st.n_dropped, 1);
    CHECK_INT(0, st.n_restart, 0);
}

static void new_refuses_nonsense(void) {
    static const struct mc_jb_cfg bad[] = {
        {.clock = 0, .max_ms = 200},
        {.clock = 999, .max_ms = 200},
        {.clock = 8000, .min_ms = 201, .max_ms = 200},
        {.clock = 8000, .max_ms = 1001},
        {.clock = 8000, .max_ms = 200, .capacity = 4097},
        {.clock = 8000, .max_ms = 200, .capacity = UINT32_MAX},
        {.clock = 8000, .max_ms = 200, .tick_us = 120001},
        {.clock = 8000, .max_ms = 200, .price_us = 1000001},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK_INT(i, mc_jb_new(&bad[i]) != NULL, 0);
    }
}

int main(void) {
    RUN(in_order);
    RUN(over_the_wrap_of_both_numbers);
    RUN(reordered_before_its_time);
    RUN(the_first_packet_may_come_second);
    RUN(lost_with_and_without_the_next_one);
    RUN(late_and_duplicate);
    RUN(a_pause_is_no_loss);
    RUN(how_long_a_pause_was);
    RUN(a_pause_is_played_at_its_length);
    RUN(packets_without_sound_are_no_loss);
    RUN(a_stray_does_nothing_and_its_successor_restarts);
    RUN(two_strays_with_a_good_packet_between_are_strays);
    RUN(the_source_sets_its_clock_anew);
    RUN(underrun_then_on_with_the_packet_that_was_late);
    RUN(after_a_burst_only_the_newest_is_played);
    RUN(a_full_buffer_drops_its_oldest);
    RUN(packet_time_changes_in_mid_stream);
    RUN(packet_time_is_learnt);
    RUN(two_frames_at_one_time);
    RUN(empty_payload_and_too_long_payload);
    RUN(what_a_frame_says);
    RUN(reset_forgets_the_stream_and_keeps_the_counters);
    RUN(new_refuses_nonsense);
    return check_done();
}
