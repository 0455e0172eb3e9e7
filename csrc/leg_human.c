/* SPDX-License-Identifier: GPL-3.0-or-later
 * Human ear: what a person would hear. Jitter buffer, decode or conceal, resample; read tick by tick out of a small store, so any
 * packet length serves any tick. Runs only while a tap or a sink wants it. */
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "leg_int.h"
#include "level.h"

#define JITTER_MIN_MS 20
#define JITTER_PACKETS 64
#define QUIET_DDB (-500) /* tenths of dB: here the delay may change unheard */
#define STORE_MS 160     /* a packet of 120 ms on top of a tick */
#define RATE_PER_MS(rate) ((rate) / 1000)

static struct mc_jb_cfg jitter_cfg(uint32_t clock) {
    return (struct mc_jb_cfg){.clock = clock, .min_ms = JITTER_MIN_MS, .max_ms = MC_JITTER_MAX_MS, .capacity = JITTER_PACKETS};
}

static size_t aligned(size_t n) {
    return (n + 15) & ~(size_t)15;
}

/* One block for all, reserved here and first touched by begin(): most legs never need it, and what is not touched is not resident. */
int mc_human_init(struct mc_human *hu, const struct mc_codec *codec, uint32_t clock, uint32_t rate) {
    struct mc_jb_cfg cfg = jitter_cfg(clock);
    struct mc_resample trial;
    hu->frame = codec->rate / 50;
    hu->size = (size_t)RATE_PER_MS(rate) * STORE_MS;
    size_t store = aligned(hu->size * sizeof *hu->store);
    hu->room = malloc(sizeof *hu->room + aligned(mc_codec_dec_bytes(codec)) + store + mc_jb_size(&cfg));
    if (hu->room == NULL) {
        return MC_E_NOMEM;
    }
    uint8_t *at = (uint8_t *)(hu->room + 1);
    hu->dec = codec->dec_size > 0 ? at : NULL;
    at += aligned(mc_codec_dec_bytes(codec));
    hu->store = (int16_t *)at;
    hu->jb = (struct mc_jb *)(at + store);
    return mc_resample_init(&trial, codec->rate, rate); /* the rates are good, and the table is there when begin() needs it */
}

void mc_human_free(struct mc_human *hu) {
    free(hu->room);
    hu->room = NULL;
}

/* Wanted from now on. */
static void begin(struct mc_human *hu, const struct mc_path *path) {
    struct mc_jb_cfg cfg = jitter_cfg(path->params.clock);
    hu->on = true;
    hu->n = 0;
    hu->age_us = 0;
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
    hu->resting = hu->noise = false;
    mc_cng_init(&hu->room->cng, path->tx.ssrc);
    mc_splice_init(&hu->room->splice, path->codec->rate);
}

void mc_human_packet(struct mc_leg *leg, struct mc_path *path, const struct mc_rtp *pkt, uint64_t now_us) {
    struct mc_human *hu = &path->rx.human;
    if (!hu->on) {
        begin(hu, path);
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

/* How much sound stands in the place of a frame that is not there. Nothing held: a tick's worth at most, so that what comes meanwhile
 * is not put off by the length of a long packet. */
static size_t missing_samples(const struct mc_human *hu, const struct mc_path *path, const struct mc_jb_frame *f) {
    const size_t tick = path->codec->rate / 50;
    if (f->what == MC_JB_EMPTY) {
        return hu->frame < tick ? hu->frame : tick;
    }
    size_t n = (size_t)((uint64_t)f->step * path->codec->rate / path->params.clock);
    return n > 0 && n <= 6 * tick ? n : hu->frame;
}

/* One packet's worth of playout into the store. */
static void pull(struct mc_leg *leg, struct mc_path *path, uint64_t now_us) {
    struct mc_human *hu = &path->rx.human;
    const struct mc_codec *codec = path->codec;
    int16_t pcm[MC_CODEC_MAX_PCM];
    struct mc_jb_frame f = {.what = MC_JB_EMPTY};
    int n = 0;
    mc_jb_get(hu->jb, now_us, &f);
    if (f.what == MC_JB_FRAME && f.payload != NULL) {
        size_t most = codec->rate * 3 / 25;
        n = codec->decode(hu->dec, f.payload, f.len, pcm, most);
        if (n > 0) {
            hu->frame = (uint32_t)n;
            if (hu->n == 0) {
                hu->age_us = (int64_t)(now_us - f.arrival_us);
            }
            hu->resting = hu->resting && (int32_t)(f.ts - hu->rest_ts) < 0; /* a straggler from before the pause ends none */
            turn(hu, false);
            if (codec->conceal == NULL) {
                mc_plc_good(&hu->room->plc, pcm, (size_t)n);
            }
            if (mc_level_ddb(pcm, (size_t)n) < QUIET_DDB) {
                mc_jb_quiet(hu->jb);
            }
        }
    }
    if (n <= 0) {
        n = (int)missing_samples(hu, path, &f);
        if (f.what == MC_JB_EMPTY && hu->resting) {
            turn(hu, true);
            mc_cng_run(&hu->room->cng, pcm, (size_t)n);
            mc_plc_good(&hu->room->plc, pcm, (size_t)n);
        } else {
            conceal(hu, codec, &f, pcm, (size_t)n);
            leg->st.concealed += f.what != MC_JB_EMPTY;
        }
    }
    if (path->params.cn_rx_pt != 0) {
        mc_splice_run(&hu->room->splice, pcm, (size_t)n);
    }
    int rc = mc_resample_run(&hu->room->rs, pcm, (size_t)n, hu->store + hu->n, hu->size - hu->n);
    hu->n += rc > 0 ? (size_t)rc : 0;
}

int64_t mc_human_play(struct mc_leg *leg, struct mc_path *path, int16_t *pcm, size_t n, uint64_t now_us) {
    struct mc_human *hu = &path->rx.human;
    if (!hu->on) {
        memset(pcm, 0, n * sizeof *pcm);
        return 0;
    }
    /* Each turn adds 2.5 ms at least (the shortest Opus packet); the bound is for a buffer that gives nothing but empty packets. */
    for (int turn = 0; hu->n < n && turn < 16; turn++) {
        pull(leg, path, now_us);
    }
    size_t have = hu->n < n ? hu->n : n;
    memcpy(pcm, hu->store, have * sizeof *pcm);
    memset(pcm + have, 0, (n - have) * sizeof *pcm);
    hu->n -= have;
    memmove(hu->store, hu->store + have, hu->n * sizeof *hu->store);
    return hu->age_us;
}
