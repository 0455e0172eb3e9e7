/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timeline.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

#define TOLERANCE_MS 20            /* an error up to this is left alone: contiguous sound beats exact sound */
#define QUIET_TOLERANCE_MS 5       /* in silence nothing is torn, so the error can be small */
#define PATIENCE_MS 300            /* an error beyond tolerance waits so long for silence before sound is cut */
#define HOLE_MS 200                /* an error beyond this can't wait: ticks were lost */
#define MAX_AGE_US 1500000         /* of a jitter buffer; more is a wrong number. Less than the window */
#define MORE_US 200000             /* ... by which its age may have grown */
#define LAG_US 400000              /* what comes after a silence is no older, or little more than what came before it */
#define MOST_US (INT64_C(1) << 46) /* two years: its samples fit into 64 bits */
#define QUIET 328                  /* peak that passes for silence: 1 % of full scale, -40 dBFS */

int mc_timeline_init(struct mc_timeline *tl, uint32_t rate, uint64_t start_us) {
    *tl = (struct mc_timeline){.rate = rate, .start_us = start_us, .size = 1, .left.apart = true, .right.apart = true};
    while (tl->size < 2 * (int64_t)rate) { /* two seconds at least */
        tl->size *= 2;
    }
    tl->pcm = calloc((size_t)tl->size * 2, sizeof *tl->pcm);
    return tl->pcm != NULL ? MC_OK : MC_E_NOMEM;
}

void mc_timeline_free(struct mc_timeline *tl) {
    free(tl->pcm);
    tl->pcm = NULL;
}

/* Nearest sample; negative before the start. */
static int64_t index_of(const struct mc_timeline *tl, uint64_t t_us) {
    int64_t us = (int64_t)(t_us - tl->start_us);
    us = us < -MOST_US ? -MOST_US : us < MOST_US ? us : MOST_US;
    int64_t scaled = us * tl->rate + 500000;
    return scaled >= 0 ? scaled / 1000000 : -((999999 - scaled) / 1000000);
}

static int64_t age_us(const struct mc_tap_head *head) {
    int64_t age = head->left_age_us;
    return age < 0 ? 0 : age < MAX_AGE_US ? age : MAX_AGE_US;
}

static bool within(const int16_t *pcm, size_t n, int peak) {
    for (size_t i = 0; i < n; i++) {
        if (pcm[i] > peak || pcm[i] < -peak) {
            return false;
        }
    }
    return true;
}

static void raise_to(struct mc_track *track, int64_t pos) {
    track->pos = pos > track->pos ? pos : track->pos;
}

/* `error`: where the samples belong - where they would follow on. */
static bool must_move(struct mc_track *track, int64_t error, const struct mc_timeline *tl, const int16_t *pcm, size_t n) {
    const int64_t ms = tl->rate / 1000, size = error < 0 ? -error : error;
    track->off = size > TOLERANCE_MS * ms ? track->off + (int64_t)n : 0;
    if (track->off > PATIENCE_MS * ms || size > HOLE_MS * ms) {
        return true;
    }
    /* The right side's grid is exact: a gap in it is one. */
    bool exact = track == &tl->right;
    if (error > 0 && (track->apart || exact)) {
        return true;
    }
    return size > (exact ? 0 : QUIET_TOLERANCE_MS * ms) && (track->apart || within(pcm, n, QUIET));
}

/* n samples of a side (0 = left), the first of which belongs at index `want`; none goes before index `floor`. */
static void place(struct mc_timeline *tl, int side, const int16_t *pcm, size_t n, int64_t want, int64_t floor) {
    struct mc_track *track = side == 0 ? &tl->left : &tl->right;
    int64_t error = want - track->pos;
    size_t skip = 0;
    if (n == 0) {
        return;
    }
    if (must_move(track, error, tl, pcm, n)) {
        if (error > 0) {
            track->pos = want;
        } else {
            skip = (uint64_t)-error < n ? (size_t)-error : n;
        }
    }
    track->apart = false;
    for (size_t i = skip; i < n; i++, track->pos++) {
        if (track->pos >= floor && track->pos >= tl->base && track->pos < tl->base + tl->size) {
            tl->pcm[2 * (track->pos & (tl->size - 1)) + side] = pcm[i];
        }
    }
}

void mc_timeline_open(struct mc_timeline *tl, const struct mc_tap_head *head) {
    /* Where the tick ends, if its samples follow on or if they move. */
    int64_t end = index_of(tl, head->t_us);
    end = end > tl->left.pos ? end : tl->left.pos;
    end = end > tl->right.pos ? end : tl->right.pos;
    end += head->n_left > head->n_right ? head->n_left : head->n_right;
    if (end > tl->base + tl->size) {
        raise_to(&tl->left, end - tl->size);
        raise_to(&tl->right, end - tl->size);
    }
}

void mc_timeline_put(struct mc_timeline *tl, const struct mc_tap_head *head, const int16_t *left, const int16_t *right) {
    if (head->from_us != tl->from_us) {
        tl->from_us = head->from_us;
        tl->left.apart = tl->right.apart = true;
    }
    int64_t floor = index_of(tl, head->from_us);
    if (within(left, head->n_left, 0)) { /* nothing is played: no packet says when it would have come */
        tl->left.apart = true;
        int64_t lag_us = tl->age_us + MORE_US;
        lag_us = lag_us < LAG_US ? LAG_US : lag_us < MAX_AGE_US ? lag_us : MAX_AGE_US;
        raise_to(&tl->left, index_of(tl, head->t_us - (uint64_t)lag_us));
    } else {
        tl->age_us = age_us(head);
        place(tl, 0, left, head->n_left, index_of(tl, head->t_us - (uint64_t)tl->age_us), floor);
    }
    place(tl, 1, right, head->n_right, index_of(tl, head->t_us), floor);
}

void mc_timeline_pass(struct mc_timeline *tl, uint64_t t_us) {
    int64_t pos = index_of(tl, t_us);
    raise_to(&tl->left, pos);
    raise_to(&tl->right, pos);
}

void mc_timeline_finish(struct mc_timeline *tl) {
    raise_to(&tl->left, tl->right.pos);
    raise_to(&tl->right, tl->left.pos);
}

size_t mc_timeline_take(struct mc_timeline *tl, int16_t *stereo, size_t max) {
    int64_t end = tl->left.pos < tl->right.pos ? tl->left.pos : tl->right.pos;
    size_t n = 0;
    for (; n < max && tl->base < end; n++, tl->base++) {
        int16_t *frame = tl->pcm + 2 * (tl->base & (tl->size - 1));
        memcpy(stereo + 2 * n, frame, 2 * sizeof *frame);
        memset(frame, 0, 2 * sizeof *frame);
    }
    return n;
}
