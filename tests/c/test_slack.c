/* SPDX-License-Identifier: GPL-3.0-or-later
 * The queue between two legs' ticks: nothing clicks where it runs dry, fills again or leaves something out. */
#include "slack.h"

#include "check.h"
#include "err.h"
#include "join.h"

#define SLACK_RATE 16000
#define N 320u
#define JOIN 80

static struct mc_slack slack_new(void) {
    struct mc_slack sl;
    CHECK_INT(0, mc_slack_init(&sl, SLACK_RATE), MC_OK);
    return sl;
}

static void put_level(struct mc_slack *sl, size_t n, int16_t level) {
    int16_t pcm[2 * N];
    for (size_t i = 0; i < n; i++) {
        pcm[i] = level;
    }
    mc_slack_put(sl, pcm, n);
}

static int biggest_step(const int16_t *pcm, size_t n, int16_t before) {
    int most = 0;
    for (size_t i = 0; i < n; i++) {
        int step = abs(pcm[i] - (i > 0 ? pcm[i - 1] : before));
        most = step > most ? step : most;
    }
    return most;
}

/* A level that begins, ends in the middle of a take, is away, and comes back: every edge takes 5 ms, whatever is left to fade. */
static void dry_has_soft_edges(void) {
    static const size_t last[] = {200, JOIN, 30, 2};
    for (size_t row = 0; row < COUNT(last); row++) {
        struct mc_slack sl = slack_new();
        int16_t pcm[N];
        size_t ramp = last[row] < JOIN ? last[row] : JOIN;
        put_level(&sl, N, 8000);
        CHECK(mc_slack_take(&sl, pcm, N));
        CHECK_BETWEEN((int)row, biggest_step(pcm, N, 0), 1, 8000 / JOIN + 1);
        CHECK_INT(row, pcm[N - 1], 8000);
        put_level(&sl, last[row], 8000);
        CHECK(mc_slack_take(&sl, pcm, N));
        CHECK_BETWEEN((int)row, biggest_step(pcm, N, 8000), 1, 8000.0 / (double)ramp + 1);
        CHECK_INT(row, pcm[last[row]], 0);
        CHECK(!mc_slack_take(&sl, pcm, N));
        CHECK_INT(row, biggest_step(pcm, N, 0), 0);
        put_level(&sl, N, 8000);
        CHECK(mc_slack_take(&sl, pcm, N));
        CHECK_BETWEEN((int)row, biggest_step(pcm, N, 0), 1, 8000 / JOIN + 1);
        mc_slack_free(&sl);
    }
}

/* What lies in it for no reason goes within a second, once, and what finds no room drives out the oldest; neither clicks. */
static void what_is_too_much_is_left_out(void) {
    struct mc_slack sl = slack_new();
    struct sine s = {.hz = 330, .level = 8000, .rate = SLACK_RATE};
    static int16_t got[210 * N];
    int16_t pcm[N];
    for (size_t k = 0; k < 210; k++) {
        size_t puts = k == 3 ? 3 : k == 120 ? 12 : 1; /* two too many; more than there is room for */
        for (size_t i = 0; i < puts; i++) {
            sine_fill(&s, pcm, N);
            mc_slack_put(&sl, pcm, N);
        }
        CHECK(mc_slack_take(&sl, got + k * N, N));
        CHECK(sl.n <= sl.size);
        if (k == 20) {
            CHECK_INT(k, sl.n, 2 * N);
        } else if (k == 110) {
            CHECK_INT(k, sl.n, 0);
            CHECK_INT(k, sl.dropped, 2 * N);
        }
    }
    CHECK_INT(0, sl.n, 0);
    CHECK_INT(0, sl.dropped, 13 * N);
    CHECK_BETWEEN(0, sharpest(got + N, COUNT(got) - N), 0, 5 * bend_of(&s));
    put_level(&sl, 2 * N, 1);
    mc_slack_clear(&sl);
    CHECK(!mc_slack_take(&sl, pcm, N));
    mc_slack_free(&sl);
}

int main(void) {
    RUN(dry_has_soft_edges);
    RUN(what_is_too_much_is_left_out);
    return check_done();
}
