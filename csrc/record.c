/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record.h"

#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "err.h"
#include "timeline.h"

#define BEHIND_US 2000000 /* a tick is in its tap long before it is so old */

struct mc_record {
    struct mc_record_seat seat;
    struct mc_tap *tap;
    struct mc_timeline tl;
    struct mc_outfile file;
    const struct mc_container *container;
    void *state;
    char *path;
    mc_live *live;
    uint64_t owed; /* frames that the container had no room for: silence, once there is */
    uint64_t frames, lost;
    bool news, lossy;
    int error; /* as it was told last */
    struct mc_record_pub {
        _Atomic uint64_t frames, lost, bytes, n_errors, error, done;
    } pub;
};

static void unmake(struct mc_record *rec) {
    if (rec->state != NULL) {
        rec->container->free(rec->state);
    }
    mc_outfile_close(&rec->file);
    mc_timeline_free(&rec->tl);
    mc_tap_free(rec->tap);
    free(rec->state);
    free(rec->path);
    free(rec);
}

static int make(struct mc_record *rec, const struct mc_record_cfg *cfg) {
    rec->path = strdup(cfg->path);
    rec->state = calloc(1, rec->container->size);
    if (rec->path == NULL || rec->state == NULL) {
        return MC_E_NOMEM;
    }
    int rc = mc_tap_new(&rec->tap, cfg->rate, cfg->start_us);
    if (rc == MC_OK) {
        rc = mc_timeline_init(&rec->tl, cfg->rate, cfg->start_us);
    }
    if (rc == MC_OK) {
        rc = mc_outfile_init(&rec->file, rec->path, cfg->ops != NULL ? cfg->ops : &mc_file_ops_system, cfg->ops_ctx);
    }
    if (rc == MC_OK) {
        rc = rec->container->init(rec->state, &rec->file, cfg->rate, cfg->serial);
    }
    return rc;
}

int mc_record_new(struct mc_record **out, const struct mc_record_cfg *cfg) {
    const struct mc_container *container = mc_container_find(cfg->format);
    if (container == NULL) {
        return MC_E_ARG;
    }
    struct mc_record *rec = calloc(1, sizeof *rec);
    if (rec == NULL) {
        return MC_E_NOMEM;
    }
    rec->container = container;
    rec->file.fd = -1;
    int rc = make(rec, cfg);
    if (rc != MC_OK) {
        unmake(rec);
        return rc;
    }
    rec->live = cfg->live;
    if (rec->live != NULL) {
        atomic_fetch_add(rec->live, 1);
    }
    *out = rec;
    return MC_OK;
}

void mc_record_free(struct mc_record *rec) {
    if (rec != NULL) {
        if (rec->live != NULL) {
            atomic_fetch_sub(rec->live, 1);
        }
        unmake(rec);
    }
}

struct mc_tap *mc_record_tap(struct mc_record *rec) {
    return rec->tap;
}

struct mc_record_seat *mc_record_seat(struct mc_record *rec) {
    return &rec->seat;
}

/* --- what it tells --- */

static void set(_Atomic uint64_t *to, uint64_t v) {
    atomic_store_explicit(to, v, memory_order_relaxed);
}

/* What the tap had no room for comes out of the time line as silence. */
static uint64_t lost_so_far(const struct mc_record *rec) {
    return rec->lost + mc_tap_dropped(rec->tap);
}

static void publish(struct mc_record *rec, bool done) {
    bool lossy = lost_so_far(rec) > 0;
    rec->news |= done || lossy != rec->lossy || rec->file.error != rec->error;
    rec->lossy = lossy;
    rec->error = rec->file.error;
    set(&rec->pub.frames, rec->frames);
    set(&rec->pub.lost, lost_so_far(rec));
    set(&rec->pub.bytes, rec->file.at);
    set(&rec->pub.n_errors, rec->file.n_errors);
    set(&rec->pub.error, (uint64_t)rec->file.error);
    atomic_store_explicit(&rec->pub.done, done, memory_order_release);
}

void mc_record_stats(const struct mc_record *rec, struct mc_record_stats *out) {
    out->done = atomic_load_explicit(&rec->pub.done, memory_order_acquire);
#define GET(field) out->field = atomic_load_explicit(&rec->pub.field, memory_order_relaxed)
    GET(frames);
    GET(lost);
    GET(bytes);
    GET(n_errors);
    GET(error);
#undef GET
}

bool mc_record_news(struct mc_record *rec) {
    bool news = rec->news;
    rec->news = false;
    return news;
}

/* --- the way into the file --- */

static void store(struct mc_record *rec, const int16_t *stereo, size_t n) {
    uint64_t done = 1;
    while (rec->owed > 0 && done > 0) {
        done = rec->container->silence(rec->state, rec->owed);
        rec->owed -= done;
    }
    if (rec->owed > 0 || !rec->container->put(rec->state, stereo, n)) {
        rec->owed += n;
        rec->lost += n;
    }
    rec->frames += n;
}

static void drain(struct mc_record *rec) {
    int16_t stereo[2 * MC_CONTAINER_FRAMES];
    size_t n;
    while ((n = mc_timeline_take(&rec->tl, stereo, MC_CONTAINER_FRAMES)) > 0) {
        store(rec, stereo, n);
    }
}

static void gather(struct mc_record *rec) {
    struct mc_tap_head head;
    int16_t left[MC_TAP_MAX], right[MC_TAP_MAX];
    while (mc_tap_take(rec->tap, &head, left, right)) {
        mc_timeline_open(&rec->tl, &head);
        drain(rec);
        mc_timeline_put(&rec->tl, &head, left, right);
        drain(rec);
    }
}

void mc_record_turn(struct mc_record *rec, uint64_t now_us) {
    gather(rec);
    if (now_us > rec->tl.start_us + BEHIND_US) {
        mc_timeline_pass(&rec->tl, now_us - BEHIND_US); /* paused, or the leg stands still */
        drain(rec);
    }
    rec->container->sync(rec->state);
    publish(rec, false);
}

void mc_record_finish(struct mc_record *rec) {
    gather(rec);
    mc_timeline_finish(&rec->tl);
    drain(rec);
    rec->container->finish(rec->state);
    int error = rec->file.error;
    mc_outfile_close(&rec->file);
    rec->file.error = error;
    publish(rec, true);
}
