/* SPDX-License-Identifier: GPL-3.0-or-later
 * The delay that the jitter buffer plays at: waiting, passing over, and what it asks time scaling for. */
#include "jitter_rows.h"

/* Packets began to be late: when the next one is missing it is waited for, up to the new target, before it is called lost. */
static void a_missing_packet_is_waited_for_when_more_delay_is_wanted(void) {
    struct mc_jb *jb = mc_jb_new(&(struct mc_jb_cfg){.clock = CLOCK, .min_ms = 20, .max_ms = 200, .price_us = 100000});
    for (uint16_t i = 0; i < 30; i++) {
        struct row r[] = {P(20u * i, i, i * 160u, MC_OK), FRAME(20u * i + 20, i)};
        play(jb, r, 2);
    }
    PLAY(jb, EMPTY(620), P(640, 32, 5120, MC_OK), {'G', 640, 32, 0, MC_JB_LOST, 1, 0}, P(660, 33, 5280, MC_OK), FRAME(660, 32),
         FRAME(680, 33), P(681, 30, 4800, MC_E_LATE), P(700, 31, 4960, MC_E_LATE) /* 80 ms late both */);
    PLAY(jb, P(700, 34, 5440, MC_OK), FRAME(701, 34), P(720, 35, 5600, MC_OK), FRAME(721, 35), P(740, 37, 5920, MC_OK),
         LOST(741, 37), FRAME(761, 37)); /* time scaling has half a second first */
    for (uint16_t i = 38; i < 70; i++) { /* nobody stretches them */
        struct row r[] = {P(20u * i + 20, i, i * 160u, MC_OK), FRAME(20u * i + 21, i)};
        play(jb, r, 2);
    }
    PLAY(jb, P(1440, 71, 11360, MC_OK), EMPTY(1441), P(1460, 72, 11520, MC_OK), EMPTY(1461), P(1470, 70, 11200, MC_OK),
         FRAME(1481, 70), FRAME(1501, 71));
    mc_jb_free(jb);
}

/* A stall of 300 ms that nobody wants to wait for: what is too old is passed over, 60 ms more than usual are left to time scaling. */
static void after_a_stall_playing_goes_on_near_the_target(void) {
    struct mc_jb *jb = mc_jb_new(&(struct mc_jb_cfg){.clock = CLOCK, .min_ms = 20, .max_ms = 400, .price_us = 100});
    struct mc_jb_frame f;
    for (uint16_t i = 0; i < 50; i++) {
        struct row r[] = {P(20u * i, i, i * 160u, MC_OK), FRAME(20u * i + 20, i)};
        play(jb, r, 2);
    }
    PLAY(jb, EMPTY(1020), EMPTY(1160));
    for (uint16_t i = 50; i < 66; i++) {
        struct row r = P(1310, i, i * 160u, MC_OK);
        play(jb, &r, 1);
    }
    mc_jb_get(jb, 5000000 + 1320000, 0, &f);
    CHECK_INT(0, f.what, MC_JB_FRAME);
    CHECK_INT(0, seq_in(&f), 62); /* 80 ms old: 20, and less than a packet and 60 */
    CHECK_INT(0, f.n_skipped, 12);
    mc_jb_free(jb);
}

/* The way gets shorter by 300 ms at once: more than the most delay is not held for the two seconds that time scaling has else. */
static void more_than_the_most_delay_is_cut_at_once(void) {
    struct mc_jb *jb = mc_jb_new(&(struct mc_jb_cfg){.clock = CLOCK, .min_ms = 20, .max_ms = 100});
    struct mc_jb_frame f;
    for (uint16_t i = 0; i < 50; i++) {
        struct row r[] = {P(20u * i + 300, i, i * 160u, MC_OK), FRAME(20u * i + 320, i)};
        play(jb, r, 2);
    }
    for (uint16_t i = 50; i < 67; i++) {
        struct row r = P(1320, i, i * 160u, MC_OK);
        play(jb, &r, 1);
    }
    mc_jb_get(jb, 5000000 + 1320000, 0, &f);
    CHECK_INT(0, f.what, MC_JB_FRAME);
    CHECK_INT(0, seq_in(&f), 60); /* 120 ms old */
    CHECK_INT(0, f.n_skipped, 10);
    mc_jb_free(jb);
}

/* Nothing was given, nothing is to be scaled; a frame is, to where a change costs nothing when it is quiet. */
static void scaling_is_of_the_frame_given(void) {
    struct mc_jb *jb = open_jb();
    struct mc_jb_frame f;
    for (uint16_t i = 0; i < 100; i++) { /* far too late at first: 80 ms of sound lie ready */
        struct row r = P(20u * i, i, i * 160u, MC_OK);
        play(jb, &r, 1);
        if (i >= 4) {
            mc_jb_get(jb, 5000000 + i * UINT64_C(20000) + 1000, 0, &f);
            CHECK_INT(i, f.what, MC_JB_FRAME);
            CHECK_BETWEEN(i, mc_jb_scale_us(jb, false), 0, 100000);
            CHECK_BETWEEN(i, mc_jb_scale_us(jb, true), mc_jb_scale_us(jb, false), 100000);
        }
    }
    CHECK_INT(0, mc_jb_scale_us(jb, true) > 0, 1); /* nobody scaled */
    for (int i = 0; i < 6; i++) {
        mc_jb_get(jb, 5000000 + 2100000, 0, &f);
    }
    CHECK_INT(0, f.what, MC_JB_EMPTY);
    CHECK_INT(0, mc_jb_scale_us(jb, true), 0);
    CHECK_INT(0, mc_jb_scale_us(jb, false), 0);
    mc_jb_free(jb);
}

/* Packets of 10 ms, of which a tick of 20 plays two: every other one must be here 10 ms earlier than it is played. */
static void short_packets_are_due_at_two_places_of_a_tick(void) {
    int32_t target[2];
    for (uint32_t k = 0; k < 2; k++) {
        struct mc_jb *jb = mc_jb_new(
            &(struct mc_jb_cfg){.clock = CLOCK, .min_ms = 1, .max_ms = 200, .tick_us = k ? 20000 : 10000});
        struct mc_jb_stats st;
        struct mc_jb_frame f;
        for (uint16_t i = 0; i < 400; i++) { /* up to 14 ms late */
            struct row r = P(10u * i + i * 7 % 15, i, i * 80u, MC_OK);
            play(jb, &r, 1);
            mc_jb_get(jb, 5000000 + i * UINT64_C(10000) + 5000, 0, &f);
        }
        mc_jb_stats(jb, &st);
        target[k] = (int32_t)st.target_ms;
        mc_jb_free(jb);
    }
    CHECK_INT(0, target[1] - target[0], 10);
}

/* What the player holds before the frame counts as if time were later. */
static void sound_held_ahead_is_time(void) {
    int32_t us[2];
    for (uint32_t k = 0; k < 2; k++) {
        struct mc_jb *jb = open_jb();
        struct mc_jb_frame f;
        for (uint16_t i = 0; i < 50; i++) {
            struct row r = P(20u * i, i, i * 160u, MC_OK);
            play(jb, &r, 1);
            mc_jb_get(jb, 5000000 + i * UINT64_C(20000) + 5000, i < 40 ? 15000 : 15000 + k * 13000, &f);
        }
        us[k] = mc_jb_scale_us(jb, true);
        mc_jb_free(jb);
    }
    CHECK_INT(0, us[1] - us[0], 13000);
}

int main(void) {
    RUN(a_missing_packet_is_waited_for_when_more_delay_is_wanted);
    RUN(after_a_stall_playing_goes_on_near_the_target);
    RUN(more_than_the_most_delay_is_cut_at_once);
    RUN(scaling_is_of_the_frame_given);
    RUN(short_packets_are_due_at_two_places_of_a_tick);
    RUN(sound_held_ahead_is_time);
    return check_done();
}
