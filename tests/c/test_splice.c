/* SPDX-License-Identifier: GPL-3.0-or-later
 * Joins between sounds, and the queue between two legs' ticks. */
#include "splice.h"

#include "join.h"
#include "slack.h"

/* The detector is worth something: a plain cut is far above what the joins are allowed. */
static void a_plain_cut_would_be_found(void) {
    struct sine one = {.hz = 310, .level = 8000, .rate = 8000}, two = {.hz = 470, .level = 6000, .rate = 8000, .phase = 4};
    int16_t pcm[320], cut[320];
    sine_fill(&one, pcm, 160);
    sine_fill(&two, pcm + 160, 160);
    CHECK_BETWEEN(0, sharpest(pcm, 320), 6 * bend_of(&one), 1e9);
    struct mc_splice sp;
    mc_splice_init(&sp, 8000);
    memcpy(cut, pcm, sizeof cut);
    mc_splice_run(&sp, cut, 160);
    sp.due = true;
    mc_splice_run(&sp, cut + 160, 160);
    CHECK_BETWEEN(0, sharpest(cut, 320), 0, 2 * bend_of(&two) + bend_of(&one));
    CHECK_INT(0, memcmp(cut, pcm, 160 * sizeof *cut), 0);
    CHECK_INT(0, memcmp(cut + 200, pcm + 200, 120 * sizeof *cut), 0);
}

static void slack_holds_no_more_than_it_must(void) {
    struct mc_slack sl;
    int16_t pcm[480], out[480];
    struct sine s = {.hz = 300, .level = 8000, .rate = 8000};
    CHECK_INT(0, mc_slack_init(&sl, 8000), MC_OK);
    CHECK(!mc_slack_take(&sl, out, 160));
    for (int k = 0; k < 400; k++) { /* one put too many in the beginning, packets three ticks long */
        sine_fill(&s, pcm, 160);
        mc_slack_put(&sl, pcm, 160);
        if (k % 3 == 0 && k > 3) {
            CHECK(mc_slack_take(&sl, out, 480));
        }
    }
    CHECK_BETWEEN(0, sl.n, 0, 480);
    CHECK_INT(0, sl.dropped, 640);
    for (int k = 0; k < 20; k++) { /* nobody takes */
        mc_slack_put(&sl, pcm, 160);
    }
    CHECK_INT(0, sl.n, 8000 * MC_SLACK_MS / 1000);
    mc_slack_free(&sl);
}

int main(void) {
    RUN(a_plain_cut_would_be_found);
    RUN(slack_holds_no_more_than_it_must);
    return check_done();
}
