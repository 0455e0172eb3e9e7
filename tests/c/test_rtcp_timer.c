/* SPDX-License-Identifier: GPL-3.0-or-later
 * RFC 3550 section 6.3 in virtual time. */
#include "rtcp_timer.h"

#include "check.h"

#define SECOND UINT64_C(1000000)
#define TICK 20000
#define SLOW 40000 /* bit/s: below 72,000 the minimum is 5 s */
#define SIZE 124

/* Two members, both send: what a call is. Asked every 20 ms; when the n-th report goes, microseconds after the start. */
static uint64_t nth_report(uint64_t seed, uint32_t bps, unsigned n) {
    struct mc_rtcp_timer t;
    uint64_t start = 77 * SECOND, now = start;
    mc_rtcp_timer_init(&t, seed, bps, now);
    mc_rtcp_timer_members(&t, 2, 2, true);
    for (unsigned sent = 0; sent < n; now += TICK) {
        if (mc_rtcp_timer_due(&t, now)) {
            mc_rtcp_timer_sent(&t, SIZE, now);
            mc_rtcp_timer_heard(&t, SIZE);
            sent++;
        }
    }
    return now - TICK - start;
}

/* Half the minimum for the first one; each within 0.5 ... 1.5 of it, divided by e - 3/2. */
static void first_interval_is_half(void) {
    double sum = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        uint64_t us = nth_report(seed, SLOW, 1);
        CHECK_BETWEEN(seed, us, 1.25e6 / 1.21828, 3.75e6 / 1.21828 + TICK);
        sum += (double)us;
    }
    CHECK_BETWEEN(0, sum / 400, 2.2e6, 2.7e6);
}

static void five_seconds_on_average(void) {
    double sum = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        sum += (double)(nth_report(seed, SLOW, 101) - nth_report(seed, SLOW, 1)) / 100;
    }
    CHECK_BETWEEN(0, sum / 20, 4.8e6, 5.2e6);
}

/* Section 6.2: 360 s divided by the session's kbit/s. */
static void reduced_minimum(void) {
    static const struct {
        uint32_t bps;
        double want_us;
    } rows[] = {{1, 5e6}, {72000, 5e6}, {80000, 4.5e6}, {272000, 1.3235e6}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mc_rtcp_timer t;
        mc_rtcp_timer_init(&t, 1, rows[i].bps, 0);
        t.initial = false;
        t.members = t.senders = 2;
        t.we_sent = true;
        t.size = 1e-3; /* so that the minimum decides */
        CHECK_BETWEEN(i, mc_rtcp_timer_interval_us(&t), rows[i].want_us - 100, rows[i].want_us + 100);
    }
}

/* Section 6.3.1 with numbers of its own: 8 kbit/s session = 50 bytes/s for RTCP. */
static void bandwidth_rule(void) {
    static const struct {
        unsigned members, senders;
        bool we_sent;
        double size, want_s;
    } rows[] = {
        {2, 2, true, 250, 2 * 250 / 50.0},             /* more than a quarter sends: all share it */
        {100, 10, true, 200, 10 * 200 / (50 * 0.25)},  /* few send: a quarter is the senders' */
        {100, 10, false, 200, 90 * 200 / (50 * 0.75)}, /* and the rest the others' */
        {2, 2, true, 1, 5},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mc_rtcp_timer t;
        mc_rtcp_timer_init(&t, 1, 8000, 0);
        t.initial = false;
        t.size = rows[i].size;
        mc_rtcp_timer_members(&t, rows[i].members, rows[i].senders, rows[i].we_sent);
        CHECK_BETWEEN(i, mc_rtcp_timer_interval_us(&t) / 1e6, rows[i].want_s - 1e-4, rows[i].want_s + 1e-4);
    }
}

/* Section 6.3.3: a sixteenth of what is new. */
static void mean_size(void) {
    struct mc_rtcp_timer t;
    mc_rtcp_timer_init(&t, 1, SLOW, 0);
    double want = t.size;
    for (int i = 0; i < 200; i++) {
        want += (300 + MC_RTCP_LOWER_LAYERS - want) / 16;
        mc_rtcp_timer_heard(&t, 300);
        CHECK_BETWEEN(i, t.size, want - 1e-6, want + 1e-6);
    }
    CHECK_BETWEEN(0, t.size, 327.9, 328.1);
}

/* Timer reconsideration, section 6.3.6: members that appeared meanwhile hold a report back. */
static void members_that_appear_hold_back(void) {
    struct mc_rtcp_timer t;
    mc_rtcp_timer_init(&t, 5, 8000, 0);
    mc_rtcp_timer_sent(&t, SIZE, 0);
    uint64_t due = t.next_us;
    mc_rtcp_timer_members(&t, 200, 200, true);
    CHECK(!mc_rtcp_timer_due(&t, due));
    CHECK(t.next_us > 5 * due);
    CHECK(!mc_rtcp_timer_due(&t, t.next_us - 1));
}

int main(void) {
    RUN(first_interval_is_half);
    RUN(five_seconds_on_average);
    RUN(reduced_minimum);
    RUN(bandwidth_rule);
    RUN(mean_size);
    RUN(members_that_appear_hold_back);
    return check_done();
}
