/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "prompt.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "prompt_code.h"

#define STEP_MS 10 /* a loop is a whole number of these: every packet time is, at every rate */
#define LEAST_LOOP_MS 100
#define MOST_MS 3600000
#define TAIL_MS 10        /* what encoder and resampler hold back comes out of the silence behind the end */
#define ALL_PTIMES_MS 120 /* a whole number of packets of any length */

static void destroy(struct mc_prompt *p) {
    for (size_t i = 0; i < p->n_tracks; i++) {
        mc_prompt_track_free(&p->track[i]);
    }
    pthread_mutex_destroy(&p->coding);
    free(p->pcm);
    free(p);
}

void mc_prompt_ref(struct mc_prompt *p) {
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
}

void mc_prompt_unref(struct mc_prompt *p) {
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (p->live != NULL) {
        atomic_fetch_sub(p->live, 1);
    }
    destroy(p);
}

uint32_t mc_prompt_rate(const struct mc_prompt *p) {
    return p->rate;
}

uint32_t mc_prompt_ms(const struct mc_prompt *p) {
    return p->end_ms;
}

bool mc_prompt_loops(const struct mc_prompt *p) {
    return p->loop;
}

/* What follows the last sample fades out over what the first ones fade in from: going round leaves no seam. */
static void close_loop(struct mc_prompt *p, const int16_t *pcm, size_t n) {
    const int32_t join = (int32_t)(p->rate / 200);
    for (int32_t i = 0; i < join; i++) {
        p->pcm[i] = (int16_t)((pcm[i] * (i + 1) + pcm[n + (size_t)i] * (join - i)) / (join + 1));
    }
}

/* Lengths; MC_E_ARG. */
static int measure(struct mc_prompt *p, size_t n) {
    const size_t step = (size_t)p->rate / 1000 * STEP_MS, join = p->rate / 200;
    size_t ms = p->loop ? (n > join ? (n - join) / step * STEP_MS : 0) : (n + step - 1) / step * STEP_MS;
    if (ms < (p->loop ? LEAST_LOOP_MS : STEP_MS) || ms > MOST_MS) {
        return MC_E_ARG;
    }
    p->end_ms = (uint32_t)ms;
    p->ms = p->loop ? p->end_ms : (p->end_ms + TAIL_MS + ALL_PTIMES_MS - 1) / ALL_PTIMES_MS * ALL_PTIMES_MS;
    return MC_OK;
}

static int code_stateless(struct mc_prompt *p) {
    int rc = MC_OK;
    for (size_t i = 0; rc == MC_OK && mc_codecs[i] != NULL; i++) {
        struct mc_coding coding = {.codec = mc_codecs[i]};
        rc = mc_codec_stateless(coding.codec) ? mc_prompt_code(p, &coding) : MC_OK;
    }
    return rc;
}

int mc_prompt_new(struct mc_prompt **out, uint32_t rate, const int16_t *pcm, size_t n, bool loop, mc_live *live) {
    if (rate != 8000 && rate != 16000 && rate != 24000 && rate != 48000) {
        return MC_E_ARG;
    }
    struct mc_prompt *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return MC_E_NOMEM;
    }
    atomic_init(&p->refs, 1);
    pthread_mutex_init(&p->coding, NULL);
    p->rate = rate;
    p->loop = loop;
    int rc = measure(p, n);
    if (rc == MC_OK) {
        const size_t room = (size_t)p->ms * (rate / 1000), used = loop || n > room ? room : n;
        p->pcm = calloc(room, sizeof *p->pcm);
        rc = p->pcm == NULL ? MC_E_NOMEM : MC_OK;
        if (rc == MC_OK) {
            memcpy(p->pcm, pcm, used * sizeof *pcm);
        }
        if (rc == MC_OK && loop) {
            close_loop(p, pcm, room);
        }
    }
    if (rc == MC_OK) {
        rc = code_stateless(p);
    }
    if (rc != MC_OK) {
        destroy(p);
        return rc;
    }
    p->live = live;
    if (live != NULL) {
        atomic_fetch_add(live, 1);
    }
    *out = p;
    return MC_OK;
}

int mc_prompt_code(struct mc_prompt *p, const struct mc_coding *coding) {
    int rc = MC_OK;
    if (!mc_codec_stateless(coding->codec) && !coding->codec->restarts) {
        return MC_OK;
    }
    pthread_mutex_lock(&p->coding);
    size_t n = atomic_load_explicit(&p->n_tracks, memory_order_relaxed);
    if (mc_prompt_find(p, coding) == NULL) {
        rc = n < MC_PROMPT_TRACKS ? mc_prompt_track_make(&p->track[n], p, coding) : MC_E_FULL;
        if (rc == MC_OK) {
            atomic_store_explicit(&p->n_tracks, n + 1, memory_order_release); /* the worker looks no further than this */
        }
    }
    pthread_mutex_unlock(&p->coding);
    return rc;
}

/* --- a listener --- */

bool mc_prompt_over(const struct mc_prompt *p, const struct mc_prompt_at *at) {
    return !p->loop && at->ms >= p->end_ms + TAIL_MS;
}

/* Samples from `ms` on: of a loop going round, else silence behind the end. */
void mc_prompt_read(const struct mc_prompt *p, uint64_t ms, int16_t *pcm, size_t n) {
    const size_t per_ms = p->rate / 1000, all = p->ms * per_ms;
    for (size_t at = (size_t)(p->loop ? ms % p->ms : ms) * per_ms; n > 0; at = 0) {
        size_t k = at < all ? all - at : 0;
        k = k < n ? k : n;
        memcpy(pcm, p->pcm + (k > 0 ? at : 0), k * sizeof *pcm);
        pcm += k;
        n -= k;
        if (!p->loop) {
            memset(pcm, 0, n * sizeof *pcm);
            return;
        }
    }
}

void mc_prompt_pcm(const struct mc_prompt *p, struct mc_prompt_at *at, int16_t *pcm, size_t n) {
    mc_prompt_read(p, at->ms, pcm, n);
    at->ms += n * 1000 / p->rate;
    at->coded = false;
}

void mc_prompt_sound(const struct mc_prompt *p, const struct mc_prompt_at *at, uint32_t ago_ms, int16_t *pcm, size_t n) {
    size_t before = at->ms < ago_ms ? (size_t)(ago_ms - at->ms) * (p->rate / 1000) : 0;
    before = before < n ? before : n;
    memset(pcm, 0, before * sizeof *pcm);
    mc_prompt_read(p, at->ms < ago_ms ? 0 : at->ms - ago_ms, pcm + before, n - before);
}

int mc_prompt_coded(const struct mc_prompt *p, struct mc_prompt_at *at, const struct mc_coding *coding, bool goes_on,
                    uint8_t *out, size_t size) {
    const struct mc_prompt_track *t = mc_prompt_over(p, at) ? NULL : mc_prompt_find(p, coding);
    if (t == NULL) {
        return MC_E_EMPTY;
    }
    if (!mc_codec_stateless(coding->codec) && !(at->coded && goes_on)) {
        if (at->ms % p->ms != 0) { /* in the middle: no decoder could begin there */
            return MC_E_EMPTY;
        }
        at->ms = 0;
    }
    int len = mc_prompt_track_read(t, p, at->ms, coding->ptime_ms, out, size);
    if (len >= 0) {
        at->ms += coding->ptime_ms;
        at->coded = true;
    }
    return len;
}
