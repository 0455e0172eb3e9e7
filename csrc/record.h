/* SPDX-License-Identifier: GPL-3.0-or-later
 * One recording: tap > time line > container > file. Whoever drives it (record_thread.h, or a test in virtual time) calls turn now
 * and then; the leg's worker only ever sees the tap. */
#ifndef MC_RECORD_H
#define MC_RECORD_H

#include "leg.h"
#include "outfile.h"
#include "tap.h"

struct mc_record;

struct mc_record_cfg {
    const char *path;
    const char *format;            /* a container's name */
    uint32_t rate;                 /* of the leg */
    uint64_t start_us;             /* the file's first sample */
    uint32_t serial;               /* any number; of the Ogg stream */
    const struct mc_file_ops *ops; /* NULL = the system's */
    void *ops_ctx;
    mc_live *live; /* may be NULL */
};

struct mc_record_stats {
    uint64_t frames;   /* of the time line that were put into the file, silence included */
    uint64_t lost;     /* of them, silence in the place of what the disk did not take in time */
    uint64_t bytes;    /* of the file */
    uint64_t n_errors; /* writes that failed; each was tried again */
    uint64_t error;    /* errno of the last write; 0 = all is well */
    uint64_t done;     /* 1 = the file is complete, and closed */
};

/* MC_E_ARG: no such format. */
int mc_record_new(struct mc_record **out, const struct mc_record_cfg *cfg);
void mc_record_free(struct mc_record *rec); /* its tap is on no leg; done, or never given to a thread. NULL is fine */
struct mc_tap *mc_record_tap(struct mc_record *rec);
void mc_record_stats(const struct mc_record *rec, struct mc_record_stats *out); /* any thread */

/* One thread. Everything that came, into the file; now_us: the clock of the ticks. */
void mc_record_turn(struct mc_record *rec, uint64_t now_us);
void mc_record_finish(struct mc_record *rec); /* the tap is on no leg any more: the rest, and closed */
/* Something that somebody should know: loss began, an error came or went, done. Takes it back. */
bool mc_record_news(struct mc_record *rec);

/* record_thread.c's own. */
struct mc_record_seat {
    struct mc_record *next;
    _Atomic bool ending;
};
struct mc_record_seat *mc_record_seat(struct mc_record *rec);

#endif
