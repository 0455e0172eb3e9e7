/* SPDX-License-Identifier: GPL-3.0-or-later
 * Packets of another source sent as this leg's own. One offset each for number and time, set when relaying begins, so that what the
 * source lost or sent out of order arrives just so; own packets, before and after, are counted on from there.
 *
 *   own      seq 40 41             44 45          theirs 907 908 is sent as 42 43
 *   relayed           42 43
 *
 * Codecs without state are joined to what was sent before within the first packet; of those with
 * state Opus overlaps its frames anyway, and G.722's encoder goes after the packets once its own are due again. */
#include <string.h>

#include "err.h"
#include "leg_int.h"

#define STALE_US 500000 /* after this without a packet the leg makes its own again */
/* The same when the last one was comfort noise, which is sent again only as it changes (RFC 3389 section 4.1). */
#define REST_US 30000000
#define STRAY_S 2        /* a timestamp so far from the clock is the source's clock set anew */
#define STRAY_SEQ 3000   /* RFC 3550 A.1: MAX_DROPOUT */
#define REORDER_SEQ 1000 /* what is older than the first one only matters near it */

static bool may_relay(const struct mc_leg *to, const struct mc_leg *from, uint64_t now_us) {
    const struct mc_path *a = mc_leg_hears(from), *b = to->path;
    if (a == NULL || b == NULL || !b->params.send || !from->path->params.recv || a->params.clock != b->params.clock ||
        from->path->params.ptime_ms != b->params.ptime_ms || b->tx.strict) {
        return false;
    }
    if (a->codec != b->codec &&
        !(mc_codec_stateless(a->codec) && mc_codec_stateless(b->codec) && a->codec->rate == b->codec->rate)) {
        return false;
    }
    return mc_ring_used(&to->out) == 0 && !b->tx.playing && !mc_tx_has_digits(to, &b->tx) &&
           !mc_listen_talks_to_peer(to->listeners, now_us) && !mc_listen_talks_to_other(from->listeners, now_us);
}

uint32_t mc_relay_own_ts(const struct mc_tx *tx) {
    const struct mc_relay *r = &tx->relay;
    return r->on && (int32_t)(r->ts_end - tx->ts) > 0 ? r->ts_end : tx->ts;
}

static bool astray(const struct mc_relay *r, const struct mc_rtp *pkt, bool event, uint32_t clock, uint64_t now_us) {
    int16_t d_seq = (int16_t)(pkt->seq - r->seq);
    int64_t expected = (int64_t)((now_us - r->us) * clock / 1000000);
    int64_t d_ts = (int32_t)(pkt->ts + r->ts_off - r->ts_end) - expected;
    int64_t most = (int64_t)clock * STRAY_S;
    return pkt->ssrc != r->ssrc || d_seq > STRAY_SEQ || d_seq < -STRAY_SEQ || (!event && (d_ts > most || d_ts < -most));
}

static void begin(struct mc_tx *tx, const struct mc_rtp *pkt) {
    struct mc_relay *r = &tx->relay;
    uint32_t ts = mc_relay_own_ts(tx);
    r->seq_off = (uint16_t)(tx->seq - pkt->seq);
    r->ts_off = ts - pkt->ts;
    r->first_seq = r->seq = pkt->seq;
    r->ssrc = pkt->ssrc;
    r->ts_end = ts;
    r->n = 0;
    r->on = true;
    tx->splice.due = true;
}

int mc_relay_recode(struct mc_path *path, const struct mc_codec *from, const uint8_t *in, size_t len, uint8_t *out,
                    size_t size) {
    int16_t pcm[MC_CODEC_MAX_PCM];
    int n = from->decode(NULL, in, len, pcm, MC_CODEC_MAX_PCM);
    if (n <= 0) {
        return n;
    }
    mc_splice_run(&path->tx.splice, pcm, (size_t)n);
    return path->codec->encode(NULL, pcm, (size_t)n, out, size);
}

/* Of one sample; codecs without state code them one by one. */
static size_t sample_bytes(const struct mc_path *path) {
    return (size_t)path->tx.n_quiet / ((size_t)path->codec->rate / 1000 * path->params.ptime_ms);
}

static int payload_of(struct mc_path *path, const struct mc_codec *from, const struct mc_rtp *pkt, uint8_t *out, size_t size) {
    struct mc_splice *splice = &path->tx.splice;
    if (from != path->codec) {
        return mc_relay_recode(path, from, pkt->payload, pkt->len, out, size);
    }
    if (pkt->len > size) {
        return MC_E_SHORT;
    }
    memcpy(out, pkt->payload, pkt->len);
    if (splice->due && mc_codec_stateless(from) && pkt->len > 0) { /* what lies behind the join stays as it is */
        uint8_t joined[MC_RTP_MAX_PACKET];
        size_t head = sample_bytes(path) * splice->n;
        head = head < pkt->len ? head : pkt->len;
        if (mc_relay_recode(path, from, pkt->payload, head, joined, sizeof joined) == (int)head) {
            memcpy(out, joined, head);
        }
    }
    splice->due = false;
    mc_relay_heard(path, pkt->payload, pkt->len);
    return (int)pkt->len;
}

int mc_leg_relay(struct mc_leg *to, const struct mc_leg *from, const struct mc_rtp *pkt, uint64_t now_us) {
    uint8_t buf[MC_RTP_MAX_PACKET];
    if (!may_relay(to, from, now_us)) {
        return MC_E_STATE;
    }
    struct mc_path *path = to->path;
    struct mc_tx *tx = &path->tx;
    struct mc_relay *r = &tx->relay;
    const struct mc_path *source = mc_leg_hears(from);
    bool event = pkt->pt == source->params.event_rx_pt && pkt->pt != source->params.rx_pt;
    bool noise = !event && source->params.cn_rx_pt != 0 && pkt->pt == source->params.cn_rx_pt;
    if ((event && path->params.event_tx_pt == MC_PT_NONE) || (noise && path->params.cn_tx_pt == 0)) {
        return MC_E_STATE;
    }
    mc_tx_notice_sink(to, tx);
    if (!r->on || astray(r, pkt, event, path->params.clock, now_us)) {
        begin(tx, pkt);
    }
    if (r->n < REORDER_SEQ && (int16_t)(pkt->seq - r->first_seq) < 0) {
        return MC_OK; /* its number went to a packet of our own */
    }
    int len = (int)pkt->len;
    if (!event && !noise) {
        len = payload_of(path, source->codec, pkt, buf + MC_RTP_HEADER, sizeof buf - MC_RTP_HEADER);
    } else if (pkt->len <= sizeof buf - MC_RTP_HEADER) {
        memcpy(buf + MC_RTP_HEADER, pkt->payload, pkt->len);
    } else {
        len = MC_E_SHORT;
    }
    if (len < 0) {
        return len;
    }
    struct mc_rtp out = {.marker = pkt->marker || (tx->gap && r->n == 0),
                         .pt = event   ? path->params.event_tx_pt
                               : noise ? path->params.cn_tx_pt
                                       : path->params.tx_pt,
                         .seq = (uint16_t)(pkt->seq + r->seq_off),
                         .ts = pkt->ts + r->ts_off,
                         .ssrc = tx->ssrc};
    mc_tx_send(to, tx, buf, &out, (size_t)len);
    tx->past = true;
    tx->coded = false;
    r->n++;
    r->us = now_us;
    r->resting = noise;
    if (noise) {
        mc_leg_rare(to)->tx_cn++;
    }
    if ((int16_t)(pkt->seq - r->seq) >= 0) {
        r->seq = pkt->seq;
        tx->seq = (uint16_t)(out.seq + 1);
    }
    if (!event && (int32_t)(out.ts + tx->step - r->ts_end) > 0) {
        r->ts_end = out.ts + tx->step;
    }
    return MC_OK;
}

void mc_leg_relay_skip(struct mc_leg *to) {
    if (to->path != NULL && to->path->tx.relay.on) {
        to->path->tx.relay.seq_off--;
    }
}

bool mc_leg_relaying(const struct mc_leg *leg, uint64_t now_us) {
    const struct mc_path *path = leg->path;
    return path != NULL && path->tx.relay.on && now_us - path->tx.relay.us < (path->tx.relay.resting ? REST_US : STALE_US);
}

int mc_leg_relay_digit(struct mc_leg *to, char digit, uint32_t ms) {
    struct mc_path *path = to->path;
    if (path == NULL) {
        return MC_E_STATE;
    }
    struct mc_tx *tx = &path->tx;
    if (tx->n_relayed == MC_RELAY_DIGITS) {
        return MC_E_FULL;
    }
    uint32_t least = path->params.ptime_ms * 2u;
    tx->relayed[tx->n_relayed++] = (struct mc_digit){.digit = digit, .ms = ms < least ? least : ms > 6000 ? 6000 : ms};
    return MC_OK;
}

static void keep_tail(struct mc_path *path, const uint8_t *payload, size_t len) {
    struct mc_relay *r = &path->tx.relay;
    size_t n = len < MC_RELAY_TAIL ? len : MC_RELAY_TAIL;
    size_t old = r->n_tail < MC_RELAY_TAIL - n ? r->n_tail : MC_RELAY_TAIL - n;
    memmove(path->tail, path->tail + r->n_tail - old, old);
    memcpy(path->tail + old, payload + len - n, n);
    r->n_tail = (uint16_t)(old + n);
}

void mc_relay_heard(struct mc_path *path, const uint8_t *payload, size_t len) {
    struct mc_tx *tx = &path->tx;
    int16_t pcm[MC_SPLICE_MAX];
    if (path->codec->follow != NULL) {
        keep_tail(path, payload, len);
        return;
    }
    if (tx->n_quiet == 0) {
        mc_splice_heard(&tx->splice, NULL, 0);
        return;
    }
    size_t bytes = sample_bytes(path);
    size_t end = bytes * tx->splice.n;
    size_t from = len > end ? (len - end) / bytes * bytes : 0;
    int n = len > 0 ? path->codec->decode(NULL, payload + from, len - from, pcm, MC_SPLICE_MAX) : 0;
    if (n > 0) {
        mc_splice_heard(&tx->splice, pcm, (size_t)n);
    }
}

void mc_relay_leave(struct mc_path *path) {
    struct mc_tx *tx = &path->tx;
    if (!tx->relay.on) {
        return;
    }
    tx->ts = mc_relay_own_ts(tx);
    tx->relay.on = false;
    tx->splice.due = true;
}

/* The peer's decoder followed another encoder. Ours goes there when it can, so that what it says next joins what was heard. */
static void catch_up(struct mc_path *path) {
    struct mc_tx *tx = &path->tx;
    const struct mc_codec *codec = path->codec;
    int16_t pcm[2 * MC_RELAY_TAIL];
    if (codec->follow != NULL && tx->relay.n_tail == 0) {
        return; /* it was digits or comfort noise alone: the decoder waits where the encoder is */
    }
    if (codec->follow != NULL) {
        int n = codec->follow(tx->enc, path->tail, tx->relay.n_tail, pcm, sizeof pcm / sizeof *pcm);
        tx->relay.n_tail = 0;
        mc_splice_heard(&tx->splice, pcm, n > 0 ? (size_t)n : 0);
        struct mc_splice way_out = tx->splice;
        mc_splice_out(&way_out, pcm, way_out.n);
        codec->lead(tx->enc, pcm);
        mc_splice_heard(&tx->splice, pcm, codec->ahead);
    } else if (codec->enc_size > 0) {
        codec->enc_init(tx->enc, &tx->coding.fmtp, path->params.ptime_ms);
    }
}

void mc_relay_resume(struct mc_leg *leg, struct mc_path *path) {
    struct mc_tx *tx = &path->tx;
    mc_coded_leave(leg);
    mc_relay_leave(path);
    if (!tx->past) {
        return;
    }
    tx->past = false;
    tx->splice.due = true;
    tx->join.due = true;
    mc_splice_heard(&tx->join, NULL, 0);
    tx->n_silent = 0;
    mc_resample_init(&tx->rs, path->rate, path->codec->rate); /* what it remembers is long past; no table is computed here */
    catch_up(path);
}
