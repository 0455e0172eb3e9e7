/* SPDX-License-Identifier: GPL-3.0-or-later
 * Human ear: what a person would hear. Jitter buffer, decode or conceal, resample; read tick by tick out of a small store, so any
 * packet length serves any tick. Runs only while a tap or a sink wants it. */
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "leg_int.h"
#include "level.h"

#define JITTER_MIN_MS 5
#define JITTER_PACKETS 128
#define QUIET_DDB (-500) /* tenths of dB: here the delay may change unheard */
#define STORE_MS 260     /* a packet of 120 ms on top of a tick, and as much as it may be stretched by */
#define PIECE_DIV 400    /* of the rate: 2.5 ms, of which any codec conceals any multiple (RFC 6716) */
#define RATE_PER_MS(rate) ((rate) / 1000)

static struct mc_jb_cfg jitter_cfg(const struct mc_leg_cfg *leg, uint32_t clock) {
    const uint32_t max_ms = leg->jitter_max_ms > 0 ? leg->jitter_max_ms : MC_JITTER_MAX_MS;
    return (struct mc_jb_cfg){.clock = clock,
                              .min_ms = JITTER_MIN_MS,
                              .max_ms = max_ms,
                              .capacity = JITTER_PACKETS,
                              .price_us = leg->jitter_price_ms * 1000};
}

static size_t aligned(size_t n) {
    return (n + 15) & ~(size_t)15;
}

/* One block for all, reserved here and first touched by begin(): most legs never need it, and what is not touched is not resident. */
int mc_human_init(struct mc_human *hu, const struct mc_codec *codec, const struct mc_leg_cfg *leg, uint32_t clock) {
    const struct mc_jb_cfg cfg = jitter_cfg(leg, clock);
    const uint32_t rate = leg->rate;
    struct mc_resample trial;
    if (mc_jb_size(&cfg) == 0) {
        return MC_E_ARG;
    }
    hu->frame = codec->rate / 50;
    hu->max_ms = cfg.max_ms;
    hu->size = (size_t)RATE_PER_MS(rate) * STORE_MS;
    size_t store = aligned(hu->size * sizeof *hu->store);
    size_t runs = aligned(MC_HUMAN_RUNS * sizeof *hu->runs);
    hu->room = malloc(sizeof *hu->room + aligned(mc_codec_dec_bytes(codec)) + store + runs + mc_jb_size(&cfg));
    if (hu->room == NULL) {
        return MC_E_NOMEM;
    }
    uint8_t *at = (uint8_t *)(hu->room + 1);
    hu->dec = codec->dec_size > 0 ? at : NULL;
    at += aligned(mc_codec_dec_bytes(codec));
    hu->store = (int16_t *)at;
    hu->runs = (struct mc_human_run *)(at + store);
    hu->jb = (struct mc_jb *)(at + store + runs);
    return mc_resample_init(&trial, codec->rate, rate); /* the rates are good, and the table is there when begin() needs it */
}

void mc_human_free(struct mc_human *hu) {
    free(hu->room);
    hu->room = NULL;
}

/* Wanted from now on. */
static void begin(struct mc_human *hu, const struct mc_leg *leg, const struct mc_path *path) {
    struct mc_jb_cfg cfg = jitter_cfg(&leg->cfg, path->params.clock);
    cfg.tick_us = mc_leg_period_us(leg);
    hu->on = true;
    hu->n = hu->n_runs = 0;
    hu->age_us = 0;
    hu->empty_us = hu->concealed_us = 0;
    if (hu->begun) {
        mc_jb_reset(hu->jb); /* its counters go on */
    } else {
        mc_jb_init(hu->jb, &cfg);
        hu->begun = true;
    }
    path->codec->dec_init(hu->dec);
    if (path->codec->conceal == NULL) {
        mc_plc_init(&hu->room->plc, path->codec->rate);
    }
    mc_resample_init(&hu->room->rs, path->codec->rate, path->rate);
    hu->resting = hu->noise = hu->astray = false;
    mc_cng_init(&hu->room->cng, path->tx.ssrc);
    mc_splice_init(&hu->room->splice, path->codec->rate);
    mc_scale_init(&hu->room->scale, path->codec->rate);
}

void mc_human_packet(struct mc_leg *leg, struct mc_path *path, const struct mc_rtp *pkt, uint64_t now_us) {
    struct mc_human *hu = &path->rx.human;
    if (!hu->on) {
        begin(hu, leg, path);
    }
    mc_jb_put(hu->jb, pkt, now_us); /* it counts what it refuses */
}

void mc_human_noise(struct mc_path *path, const struct mc_rtp *pkt) {
    struct mc_human *hu = &path->rx.human;
    struct mc_cn cn;
    if (mc_cn_parse(&cn, pkt->payload, pkt->len) != MC_OK || (hu->resting && (int32_t)(pkt->ts - hu->rest_ts) < 0)) {
        return;
    }
    hu->resting = true;
    hu->rest_ts = pkt->ts;
    mc_cng_set(&hu->room->cng, &cn, path->codec->rate);
}

/* From sound to noise or back. */
static void turn(struct mc_human *hu, bool noise) {
    hu->room->splice.due |= hu->noise != noise;
    hu->noise = noise;
}

/* The packet behind a lost one is often here already. Only for decoders without a state: G.722's has to find back first, and what it
 * decodes meanwhile leads astray. */
static int look_ahead(const struct mc_codec *codec, const struct mc_jb_frame *f, int16_t *pcm) {
    if (f->what != MC_JB_LOST || f->payload == NULL || codec->dec_size > 0) {
        return 0;
    }
    return codec->decode(NULL, f->payload, f->len, pcm, codec->rate * 3 / 25);
}

static void conceal(struct mc_human *hu, const struct mc_codec *codec, const struct mc_jb_frame *f, int16_t *pcm, size_t n) {
    if (codec->conceal == NULL) {
        int16_t next[MC_CODEC_MAX_PCM];
        int k = look_ahead(codec, f, next);
        if (k > 0) {
            mc_plc_between(&hu->room->plc, pcm, n, next, (size_t)k);
        } else {
            mc_plc_conceal(&hu->room->plc, pcm, n);
        }
    } else if (codec->conceal(hu->dec, f->payload, f->payload != NULL ? f->len : 0, pcm, n) != (int)n) {
        memset(pcm, 0, n * sizeof *pcm);
    }
}

/* How much sound stands in the place of a frame that is not there. Nothing held: what the tick lacks, so that what comes meanwhile is
 * not put off. */
static size_t missing_samples(const struct mc_human *hu, const struct mc_path *path, const struct mc_jb_frame *f,
                              size_t lacks) {
    const size_t tick = path->codec->rate / 50, piece = path->codec->rate / PIECE_DIV;
    if (f->what == MC_JB_EMPTY) {
        size_t n = (lacks * path->codec->rate + path->rate - 1) / path->rate;
        n = (n + piece - 1) / piece * piece;
        return n < tick ? n : tick;
    }
    size_t n = (size_t)((uint64_t)f->step * path->codec->rate / path->params.clock);
    return n > 0 && n <= 6 * tick ? n : hu->frame;
}

/* A packet's sound; 0: there is none. */
static size_t decode(struct mc_human *hu, const struct mc_path *path, const struct mc_jb_frame *f, int16_t *pcm) {
    const struct mc_codec *codec = path->codec;
    int n = f->payload != NULL ? codec->decode(hu->dec, f->payload, f->len, pcm, codec->rate * 3 / 25) : 0;
    if (n <= 0) {
        return 0;
    }
    hu->frame = (uint32_t)n;
    hu->resting = hu->resting && (int32_t)(f->ts - hu->rest_ts) < 0; /* a straggler from before the pause ends none */
    turn(hu, false);
    if (codec->conceal == NULL) {
        mc_plc_good(&hu->room->plc, pcm, (size_t)n);
    }
    return (size_t)n;
}

/* Counted in packets of the present length. */
static void count_concealed(struct mc_leg *leg, struct mc_human *hu, uint32_t rate, uint64_t us) {
    const uint64_t frame_us = (uint64_t)hu->frame * 1000000 / rate;
    hu->concealed_us += us;
    mc_leg_rare(leg)->concealed += hu->concealed_us / frame_us;
    hu->concealed_us %= frame_us;
}

/* What an empty buffer made up is known for loss or pause by the frame that ends it. In a pause only packets that were passed over
 * can be what it stood for: the rest of it is the pause, and its lengthening. */
static void judge_empty(struct mc_leg *leg, const struct mc_path *path, struct mc_human *hu, const struct mc_jb_frame *f) {
    const uint64_t step_us = (uint64_t)f->step * 1000000 / path->params.clock;
    uint64_t us = hu->empty_us;
    if (f->pause > f->step / 2 && us > f->n_skipped * step_us) {
        us = f->n_skipped * step_us;
    }
    hu->empty_us = 0;
    count_concealed(leg, hu, path->codec->rate, us);
}

/* Sound in the place of a frame that is not there. */
static size_t make_up(struct mc_leg *leg, struct mc_path *path, const struct mc_jb_frame *f, size_t lacks, int16_t *pcm) {
    struct mc_human *hu = &path->rx.human;
    size_t n = missing_samples(hu, path, f, lacks);
    if (f->what == MC_JB_EMPTY && hu->resting) {
        turn(hu, true);
        mc_cng_run(&hu->room->cng, pcm, n);
        mc_plc_good(&hu->room->plc, pcm, n);
    } else {
        const uint64_t us = (uint64_t)n * 1000000 / path->codec->rate;
        conceal(hu, path->codec, f, pcm, n);
        if (f->what == MC_JB_EMPTY) {
            hu->empty_us += us;
        } else {
            count_concealed(leg, hu, path->codec->rate, us);
        }
    }
    return n;
}

/* Makes a decoded frame shorter or longer, as the jitter buffer wants it and its sound lets it; returns what was taken out. */
static int32_t scale(struct mc_leg *leg, struct mc_human *hu, uint32_t rate, int16_t *pcm, size_t n, int32_t most_us) {
    int32_t gone = mc_scale_run(&hu->room->scale, pcm, n, (int32_t)((int64_t)most_us * rate / 1000000));
    if (gone > 0) {
        mc_leg_rare(leg)->shortened_us += (uint64_t)gone * 1000000 / rate;
    } else if (gone < 0) {
        mc_leg_rare(leg)->stretched_us += (uint64_t)-gone * 1000000 / rate;
    }
    return gone;
}

static void store(struct mc_human *hu, const int16_t *pcm, size_t n) {
    int rc = mc_resample_run(&hu->room->rs, pcm, n, hu->store + hu->n, hu->size - hu->n);
    if (rc <= 0) {
        return;
    }
    hu->n += (size_t)rc;
    if (hu->n_runs == MC_HUMAN_RUNS) { /* can't be: a run is 2.5 ms at least */
        hu->runs[hu->n_runs - 1].n += (size_t)rc;
    } else {
        hu->runs[hu->n_runs++] = (struct mc_human_run){(size_t)rc, hu->age_us};
    }
}

/* One packet's worth of playout into the store, which `lacks` samples. */
static void pull(struct mc_leg *leg, struct mc_path *path, size_t lacks, uint64_t now_us) {
    struct mc_human *hu = &path->rx.human;
    const uint32_t rate = path->codec->rate;
    const uint32_t ahead_us = (uint32_t)((uint64_t)hu->n * 1000000 / path->rate);
    int16_t pcm[MC_SCALE_MAX_PCM];
    struct mc_jb_frame f = {.what = MC_JB_EMPTY};
    int32_t most_us = 0;
    mc_jb_get(hu->jb, now_us, ahead_us, &f);
    if (f.what != MC_JB_EMPTY) {
        judge_empty(leg, path, hu, &f);
    }
    size_t n = f.what == MC_JB_FRAME ? decode(hu, path, &f, pcm) : 0;
    const bool decoded = n > 0;
    if (decoded) {
        hu->room->splice.due |= hu->astray || f.n_skipped > 0;
        hu->astray = false;
        most_us = mc_jb_scale_us(hu->jb, mc_level_ddb(pcm, n) < QUIET_DDB);
    } else {
        n = make_up(leg, path, &f, lacks, pcm);
        hu->astray |= f.what == MC_JB_EMPTY && path->codec->conceal != NULL;
    }
    int32_t gone = scale(leg, hu, rate, pcm, n, most_us);
    n = (size_t)((int64_t)n - gone);
    if (decoded) {
        hu->age_us = (int64_t)(now_us + ahead_us - f.arrival_us) - (int64_t)gone * 1000000 / rate;
    }
    mc_splice_run(&hu->room->splice, pcm, n);
    store(hu, pcm, n);
}

/* Takes n samples out of the store; the age of the first. */
static int64_t take(struct mc_human *hu, int16_t *pcm, size_t n) {
    const int64_t age_us = hu->n_runs > 0 ? hu->runs[0].age_us : hu->age_us;
    size_t i = 0;
    memcpy(pcm, hu->store, n * sizeof *pcm);
    hu->n -= n;
    memmove(hu->store, hu->store + n, hu->n * sizeof *hu->store);
    while (i < hu->n_runs && hu->runs[i].n <= n) {
        n -= hu->runs[i++].n;
    }
    hu->n_runs -= i;
    memmove(hu->runs, hu->runs + i, hu->n_runs * sizeof *hu->runs);
    if (hu->n_runs > 0) {
        hu->runs[0].n -= n;
    }
    return age_us;
}

int64_t mc_human_play(struct mc_leg *leg, struct mc_path *path, int16_t *pcm, size_t n, uint64_t now_us) {
    struct mc_human *hu = &path->rx.human;
    if (!hu->on) {
        memset(pcm, 0, n * sizeof *pcm);
        return 0;
    }
    /* Each turn adds 2.5 ms, less what time scaling takes; the bound is for a buffer that gives nothing but empty packets. */
    for (int turn = 0; hu->n < n && turn < 32; turn++) {
        pull(leg, path, n - hu->n, now_us);
    }
    const size_t have = hu->n < n ? hu->n : n;
    memset(pcm + have, 0, (n - have) * sizeof *pcm);
    return take(hu, pcm, have);
}

void mc_human_stats(const struct mc_path *path, struct mc_jb_stats *out) {
    const struct mc_human *hu = &path->rx.human;
    memset(out, 0, sizeof *out);
    if (hu->on) {
        mc_jb_stats(hu->jb, out);
        out->depth_ms += (uint32_t)(hu->n * 1000 / path->rate);
    }
}

void mc_human_out(struct mc_path *path, int16_t *pcm, size_t n) {
    struct mc_human *hu = &path->rx.human;
    if (hu->on && !hu->out_on) {
        hu->out_on = true;
        mc_splice_init(&hu->room->out, path->rate);
    }
    if (hu->out_on) {
        mc_splice_run(&hu->room->out, pcm, n);
    }
}

void mc_human_inherit(struct mc_path *path, const struct mc_path *old) {
    struct mc_human *hu = &path->rx.human;
    if (old->rx.human.on && old->rx.human.out_on && old->rate == path->rate) {
        hu->out_on = true;
        hu->room->out = old->rx.human.room->out;
        hu->room->out.due = true;
    }
}
