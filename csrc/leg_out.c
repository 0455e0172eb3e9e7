/* SPDX-License-Identifier: GPL-3.0-or-later
 * Speech out of the ring, for the packet that is being made. A flush drops what is queued, a pause keeps it: both fade out what
 * sounds, and after a pause the next sample fades in. Each sample leaves once or is reported as dropped. */
#include <string.h>

#include "leg_int.h"
#include "level.h"

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t fade_samples(const struct mc_leg *leg) {
    return leg->cfg.rate / MC_FADE_DIV;
}

size_t mc_out_flush(struct mc_leg *leg, struct mc_tx *tx, int16_t *pcm, size_t n, uint64_t now_us) {
    uint32_t asked = atomic_load_explicit(&leg->n_flush, memory_order_acquire);
    if (asked == tx->n_flush) {
        return 0;
    }
    tx->n_flush = asked;
    uint64_t from = mc_leg_played(leg);
    uint64_t cut = mc_ring_cut(&leg->out);
    size_t fade = tx->playing ? least(least(fade_samples(leg), n), cut - from) : 0; /* else nothing of it was heard yet */
    mc_ring_read(&leg->out, pcm, fade);
    mc_fade(pcm, fade, 256, 0);
    mc_ring_jump(&leg->out, cut);
    mc_leg_rare(leg)->flushed += cut - from - fade;
    tx->playing = false;
    leg->paused_in_sound = false;
    mc_leg_event(leg, MC_EV_FLUSHED, (int64_t)(from + fade), (int64_t)cut, now_us);
    return fade;
}

/* Whether the ring stands still for the next n samples. */
static bool is_paused(struct mc_leg *leg, uint64_t asked, size_t n) {
    if (asked != leg->pause_seen) {
        leg->pause_seen = asked;
        leg->pause_left = (uint32_t)asked;
    }
    if (leg->pause_left == 0) {
        return false;
    }
    leg->pause_left -= (uint32_t)least(n, leg->pause_left);
    return true;
}

/* What sounds fades out; returns how many samples that took. */
static size_t fall_silent(struct mc_leg *leg, struct mc_tx *tx, int16_t *pcm, size_t n, uint64_t now_us) {
    if (!tx->playing) {
        return 0;
    }
    size_t got = mc_ring_read(&leg->out, pcm, least(fade_samples(leg), n));
    mc_fade(pcm, got, 256, 0);
    tx->playing = false;
    leg->paused_in_sound = true;
    mc_leg_event(leg, MC_EV_PLAY_END, (int64_t)mc_leg_played(leg), 0, now_us);
    return got;
}

size_t mc_out_take(struct mc_leg *leg, struct mc_tx *tx, int16_t *pcm, size_t n, uint64_t now_us) {
    /* Before the flush: a flush also ends a pause, and whoever sees the end must see the flush (mc_leg_flush). */
    uint64_t asked = atomic_load_explicit(&leg->pause, memory_order_acquire);
    size_t faded = mc_out_flush(leg, tx, pcm, n, now_us);
    if (is_paused(leg, asked, n)) {
        faded += fall_silent(leg, tx, pcm + faded, n - faded, now_us);
        memset(pcm + faded, 0, (n - faded) * sizeof *pcm);
        return faded;
    }
    uint64_t first = mc_leg_played(leg);
    size_t got = mc_ring_read(&leg->out, pcm + faded, n - faded);
    memset(pcm + faded + got, 0, (n - faded - got) * sizeof *pcm);
    if (got > 0 && leg->paused_in_sound) {
        leg->paused_in_sound = false;
        mc_fade(pcm + faded, least(fade_samples(leg), got), 0, 256);
    }
    if (got > 0 && !tx->playing) {
        tx->playing = true;
        mc_leg_event(leg, MC_EV_PLAY_START, (int64_t)first, 0, now_us);
    }
    if (tx->playing && faded + got < n) {
        tx->playing = false;
        mc_leg_rare(leg)->underruns++;
        mc_leg_event(leg, MC_EV_PLAY_END, (int64_t)(first + got), 0, now_us);
    }
    return faded + got;
}
