/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mix_line.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "level.h"

size_t mc_mix_line_size(uint32_t rate) {
    size_t n = 1;
    while (n < rate / 4) {
        n <<= 1;
    }
    return n;
}

int mc_mix_sum_init(struct mc_mix_sum *sum, uint32_t rate) {
    size_t n = mc_mix_line_size(rate);
    *sum = (struct mc_mix_sum){.pcm = calloc(n, sizeof *sum->pcm), .mask = n - 1};
    return sum->pcm != NULL ? MC_OK : MC_E_NOMEM;
}

int mc_mix_lane_init(struct mc_mix_lane *lane, uint32_t rate) {
    size_t n = mc_mix_line_size(rate);
    *lane = (struct mc_mix_lane){.pcm = calloc(n, sizeof *lane->pcm), .mask = n - 1};
    mc_splice_init(&lane->splice, rate);
    return lane->pcm != NULL ? MC_OK : MC_E_NOMEM;
}

void mc_mix_sum_free(struct mc_mix_sum *sum) {
    free(sum->pcm);
    sum->pcm = NULL;
}

void mc_mix_lane_free(struct mc_mix_lane *lane) {
    free(lane->pcm);
    lane->pcm = NULL;
}

static uint64_t older(uint64_t at, uint64_t size) {
    return at > size ? at - size : 0;
}

static void extend_sum(struct mc_mix_sum *sum, uint64_t end) {
    uint64_t size = sum->mask + 1;
    uint64_t i = sum->end > older(end, size) ? sum->end : older(end, size);
    for (; i < end; i++) {
        sum->pcm[i & sum->mask] = 0;
    }
    sum->end = end > sum->end ? end : sum->end;
}

/* What follows the lane's end. */
static void append(struct mc_mix_lane *lane, struct mc_mix_sum *sum, const int16_t *pcm, size_t n) {
    uint64_t at = lane->end;
    for (size_t i = 0; i < n; i++) {
        lane->pcm[(at + i) & lane->mask] = pcm[i];
    }
    lane->end = at + n;
    if (sum == NULL) {
        return;
    }
    extend_sum(sum, at + n);
    uint64_t kept = older(sum->end, sum->mask + 1);
    for (size_t i = at < kept ? (size_t)(kept - at) : 0; i < n; i++) {
        sum->pcm[(at + i) & sum->mask] += pcm[i];
    }
}

static void skip_to(struct mc_mix_lane *lane, uint64_t at) {
    uint64_t size = lane->mask + 1;
    uint64_t i = lane->end > older(at, size) ? lane->end : older(at, size);
    for (; i < at; i++) {
        lane->pcm[i & lane->mask] = 0;
    }
    lane->end = at;
}

void mc_mix_hush(struct mc_mix_lane *lane, struct mc_mix_sum *sum) {
    int16_t out[MC_SPLICE_MAX];
    if (!lane->open) {
        return;
    }
    lane->open = false;
    mc_splice_out(&lane->splice, out, lane->splice.n);
    append(lane, sum, out, lane->splice.n);
    mc_splice_heard(&lane->splice, NULL, 0);
}

void mc_mix_say(struct mc_mix_lane *lane, struct mc_mix_sum *sum, uint64_t read, uint64_t at, const int16_t *pcm, size_t n) {
    int16_t out[MC_SPLICE_MAX];
    size_t late = at < read ? (size_t)(read - at) : 0;
    late = late < n ? late : n;
    at += late;
    pcm += late;
    n -= late;
    if (at > lane->end) {
        mc_mix_hush(lane, sum);
    }
    if (at < lane->end) { /* said already: its ticks moved, or it fades out there */
        size_t over = lane->end - at < n ? (size_t)(lane->end - at) : n;
        pcm += over;
        n -= over;
        lane->splice.due = true;
    } else if (at > lane->end) {
        skip_to(lane, at);
        lane->splice.due = true;
    }
    if (n == 0) {
        return;
    }
    bool silent = mc_silent(pcm, n);
    lane->splice.due |= silent == lane->open;
    /* The join is at the front: it goes through a copy, the rest as it is. */
    size_t front = n < lane->splice.n ? n : lane->splice.n;
    memcpy(out, pcm, front * sizeof *out);
    bool joined = lane->splice.due;
    mc_splice_run(&lane->splice, out, front);
    append(lane, sum, joined ? out : pcm, front);
    append(lane, sum, pcm + front, n - front);
    if (n > front) {
        mc_splice_heard(&lane->splice, pcm + front, n - front);
    }
    lane->open = !silent;
}

void mc_mix_read(struct mc_mix_sum *sum, uint64_t at, int32_t *to, size_t n) {
    uint64_t kept = older(sum->end, sum->mask + 1);
    for (size_t i = 0; i < n; i++) {
        uint64_t p = at + i;
        to[i] = p >= kept && p < sum->end ? sum->pcm[p & sum->mask] : 0;
    }
    sum->read = at + n > sum->read ? at + n : sum->read;
}

void mc_mix_lane_add(const struct mc_mix_lane *lane, uint64_t at, int32_t *to, size_t n, int sign) {
    uint64_t kept = older(lane->end, lane->mask + 1);
    for (size_t i = 0; i < n; i++) {
        uint64_t p = at + i;
        to[i] += p >= kept && p < lane->end ? sign * lane->pcm[p & lane->mask] : 0;
    }
}
