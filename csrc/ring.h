/* SPDX-License-Identifier: GPL-3.0-or-later
 * Lock-free single-producer single-consumer rings. `mc_ring` carries samples and counts them for ever (2^64 samples outlast
 * the machine); `mc_queue` carries fixed-size items. Capacities are powers of two; memory is taken once, at init. */
#ifndef MC_RING_H
#define MC_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* The samples lie in chunks, and a chunk that was consumed is the next to be written again: a ring that runs nearly empty touches
 * the same few memory pages however large it is. */
#define MC_RING_CHUNKS 128 /* at most; one more is there for the two ends to lie inside of one */
#define MC_RING_PLACES 256 /* twice that */

struct mc_ring {
    int16_t *buf;
    uint64_t mask;
    unsigned shift; /* sample i is in logical chunk i >> shift, counted for ever */
    /* The producer's; an entry is read by the consumer once the write index has passed into its chunk. */
    uint8_t place[MC_RING_PLACES];     /* logical chunk, modulo -> chunk of buf */
    uint8_t spare[MC_RING_CHUNKS + 1]; /* consumed ones, the latest on top */
    uint32_t n_spare, n_used;          /* spare ones; ever taken out of buf */
    uint64_t n_placed, n_returned;     /* logical chunks */
    _Alignas(64) _Atomic uint64_t w;   /* samples ever written; producer's */
    _Alignas(64) _Atomic uint64_t r;   /* samples ever consumed; consumer's */
    _Alignas(64) _Atomic uint64_t cut; /* producer: all before this index is to be dropped */
};

int mc_ring_init(struct mc_ring *ring, size_t min_samples);
void mc_ring_free(struct mc_ring *ring);
/* Producer. Takes as many as fit; returns how many. */
size_t mc_ring_write(struct mc_ring *ring, const int16_t *pcm, size_t n);
/* Producer. One atomic store: what is queued now will not be played. Returns the index that playing goes on from. */
uint64_t mc_ring_flush(struct mc_ring *ring);
/* Consumer. Where a flush asks it to jump, or its own read index when none is pending. */
uint64_t mc_ring_cut(const struct mc_ring *ring);
/* Consumer. Copies up to n samples and consumes them; ignores the cut (the caller fades, then jumps). */
size_t mc_ring_read(struct mc_ring *ring, int16_t *pcm, size_t n);
/* Consumer. Moves the read index forward to `index`, at most to the write index. */
void mc_ring_jump(struct mc_ring *ring, uint64_t index);
size_t mc_ring_used(const struct mc_ring *ring); /* either side; a snapshot */
size_t mc_ring_room(const struct mc_ring *ring);

struct mc_queue {
    uint8_t *buf;
    size_t item;
    uint64_t mask;
    _Alignas(64) _Atomic uint64_t w;
    uint64_t off; /* item i is in slot i + off; the producer begins at slot 0 again when it finds the queue empty */
    _Alignas(64) _Atomic uint64_t r;
};

int mc_queue_init(struct mc_queue *q, size_t item, size_t min_items);
void mc_queue_free(struct mc_queue *q);
int mc_queue_push(struct mc_queue *q, const void *item); /* MC_E_FULL */
int mc_queue_pop(struct mc_queue *q, void *item);        /* MC_E_EMPTY */
/* Write in place and read in place: a slot or NULL, then the matching _done. No copy, no other call in between. */
void *mc_queue_slot(struct mc_queue *q);
void mc_queue_slot_done(struct mc_queue *q);
const void *mc_queue_front(struct mc_queue *q);
void mc_queue_front_done(struct mc_queue *q);
size_t mc_queue_used(const struct mc_queue *q);

#endif
