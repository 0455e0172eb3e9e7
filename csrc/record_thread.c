/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record_thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"

#define EVERY_US 200000

struct mc_recorder {
    _Atomic int refs;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows; never held while a file is touched */
    pthread_cond_t wake, done;
    struct mc_record *first;
    bool hurry, stopping;
    int fd;
};

static void tell(const struct mc_recorder *r) {
    uint64_t one = 1;
    ssize_t n = write(r->fd, &one, sizeof one); /* can't fail but by overflow, and then it is readable */
    (void)n;
}

/* Only this thread takes out of the list, so what it walks along stays. */
static void take_out(struct mc_recorder *r, struct mc_record *rec) {
    pthread_mutex_lock(&r->lock);
    struct mc_record **at = &r->first;
    while (*at != rec) {
        at = &mc_record_seat(*at)->next;
    }
    *at = mc_record_seat(rec)->next;
    pthread_mutex_unlock(&r->lock);
}

static void round_of(struct mc_recorder *r, struct mc_record *rec, bool all_end) {
    bool news = false;
    while (rec != NULL) {
        struct mc_record *next = mc_record_seat(rec)->next;
        if (all_end || atomic_load_explicit(&mc_record_seat(rec)->ending, memory_order_acquire)) {
            take_out(r, rec);
            mc_record_finish(rec); /* and from here on it may be freed by whoever waits for it */
            news = true;
        } else {
            mc_record_turn(rec, mc_clock_us());
            news |= mc_record_news(rec);
        }
        rec = next;
    }
    if (news) {
        tell(r);
        pthread_mutex_lock(&r->lock);
        pthread_cond_broadcast(&r->done);
        pthread_mutex_unlock(&r->lock);
    }
}

static void sleep_a_while(struct mc_recorder *r) {
    uint64_t until = mc_clock_us() + EVERY_US;
    struct timespec ts = {.tv_sec = (time_t)(until / 1000000), .tv_nsec = (long)(until % 1000000) * 1000};
    while (!r->hurry && pthread_cond_timedwait(&r->wake, &r->lock, &ts) == 0) {
    }
    r->hurry = false;
}

static void *run(void *arg) {
    struct mc_recorder *r = arg;
    pthread_setname_np(pthread_self(), "recorder");
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        struct mc_record *first = r->first;
        pthread_mutex_unlock(&r->lock);
        round_of(r, first, false);
        pthread_mutex_lock(&r->lock);
        if (!r->stopping) {
            sleep_a_while(r);
        }
    }
    struct mc_record *first = r->first;
    pthread_mutex_unlock(&r->lock);
    round_of(r, first, true);
    return NULL;
}

int mc_recorder_new(struct mc_recorder **out) {
    pthread_condattr_t monotonic;
    struct mc_recorder *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return MC_E_NOMEM;
    }
    atomic_init(&r->refs, 1);
    r->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wake, &monotonic);
    pthread_cond_init(&r->done, NULL);
    pthread_condattr_destroy(&monotonic);
    if (r->fd < 0 || pthread_create(&r->thread, NULL, run, r) != 0) {
        if (r->fd >= 0) {
            close(r->fd);
        }
        free(r);
        return MC_E_SYS;
    }
    *out = r;
    return MC_OK;
}

static void hurry(struct mc_recorder *r, bool stop) {
    pthread_mutex_lock(&r->lock);
    r->hurry = true;
    r->stopping |= stop;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

void mc_recorder_ref(struct mc_recorder *r) {
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
}

void mc_recorder_unref(struct mc_recorder *r) {
    if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    hurry(r, true);
    pthread_join(r->thread, NULL);
    close(r->fd);
    pthread_cond_destroy(&r->wake);
    pthread_cond_destroy(&r->done);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

int mc_recorder_fd(const struct mc_recorder *r) {
    return r->fd;
}

void mc_recorder_add(struct mc_recorder *r, struct mc_record *rec) {
    pthread_mutex_lock(&r->lock);
    mc_record_seat(rec)->next = r->first;
    r->first = rec;
    pthread_mutex_unlock(&r->lock);
}

void mc_recorder_end(struct mc_recorder *r, struct mc_record *rec) {
    atomic_store_explicit(&mc_record_seat(rec)->ending, true, memory_order_release);
    hurry(r, false);
}

static bool is_done(const struct mc_record *rec) {
    struct mc_record_stats st;
    mc_record_stats(rec, &st);
    return st.done;
}

void mc_recorder_wait(struct mc_recorder *r, struct mc_record *rec) {
    pthread_mutex_lock(&r->lock);
    while (!is_done(rec)) {
        pthread_cond_wait(&r->done, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
}
