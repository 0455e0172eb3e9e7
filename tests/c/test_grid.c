/* SPDX-License-Identifier: GPL-3.0-or-later
 * The clock's face in virtual time, without a thread: buckets, and what becomes of the ticks when there is more to do than can be done. */
#include "grid.h"

#include "check.h"
#include "err.h"

static struct mc_leg_params params_of(uint16_t ptime_ms) {
    return (struct mc_leg_params){.codec = "PCMU",
                                  .clock = 8000,
                                  .event_tx_pt = 101,
                                  .event_rx_pt = 101,
                                  .ptime_ms = ptime_ms,
                                  .send = true,
                                  .recv = true};
}

static uint64_t test_now;

static uint64_t test_clock(void) {
    return test_now;
}

static void every_leg_keeps_a_bucket_of_its_own(void) {
    struct mc_grid grid = {0};
    struct mc_wire wire = {0};
    struct mc_leg *legs[45];
    test_now = 5000000;
    mc_grid_run(&grid, test_now, test_clock);
    for (size_t i = 0; i < COUNT(legs); i++) {
        struct mc_leg_cfg cfg = {.rate = 8000, .tx_ms = 100};
        struct mc_leg_params params = params_of(i < 5 ? 10 : i % 2 ? 20 : 60);
        struct mc_path *path = NULL;
        mc_leg_new(&legs[i], &cfg);
        mc_path_new(&path, legs[i], &params);
        mc_path_free(mc_leg_start(legs[i], path, &wire, test_now));
        mc_grid_add(&grid, legs[i], test_now);
        int bucket = mc_leg_seat(legs[i])->bucket;
        mc_grid_add(&grid, legs[i], test_now);
        CHECK_INT(i, mc_leg_seat(legs[i])->bucket, bucket);
    }
    for (int b = 0; b < MC_GRID_ROUND; b++) {
        CHECK_INT(b, grid.load[b], 5); /* 5 legs in two buckets each, 40 in one */
    }
    uint64_t n_before = grid.n_visits;
    uint64_t begin = test_now;
    for (; test_now < begin + 1000000; test_now += 1000) {
        mc_grid_run(&grid, test_now, test_clock);
        uint64_t due = mc_grid_due_us(&grid);
        CHECK(due > test_now && due <= test_now + MC_GRID_BUCKET_US);
    }
    CHECK_INT(0, grid.n_visits - n_before, 499);
    CHECK_INT(0, grid.late_max_us, 0);
    for (size_t i = 0; i < COUNT(legs); i++) {
        struct mc_leg_stats st;
        mc_leg_publish(legs[i]);
        mc_leg_stats(legs[i], &st);
        /* It has no wire: every packet is an error, so errors count packets. */
        CHECK_BETWEEN(i, st.tx_errors, i < 5 ? 98 : i % 2 ? 49 : 16, i < 5 ? 100 : i % 2 ? 50 : 17);
        CHECK_INT(i, st.tx_late_max_us, 0);
    }
    test_now += 3000000; /* asleep: one round finds everybody, nobody bursts */
    mc_grid_run(&grid, test_now, test_clock);
    CHECK(grid.next == test_now / MC_GRID_BUCKET_US + 1);
    for (size_t i = 0; i < COUNT(legs); i++) {
        mc_grid_remove(&grid, legs[i]);
        mc_grid_remove(&grid, legs[i]);
        mc_path_free(mc_leg_stop(legs[i], test_now));
        mc_leg_unref(legs[i]);
    }
    CHECK(mc_grid_due_us(&grid) == UINT64_MAX);
}

/* The engine has time for its first words, and the caller needn't wait for the far end of the round. */
static void the_first_tick_comes_soon(void) {
    struct mc_grid grid = {0};
    struct mc_wire wire = {0};
    struct mc_leg *legs[40];
    uint64_t waited_us = 0;
    test_now = 5000000;
    for (size_t i = 0; i < COUNT(legs); i++) {
        struct mc_leg_cfg cfg = {.rate = 8000, .tx_ms = 100};
        struct mc_leg_params params = params_of(20);
        struct mc_path *path = NULL;
        test_now += 7300; /* calls that come one after the other */
        mc_grid_run(&grid, test_now, test_clock);
        mc_leg_new(&legs[i], &cfg);
        mc_path_new(&path, legs[i], &params);
        mc_path_free(mc_leg_start(legs[i], path, &wire, test_now));
        mc_grid_add(&grid, legs[i], test_now);
        uint64_t at = test_now / MC_GRID_BUCKET_US * MC_GRID_BUCKET_US;
        while (at <= test_now || at / MC_GRID_BUCKET_US % MC_GRID_ROUND != (uint64_t)mc_leg_seat(legs[i])->bucket) {
            at += MC_GRID_BUCKET_US;
        }
        CHECK_BETWEEN(i, at - test_now, i == 0 ? 4000 : 0, i == 0 ? 6000 : MC_GRID_ROUND * MC_GRID_BUCKET_US);
        waited_us += at - test_now;
    }
    CHECK_BETWEEN(0, waited_us / COUNT(legs), 4000, 8000); /* the least loaded one, wherever it is: 10 ms */
    for (size_t i = 0; i < COUNT(legs); i++) {
        mc_grid_remove(&grid, legs[i]);
        mc_path_free(mc_leg_stop(legs[i], test_now));
        mc_leg_unref(legs[i]);
    }
}

/* --- more to do than it can, in virtual time --- */

#define CROWD 200
#define MADE_UP_MOST 5

struct seat {
    unsigned n, n_before; /* packets sent; when the present visit began */
};

static uint64_t cost_us; /* of a packet */

static int send_slowly(void *ctx, const void *pkt, size_t len) {
    test_now += cost_us;
    ((struct seat *)ctx)->n++;
    return MC_OK;
}

/* Runs the legs' ticks as the worker does. Returns the most packets that a leg sent at once; *turn_us: the longest time until commands
 * have their turn. */
static unsigned run_for(struct mc_grid *grid, struct seat *seats, uint64_t us, uint64_t *turn_us) {
    unsigned bunch = 0;
    *turn_us = 0;
    for (uint64_t end = test_now + us; test_now < end;) {
        uint64_t began = test_now;
        for (size_t i = 0; i < CROWD; i++) {
            seats[i].n_before = seats[i].n;
        }
        mc_grid_run(grid, test_now, test_clock);
        *turn_us = test_now - began > *turn_us ? test_now - began : *turn_us;
        for (size_t i = 0; i < CROWD; i++) {
            bunch = seats[i].n - seats[i].n_before > bunch ? seats[i].n - seats[i].n_before : bunch;
        }
        uint64_t due = mc_grid_due_us(grid);
        test_now = due > test_now ? due : test_now;
    }
    return bunch;
}

static void beyond_its_capacity_every_leg_is_served_a_little_less(void) {
    static const uint64_t cost[] = {130, 200, 400}; /* 130 % of its time, 200 %, 400 % */
    for (size_t k = 0; k < COUNT(cost); k++) {
        struct mc_grid grid = {0};
        struct mc_leg *legs[CROWD];
        struct seat seats[CROWD] = {0};
        uint64_t turn_us;
        test_now = 5000000;
        mc_grid_run(&grid, test_now, test_clock);
        for (size_t i = 0; i < CROWD; i++) {
            struct mc_leg_cfg cfg = {.rate = 8000, .tx_ms = 100};
            struct mc_leg_params params = params_of(20);
            struct mc_wire wire = {.ctx = &seats[i], .send_rtp = send_slowly};
            struct mc_path *path = NULL;
            mc_leg_new(&legs[i], &cfg);
            mc_path_new(&path, legs[i], &params);
            mc_path_free(mc_leg_start(legs[i], path, &wire, test_now));
            mc_grid_add(&grid, legs[i], test_now);
        }
        cost_us = 50; /* half of its time: all is well */
        CHECK_INT(k, run_for(&grid, seats, 1000000, &turn_us), 1);
        CHECK_BETWEEN(k, turn_us, 900, 1000);
        CHECK_INT(k, grid.n_overruns, 0);
        cost_us = cost[k];
        run_for(&grid, seats, 1000000, &turn_us);
        CHECK_INT(k, run_for(&grid, seats, 5000000, &turn_us), 1); /* no bunches */
        /* Commands wait for one round at most. */
        CHECK_BETWEEN(k, turn_us, 0, 1.01 * CROWD * (double)cost[k]);
        CHECK(grid.n_overruns > 0);
        unsigned least = UINT32_MAX, most = 0;
        for (size_t i = 0; i < CROWD; i++) {
            struct mc_leg_stats st;
            mc_leg_stats(legs[i], &st);
            CHECK(st.tx_skipped > 0);
            least = seats[i].n < least ? seats[i].n : least;
            most = seats[i].n > most ? seats[i].n : most;
        }
        CHECK_BETWEEN(k, least, 0.9 * most, most); /* nobody pays for the others */
        cost_us = 50;                              /* the crowd thins: at once as before */
        run_for(&grid, seats, 100000, &turn_us);
        CHECK_INT(k, run_for(&grid, seats, 2000000, &turn_us), 1);
        test_now += 60000; /* and what is missed once is made up for */
        CHECK_BETWEEN(k, run_for(&grid, seats, 100000, &turn_us), 4, MADE_UP_MOST);
        for (size_t i = 0; i < CROWD; i++) {
            mc_grid_remove(&grid, legs[i]);
            mc_path_free(mc_leg_stop(legs[i], test_now));
            mc_leg_unref(legs[i]);
        }
    }
}

int main(void) {
    RUN(every_leg_keeps_a_bucket_of_its_own);
    RUN(the_first_tick_comes_soon);
    RUN(beyond_its_capacity_every_leg_is_served_a_little_less);
    return check_done();
}
