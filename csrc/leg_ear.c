/* SPDX-License-Identifier: GPL-3.0-or-later
 * Machine ear: what recognition hears. Packets in order, each as soon as it is its turn; a missing one is waited for as long as
 * this network's late packets are worth waiting for (hold.h), then its place is filled and marked lost. The time line is exact: sample n of the ear is RTP time n, whatever
 * was lost, and it goes on by the clock while the sender is silent, so that whoever listens notices the silence: soon when comfort
 * noise (RFC 3389) said that it would be, else after MC_EAR_STALL_US. Was the network silent and not the sender, then what comes at
 * last is heard behind the silence, whole: from there on the line lies behind RTP time by as much as was made up.
 *
 *   seq   7   8   9  11  12        11 is held: 10 may still come
 *   ear  [7] [8] [9] ....          the wait is over: [10 lost] [11] [12]
 */
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "leg_int.h"

#define CONCEAL_MS 100 /* in a long gap, silence after this */
#define REST_US 40000  /* silence that was told of: the time line follows the clock at this distance, and ... */
#define REST_JITTERS 4 /* ... at so many times the jitter, so that nothing of what is said next comes too late */

int mc_ear_init(struct mc_ear *ear, const struct mc_codec *codec, uint32_t rate) {
    ear->frame = codec->rate / 50;
    if (codec->dec_size > 0) {
        ear->dec = malloc(mc_codec_dec_bytes(codec));
        if (ear->dec == NULL) {
            return MC_E_NOMEM;
        }
    }
    int rc = codec->dec_init(ear->dec);
    return rc != MC_OK ? rc : mc_resample_init(&ear->rs, codec->rate, rate);
}

void mc_ear_free(struct mc_ear *ear) {
    free(ear->dec);
    ear->dec = NULL;
}

void mc_ear_restart(struct mc_ear *ear) {
    ear->started = false;
    ear->have_pos = false;
    ear->resting = false;
    ear->n_held = 0;
    for (size_t i = 0; i < MC_EAR_HELD; i++) {
        ear->held[i].used = false;
    }
}

/* At most 120 ms at the codec's rate, on to the sink at the leg's rate. */
static void hear_piece(struct mc_leg *leg, struct mc_path *path, const int16_t *pcm, size_t n, uint64_t arrival_us, bool lost) {
    int16_t out[MC_CODEC_MAX_PCM + 8];
    int rc = mc_resample_run(&path->rx.ear.rs, pcm, n, out, sizeof out / sizeof *out);
    if (rc <= 0) {
        return;
    }
    struct mc_frame frame = {.pcm = out, .n = (size_t)rc, .index = leg->ear_index, .arrival_us = arrival_us, .lost = lost};
    leg->ear_index += frame.n;
    if (lost) {
        mc_leg_rare(leg)->ear_lost++;
    } else {
        leg->count.ear_frames++;
    }
    mc_rx_inband(leg, path, &frame);
    const struct mc_sink *sink = mc_leg_sink(leg);
    if (sink->ear != NULL) {
        sink->ear(sink, leg, &frame);
    }
}

static void hear(struct mc_leg *leg, struct mc_path *path, const int16_t *pcm, size_t n, uint64_t arrival_us, bool lost) {
    const size_t most = path->codec->rate * 3 / 25;
    for (size_t at = 0; at < n; at += most) {
        hear_piece(leg, path, pcm + at, n - at < most ? n - at : most, arrival_us, lost);
    }
}

static uint32_t to_samples(const struct mc_path *path, uint64_t units) {
    return (uint32_t)(units * path->codec->rate / path->params.clock);
}

static uint32_t to_units(const struct mc_path *path, uint64_t samples) {
    return (uint32_t)(samples * path->params.clock / path->codec->rate);
}

/* n samples that never came, in pieces as long as the packets were. `next`: the payload after them, for codecs that carry the one
 * before it (in-band FEC). */
static void fill(struct mc_leg *leg, struct mc_path *path, uint32_t n, const struct mc_held *next, uint64_t now_us) {
    struct mc_ear *ear = &path->rx.ear;
    uint32_t done = 0;
    while (n > 0) {
        int16_t pcm[MC_CODEC_MAX_PCM];
        uint32_t k = n < ear->frame ? n : ear->frame;
        bool fec = next != NULL && k == n;
        int rc = MC_E_CODEC;
        if (path->codec->conceal != NULL && !ear->resting && (fec || done < path->codec->rate * CONCEAL_MS / 1000)) {
            rc = path->codec->conceal(ear->dec, fec ? next->data : NULL, fec ? next->len : 0, pcm, k);
        }
        if (rc != (int)k) {
            memset(pcm, 0, k * sizeof *pcm);
        }
        hear(leg, path, pcm, k, now_us, !ear->resting);
        done += k;
        n -= k;
    }
}

/* Clock units to fill before a packet at `ts`. None before what lies in silence that was made up already, nor where the distance
 * can't be, given how much time has passed: that is the sender's clock set anew. The line just goes on. */
static uint64_t gap(const struct mc_path *path, const struct mc_held *h) {
    const struct mc_ear *ear = &path->rx.ear;
    int64_t d = (int32_t)(h->ts - ear->pos);
    if (!ear->have_pos || d < 0) {
        return 0;
    }
    uint64_t passed_us = h->arrival_us > ear->last_us ? h->arrival_us - ear->last_us : 0;
    uint64_t limit_us = passed_us + MC_EAR_SLACK_US < MC_EAR_MAX_GAP_US ? passed_us + MC_EAR_SLACK_US : MC_EAR_MAX_GAP_US;
    return (uint64_t)d * 1000000 <= limit_us * path->params.clock ? (uint64_t)d : 0;
}

static void deliver(struct mc_leg *leg, struct mc_path *path, const struct mc_held *h, bool after_loss) {
    struct mc_ear *ear = &path->rx.ear;
    ear->next = h->ext + 1;
    ear->resting |= h->kind == MC_EAR_NOISE;
    if (h->kind != MC_EAR_AUDIO || h->len == 0) {
        return;
    }
    int16_t pcm[MC_CODEC_MAX_PCM];
    fill(leg, path, to_samples(path, gap(path, h)), after_loss ? h : NULL, h->arrival_us);
    ear->resting = false;
    int n = path->codec->decode(ear->dec, h->data, h->len, pcm, MC_CODEC_MAX_PCM);
    if (n <= 0) {
        mc_leg_rare(leg)->rx_malformed++; /* its place on the time line is filled when the next one comes */
        return;
    }
    ear->frame = (uint32_t)n;
    hear(leg, path, pcm, (size_t)n, h->arrival_us, false);
    ear->pos = h->ts + to_units(path, (uint64_t)n);
    ear->have_pos = true;
    ear->last_us = h->arrival_us;
}

static struct mc_held *first_held(struct mc_ear *ear, uint64_t *oldest_us) {
    struct mc_held *first = NULL;
    *oldest_us = UINT64_MAX;
    for (size_t i = 0; i < MC_EAR_HELD; i++) {
        struct mc_held *h = &ear->held[i];
        if (!h->used) {
            continue;
        }
        *oldest_us = h->arrival_us < *oldest_us ? h->arrival_us : *oldest_us;
        if (first == NULL || (int32_t)(h->ext - first->ext) < 0) {
            first = h;
        }
    }
    return first;
}

/* Everything whose turn it is, or whose wait is over. */
static void release(struct mc_leg *leg, struct mc_path *path, uint64_t now_us) {
    struct mc_ear *ear = &path->rx.ear;
    while (ear->n_held > 0) {
        uint64_t oldest_us;
        struct mc_held *h = first_held(ear, &oldest_us);
        bool turn = h->ext == ear->next;
        if (!turn && ear->n_held < MC_EAR_HELD && now_us - oldest_us < mc_hold_us(&ear->hold)) {
            return;
        }
        if (!turn) {
            mc_hold_vain(&ear->hold);
        }
        deliver(leg, path, h, !turn);
        h->used = false;
        ear->n_held--;
    }
}

static void keep(struct mc_ear *ear, const struct mc_held *pkt) {
    size_t slot = MC_EAR_HELD;
    for (size_t i = MC_EAR_HELD; i-- > 0;) {
        if (ear->held[i].used && ear->held[i].ext == pkt->ext) {
            return;
        }
        if (!ear->held[i].used) {
            slot = i;
        }
    }
    if (slot == MC_EAR_HELD) {
        return; /* can't be: release() leaves one free */
    }
    uint8_t *data = ear->store[slot];
    memcpy(data, pkt->data, pkt->len);
    ear->held[slot] = *pkt;
    ear->held[slot].data = data;
    ear->n_held++;
}

void mc_ear_packet(struct mc_leg *leg, struct mc_path *path, const struct mc_rtp *pkt, uint32_t ext, enum mc_ear_kind kind,
                   uint64_t now_us) {
    struct mc_ear *ear = &path->rx.ear;
    if (!ear->started) {
        ear->started = true;
        ear->next = ext;
        ear->last_us = now_us;
        mc_hold_init(&ear->hold);
    }
    mc_hold_packet(&ear->hold, ext, now_us);
    if ((int32_t)(ext - ear->next) < 0) {
        leg->count.rx_late++;
        return;
    }
    struct mc_held h = {.used = true,
                        .kind = kind,
                        .len = kind == MC_EAR_AUDIO ? (uint16_t)pkt->len : 0,
                        .ext = ext,
                        .ts = pkt->ts,
                        .arrival_us = now_us,
                        .data = pkt->payload};
    if (ext == ear->next && ear->n_held == 0) {
        deliver(leg, path, &h, false);
        return;
    }
    keep(ear, &h);
    release(leg, path, now_us);
}

/* How long nothing must have come until the time line goes on without. */
static uint64_t patience_us(const struct mc_path *path) {
    if (!path->rx.ear.resting) {
        return MC_EAR_STALL_US;
    }
    uint64_t us = REST_US + (uint64_t)(mc_rx_stats_jitter_ms(&path->rx.stats) * 1000 * REST_JITTERS);
    return us < MC_EAR_STALL_US ? us : MC_EAR_STALL_US;
}

void mc_ear_tick(struct mc_leg *leg, struct mc_path *path, uint64_t now_us) {
    struct mc_ear *ear = &path->rx.ear;
    release(leg, path, now_us);
    if (!ear->have_pos || now_us < ear->last_us + patience_us(path)) {
        return;
    }
    uint32_t period_us = mc_leg_period_us(leg);
    uint32_t n = (uint32_t)((uint64_t)path->codec->rate * period_us / 1000000);
    static const int16_t silence[MC_CODEC_MAX_RATE / 50];
    hear(leg, path, silence, n, now_us, !ear->resting);
    ear->pos += to_units(path, n);
}
