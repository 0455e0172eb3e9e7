/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sending: what leg_out.c takes out of the ring goes through the resampler into packets, one each packet time. The timestamp follows the clock whatever
 * happens (RFC 3550 section 5.1: "even if blocks are discarded as silent"); the sequence number counts packets. */
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "leg_int.h"
#include "level.h"
#include "limit.h"
#include "rng.h"

#define DIGIT_MS 100
#define NOISE_MS 500 /* comfort noise is told again, so that a lost packet doesn't matter for long */
#define DIGIT_GAP_MS 80
#define QUIET_AFTER 2 /* packets of silence until the resampler's memory is silent too */

/* Silence is encoded once where the encoder has no memory. */
static int keep_quiet(struct mc_tx *tx, const uint8_t *payload, size_t len) {
    tx->quiet = malloc(len);
    if (tx->quiet == NULL) {
        return MC_E_NOMEM;
    }
    memcpy(tx->quiet, payload, len);
    tx->n_quiet = (int)len;
    return MC_OK;
}

/* A packet must fit; the peer's ptime is a wish (RFC 4566 section 6), so a shorter one is legal. */
static int fit(struct mc_tx *tx, const struct mc_codec *codec, struct mc_leg_params *params) {
    static const int16_t silence[MC_TX_MAX_PCM];
    uint8_t buf[MC_RTP_MAX_PACKET];
    for (;;) {
        size_t n = (size_t)codec->rate / 1000 * params->ptime_ms;
        int rc = codec->encode(tx->enc, silence, n, buf, MC_RTP_MAX_PACKET - MC_RTP_HEADER);
        if (rc >= 0) {
            return codec->enc_size == 0 ? keep_quiet(tx, buf, (size_t)rc) : MC_OK;
        }
        if (rc != MC_E_SHORT || params->ptime_ms <= 10) {
            return rc;
        }
        params->ptime_ms = params->ptime_ms == 60 ? 40 : params->ptime_ms / 2;
    }
}

/* A parameter that the peer wrote wrong counts as one that it did not give: no reason to end a call. */
static void coding_of(struct mc_coding *out, const struct mc_codec *codec, const struct mc_leg_params *params, bool suppress) {
    *out = (struct mc_coding){.codec = codec, .ptime_ms = params->ptime_ms};
    mc_fmtp_parse(&out->fmtp, params->fmtp, strlen(params->fmtp));
    out->fmtp.dtx |= suppress; /* RFC 7587 section 6.1: usedtx is the receiver's wish; the sender may rest without it */
}

int mc_leg_coding(const struct mc_leg *leg, const struct mc_leg_params *params, struct mc_coding *out) {
    const struct mc_codec *codec = mc_codec_find(params->codec, params->clock);
    if (codec == NULL) {
        return MC_E_CODEC;
    }
    coding_of(out, codec, params, leg->cfg.suppress);
    return MC_OK;
}

int mc_tx_init(struct mc_tx *tx, const struct mc_codec *codec, struct mc_leg_params *params, const struct mc_leg_cfg *cfg,
               uint64_t seed) {
    const struct mc_fmtp *fmtp = &tx->coding.fmtp;
    const uint32_t rate = cfg->rate;
    if (codec->enc_size > 0) {
        tx->enc = malloc(mc_codec_enc_bytes(codec));
        if (tx->enc == NULL) {
            return MC_E_NOMEM;
        }
    }
    coding_of(&tx->coding, codec, params, cfg->suppress);
    int rc = codec->enc_init(tx->enc, fmtp, params->ptime_ms);
    if (rc == MC_OK) {
        rc = fit(tx, codec, params);
    }
    if (rc == MC_OK && codec->enc_size > 0) {
        rc = codec->enc_init(tx->enc, fmtp, params->ptime_ms); /* forget the trial */
    }
    if (rc == MC_OK) {
        rc = mc_resample_init(&tx->rs, rate, codec->rate);
    }
    if (rc != MC_OK) {
        return rc;
    }
    mc_dtmf_tx_init(&tx->dtmf, params->clock, DIGIT_MS, DIGIT_GAP_MS);
    tx->ssrc = (uint32_t)mc_rng_next(&seed);
    tx->ts = (uint32_t)mc_rng_next(&seed);
    tx->seq = (uint16_t)mc_rng_next(&seed);
    tx->step = params->clock / 1000 * params->ptime_ms;
    mc_splice_init(&tx->join, rate);
    mc_splice_init(&tx->splice, codec->rate);
    tx->coding.ptime_ms = params->ptime_ms; /* as it fits */
    tx->strict = fmtp->cbr || fmtp->max_average_bitrate != 0;
    tx->n_pcm = rate / 1000 * params->ptime_ms;
    tx->ticks = params->ptime_ms <= 20 ? 1 : params->ptime_ms / 20u;
    tx->gap = true;
    tx->n_silent = 1; /* the resampler holds nothing yet */
    mc_cn_floor_init(&tx->floor);
    return MC_OK;
}

void mc_tx_free(struct mc_tx *tx) {
    free(tx->enc);
    free(tx->quiet);
    tx->enc = NULL;
    tx->quiet = NULL;
}

void mc_tx_send(struct mc_leg *leg, struct mc_tx *tx, uint8_t *buf, const struct mc_rtp *pkt, size_t len) {
    mc_rtp_build(buf, MC_RTP_HEADER, pkt);
    tx->gap = false;
    int rc = leg->wire.send_rtp != NULL ? leg->wire.send_rtp(leg->wire.ctx, buf, MC_RTP_HEADER + len) : MC_E_STATE;
    if (rc < 0) {
        mc_leg_rare(leg)->tx_errors++;
        return;
    }
    leg->count.tx_packets++;
    leg->count.tx_bytes += len;
    tx->n_packets++;
    tx->n_octets += (uint32_t)len;
}

static void send_packet(struct mc_leg *leg, struct mc_tx *tx, uint8_t *buf, const struct mc_rtp *pkt, size_t len) {
    mc_tx_send(leg, tx, buf, pkt, len);
    tx->seq++;
}

void mc_tx_notice_sink(const struct mc_leg *leg, struct mc_tx *tx) {
    if (tx->n_sinks != leg->n_sinks) {
        tx->n_sinks = leg->n_sinks;
        bool pulled = mc_leg_sink(leg)->pull != NULL;
        tx->join.due |= pulled || tx->pulled;
        tx->pulled = pulled;
    }
}

void mc_leg_join(struct mc_leg *leg) {
    mc_coded_leave(leg);
    if (leg->path != NULL) {
        leg->path->tx.join.due = true;
    }
}

/* What the sink has, on top of the n samples of speech. */
static enum mc_pull add_pulled(struct mc_leg *leg, int16_t *pcm, size_t n, bool spoken, uint64_t now_us) {
    const struct mc_sink *sink = mc_leg_sink(leg);
    int16_t more[MC_TX_MAX_PCM];
    if (sink->pull == NULL) {
        return MC_PULL_SILENCE;
    }
    if (!spoken) {
        return sink->pull(sink, leg, pcm, n, now_us);
    }
    enum mc_pull what = sink->pull(sink, leg, more, n, now_us);
    if (what != MC_PULL_SILENCE) {
        mc_limit_add(pcm, more, n);
    }
    return what;
}

static void send_audio(struct mc_leg *leg, struct mc_path *path, int16_t *pcm, bool silent) {
    struct mc_tx *tx = &path->tx;
    uint8_t buf[MC_RTP_MAX_PACKET];
    /* Only after a pause in which nothing was sent: RFC 3551 section 4.1. */
    struct mc_rtp pkt = {.marker = tx->gap, .pt = path->params.tx_pt, .seq = tx->seq, .ts = tx->ts, .ssrc = tx->ssrc};
    tx->n_silent = silent ? tx->n_silent + 1 : 0;
    if (tx->n_silent > QUIET_AFTER && tx->n_quiet > 0 && !tx->splice.due && !tx->join.due) {
        if (tx->n_silent == QUIET_AFTER + 1) {
            mc_splice_heard(&tx->join, NULL, 0);
            mc_splice_heard(&tx->splice, NULL, 0);
        }
        memcpy(buf + MC_RTP_HEADER, tx->quiet, (size_t)tx->n_quiet);
        send_packet(leg, tx, buf, &pkt, (size_t)tx->n_quiet);
        return;
    }
    mc_splice_run(&tx->join, pcm, tx->n_pcm);
    int16_t coded[MC_TX_MAX_PCM + 8];
    int n = mc_resample_run(&tx->rs, pcm, tx->n_pcm, coded, sizeof coded / sizeof *coded);
    if (n > 0) {
        mc_splice_run(&tx->splice, coded, (size_t)n);
        if (leg->cfg.suppress && path->params.cn_tx_pt != 0 && !silent) {
            mc_cn_floor_hear(&tx->floor, coded, (size_t)n, path->codec->rate);
        }
    }
    int len = n < 0 ? n : path->codec->encode(tx->enc, coded, (size_t)n, buf + MC_RTP_HEADER, sizeof buf - MC_RTP_HEADER);
    if (len < 0) {
        mc_leg_rare(leg)->tx_errors++;
        tx->gap = true;
    } else if (len == 0) {
        tx->gap = true; /* the codec's own DTX: nothing need be sent */
    } else {
        send_packet(leg, tx, buf, &pkt, (size_t)len);
    }
}

/* Nothing to say: comfort noise when the peer takes it, else nothing. */
static void rest(struct mc_leg *leg, struct mc_path *path) {
    struct mc_tx *tx = &path->tx;
    const uint32_t every = NOISE_MS / path->params.ptime_ms;
    if (path->params.cn_tx_pt != 0 && tx->n_rest % every == 0) {
        uint8_t buf[MC_RTP_HEADER + MC_CN_PAYLOAD];
        struct mc_rtp pkt = {.pt = path->params.cn_tx_pt, .seq = tx->seq, .ts = tx->ts, .ssrc = tx->ssrc};
        send_packet(leg, tx, buf, &pkt, mc_cn_build(&tx->floor.cn, buf + MC_RTP_HEADER));
        mc_leg_rare(leg)->tx_cn++;
    }
    tx->n_rest++;
    tx->gap = true;
}

bool mc_tx_has_digits(const struct mc_leg *leg, const struct mc_tx *tx) {
    return tx->toning || tx->dtmf.active || tx->dtmf.n_queued > 0 || tx->dtmf.gap_left > 0 || tx->n_relayed > 0 ||
           mc_queue_used(&leg->digits) > 0;
}

static bool next_digit(struct mc_leg *leg, struct mc_tx *tx, struct mc_digit *d) {
    if (tx->n_relayed == 0) {
        return mc_queue_pop(&leg->digits, d) == MC_OK;
    }
    *d = tx->relayed[0];
    tx->n_relayed--;
    memmove(tx->relayed, tx->relayed + 1, tx->n_relayed * sizeof *d);
    return true;
}

/* The peer takes no telephone-events: the digit as sound, with the pause after it. False: there is none. */
static bool sound_digit(struct mc_leg *leg, struct mc_path *path, int16_t *pcm) {
    struct mc_tx *tx = &path->tx;
    struct mc_tone_plan plan;
    struct mc_digit d;
    if (path->params.event_tx_pt != MC_PT_NONE) {
        return false;
    }
    if (!tx->toning) {
        tx->toning = next_digit(leg, tx, &d) && mc_tone_dtmf(&plan, d.digit, d.ms, DIGIT_GAP_MS) == MC_OK &&
                     mc_tone_init(&tx->tone, &plan, path->rate) == MC_OK;
        if (!tx->toning) {
            return false;
        }
    }
    size_t n = mc_tone_run(&tx->tone, pcm, tx->n_pcm);
    tx->toning = n == tx->n_pcm;
    memset(pcm + n, 0, (tx->n_pcm - n) * sizeof *pcm);
    return true;
}

/* A digit at a time, each with its own length. True: an event packet went, or the silence between two digits must. */
static bool send_digit(struct mc_leg *leg, struct mc_path *path, bool *quiet) {
    struct mc_tx *tx = &path->tx;
    struct mc_digit d;
    *quiet = false;
    if (path->params.event_tx_pt == MC_PT_NONE || !mc_tx_has_digits(leg, tx)) {
        return false;
    }
    mc_relay_leave(path);
    if (!tx->dtmf.active && tx->dtmf.n_queued == 0 && tx->dtmf.gap_left == 0 && next_digit(leg, tx, &d)) {
        tx->dtmf.digit_units = path->params.clock / 1000 * d.ms;
        mc_dtmf_tx_queue(&tx->dtmf, d.digit);
    }
    uint8_t buf[MC_RTP_HEADER + MC_DTMF_PAYLOAD];
    struct mc_rtp pkt = {0};
    if (mc_dtmf_tx_tick(&tx->dtmf, tx->ts, tx->step, &pkt, buf + MC_RTP_HEADER, quiet) != 1) {
        return *quiet;
    }
    pkt.pt = path->params.event_tx_pt;
    pkt.seq = tx->seq;
    pkt.ssrc = tx->ssrc;
    send_packet(leg, tx, buf, &pkt, MC_DTMF_PAYLOAD);
    return true;
}

/* The ring stands still: on hold, or while a digit goes. A flush is obeyed all the same. */
static void stand_still(struct mc_leg *leg, struct mc_tx *tx, uint64_t now_us) {
    int16_t none[1];
    mc_out_flush(leg, tx, none, 0, now_us);
}

static void speak(struct mc_leg *leg, struct mc_path *path, int16_t *pcm, uint64_t now_us) {
    struct mc_tx *tx = &path->tx;
    int16_t whisper[MC_TX_MAX_PCM];
    bool whispered = mc_listen_to_peer(leg->listeners, whisper, tx->n_pcm);
    bool spoken = mc_out_take(leg, tx, pcm, tx->n_pcm, now_us) > 0;
    mc_tx_notice_sink(leg, tx);
    if (whispered) {
        mc_limit_add(pcm, whisper, tx->n_pcm); /* what mc_out_take left is silence */
        spoken = true;
    }
    if (!spoken && mc_coded_send(leg, path, pcm, now_us)) {
        return;
    }
    enum mc_pull more = add_pulled(leg, pcm, tx->n_pcm, spoken, now_us);
    mc_listen_sent(leg->listeners, pcm, tx->n_pcm, tx->join.due);
    if (!spoken && more == MC_PULL_RELAYED) {
        tx->join.due = false; /* the packets are joined among themselves; mc_relay_resume sees to what follows them */
        tx->n_silent = 0;
        return;
    }
    mc_relay_resume(leg, path);
    bool silent = !spoken && more == MC_PULL_SILENCE;
    bool ended = tx->n_silent > 0 && !tx->join.due && !tx->splice.due; /* what the resampler still held is out */
    if (silent && ended && leg->cfg.suppress && !path->codec->dtx) {
        rest(leg, path);
    } else {
        tx->n_rest = 0;
        send_audio(leg, path, pcm, silent);
    }
}

void mc_tx_tick(struct mc_leg *leg, struct mc_path *path, int16_t *pcm, size_t *n, uint64_t now_us) {
    struct mc_tx *tx = &path->tx;
    *n = 0;
    if (tx->wait > 0) {
        tx->wait--;
        return;
    }
    tx->wait = tx->ticks - 1;
    *n = tx->n_pcm;
    bool quiet = false;
    if (!path->params.send) {
        stand_still(leg, tx, now_us);
        memset(pcm, 0, tx->n_pcm * sizeof *pcm);
        mc_relay_leave(path);
        tx->gap = true;
    } else if (send_digit(leg, path, &quiet)) {
        stand_still(leg, tx, now_us);
        memset(pcm, 0, tx->n_pcm * sizeof *pcm);
        if (quiet) {
            mc_relay_resume(leg, path);
            send_audio(leg, path, pcm, true);
        }
    } else if (sound_digit(leg, path, pcm)) {
        stand_still(leg, tx, now_us);
        mc_listen_sent(leg->listeners, pcm, tx->n_pcm, true);
        mc_relay_resume(leg, path);
        send_audio(leg, path, pcm, false);
    } else {
        speak(leg, path, pcm, now_us);
    }
    tx->ts += tx->step;
}

void mc_tx_skip(struct mc_path *path, uint64_t n_ticks) {
    struct mc_tx *tx = &path->tx;
    for (; n_ticks > 0 && tx->wait > 0; n_ticks--) {
        tx->wait--;
    }
    tx->ts += (uint32_t)(n_ticks / tx->ticks) * tx->step;
    if (n_ticks > 0) {
        tx->gap = true;
    }
    if (n_ticks % tx->ticks != 0) {
        tx->ts += tx->step; /* its packet time passed unsent, the rest of it is still to wait for */
        tx->wait = tx->ticks - (unsigned)(n_ticks % tx->ticks);
    }
}
