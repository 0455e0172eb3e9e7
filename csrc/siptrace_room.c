/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "siphash.h"
#include "siptrace_int.h"

static uint32_t index_of(const struct mc_siptrace *t, const struct mc_dialog *d) {
    return (uint32_t)(d - t->dialogs);
}

/* --- chunks: mc_siptrace_add and _begin have made sure that there are enough */

static uint32_t take_chunk(struct mc_siptrace *t) {
    uint32_t c = t->free_chunk;

    if (c != 0) {
        t->free_chunk = t->chunks[c].next;
    } else {
        c = ++t->used_chunks;
    }
    t->chunks[c].next = t->chunks[c].next_message = 0;
    t->n_free--;
    return c;
}

static void give_chunks(struct mc_siptrace *t, uint32_t c) {
    while (c != 0) {
        uint32_t next = t->chunks[c].next;

        t->chunks[c].next = t->free_chunk;
        t->free_chunk = c;
        t->n_free++;
        c = next;
    }
}

static uint32_t write_chunks(struct mc_siptrace *t, const void *head, size_t n_head, const char *text, size_t len) {
    uint32_t first = take_chunk(t), c = first;
    size_t room = sizeof t->chunks->bytes - n_head, n = len < room ? len : room;

    memcpy(t->chunks[c].bytes, head, n_head);
    memcpy(t->chunks[c].bytes + n_head, text, n);
    for (text += n, len -= n; len > 0; text += n, len -= n) {
        c = t->chunks[c].next = take_chunk(t);
        n = len < sizeof t->chunks->bytes ? len : sizeof t->chunks->bytes;
        memcpy(t->chunks[c].bytes, text, n);
    }
    return first;
}

/* --- dialogs */

static bool has_id(const struct mc_siptrace *t, const struct mc_dialog *d, struct mc_span id) {
    return d->n_id == id.len && memcmp(t->chunks[d->id].bytes, id.at, id.len) == 0;
}

struct mc_dialog *mc_siptrace_find(struct mc_siptrace *t, struct mc_span call_id, uint64_t hash) {
    uint32_t i = t->buckets[hash & t->mask];

    for (; i != 0; i = t->dialogs[i].in_bucket) {
        if (t->dialogs[i].hash == hash && has_id(t, &t->dialogs[i], call_id)) {
            return &t->dialogs[i];
        }
    }
    return NULL;
}

static void unlink_kind(struct mc_siptrace *t, struct mc_dialog *d) {
    *(d->prev ? &t->dialogs[d->prev].next : &t->kinds[d->kind].first) = d->next;
    *(d->next ? &t->dialogs[d->next].prev : &t->kinds[d->kind].last) = d->prev;
    t->kinds[d->kind].n_chunks -= d->n_chunks;
}

static void link_kind(struct mc_siptrace *t, struct mc_dialog *d) {
    d->prev = t->kinds[d->kind].last;
    d->next = 0;
    *(d->prev ? &t->dialogs[d->prev].next : &t->kinds[d->kind].first) = index_of(t, d);
    t->kinds[d->kind].last = index_of(t, d);
    t->kinds[d->kind].n_chunks += d->n_chunks;
}

void mc_siptrace_touch(struct mc_siptrace *t, struct mc_dialog *d, enum mc_siptrace_kind kind, uint64_t now_us) {
    unlink_kind(t, d);
    d->kind = (uint8_t)kind;
    d->at_us = now_us;
    link_kind(t, d);
}

uint32_t *mc_siptrace_places(struct mc_siptrace *t, const char *owner) {
    return &t->owners[mc_siphash(t->seed, owner, strlen(owner)) & t->mask];
}

static uint32_t place(const struct mc_siptrace *t, const struct mc_dialog *d, int i) {
    return index_of(t, d) * MC_SIPTRACE_OWNERS + (uint32_t)i;
}

void mc_siptrace_name(struct mc_siptrace *t, struct mc_dialog *d, int i, const char *owner) {
    uint32_t *first = mc_siptrace_places(t, owner);

    memcpy(d->owner[i], owner, strlen(owner) + 1);
    d->of_owner[i] = *first;
    *first = place(t, d, i);
}

static void unname(struct mc_siptrace *t, struct mc_dialog *d, int i) {
    uint32_t *link = mc_siptrace_places(t, d->owner[i]);

    while (*link != place(t, d, i)) {
        link = &t->dialogs[*link / MC_SIPTRACE_OWNERS].of_owner[*link % MC_SIPTRACE_OWNERS];
    }
    *link = d->of_owner[i];
}

void mc_siptrace_forget(struct mc_siptrace *t, struct mc_dialog *d) {
    uint32_t *link = &t->buckets[d->hash & t->mask], next;

    while (*link != index_of(t, d)) {
        link = &t->dialogs[*link].in_bucket;
    }
    *link = d->in_bucket;
    for (int i = 0; i < MC_SIPTRACE_OWNERS && d->owner[i][0] != '\0'; i++) {
        unname(t, d, i);
    }
    unlink_kind(t, d);
    give_chunks(t, d->id);
    for (uint32_t c = d->first; c != 0; c = next) {
        next = t->chunks[c].next_message;
        give_chunks(t, c);
    }
    d->next = t->free_dialog;
    t->free_dialog = index_of(t, d);
    t->n_live_dialogs--;
}

void mc_siptrace_expire(struct mc_siptrace *t, uint64_t now_us) {
    static const enum mc_siptrace_kind kinds[] = {MC_SIPTRACE_STRANGER, MC_SIPTRACE_ENDED};

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        uint32_t i;

        while ((i = t->kinds[kinds[k]].first) != 0 && t->dialogs[i].at_us + t->keep_us <= now_us) {
            mc_siptrace_forget(t, &t->dialogs[i]);
        }
    }
}

/* The oldest of this kind, but `but`; 0 = none. */
static uint32_t oldest(const struct mc_siptrace *t, enum mc_siptrace_kind kind, const struct mc_dialog *but) {
    uint32_t i = t->kinds[kind].first;

    return i != 0 && but != NULL && &t->dialogs[i] == but ? t->dialogs[i].next : i;
}

static bool evict(struct mc_siptrace *t, uint32_t i) {
    if (i == 0) {
        return false;
    }
    for (uint32_t c = t->dialogs[i].first; c != 0; c = t->chunks[c].next_message) {
        t->n_lost++;
    }
    mc_siptrace_forget(t, &t->dialogs[i]);
    return true;
}

/* Something goes for a dialog of this kind: what is over goes by its age, a live call for another one only. */
static bool evict_for(struct mc_siptrace *t, enum mc_siptrace_kind kind, const struct mc_dialog *but) {
    uint32_t a = oldest(t, MC_SIPTRACE_STRANGER, but), b = oldest(t, MC_SIPTRACE_ENDED, but);

    if (a != 0 && (b == 0 || t->dialogs[a].at_us < t->dialogs[b].at_us)) {
        return evict(t, a);
    }
    return evict(t, b) || evict(t, oldest(t, MC_SIPTRACE_PEER, but)) ||
           (kind == MC_SIPTRACE_LIVE && evict(t, oldest(t, MC_SIPTRACE_LIVE, but)));
}

/* Room for `need` chunks more of this kind. */
static bool make_room(struct mc_siptrace *t, enum mc_siptrace_kind kind, uint32_t need, const struct mc_dialog *but) {
    bool limited = kind == MC_SIPTRACE_STRANGER || kind == MC_SIPTRACE_PEER;

    while (limited && t->kinds[kind].n_chunks + need > t->n_chunks / 8) {
        if (!evict(t, oldest(t, kind, but))) {
            return false;
        }
    }
    while (t->n_free < need && evict_for(t, kind, but)) {
    }
    return t->n_free >= need;
}

struct mc_dialog *mc_siptrace_begin(struct mc_siptrace *t, struct mc_span call_id, uint64_t hash, enum mc_siptrace_kind kind) {
    uint32_t i;
    struct mc_dialog *d;

    if (!make_room(t, kind, 1, NULL)) {
        return NULL;
    }
    if (t->n_live_dialogs == t->n_dialogs && !evict_for(t, kind, NULL)) {
        return NULL;
    }
    i = t->free_dialog;
    if (i != 0) {
        t->free_dialog = t->dialogs[i].next;
    } else {
        i = ++t->used_dialogs;
    }
    t->n_live_dialogs++;
    d = &t->dialogs[i];
    *d = (struct mc_dialog){.hash = hash, .kind = (uint8_t)kind, .n_id = (uint16_t)call_id.len, .n_chunks = 1};
    d->id = write_chunks(t, "", 0, call_id.at, call_id.len);
    d->in_bucket = t->buckets[hash & t->mask];
    t->buckets[hash & t->mask] = i;
    link_kind(t, d);
    return d;
}

/* The oldest message that need not stay goes. */
static bool shed(struct mc_siptrace *t, struct mc_dialog *d) {
    uint32_t *link = d->anchor ? &t->chunks[d->anchor].next_message : &d->first;
    uint32_t c = *link, n_chunks, n_lost;

    if (c == 0) {
        return false;
    }
    n_chunks = mc_record_at(t, c)->n_chunks;
    n_lost = mc_record_at(t, c)->n_lost + 1;
    *link = t->chunks[c].next_message;
    if (*link != 0) {
        mc_record_at(t, *link)->n_lost += n_lost;
    } else {
        d->last = d->anchor;
        d->n_lost += n_lost;
    }
    give_chunks(t, c);
    d->n_chunks -= n_chunks;
    t->kinds[d->kind].n_chunks -= n_chunks;
    t->n_lost++;
    return true;
}

bool mc_siptrace_add(struct mc_siptrace *t, struct mc_dialog *d, const struct mc_record *record, const char *text, size_t len) {
    const size_t room = sizeof t->chunks->bytes;
    uint32_t need = (uint32_t)((sizeof *record + len + room - 1) / room), c;

    while (d->n_chunks + need > t->most_of_one && shed(t, d)) {
    }
    if (d->n_chunks + need > t->most_of_one || !make_room(t, d->kind, need, d)) {
        d->n_lost++;
        t->n_lost++;
        return false;
    }
    c = write_chunks(t, record, sizeof *record, text, len);
    mc_record_at(t, c)->n_chunks = need;
    mc_record_at(t, c)->n_lost = d->n_lost;
    d->n_lost = 0;
    *(d->last ? &t->chunks[d->last].next_message : &d->first) = c;
    d->last = c;
    d->n_chunks += need;
    t->kinds[d->kind].n_chunks += need;
    if (d->n_first < MC_SIPTRACE_FIRST && d->n_chunks <= t->most_of_one / 2) {
        d->n_first++;
        d->anchor = c;
    } else {
        d->n_first = MC_SIPTRACE_FIRST; /* what follows a gap is not the beginning */
    }
    return true;
}
