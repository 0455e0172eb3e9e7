/* SPDX-License-Identifier: GPL-3.0-or-later
 * Against tables that ITU-T published. */
#include "emodel.h"

#include "check.h"

static double r_of(double ie, double bpl, double loss, double burst_ratio, double delay_ms) {
    struct mc_emodel_line line = {.ie = ie, .bpl = bpl, .loss = loss, .burst_ratio = burst_ratio, .delay_ms = delay_ms};
    return mc_emodel_r(&line);
}

/* G.107 section 7.7: all default values give R = 93.2, MOS 4.41. */
static void default_values(void) {
    CHECK_BETWEEN(0, r_of(0, 25.1, 0, 1, 0), 93.15, 93.25);
    CHECK_BETWEEN(0, mc_emodel_mos(r_of(0, 25.1, 0, 1, 0)), 4.405, 4.415);
}

/* G.107 table B.1, the MOS column. */
static void mos_of_r(void) {
    static const struct {
        double r, mos;
    } rows[] = {{90, 4.34}, {80, 4.03}, {70, 3.60}, {60, 3.10}, {50, 2.58}, {0, 1}, {-20, 1}, {100, 4.5}, {130, 4.5}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_BETWEEN(i, mc_emodel_mos(rows[i].r), rows[i].mos - 0.006, rows[i].mos + 0.006);
    }
    for (double r = -10; r < 110; r += 0.5) {
        CHECK_BETWEEN(r, mc_emodel_mos(r), 1, 4.5);
        CHECK(mc_emodel_mos(r) <= mc_emodel_mos(r + 0.5));
    }
}

/* G.113 (02/2001) tables I.3 and I.4: Ie under random loss, as tested; the formula with G.113's Bpl meets them within 2.1, at
 * 15 % and more within 4. */
static void equipment_under_random_loss(void) {
    static const struct {
        double ie, bpl, percent, want;
    } rows[] = {
        {0, 25.1, 0, 0},     {0, 25.1, 1, 5},   {0, 25.1, 2, 7},   {0, 25.1, 3, 10},  {0, 25.1, 5, 15},  {0, 25.1, 7, 20},
        {0, 25.1, 10, 25},   {0, 25.1, 15, 35}, {0, 25.1, 20, 45}, {11, 19, 0, 11},   {11, 19, 0.5, 13}, {11, 19, 1, 15},
        {11, 19, 1.5, 17},   {11, 19, 2, 19},   {11, 19, 3, 23},   {11, 19, 4, 26},   {11, 19, 8, 36},   {11, 19, 16, 49},
        {15, 16.1, 0.5, 17}, {15, 16.1, 1, 19}, {15, 16.1, 2, 24}, {15, 16.1, 4, 32}, {15, 16.1, 8, 41}, {15, 16.1, 16, 55},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mc_emodel_line line = {
            .ie = rows[i].ie, .bpl = rows[i].bpl, .loss = rows[i].percent / 100, .burst_ratio = 1, .delay_ms = 0};
        double tolerance = rows[i].percent >= 15 ? 4 : 2.1;
        CHECK_BETWEEN(i, mc_emodel_equipment(&line), rows[i].want - tolerance, rows[i].want + tolerance);
    }
}

/* Burst loss of the same rate is worse (G.107 section 7.5), and no loss is no loss in bursts either. */
static void bursts_are_worse(void) {
    CHECK(r_of(0, 25.1, 0.02, 2, 0) < r_of(0, 25.1, 0.02, 1, 0));
    CHECK(r_of(0, 4.3, 0.05, 4, 0) < r_of(0, 4.3, 0.05, 2, 0));
    CHECK(r_of(11, 19, 0, 8, 0) == r_of(11, 19, 0, 1, 0));
}

/* Delay alone: G.114 (05/2003) figure 1 is this curve; read off it. Very satisfied (R 90) up to about 110 ms, satisfied (80) up to
 * about 240 ms, some dissatisfied (70) from about 320 ms, nearly all (60) behind about 420 ms. */
static void delay_alone(void) {
    static const struct {
        double ms, low, high;
    } rows[] = {{0, 93, 93.5}, {100, 90, 91.5}, {150, 89, 90.2}, {200, 85, 87},
                {250, 78, 81}, {300, 71, 74},   {400, 60, 64},   {500, 53, 57}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_BETWEEN(rows[i].ms, r_of(0, 25.1, 0, 1, rows[i].ms), rows[i].low, rows[i].high);
    }
    for (double ms = 1; ms < 2000; ms += 1) { /* from 0 to 1 ms the formulas let R rise, by 0.06 */
        CHECK(mc_emodel_delay(ms) <= mc_emodel_delay(ms + 1));
    }
    CHECK(mc_emodel_delay(-5) == mc_emodel_delay(0));
}

static void bounds(void) {
    CHECK_BETWEEN(0, r_of(0, 4.3, 1, 1, 5000), 0, 0);
    CHECK_BETWEEN(1, r_of(0, 4.3, 1, 1, 0), 0, 5);
}

static void codecs_by_name(void) {
    CHECK_BETWEEN(0, mc_emodel_codec("PCMU")->bpl, 25.1, 25.1);
    CHECK_BETWEEN(1, mc_emodel_codec("OPUS")->lookahead_us, 6500, 6500); /* names are case-insensitive: RFC 4855 section 3 */
    CHECK_BETWEEN(2, mc_emodel_codec("x-nothing")->bpl, 25.1, 25.1);
}

int main(void) {
    RUN(default_values);
    RUN(mos_of_r);
    RUN(equipment_under_random_loss);
    RUN(bursts_are_worse);
    RUN(delay_alone);
    RUN(bounds);
    RUN(codecs_by_name);
    return check_done();
}
