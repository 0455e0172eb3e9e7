/* SPDX-License-Identifier: GPL-3.0-or-later
 * Each side loads its own index relaxed and the other's with acquire, and stores its own with release: what was copied before
 * the store is seen by whoever loads it. */
#include "ring.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

#define MAX_ITEMS ((size_t)1 << 40)
#define CHUNK_MIN 512 /* samples: 1 kB, a frame or two */

static size_t power_of_two(size_t min) {
    size_t n = 1;
    while (n < min) {
        n <<= 1;
    }
    return n;
}

static unsigned log2_of(size_t power) {
    return (unsigned)__builtin_ctzll(power);
}

int mc_ring_init(struct mc_ring *ring, size_t min_samples) {
    if (min_samples == 0 || min_samples > MAX_ITEMS) {
        return MC_E_ARG;
    }
    size_t n = power_of_two(min_samples);
    size_t chunk = n / MC_RING_CHUNKS > CHUNK_MIN ? n / MC_RING_CHUNKS : n < CHUNK_MIN ? n : CHUNK_MIN;
    memset(ring, 0, sizeof *ring);
    ring->buf = malloc((n + chunk) * sizeof *ring->buf); /* not cleared: what was never written is never read, nor resident */
    if (ring->buf == NULL) {
        return MC_E_NOMEM;
    }
    ring->mask = n - 1;
    ring->shift = log2_of(chunk);
    atomic_init(&ring->w, 0);
    atomic_init(&ring->r, 0);
    atomic_init(&ring->cut, 0);
    return MC_OK;
}

void mc_ring_free(struct mc_ring *ring) {
    free(ring->buf);
    ring->buf = NULL;
}

static size_t less(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Samples from index i to the end of its chunk. */
static size_t left_in_chunk(const struct mc_ring *ring, uint64_t i) {
    size_t chunk = (size_t)1 << ring->shift;
    return chunk - (i & (chunk - 1));
}

static int16_t *at(const struct mc_ring *ring, uint64_t i) {
    size_t chunk = ring->place[(i >> ring->shift) % MC_RING_PLACES];
    return ring->buf + (chunk << ring->shift) + (i & (((uint64_t)1 << ring->shift) - 1));
}

/* Producer. Chunks that the consumer has left are spare. */
static void take_back(struct mc_ring *ring, uint64_t r) {
    for (; ring->n_returned < r >> ring->shift; ring->n_returned++) {
        ring->spare[ring->n_spare++] = ring->place[ring->n_returned % MC_RING_PLACES];
    }
}

/* Producer. The chunk of index w, when it is the first sample of it. */
static void place(struct mc_ring *ring, uint64_t w) {
    if (w >> ring->shift == ring->n_placed) {
        uint8_t chunk = ring->n_spare > 0 ? ring->spare[--ring->n_spare] : (uint8_t)ring->n_used++;
        ring->place[ring->n_placed++ % MC_RING_PLACES] = chunk;
    }
}

size_t mc_ring_write(struct mc_ring *ring, const int16_t *pcm, size_t n) {
    uint64_t w = atomic_load_explicit(&ring->w, memory_order_relaxed);
    uint64_t r = atomic_load_explicit(&ring->r, memory_order_acquire);
    n = less(n, ring->mask + 1 - (w - r));
    take_back(ring, r);
    for (size_t done = 0; done < n;) {
        place(ring, w + done);
        size_t k = less(n - done, left_in_chunk(ring, w + done));
        memcpy(at(ring, w + done), pcm + done, k * sizeof *pcm);
        done += k;
    }
    atomic_store_explicit(&ring->w, w + n, memory_order_release);
    return n;
}

uint64_t mc_ring_flush(struct mc_ring *ring) {
    uint64_t w = atomic_load_explicit(&ring->w, memory_order_relaxed);
    atomic_store_explicit(&ring->cut, w, memory_order_release);
    return w;
}

uint64_t mc_ring_cut(const struct mc_ring *ring) {
    uint64_t cut = atomic_load_explicit(&ring->cut, memory_order_acquire);
    uint64_t r = atomic_load_explicit(&ring->r, memory_order_relaxed);
    return cut > r ? cut : r;
}

size_t mc_ring_read(struct mc_ring *ring, int16_t *pcm, size_t n) {
    uint64_t r = atomic_load_explicit(&ring->r, memory_order_relaxed);
    uint64_t w = atomic_load_explicit(&ring->w, memory_order_acquire);
    n = less(n, w - r);
    for (size_t done = 0; done < n;) {
        size_t k = less(n - done, left_in_chunk(ring, r + done));
        memcpy(pcm + done, at(ring, r + done), k * sizeof *pcm);
        done += k;
    }
    atomic_store_explicit(&ring->r, r + n, memory_order_release);
    return n;
}

void mc_ring_jump(struct mc_ring *ring, uint64_t index) {
    uint64_t r = atomic_load_explicit(&ring->r, memory_order_relaxed);
    uint64_t w = atomic_load_explicit(&ring->w, memory_order_acquire);
    if (index > w) {
        index = w;
    }
    if (index > r) {
        atomic_store_explicit(&ring->r, index, memory_order_release);
    }
}

/* The read index first: it never passes the write index, so the difference can't be negative. A third thread may see more
 * than the capacity, never less than what is there. */
size_t mc_ring_used(const struct mc_ring *ring) {
    uint64_t r = atomic_load_explicit(&ring->r, memory_order_acquire);
    uint64_t w = atomic_load_explicit(&ring->w, memory_order_acquire);
    return w - r;
}

size_t mc_ring_room(const struct mc_ring *ring) {
    size_t used = mc_ring_used(ring);
    return used > ring->mask ? 0 : ring->mask + 1 - used;
}

int mc_queue_init(struct mc_queue *q, size_t item, size_t min_items) {
    if (item == 0 || min_items == 0 || min_items > MAX_ITEMS) {
        return MC_E_ARG;
    }
    size_t n = power_of_two(min_items);
    q->buf = malloc(n * item);
    if (q->buf == NULL) {
        return MC_E_NOMEM;
    }
    q->item = item;
    q->off = 0;
    q->mask = n - 1;
    atomic_init(&q->w, 0);
    atomic_init(&q->r, 0);
    return MC_OK;
}

void mc_queue_free(struct mc_queue *q) {
    free(q->buf);
    q->buf = NULL;
}

void *mc_queue_slot(struct mc_queue *q) {
    uint64_t w = atomic_load_explicit(&q->w, memory_order_relaxed);
    uint64_t r = atomic_load_explicit(&q->r, memory_order_acquire);
    if (w - r > q->mask) {
        return NULL;
    }
    if (w == r) {
        q->off = 0 - w; /* the consumer looks at it only when there is something */
    }
    return q->buf + ((w + q->off) & q->mask) * q->item;
}

void mc_queue_slot_done(struct mc_queue *q) {
    uint64_t w = atomic_load_explicit(&q->w, memory_order_relaxed);
    atomic_store_explicit(&q->w, w + 1, memory_order_release);
}

const void *mc_queue_front(struct mc_queue *q) {
    uint64_t r = atomic_load_explicit(&q->r, memory_order_relaxed);
    uint64_t w = atomic_load_explicit(&q->w, memory_order_acquire);
    return r == w ? NULL : q->buf + ((r + q->off) & q->mask) * q->item;
}

void mc_queue_front_done(struct mc_queue *q) {
    uint64_t r = atomic_load_explicit(&q->r, memory_order_relaxed);
    atomic_store_explicit(&q->r, r + 1, memory_order_release);
}

int mc_queue_push(struct mc_queue *q, const void *item) {
    void *slot = mc_queue_slot(q);
    if (slot == NULL) {
        return MC_E_FULL;
    }
    memcpy(slot, item, q->item);
    mc_queue_slot_done(q);
    return MC_OK;
}

int mc_queue_pop(struct mc_queue *q, void *item) {
    const void *slot = mc_queue_front(q);
    if (slot == NULL) {
        return MC_E_EMPTY;
    }
    memcpy(item, slot, q->item);
    mc_queue_front_done(q);
    return MC_OK;
}

size_t mc_queue_used(const struct mc_queue *q) {
    uint64_t r = atomic_load_explicit(&q->r, memory_order_acquire);
    uint64_t w = atomic_load_explicit(&q->w, memory_order_acquire);
    return w - r;
}
