/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "err.h"
#include "siphash.h"
#include "siptrace_int.h"
#include <string.h>

static struct mc_siptrace the_trace = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct mc_siptrace *mc_siptrace_the(void) {
    return &the_trace;
}

struct mc_siptrace *mc_siptrace_new(void) {
    struct mc_siptrace *t = calloc(1, sizeof *t);

    if (t != NULL) {
        pthread_mutex_init(&t->lock, NULL);
    }
    return t;
}

static void drop(struct mc_siptrace *t) {
    free(t->chunks);
    free(t->dialogs);
    free(t->buckets);
    free(t->owners);
    t->chunks = NULL;
    t->dialogs = NULL;
    t->buckets = t->owners = NULL;
    t->n_chunks = t->used_chunks = t->free_chunk = t->n_free = 0;
    t->n_dialogs = t->used_dialogs = t->free_dialog = t->n_live_dialogs = 0;
    t->n_lost = 0;
    memset(t->kinds, 0, sizeof t->kinds);
}

void mc_siptrace_free(struct mc_siptrace *t) {
    if (t != NULL) {
        drop(t);
        pthread_mutex_destroy(&t->lock);
        free(t);
    }
}

/* calloc leaves the pages alone: what is never used costs nothing. */
static int set_up(struct mc_siptrace *t, uint32_t n_chunks) {
    uint32_t n_buckets = 1;

    t->n_chunks = t->n_free = n_chunks;
    t->n_dialogs = n_chunks / 2 + 1; /* a dialog has a Call-ID, and a message */
    while (n_buckets < t->n_dialogs) {
        n_buckets *= 2;
    }
    t->mask = n_buckets - 1;
    t->chunks = calloc((size_t)n_chunks + 1, sizeof *t->chunks);
    t->dialogs = calloc((size_t)t->n_dialogs + 1, sizeof *t->dialogs);
    t->buckets = calloc(n_buckets, sizeof *t->buckets);
    t->owners = calloc(n_buckets, sizeof *t->owners);
    return t->chunks && t->dialogs && t->buckets && t->owners ? MC_OK : MC_E_NOMEM;
}

int mc_siptrace_open(struct mc_siptrace *t, size_t bytes, size_t dialog_bytes, uint64_t keep_us, uint64_t seed) {
    size_t n_chunks = bytes / sizeof(struct mc_chunk), most = dialog_bytes / sizeof(struct mc_chunk);
    int rc = MC_OK;

    pthread_mutex_lock(&t->lock);
    drop(t);
    t->seed = seed;
    t->keep_us = keep_us;
    t->most_of_one = (uint32_t)(most < n_chunks ? most : n_chunks);
    if (n_chunks > UINT32_MAX / 2) {
        rc = MC_E_ARG;
    } else if (n_chunks > 0) {
        rc = set_up(t, (uint32_t)n_chunks);
    }
    if (rc != MC_OK) {
        drop(t);
    }
    pthread_mutex_unlock(&t->lock);
    return rc;
}

static bool is_fit(const struct mc_siptrace *t, struct mc_span call_id) {
    return t->n_chunks > 0 && call_id.len > 0 && call_id.len <= MC_SIPTRACE_MAX_ID;
}

/* The place of this owner, or the first free one; MC_SIPTRACE_OWNERS: none. */
static int place_of(const struct mc_dialog *d, const char *owner) {
    int i = 0;

    for (; i < MC_SIPTRACE_OWNERS && d->owner[i][0] != '\0' && strcmp(d->owner[i], owner) != 0; i++) {
    }
    return i;
}

static void set_owner(struct mc_siptrace *t, struct mc_dialog *d, const char *owner, bool live) {
    int i = place_of(d, owner);

    if (i < MC_SIPTRACE_OWNERS && owner[0] != '\0' && strlen(owner) < MC_SIPTRACE_OWNER) {
        if (d->owner[i][0] == '\0') {
            mc_siptrace_name(t, d, i, owner);
        }
        d->live[i] = live;
    }
}

static bool is_live(const struct mc_dialog *d) {
    for (int i = 0; i < MC_SIPTRACE_OWNERS; i++) {
        if (d->live[i]) {
            return true;
        }
    }
    return false;
}

static void put(struct mc_siptrace *t, struct mc_span call_id, enum mc_siptrace_kind kind, const char *owner,
                const struct mc_siptrace_msg *msg, const char *text) {
    uint64_t hash = mc_siphash(t->seed, call_id.at, call_id.len);
    struct mc_dialog *d = mc_siptrace_find(t, call_id, hash);
    struct mc_record record = {.msg = *msg};

    if (d == NULL && kind < MC_SIPTRACE_KINDS) {
        d = mc_siptrace_begin(t, call_id, hash, kind);
    }
    if (d == NULL) {
        t->n_lost += kind < MC_SIPTRACE_KINDS;
        return;
    }
    mc_siptrace_touch(t, d, d->kind, msg->mono_us);
    if (owner[0] != '\0') {
        set_owner(t, d, owner, false);
    }
    record.msg.len = msg->len < sizeof t->text ? msg->len : sizeof t->text;
    record.msg.number = ++t->number;
    memcpy(t->text, text, record.msg.len);
    mc_siptrace_hide(t->text, record.msg.len);
    mc_siptrace_add(t, d, &record, t->text, record.msg.len);
}

void mc_siptrace_put(struct mc_siptrace *t, struct mc_span call_id, enum mc_siptrace_kind kind, const char *owner,
                     const struct mc_siptrace_msg *msg, const char *text) {
    pthread_mutex_lock(&t->lock);
    if (is_fit(t, call_id)) {
        mc_siptrace_expire(t, msg->mono_us);
        put(t, call_id, kind, owner, msg, text);
    }
    pthread_mutex_unlock(&t->lock);
}

void mc_siptrace_own(struct mc_siptrace *t, struct mc_span call_id, const char *owner, uint64_t now_us) {
    pthread_mutex_lock(&t->lock);
    if (is_fit(t, call_id)) {
        uint64_t hash = mc_siphash(t->seed, call_id.at, call_id.len);
        struct mc_dialog *d = mc_siptrace_find(t, call_id, hash);

        d = d != NULL ? d : mc_siptrace_begin(t, call_id, hash, MC_SIPTRACE_LIVE);
        if (d != NULL) {
            set_owner(t, d, owner, true);
            mc_siptrace_touch(t, d, MC_SIPTRACE_LIVE, now_us);
        }
    }
    pthread_mutex_unlock(&t->lock);
}

void mc_siptrace_end(struct mc_siptrace *t, struct mc_span call_id, const char *owner, uint64_t now_us) {
    pthread_mutex_lock(&t->lock);
    if (is_fit(t, call_id)) {
        struct mc_dialog *d = mc_siptrace_find(t, call_id, mc_siphash(t->seed, call_id.at, call_id.len));

        if (d != NULL) {
            set_owner(t, d, owner, false);
            mc_siptrace_touch(t, d, is_live(d) ? MC_SIPTRACE_LIVE : MC_SIPTRACE_ENDED, now_us);
        }
    }
    pthread_mutex_unlock(&t->lock);
}

static size_t write_text(struct mc_siptrace *t, uint32_t chunk, size_t from, uint8_t *out, size_t len) {
    size_t done = 0;

    for (; done < len; chunk = t->chunks[chunk].next, from = 0) {
        size_t n = sizeof t->chunks->bytes - from;

        n = n < len - done ? n : len - done;
        memcpy(out + done, t->chunks[chunk].bytes + from, n);
        done += n;
    }
    return done;
}

static size_t read_dialog(struct mc_siptrace *t, const struct mc_dialog *d, uint64_t after, uint8_t *out, size_t room) {
    size_t n = 0;

    for (uint32_t c = d->first; c != 0; c = t->chunks[c].next_message) {
        const struct mc_record *r = mc_record_at(t, c);
        struct mc_siptrace_row row = {.msg = r->msg, .n_id = d->n_id, .n_lost = r->n_lost};
        size_t size = sizeof row + d->n_id + r->msg.len;

        if (r->msg.number <= after) {
            continue;
        }
        if (n + size <= room) {
            memcpy(out + n, &row, sizeof row);
            write_text(t, d->id, 0, out + n + sizeof row, d->n_id);
            write_text(t, c, sizeof *r, out + n + sizeof row + d->n_id, r->msg.len);
        }
        n += size;
    }
    return n;
}

size_t mc_siptrace_read(struct mc_siptrace *t, const char *owner, struct mc_span call_id, uint64_t after, uint64_t now_us,
                        uint8_t *out, size_t room) {
    size_t n = 0;

    pthread_mutex_lock(&t->lock);
    if (t->n_chunks > 0) {
        mc_siptrace_expire(t, now_us);
    }
    if (owner[0] == '\0' && is_fit(t, call_id)) {
        const struct mc_dialog *d = mc_siptrace_find(t, call_id, mc_siphash(t->seed, call_id.at, call_id.len));

        n = d != NULL ? read_dialog(t, d, after, out, room) : 0;
    }
    for (uint32_t p = owner[0] != '\0' && t->n_chunks > 0 ? *mc_siptrace_places(t, owner) : 0; p != 0;) {
        const struct mc_dialog *d = &t->dialogs[p / MC_SIPTRACE_OWNERS];
        uint32_t i = p % MC_SIPTRACE_OWNERS;

        if (strcmp(d->owner[i], owner) == 0) {
            n += read_dialog(t, d, after, out + (n < room ? n : room), n < room ? room - n : 0);
        }
        p = d->of_owner[i];
    }
    pthread_mutex_unlock(&t->lock);
    return n;
}

bool mc_siptrace_owner(struct mc_siptrace *t, struct mc_span call_id, char owner[MC_SIPTRACE_OWNER]) {
    owner[0] = '\0';
    pthread_mutex_lock(&t->lock);
    if (is_fit(t, call_id)) {
        const struct mc_dialog *d = mc_siptrace_find(t, call_id, mc_siphash(t->seed, call_id.at, call_id.len));

        if (d != NULL) {
            memcpy(owner, d->owner[0], MC_SIPTRACE_OWNER);
        }
    }
    pthread_mutex_unlock(&t->lock);
    return owner[0] != '\0';
}

void mc_siptrace_counts(struct mc_siptrace *t, struct mc_siptrace_counts *out) {
    pthread_mutex_lock(&t->lock);
    out->bytes = (uint64_t)(t->n_chunks - t->n_free) * sizeof(struct mc_chunk);
    out->dialogs = t->n_live_dialogs;
    out->lost = t->n_lost;
    pthread_mutex_unlock(&t->lock);
}
