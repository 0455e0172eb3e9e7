/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "port_pool.h"

#include "check.h"
#include "err.h"

#define REST_US 5000000u

static void ranges(void) {
    static const struct {
        uint16_t low, high;
        int rc;
        size_t n;
        int first;
    } rows[] = {
        {20000, 29999, MC_OK, 5000, 20000}, {20001, 20003, MC_OK, 1, 20002}, {20000, 20001, MC_OK, 1, 20000},
        {20000, 20000, MC_E_ARG, 0, 0},     {20001, 20002, MC_E_ARG, 0, 0},  {65534, 65535, MC_OK, 1, 65534},
        {65535, 65535, MC_E_ARG, 0, 0},     {1, 65535, MC_OK, 32767, 2},     {0, 100, MC_E_ARG, 0, 0},
        {30000, 20000, MC_E_ARG, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mc_port_pool pool;
        int rc = mc_port_pool_init(&pool, rows[i].low, rows[i].high, REST_US);
        CHECK_INT(i, rc, rows[i].rc);
        if (rc == MC_OK) {
            CHECK_INT(i, mc_port_pool_left(&pool, 0), rows[i].n);
            CHECK_INT(i, mc_port_pool_take(&pool, 0), rows[i].first);
        }
        mc_port_pool_free(&pool);
    }
}

static void a_port_rests(void) {
    struct mc_port_pool pool;
    CHECK_INT(0, mc_port_pool_init(&pool, 40000, 40003, REST_US), MC_OK);
    CHECK_INT(0, mc_port_pool_take(&pool, 1), 40000);
    CHECK_INT(1, mc_port_pool_take(&pool, 1), 40002);
    CHECK_INT(2, mc_port_pool_take(&pool, 1), MC_E_FULL);
    mc_port_pool_give(&pool, 40002, 100);
    CHECK_INT(3, mc_port_pool_take(&pool, 100 + REST_US - 1), MC_E_FULL);
    CHECK_INT(4, mc_port_pool_left(&pool, 100 + REST_US - 1), 0);
    CHECK_INT(5, mc_port_pool_left(&pool, 100 + REST_US), 1);
    CHECK_INT(6, mc_port_pool_take(&pool, 100 + REST_US), 40002);
    mc_port_pool_give(&pool, 40002, 200 + REST_US);
    mc_port_pool_give(&pool, 40002, 900 + REST_US); /* twice: rests no longer for it */
    CHECK_INT(7, mc_port_pool_take(&pool, 200 + 2 * REST_US), 40002);
    mc_port_pool_give(&pool, 39998, 0); /* none of ours */
    mc_port_pool_give(&pool, 40004, 0);
    CHECK_INT(8, mc_port_pool_take(&pool, UINT64_MAX - 1), MC_E_FULL);
    mc_port_pool_free(&pool);
    mc_port_pool_give(&pool, 40000, 0);
    CHECK_INT(9, mc_port_pool_take(&pool, 0), MC_E_FULL);
}

/* One call after the other: a port comes again when all others were had. */
static void the_longest_rested_is_next(void) {
    struct mc_port_pool pool;
    CHECK_INT(0, mc_port_pool_init(&pool, 20000, 20019, 0), MC_OK);
    for (int i = 0; i < 35; i++) {
        int port = mc_port_pool_take(&pool, (uint64_t)i);
        CHECK_INT(i, port, 20000 + i % 10 * 2);
        mc_port_pool_give(&pool, (uint16_t)port, (uint64_t)i);
    }
    mc_port_pool_free(&pool);
}

int main(void) {
    RUN(ranges);
    RUN(a_port_rests);
    RUN(the_longest_rested_is_next);
    return check_done();
}
