/* SPDX-License-Identifier: GPL-3.0-or-later
 * When the worker looks at its sockets. With few packets: as soon as one comes, and it stays awake a moment before each bucket of the
 * clock. With many: twice for each bucket, when it is due, and a lead before that, which is what the engine needs to hear a packet and
 * to say something in that bucket's tick.
 *
 *     buckets   |             early |             early |          early: sockets, then the engine is told of all since its last time
 *     looks     x                 x x                 x x          |    : sockets (for legs that are joined natively), then ticks
 */
#ifndef MC_LOOK_H
#define MC_LOOK_H

#include <stdbool.h>
#include <stdint.h>

struct mc_look {
    bool busy;        /* twice a bucket */
    uint32_t lead_us; /* while busy */
    /* inside */
    bool early, withheld;
    uint64_t round, n_round; /* the present 20 ms, and the packets that came in them so far */
    unsigned n_vain;         /* buckets in a row that waited for the engine in vain ... */
    uint64_t impatient_us;   /* ... and until when none does */
};

void mc_look_count(struct mc_look *l, unsigned n_packets);
/* When to look next: at `now_us` = 0 (as soon as something comes), else the time. Once a look. */
uint64_t mc_look_next_us(struct mc_look *l, uint64_t now_us);
/* As soon as something comes: how long to sleep at most. 0 when the bucket that is due next is near: a processor that has gone to sleep
 * ticks late and hears late, so what comes just before a tick would miss it. Of 20 ms no more than 1 is spent so, whatever n_buckets
 * (with legs) there are; and none while the engine works, or signalling, which may need this processor. */
uint64_t mc_look_sleep_us(uint64_t now_us, uint64_t due_us, unsigned n_buckets, bool engine_works);
/* After that look: is the engine to be told now? At the latest after the second one. */
bool mc_look_tell(struct mc_look *l);

/* With many, when the bucket of due_us has come and the engine is still at work on what it was told a lead before: how long its ticks
 * wait for it at most. On a processor that woke late, or was taken away for a moment, the lead is not enough now and then, and what
 * misses a tick is 20 ms late where the tick would be less than one. */
uint64_t mc_look_grace_us(const struct mc_look *l, uint64_t now_us, uint64_t due_us);
/* The bucket's ticks begin. Twice in a row in vain, and for a while they don't wait. */
void mc_look_waited(struct mc_look *l, uint64_t now_us, bool in_vain);

/* Reads by receive(ctx), which returns how many packets it read, until none is left or the time is over: 1 ms, or as long as the ticks
 * before took; then they have their turn again, however much more has come. `clock`: now, microseconds. */
void mc_look_read(uint64_t ticks_us, uint64_t (*clock)(void), unsigned (*receive)(void *ctx), void *ctx);

#endif
