/* SPDX-License-Identifier: GPL-3.0-or-later
 * What siptrace.c and siptrace_room.c share: dialogs, chunks, and who goes when there is no room. All under the lock. */
#ifndef MC_SIPTRACE_INT_H
#define MC_SIPTRACE_INT_H

#include "siptrace.h"

/* Of an index 0 is none: the first element of each array is not used. */
struct mc_chunk {
    uint32_t next;         /* of the same message */
    uint32_t next_message; /* of the same dialog: its first chunk */
    uint8_t bytes[MC_SIPTRACE_CHUNK - 2 * sizeof(uint32_t)];
};

struct mc_record { /* at the beginning of a message's first chunk; its text follows */
    struct mc_siptrace_msg msg;
    uint32_t n_chunks;
    uint32_t n_lost; /* messages before this one */
};

struct mc_dialog {
    uint64_t hash, at_us; /* last message, or end */
    uint32_t in_bucket, prev, next;
    uint32_t id, first, last; /* chunks */
    uint32_t anchor;          /* last of the messages that stay */
    uint32_t n_chunks, n_first, n_lost;
    uint16_t n_id;
    uint8_t kind;
    bool live[MC_SIPTRACE_OWNERS];
    char owner[MC_SIPTRACE_OWNERS][MC_SIPTRACE_OWNER];
    uint32_t of_owner[MC_SIPTRACE_OWNERS]; /* next place in the same bucket of `owners` */
};

struct mc_siptrace {
    pthread_mutex_t lock;
    uint64_t seed, keep_us, number, n_lost;
    struct mc_chunk *chunks;
    struct mc_dialog *dialogs;
    uint32_t *buckets, *owners; /* by Call-ID: dialogs; by owner: places, MC_SIPTRACE_OWNERS of each dialog */
    uint32_t n_chunks, used_chunks, free_chunk, n_free; /* n_free: of all, those never used too */
    uint32_t n_dialogs, used_dialogs, free_dialog, n_live_dialogs;
    uint32_t mask, most_of_one;
    struct {
        uint32_t first, last; /* oldest, newest */
        uint32_t n_chunks;
    } kinds[MC_SIPTRACE_KINDS];
    char text[MC_SIPTRACE_MAX_TEXT];
};

static inline struct mc_record *mc_record_at(struct mc_siptrace *t, uint32_t chunk) {
    return (struct mc_record *)(void *)t->chunks[chunk].bytes;
}

struct mc_dialog *mc_siptrace_find(struct mc_siptrace *t, struct mc_span call_id, uint64_t hash);
/* NULL: no room. */
struct mc_dialog *mc_siptrace_begin(struct mc_siptrace *t, struct mc_span call_id, uint64_t hash, enum mc_siptrace_kind kind);
/* It becomes the newest of this kind. */
void mc_siptrace_touch(struct mc_siptrace *t, struct mc_dialog *d, enum mc_siptrace_kind kind, uint64_t now_us);
/* The dialog's next message. False: no room. */
bool mc_siptrace_add(struct mc_siptrace *t, struct mc_dialog *d, const struct mc_record *record, const char *text, size_t len);
/* The first place of those whose owner may be this one. */
uint32_t *mc_siptrace_places(struct mc_siptrace *t, const char *owner);
/* Place i of the dialog, which is free, is this owner's. */
void mc_siptrace_name(struct mc_siptrace *t, struct mc_dialog *d, int i, const char *owner);
void mc_siptrace_forget(struct mc_siptrace *t, struct mc_dialog *d);
/* Those whose time is over. */
void mc_siptrace_expire(struct mc_siptrace *t, uint64_t now_us);

#endif
