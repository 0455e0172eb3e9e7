/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "music.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "resample.h"

#define STEP_MS 10 /* the loop is a whole number of these: every packet time is, at every rate */
#define LEAST_MS 100
#define MOST_MS 3600000
#define TRACKS 8
#define MAX_STEP (MC_CODEC_MAX_RATE / 1000 * STEP_MS)

struct track {
    const struct mc_codec *codec;
    uint8_t *data;
    size_t per_ms; /* bytes */
};

struct mc_music {
    _Atomic int refs;
    uint32_t rate, ms;
    int16_t *pcm;
    struct track track[TRACKS];
    size_t n_tracks;
    mc_live *live;
};

static void destroy(struct mc_music *m) {
    for (size_t i = 0; i < m->n_tracks; i++) {
        free(m->track[i].data);
    }
    free(m->pcm);
    free(m);
}

void mc_music_ref(struct mc_music *m) {
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
}

void mc_music_unref(struct mc_music *m) {
    if (m == NULL || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (m->live != NULL) {
        atomic_fetch_sub(m->live, 1);
    }
    destroy(m);
}

uint32_t mc_music_rate(const struct mc_music *m) {
    return m->rate;
}

uint32_t mc_music_ms(const struct mc_music *m) {
    return m->ms;
}

/* What follows the last sample fades out over what the first ones fade in from: going round leaves no seam. */
static void close_loop(struct mc_music *m, const int16_t *pcm, size_t n) {
    const int32_t join = (int32_t)(m->rate / 200);
    memcpy(m->pcm, pcm, n * sizeof *pcm);
    for (int32_t i = 0; i < join; i++) {
        m->pcm[i] = (int16_t)((pcm[i] * (i + 1) + pcm[n + (size_t)i] * (join - i)) / (join + 1));
    }
}

/* One step, resampled without a seam: the resampler has heard the end of the loop before it gets the beginning. */
static int code_step(struct mc_music *m, struct track *t, struct mc_resample *rs, uint32_t at_ms, bool keep) {
    const size_t n_in = (size_t)m->rate / 1000 * STEP_MS, n_out = (size_t)t->codec->rate / 1000 * STEP_MS;
    int16_t out[MAX_STEP + 8];
    int n = mc_resample_run(rs, m->pcm + (size_t)at_ms * (m->rate / 1000), n_in, out, MAX_STEP + 8);
    if (n != (int)n_out) {
        return n < 0 ? n : MC_E_CODEC;
    }
    if (!keep) {
        return MC_OK;
    }
    size_t bytes = t->per_ms * STEP_MS;
    n = t->codec->encode(NULL, out, n_out, t->data + (size_t)at_ms * t->per_ms, bytes);
    return n < 0 ? n : n == (int)bytes ? MC_OK : MC_E_CODEC;
}

static int code(struct mc_music *m, const struct mc_codec *codec) {
    static const int16_t silence[MAX_STEP];
    uint8_t probe[2 * MAX_STEP];
    struct mc_resample rs;
    struct track *t = &m->track[m->n_tracks];
    int n = codec->encode(NULL, silence, (size_t)codec->rate / 1000 * STEP_MS, probe, sizeof probe);
    if (n <= 0) {
        return n < 0 ? n : MC_E_CODEC;
    }
    t->codec = codec;
    t->per_ms = (size_t)n / STEP_MS;
    t->data = malloc(t->per_ms * m->ms);
    if (t->data == NULL) {
        return MC_E_NOMEM;
    }
    m->n_tracks++;
    int rc = mc_resample_init(&rs, m->rate, codec->rate);
    for (uint32_t ms = m->ms - LEAST_MS; rc == MC_OK && ms < m->ms; ms += STEP_MS) {
        rc = code_step(m, t, &rs, ms, false);
    }
    for (uint32_t ms = 0; rc == MC_OK && ms < m->ms; ms += STEP_MS) {
        rc = code_step(m, t, &rs, ms, true);
    }
    return rc;
}

static int code_all(struct mc_music *m) {
    int rc = MC_OK;
    for (size_t i = 0; rc == MC_OK && mc_codecs[i] != NULL; i++) {
        const struct mc_codec *codec = mc_codecs[i];
        if (codec->enc_size == 0 && codec->dec_size == 0 && m->n_tracks < TRACKS) {
            rc = code(m, codec);
        }
    }
    return rc;
}

int mc_music_new(struct mc_music **out, uint32_t rate, const int16_t *pcm, size_t n, mc_live *live) {
    if (rate != 8000 && rate != 16000 && rate != 24000 && rate != 48000) {
        return MC_E_ARG;
    }
    const size_t step = (size_t)rate / 1000 * STEP_MS, join = rate / 200;
    size_t steps = n > join ? (n - join) / step : 0;
    if (steps * STEP_MS < LEAST_MS || steps * STEP_MS > MOST_MS) {
        return MC_E_ARG;
    }
    struct mc_music *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return MC_E_NOMEM;
    }
    atomic_init(&m->refs, 1);
    m->rate = rate;
    m->ms = (uint32_t)steps * STEP_MS;
    m->pcm = malloc(steps * step * sizeof *m->pcm);
    int rc = MC_E_NOMEM;
    if (m->pcm != NULL) {
        close_loop(m, pcm, steps * step);
        rc = code_all(m);
    }
    if (rc != MC_OK) {
        destroy(m);
        return rc;
    }
    m->live = live;
    if (live != NULL) {
        atomic_fetch_add(live, 1);
    }
    *out = m;
    return MC_OK;
}

/* `n` items of `size` bytes of a loop of `round` items, from item `at` on. */
static void copy_round(uint8_t *to, const uint8_t *loop, size_t round, size_t at, size_t n) {
    for (at %= round; n > 0; at = 0) {
        size_t k = round - at < n ? round - at : n;
        memcpy(to, loop + at, k);
        to += k;
        n -= k;
    }
}

void mc_music_pcm(const struct mc_music *m, uint64_t ms, int16_t *pcm, size_t n) {
    const size_t per_ms = m->rate / 1000 * sizeof *pcm;
    copy_round((uint8_t *)pcm, (const uint8_t *)m->pcm, m->ms * per_ms, (size_t)(ms % m->ms) * per_ms, n * sizeof *pcm);
}

size_t mc_music_coded(const struct mc_music *m, const struct mc_codec *codec, uint64_t ms, uint32_t n_ms, uint8_t *out,
                      size_t size) {
    for (size_t i = 0; i < m->n_tracks; i++) {
        const struct track *t = &m->track[i];
        if (t->codec == codec && n_ms * t->per_ms <= size) {
            copy_round(out, t->data, m->ms * t->per_ms, (size_t)(ms % m->ms) * t->per_ms, n_ms * t->per_ms);
            return n_ms * t->per_ms;
        }
    }
    return 0;
}

/* --- on a leg --- */

struct mc_music_player {
    struct mc_sink sink; /* first: a sink is its player */
    struct mc_music *music;
    struct mc_leg *leg;
    uint64_t ms; /* played; the worker's */
};

static enum mc_pull pull(const struct mc_sink *self, struct mc_leg *leg, int16_t *pcm, size_t n, uint64_t now_us) {
    struct mc_music_player *p = (struct mc_music_player *)self;
    mc_music_pcm(p->music, p->ms, pcm, n);
    p->ms += n * 1000 / p->music->rate;
    return MC_PULL_AUDIO;
}

static size_t coded(const struct mc_sink *self, struct mc_leg *leg, const struct mc_codec *codec, size_t n, uint8_t *out,
                    size_t size) {
    struct mc_music_player *p = (struct mc_music_player *)self;
    uint32_t n_ms = (uint32_t)(n * 1000 / codec->rate);
    size_t len = mc_music_coded(p->music, codec, p->ms, n_ms, out, size);
    p->ms += len > 0 ? n_ms : 0;
    return len;
}

static void to_engine(const struct mc_sink *self, struct mc_leg *leg, const struct mc_frame *frame) {
    mc_sink_engine.ear(&mc_sink_engine, leg, frame);
}

static int do_start(void *arg) {
    struct mc_music_player *p = arg;
    mc_leg_set_sink(p->leg, &p->sink);
    return MC_OK;
}

int mc_music_start(struct mc_music_player **out, struct mc_music *music, struct mc_leg *leg, bool ears) {
    if (mc_leg_rate(leg) != music->rate) {
        return MC_E_ARG;
    }
    struct mc_music_player *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return MC_E_NOMEM;
    }
    p->sink = (struct mc_sink){.name = "music", .pull = pull, .coded = coded, .ear = ears ? to_engine : NULL};
    p->music = music;
    p->leg = leg;
    mc_music_ref(music);
    mc_leg_ref(leg);
    mc_sink_command(leg, do_start, p);
    *out = p;
    return MC_OK;
}

static int do_stop(void *arg) {
    struct mc_music_player *p = arg;
    if (mc_leg_sink(p->leg) == &p->sink) {
        mc_leg_set_sink(p->leg, &mc_sink_engine);
    }
    return MC_OK;
}

void mc_music_stop(struct mc_music_player *p) {
    mc_sink_command(p->leg, do_stop, p);
    mc_leg_unref(p->leg);
    mc_music_unref(p->music);
    free(p);
}
