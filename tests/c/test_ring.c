/* SPDX-License-Identifier: GPL-3.0-or-later
 * The two-thread tests are there for ThreadSanitizer; without it they check that nothing is lost, doubled or torn. */
#include "ring.h"

#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "err.h"

static void init_refuses_nothing_to_hold(void) {
    struct mc_ring ring;
    struct mc_queue q;
    CHECK_INT(0, mc_ring_init(&ring, 0), MC_E_ARG);
    CHECK_INT(1, mc_queue_init(&q, 0, 4), MC_E_ARG);
    CHECK_INT(2, mc_queue_init(&q, 4, 0), MC_E_ARG);
    CHECK_INT(3, mc_ring_init(&ring, SIZE_MAX), MC_E_ARG);
}

/* Against a model: a plain counter on each side. */
static void against_a_model(size_t asked, size_t size) {
    struct mc_ring ring;
    struct rng r = rng_of(3);
    uint64_t w = 0;
    uint64_t rd = 0;
    CHECK_INT(0, mc_ring_init(&ring, asked), MC_OK);
    for (int i = 0; i < 200000; i++) {
        int16_t buf[3000];
        size_t n = rng_below(&r, (uint32_t)(size < 1500 ? 300 : 3000));
        if (rng_next(&r) & 1) {
            for (size_t k = 0; k < n; k++) {
                buf[k] = (int16_t)(w + k);
            }
            size_t want = n < size - (w - rd) ? n : size - (w - rd);
            CHECK_INT(i, mc_ring_write(&ring, buf, n), want);
            w += want;
        } else if (rng_below(&r, 50) == 0) {
            CHECK_INT(i, mc_ring_flush(&ring), w);
            CHECK_INT(i, mc_ring_cut(&ring), w);
            mc_ring_jump(&ring, mc_ring_cut(&ring));
            rd = w;
        } else {
            size_t want = n < w - rd ? n : w - rd;
            CHECK_INT(i, mc_ring_read(&ring, buf, n), want);
            for (size_t k = 0; k < want; k++) {
                CHECK_INT(i, buf[k], (int16_t)(rd + k));
            }
            rd += want;
        }
        CHECK_INT(i, mc_ring_used(&ring), w - rd);
        CHECK_INT(i, mc_ring_room(&ring), size - (w - rd));
        CHECK_INT(i, mc_ring_cut(&ring), rd); /* no flush is pending: it never lies behind the reader */
    }
    mc_ring_free(&ring);
}

static void ring_against_a_model(void) {
    against_a_model(100, 128);      /* one chunk */
    against_a_model(1000, 1024);    /* two */
    against_a_model(5000, 8192);    /* some */
    against_a_model(70000, 131072); /* all, and longer ones */
}

/* However large it is, and wherever the two ends are: what was consumed is written again first. */
static void ring_that_runs_nearly_empty_stays_small(void) {
    struct mc_ring ring;
    int16_t pcm[640] = {0};
    CHECK_INT(0, mc_ring_init(&ring, 64000), MC_OK);
    mc_ring_write(&ring, pcm, 640);
    for (int i = 0; i < 5000; i++) {
        mc_ring_write(&ring, pcm, 320);
        CHECK_INT(i, mc_ring_read(&ring, pcm, 320), 320);
        CHECK(ring.n_used <= 3);
    }
    mc_ring_free(&ring);
}

static void queue_that_runs_nearly_empty_stays_in_its_first_slots(void) {
    struct mc_queue q;
    uint64_t item = 0;
    CHECK_INT(0, mc_queue_init(&q, sizeof item, 64), MC_OK);
    for (uint64_t i = 0; i < 1000; i++) {
        mc_queue_push(&q, &i);
        uint64_t *slot = mc_queue_slot(&q);
        *slot = i + 1;
        CHECK_INT(i, (const uint8_t *)slot - q.buf, sizeof item);
        mc_queue_slot_done(&q);
        mc_queue_pop(&q, &item);
        CHECK_INT(i, item, i);
        mc_queue_pop(&q, &item);
        CHECK_INT(i, item, i + 1);
    }
    mc_queue_free(&q);
}

static void flush_waits_for_the_reader(void) {
    struct mc_ring ring;
    int16_t pcm[64] = {0};
    CHECK_INT(0, mc_ring_init(&ring, 64), MC_OK);
    mc_ring_write(&ring, pcm, 40);
    mc_ring_read(&ring, pcm, 10);
    CHECK_INT(0, mc_ring_flush(&ring), 40);
    CHECK_INT(0, mc_ring_write(&ring, pcm, 20), 20); /* what is said after the flush is kept */
    CHECK_INT(0, mc_ring_cut(&ring), 40);
    CHECK_INT(0, mc_ring_read(&ring, pcm, 5), 5); /* the fade reads on */
    mc_ring_jump(&ring, mc_ring_cut(&ring));
    CHECK_INT(0, mc_ring_used(&ring), 20);
    mc_ring_jump(&ring, 12); /* never back ... */
    CHECK_INT(0, mc_ring_used(&ring), 20);
    mc_ring_jump(&ring, 1000); /* ... and never beyond what was written */
    CHECK_INT(0, mc_ring_used(&ring), 0);
    CHECK_INT(0, mc_ring_cut(&ring), 60);
    mc_ring_free(&ring);
}

static void queue_is_first_in_first_out(void) {
    struct mc_queue q;
    int v = -1;
    CHECK_INT(0, mc_queue_init(&q, sizeof v, 3), MC_OK); /* becomes 4 */
    CHECK_INT(0, mc_queue_pop(&q, &v), MC_E_EMPTY);
    CHECK(mc_queue_front(&q) == NULL);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(i, mc_queue_push(&q, &i), MC_OK);
    }
    CHECK_INT(0, mc_queue_push(&q, &v), MC_E_FULL);
    CHECK(mc_queue_slot(&q) == NULL);
    CHECK_INT(0, mc_queue_used(&q), 4);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(i, mc_queue_pop(&q, &v), MC_OK);
        CHECK_INT(i, v, i);
    }
    *(int *)mc_queue_slot(&q) = 77;
    CHECK_INT(0, mc_queue_used(&q), 0); /* not there until it is done */
    mc_queue_slot_done(&q);
    CHECK_INT(0, *(const int *)mc_queue_front(&q), 77);
    CHECK_INT(0, mc_queue_used(&q), 1);
    mc_queue_front_done(&q);
    CHECK_INT(0, mc_queue_used(&q), 0);
    mc_queue_free(&q);
}

#define STRESS 2000000

static void *write_samples(void *arg) {
    struct mc_ring *ring = arg;
    struct rng r = rng_of(4);
    for (uint64_t w = 0; w < STRESS;) {
        int16_t pcm[97];
        size_t n = 1 + rng_below(&r, COUNT(pcm));
        for (size_t k = 0; k < n; k++) {
            pcm[k] = (int16_t)(w + k);
        }
        size_t took = mc_ring_write(ring, pcm, n);
        w += took;
        if (rng_below(&r, 500) == 0) {
            mc_ring_flush(ring);
        }
        if (took < n) {
            sched_yield();
        }
    }
    mc_ring_flush(ring); /* the last sample may be dropped, the reader still ends */
    return NULL;
}

static void between_two_threads(size_t size) {
    struct mc_ring ring;
    pthread_t t;
    CHECK_INT(0, mc_ring_init(&ring, size), MC_OK);
    pthread_create(&t, NULL, write_samples, &ring);
    uint64_t at = 0;
    while (at < STRESS) {
        int16_t pcm[160];
        uint64_t cut = mc_ring_cut(&ring);
        if (cut > at) {
            mc_ring_jump(&ring, cut);
            at = cut;
        }
        size_t n = mc_ring_read(&ring, pcm, COUNT(pcm));
        for (size_t k = 0; k < n; k++) {
            CHECK_INT(at + k, pcm[k], (int16_t)(at + k));
        }
        at += n;
        if (n == 0) {
            sched_yield();
        }
    }
    pthread_join(t, NULL);
    mc_ring_jump(&ring, mc_ring_cut(&ring)); /* a few beyond STRESS may be left */
    CHECK_INT(0, mc_ring_used(&ring), 0);
    mc_ring_free(&ring);
}

static void ring_between_two_threads(void) {
    between_two_threads(256);
    between_two_threads(4096);
}

struct item {
    uint64_t n;
    uint64_t copy[6];
};

#define ITEMS 300000

static void *push_items(void *arg) {
    struct mc_queue *q = arg;
    for (uint64_t i = 0; i < ITEMS;) {
        struct item *slot = mc_queue_slot(q);
        if (slot == NULL) {
            sched_yield();
            continue;
        }
        slot->n = i;
        for (size_t k = 0; k < COUNT(slot->copy); k++) {
            slot->copy[k] = i * (k + 1);
        }
        mc_queue_slot_done(q);
        i++;
    }
    return NULL;
}

static void queue_between_two_threads(void) {
    struct mc_queue q;
    pthread_t t;
    CHECK_INT(0, mc_queue_init(&q, sizeof(struct item), 64), MC_OK);
    pthread_create(&t, NULL, push_items, &q);
    for (uint64_t i = 0; i < ITEMS;) {
        struct item item;
        if (mc_queue_pop(&q, &item) != MC_OK) {
            sched_yield();
            continue;
        }
        CHECK_INT(i, item.n, i);
        for (size_t k = 0; k < COUNT(item.copy); k++) {
            CHECK_INT(i, item.copy[k], i * (k + 1));
        }
        i++;
    }
    pthread_join(t, NULL);
    mc_queue_free(&q);
}

int main(void) {
    RUN(init_refuses_nothing_to_hold);
    RUN(ring_against_a_model);
    RUN(ring_that_runs_nearly_empty_stays_small);
    RUN(queue_that_runs_nearly_empty_stays_in_its_first_slots);
    RUN(flush_waits_for_the_reader);
    RUN(queue_is_first_in_first_out);
    RUN(ring_between_two_threads);
    RUN(queue_between_two_threads);
    return check_done();
}
