/* SPDX-License-Identifier: GPL-3.0-or-later
 * A prompt in packets. Codecs without state: one run of bytes, from which packets of any length are cut. Others: packets of one
 * length, pass 1 from a fresh encoder and, of a loop, pass 2 behind it, over as many rounds as make whole packets. */
#include "prompt_code.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "level.h"
#include "resample.h"
#include "rtp.h"

#define STEP_MS 10
#define WARM_MS 100 /* that the resampler has heard of a loop's end before its beginning comes */
#define MAX_IN (MC_CODEC_MAX_RATE / 1000 * 60)

const struct mc_prompt_track *mc_prompt_find(const struct mc_prompt *p, const struct mc_coding *coding) {
    size_t n = atomic_load_explicit(&p->n_tracks, memory_order_acquire);
    for (size_t i = 0; i < n; i++) {
        if (mc_coding_same(&p->track[i].coding, coding)) {
            return &p->track[i];
        }
    }
    return NULL;
}

void mc_prompt_track_free(struct mc_prompt_track *t) {
    free(t->data);
    free(t->at);
    *t = (struct mc_prompt_track){0};
}

/* The next n_ms of the prompt at the codec's rate; samples, or an error. */
static int resampled(const struct mc_prompt *p, const struct mc_codec *codec, struct mc_resample *rs, uint64_t ms,
                     uint32_t n_ms, int16_t *out) {
    int16_t in[MAX_IN];
    const size_t n_in = (size_t)p->rate / 1000 * n_ms, n_out = (size_t)codec->rate / 1000 * n_ms;
    mc_prompt_read(p, ms, in, n_in);
    int n = mc_resample_run(rs, in, n_in, out, MAX_IN + 8);
    return n < 0 ? n : n == (int)n_out ? n : MC_E_CODEC;
}

static int make_bytes(struct mc_prompt_track *t, const struct mc_prompt *p) {
    const struct mc_codec *codec = t->coding.codec;
    int16_t pcm[MAX_IN + 8] = {0};
    uint8_t probe[2 * MAX_IN];
    struct mc_resample rs;
    int n = codec->encode(NULL, pcm, (size_t)codec->rate / 1000 * STEP_MS, probe, sizeof probe);
    if (n <= 0) {
        return n < 0 ? n : MC_E_CODEC;
    }
    t->per_ms = (size_t)n / STEP_MS;
    t->data = malloc(t->per_ms * p->ms);
    int rc = t->data == NULL ? MC_E_NOMEM : mc_resample_init(&rs, p->rate, codec->rate);
    for (uint32_t ms = p->ms - WARM_MS; rc >= 0 && p->loop && ms < p->ms; ms += STEP_MS) {
        rc = resampled(p, codec, &rs, ms, STEP_MS, pcm);
    }
    for (uint32_t ms = 0; rc >= 0 && ms < p->ms; ms += STEP_MS) {
        rc = resampled(p, codec, &rs, ms, STEP_MS, pcm);
        if (rc >= 0) {
            rc = codec->encode(NULL, pcm, (size_t)rc, t->data + ms * t->per_ms, t->per_ms * STEP_MS);
        }
    }
    return rc < 0 ? rc : MC_OK;
}

static int add_packet(struct mc_prompt_track *t, const uint8_t *buf, size_t len) {
    size_t used = t->at[t->n];
    if (used + len > t->room) {
        size_t room = 2 * t->room + MC_RTP_MAX_PACKET;
        uint8_t *data = realloc(t->data, room);
        if (data == NULL) {
            return MC_E_NOMEM;
        }
        t->data = data;
        t->room = room;
    }
    memcpy(t->data + used, buf, len);
    t->at[++t->n] = (uint32_t)(used + len);
    return MC_OK;
}

static int make_packets(struct mc_prompt_track *t, const struct mc_prompt *p, void *enc) {
    const struct mc_codec *codec = t->coding.codec;
    const unsigned ptime = t->coding.ptime_ms;
    int16_t pcm[MAX_IN + 8];
    uint8_t buf[MC_RTP_MAX_PACKET - MC_RTP_HEADER];
    struct mc_resample rs;
    uint32_t rounds = 1;
    while (p->ms * rounds % ptime != 0) {
        rounds++;
    }
    t->n_first = (size_t)p->ms * rounds / ptime;
    const size_t n = p->loop ? 2 * t->n_first : t->n_first;
    t->at = calloc(n + 1, sizeof *t->at);
    int rc = t->at == NULL ? MC_E_NOMEM : codec->enc_init(enc, &t->coding.fmtp, ptime);
    if (rc == MC_OK) {
        rc = mc_resample_init(&rs, p->rate, codec->rate);
    }
    for (uint64_t i = 0; rc >= 0 && i < n; i++) {
        rc = resampled(p, codec, &rs, i * ptime, ptime, pcm);
        if (rc >= 0 && i == 0) {
            mc_fade(pcm, codec->rate / 200, 0, 256); /* it may begin at once, or in the middle of a wave */
        }
        if (rc >= 0) {
            rc = codec->encode(enc, pcm, (size_t)rc, buf, sizeof buf);
        }
        if (rc >= 0) {
            rc = add_packet(t, buf, (size_t)rc);
        }
    }
    return rc < 0 ? rc : MC_OK;
}

int mc_prompt_track_make(struct mc_prompt_track *t, const struct mc_prompt *p, const struct mc_coding *coding) {
    *t = (struct mc_prompt_track){.coding = *coding};
    int rc;
    if (mc_codec_stateless(coding->codec)) {
        rc = make_bytes(t, p);
    } else {
        void *enc = malloc(mc_codec_enc_bytes(coding->codec));
        rc = enc == NULL ? MC_E_NOMEM : make_packets(t, p, enc);
        free(enc);
    }
    if (rc != MC_OK) {
        mc_prompt_track_free(t);
    }
    return rc;
}

static int read_bytes(const struct mc_prompt_track *t, const struct mc_prompt *p, uint64_t ms, unsigned ptime_ms, uint8_t *out,
                      size_t size) {
    const size_t all = t->per_ms * p->ms, len = t->per_ms * ptime_ms;
    if (len > size) {
        return MC_E_SHORT;
    }
    size_t at = (size_t)(ms % p->ms) * t->per_ms;
    for (size_t done = 0; done < len; at = 0) {
        size_t k = all - at < len - done ? all - at : len - done;
        memcpy(out + done, t->data + at, k);
        done += k;
    }
    return (int)len;
}

int mc_prompt_track_read(const struct mc_prompt_track *t, const struct mc_prompt *p, uint64_t ms, unsigned ptime_ms,
                         uint8_t *out, size_t size) {
    if (t->at == NULL) {
        return read_bytes(t, p, ms, ptime_ms, out, size);
    }
    uint64_t i = ms / ptime_ms;
    if (ms % ptime_ms != 0) {
        return MC_E_EMPTY;
    }
    if (i >= t->n) { /* pass 2 again and again */
        if (!p->loop) {
            return MC_E_EMPTY;
        }
        i = t->n_first + (i - t->n_first) % t->n_first;
    }
    const size_t len = t->at[i + 1] - t->at[i];
    if (len > size) {
        return MC_E_SHORT;
    }
    memcpy(out, t->data + t->at[i], len);
    return (int)len;
}
