/* SPDX-License-Identifier: GPL-3.0-or-later
 * The one thread that writes recordings: it comes by all of them a few times a second, and only it waits for disks. */
#ifndef MC_RECORD_THREAD_H
#define MC_RECORD_THREAD_H

#include "record.h"

struct mc_recorder;

int mc_recorder_new(struct mc_recorder **out); /* MC_E_NOMEM, MC_E_SYS */
void mc_recorder_ref(struct mc_recorder *r);
void mc_recorder_unref(
    struct mc_recorder *r); /* the last one: ends all recordings, whose taps are on no leg any more, and the thread */
/* Readable when a recording has news (its statistics say which); a read takes it back. */
int mc_recorder_fd(const struct mc_recorder *r);
void mc_recorder_add(struct mc_recorder *r, struct mc_record *rec);
/* Its tap is on no leg any more. When its statistics say done, and not before, it may be freed. */
void mc_recorder_end(struct mc_recorder *r, struct mc_record *rec);
void mc_recorder_wait(struct mc_recorder *r, struct mc_record *rec); /* blocks until it is done */

#endif
