/* SPDX-License-Identifier: GPL-3.0-or-later
 * Packets that a sink has coded already (prompt.h), and the way back to the leg's own encoder.
 *
 * Codecs without state are joined in the first packet. Opus begins with a packet of a fresh encoder, which fades in; and when live
 * sound follows, the leg's encoder first hears what was played last, so that it goes on where the peer's decoder is. */
#include <string.h>

#include "err.h"
#include "leg_int.h"

#define PRIME_MS 40 /* that the encoder hears again */

/* Without state: what was heard before fades into it. */
static void join_bytes(struct mc_path *path, uint8_t *payload, size_t len) {
    struct mc_tx *tx = &path->tx;
    uint8_t joined[MC_RTP_MAX_PACKET];
    if (!tx->past || tx->join.due || tx->splice.due) {
        tx->splice.due = true;
        if (mc_relay_recode(path, path->codec, payload, len, joined, sizeof joined) == (int)len) {
            memcpy(payload, joined, len);
        }
    } else {
        mc_relay_heard(path, payload, len);
    }
}

bool mc_coded_send(struct mc_leg *leg, struct mc_path *path, int16_t *pcm, uint64_t now_us) {
    struct mc_tx *tx = &path->tx;
    const struct mc_sink *sink = mc_leg_sink(leg);
    uint8_t buf[MC_RTP_MAX_PACKET];
    if (sink->coded == NULL || sink->sound == NULL) {
        return false;
    }
    int len = sink->coded(sink, leg, &tx->coding, tx->coded, buf + MC_RTP_HEADER, sizeof buf - MC_RTP_HEADER, now_us);
    if (len < 0) {
        return false;
    }
    mc_relay_leave(path);
    if (mc_codec_stateless(path->codec)) {
        join_bytes(path, buf + MC_RTP_HEADER, (size_t)len);
    } else {
        tx->coded = true;
    }
    if (mc_leg_tapped(leg)) {
        sink->sound(sink, leg, path->params.ptime_ms, pcm, tx->n_pcm);
        mc_listen_sent(leg->listeners, pcm, tx->n_pcm, tx->join.due);
    }
    tx->join.due = tx->splice.due = false;
    tx->past = true;
    tx->n_silent = 0;
    if (len == 0) {
        tx->gap = true; /* coded with DTX: nothing need be sent */
        return true;
    }
    struct mc_rtp pkt = {.marker = tx->gap, .pt = path->params.tx_pt, .seq = tx->seq++, .ts = tx->ts, .ssrc = tx->ssrc};
    mc_tx_send(leg, tx, buf, &pkt, (size_t)len);
    return true;
}

void mc_coded_leave(struct mc_leg *leg) {
    struct mc_path *path = leg->path;
    if (path == NULL || !path->tx.coded) {
        return;
    }
    struct mc_tx *tx = &path->tx;
    const struct mc_sink *sink = mc_leg_sink(leg);
    int16_t pcm[MC_TX_MAX_PCM], at_rate[MC_TX_MAX_PCM + 8];
    uint8_t unused[MC_RTP_MAX_PACKET];
    tx->coded = tx->past = false;
    path->codec->enc_init(tx->enc, &tx->coding.fmtp, path->params.ptime_ms);
    mc_resample_init(&tx->rs, path->rate, path->codec->rate);
    for (uint32_t ago = (PRIME_MS + tx->coding.ptime_ms - 1) / tx->coding.ptime_ms; ago > 0; ago--) {
        sink->sound(sink, leg, ago * tx->coding.ptime_ms, pcm, tx->n_pcm);
        int n = mc_resample_run(&tx->rs, pcm, tx->n_pcm, at_rate, sizeof at_rate / sizeof *at_rate);
        if (n > 0) {
            path->codec->encode(tx->enc, at_rate, (size_t)n, unused, sizeof unused);
        }
    }
    mc_splice_heard(&tx->join, pcm, tx->n_pcm);
    tx->join.due = true;
    tx->splice.due = false;
    tx->n_silent = 0;
}
