/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slack.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "level.h"

#define WINDOW 50 /* takes */
#define UNITY 256

int mc_slack_init(struct mc_slack *sl, uint32_t rate) {
    memset(sl, 0, sizeof *sl);
    sl->rate = rate;
    sl->size = (size_t)rate / 1000 * MC_SLACK_MS;
    sl->pcm = malloc(sl->size * sizeof *sl->pcm);
    mc_slack_clear(sl);
    return sl->pcm != NULL ? MC_OK : MC_E_NOMEM;
}

void mc_slack_free(struct mc_slack *sl) {
    free(sl->pcm);
    sl->pcm = NULL;
}

void mc_slack_clear(struct mc_slack *sl) {
    sl->n = 0;
    sl->n_takes = 0;
    sl->least = SIZE_MAX;
    sl->surplus = 0;
    sl->dry = true;
}

static size_t join_of(const struct mc_slack *sl) {
    return sl->rate / 200;
}

/* Leaves out the oldest k samples, joined over 5 ms. */
static void leave_out(struct mc_slack *sl, size_t k) {
    size_t join = join_of(sl);
    join = join < sl->n - k ? join : sl->n - k;
    join = join < k ? join : k;
    for (size_t i = 0; i < join; i++) {
        int32_t old = sl->pcm[i], young = sl->pcm[k + i];
        sl->pcm[k + i] = (int16_t)((old * (int32_t)(join - i) + young * (int32_t)(i + 1)) / (int32_t)(join + 1));
    }
    sl->n -= k;
    memmove(sl->pcm, sl->pcm + k, sl->n * sizeof *sl->pcm);
    sl->dropped += k;
}

void mc_slack_put(struct mc_slack *sl, const int16_t *pcm, size_t n) {
    if (n > sl->size) {
        return;
    }
    if (sl->n + n > sl->size) {
        leave_out(sl, sl->n + n - sl->size);
    }
    memcpy(sl->pcm + sl->n, pcm, n * sizeof *pcm);
    if (sl->dry && n > 0) {
        size_t join = join_of(sl);
        mc_fade(sl->pcm + sl->n, join < n ? join : n, 0, UNITY);
        sl->dry = false;
    }
    sl->n += n;
    sl->put = n;
    if (sl->surplus > 0 && sl->n - n >= sl->surplus) { /* now there is something to join it to */
        leave_out(sl, sl->surplus);
    }
    sl->surplus = 0;
}

bool mc_slack_take(struct mc_slack *sl, int16_t *pcm, size_t n) {
    size_t have = sl->n < n ? sl->n : n;
    memcpy(pcm, sl->pcm, have * sizeof *pcm);
    memset(pcm + have, 0, (n - have) * sizeof *pcm);
    sl->n -= have;
    memmove(sl->pcm, sl->pcm + have, sl->n * sizeof *sl->pcm);
    if (have < n) {
        size_t join = join_of(sl) < have ? join_of(sl) : have;
        mc_fade(pcm + have - join, join, UNITY, 0);
        sl->dry = true;
    }
    sl->least = sl->n < sl->least ? sl->n : sl->least;
    if (++sl->n_takes == WINDOW) {
        sl->surplus = sl->put > 0 ? sl->least / sl->put * sl->put : 0;
        sl->n_takes = 0;
        sl->least = SIZE_MAX;
    }
    return have > 0;
}
