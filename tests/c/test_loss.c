/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loss.h"

#include "check.h"

/* '.' came, 'x' never came, 'd' came too late. Then enough packets that everything before them is judged. */
static struct mc_loss play(const char *pattern, uint32_t first) {
    struct mc_loss l;
    mc_loss_init(&l);
    uint32_t n = (uint32_t)strlen(pattern);
    for (uint32_t i = 0; i < n; i++) {
        if (pattern[i] != 'x') {
            mc_loss_packet(&l, first + i, pattern[i] == 'd');
        }
    }
    for (uint32_t i = 0; i < MC_LOSS_WAIT; i++) {
        mc_loss_packet(&l, first + n + i, false);
    }
    return l;
}

#define TEN ".........."
#define TWENTY TEN TEN

/* RFC 3611 section 4.7.2, Gmin 16. */
static void bursts_and_gaps(void) {
    static const struct {
        const char *pattern;
        int lost, discarded, runs, bursts, burst_packets, burst_lost, gap_packets, gap_lost;
    } rows[] = {
        {TWENTY, 0, 0, 0, 0, 0, 0, 20, 0},
        {TWENTY "x" TWENTY, 1, 0, 1, 0, 0, 0, 41, 1},                  /* alone: part of the gap */
        {TWENTY "xx" TWENTY, 2, 0, 1, 1, 2, 2, 40, 0},                 /* two in a row: a burst */
        {TWENTY "x...............x" TWENTY, 2, 0, 2, 1, 17, 2, 40, 0}, /* 15 between: the same burst */
        {TWENTY "x................x" TWENTY, 2, 0, 2, 0, 0, 0, 58, 2}, /* 16 between: two alone */
        {TWENTY "x.xx..x" TWENTY "x" TWENTY "xxx" TWENTY, 8, 0, 5, 2, 10, 7, 81, 1},
        {TWENTY "xd" TWENTY, 1, 1, 1, 1, 2, 2, 40, 0}, /* too late is lost, and counted apart */
        {".x" TWENTY, 1, 0, 1, 0, 0, 0, 22, 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (uint32_t first = 5; first != 5u + 2 * 0x7ffffff0u; first += 0x7ffffff0u) {
            struct mc_loss l = play(rows[i].pattern, first);
            struct mc_loss_metrics m;
            mc_loss_metrics(&l, &m);
            size_t n = strlen(rows[i].pattern);
            CHECK_INT(i, l.n_judged, n);
            CHECK_INT(i, l.n_lost, rows[i].lost);
            CHECK_INT(i, l.n_discarded, rows[i].discarded);
            CHECK_INT(i, l.n_runs, rows[i].runs);
            double lost = (double)rows[i].lost / (double)n, late = (double)rows[i].discarded / (double)n;
            CHECK_BETWEEN(i, m.lost, lost - 1e-9, lost + 1e-9);
            CHECK_BETWEEN(i, m.discarded, late - 1e-9, late + 1e-9);
            double bursts = rows[i].bursts;
            CHECK_BETWEEN(i, m.burst_packets * bursts, rows[i].burst_packets - 1e-9, rows[i].burst_packets + 1e-9);
            CHECK_BETWEEN(i, m.burst_density * rows[i].burst_packets, rows[i].burst_lost - 1e-9, rows[i].burst_lost + 1e-9);
            CHECK_BETWEEN(i, m.gap_packets * (bursts + 1), rows[i].gap_packets - 1e-9, rows[i].gap_packets + 1e-9);
            CHECK_BETWEEN(i, m.gap_density * rows[i].gap_packets, rows[i].gap_lost - 1e-9, rows[i].gap_lost + 1e-9);
        }
    }
}

static void order_is_no_loss(void) {
    struct mc_loss l;
    mc_loss_init(&l);
    struct rng rng = rng_of(3);
    for (uint32_t block = 0; block < 500; block++) { /* ten packets each, in any order */
        uint32_t order[10];
        for (uint32_t i = 0; i < 10; i++) {
            uint32_t j = rng_below(&rng, i + 1);
            order[i] = order[j];
            order[j] = block * 10 + i;
        }
        for (int i = 0; i < 10; i++) {
            mc_loss_packet(&l, order[i], false);
        }
    }
    CHECK_INT(0, l.n_lost, 0);
    CHECK_BETWEEN(0, l.n_judged, 4970, 5000);
}

/* A hole longer than the map: what came before it still counts as come. */
static void a_long_hole(void) {
    struct mc_loss l;
    mc_loss_init(&l);
    for (uint32_t i = 0; i < 100; i++) {
        mc_loss_packet(&l, i, false);
    }
    for (uint32_t i = 2900; i < 3000; i++) {
        mc_loss_packet(&l, i, false);
    }
    CHECK_INT(0, l.n_lost, 2800);
    CHECK_INT(0, l.n_runs, 1);
    CHECK_INT(0, l.n_judged, 3000 - MC_LOSS_WAIT);
    mc_loss_packet(&l, 2860, false); /* far too old: it stays lost */
    for (uint32_t i = 3000; i < 3050; i++) {
        mc_loss_packet(&l, i, false);
    }
    CHECK_INT(1, l.n_lost, 2800);
}

static void a_restart_forgets_what_is_open(void) {
    struct mc_loss l;
    mc_loss_init(&l);
    for (uint32_t i = 0; i < 50; i++) {
        mc_loss_packet(&l, 1000 + i, false);
    }
    mc_loss_restart(&l);
    for (uint32_t i = 0; i < 50; i++) {
        mc_loss_packet(&l, 7 + i, false);
    }
    CHECK_INT(0, l.n_lost, 0);
    CHECK_INT(0, l.n_judged, 2 * (50 - MC_LOSS_WAIT));
}

/* G.107 section 7.5 for a two-state Markov line: with p from found to lost and q back, BurstR = 1 / (p + q). */
static void burst_ratio(void) {
    static const struct { double p, q; } rows[] = {{0.02, 0.98}, {0.05, 0.45}, {0.02, 0.23}, {0.01, 0.19}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rng rng = rng_of(i);
        struct mc_loss l;
        struct mc_loss_metrics m;
        bool lost = false;
        mc_loss_init(&l);
        for (uint32_t n = 0; n < 200000; n++) {
            lost = rng_unit(&rng) < (lost ? 1 - rows[i].q : rows[i].p);
            if (!lost) {
                mc_loss_packet(&l, n, false);
            }
        }
        mc_loss_metrics(&l, &m);
        double loss = rows[i].p / (rows[i].p + rows[i].q), ratio = 1 / (rows[i].p + rows[i].q);
        CHECK_BETWEEN(i, m.lost, 0.93 * loss, 1.07 * loss);
        CHECK_BETWEEN(i, m.burst_ratio, 0.93 * ratio, 1.07 * ratio);
    }
    struct mc_loss none;
    struct mc_loss_metrics m;
    mc_loss_init(&none);
    mc_loss_metrics(&none, &m);
    CHECK_BETWEEN(9, m.burst_ratio, 1, 1);
    CHECK_BETWEEN(9, m.lost, 0, 0);
}

int main(void) {
    RUN(bursts_and_gaps);
    RUN(order_is_no_loss);
    RUN(a_long_hole);
    RUN(a_restart_forgets_what_is_open);
    RUN(burst_ratio);
    return check_done();
}
