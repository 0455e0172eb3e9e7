/* SPDX-License-Identifier: GPL-3.0-or-later
 * The writing thread beside a running worker: recordings come and go, and a disk that sleeps stops no leg. */
#include "record_thread.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "disk.h"
#include "err.h"
#include "worker.h"

#define RATE 8000

static mc_live live;

static void nap(long us) {
    struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    nanosleep(&ts, NULL);
}

static int drop(void *ctx, const void *pkt, size_t len) {
    atomic_fetch_add((_Atomic int *)ctx, 1);
    return MC_OK;
}

struct talk {
    struct mc_worker *worker;
    struct mc_leg *leg;
    _Atomic int n_sent;
};

static void start(struct talk *t, struct mc_worker *worker) {
    struct mc_leg_cfg cfg = {.rate = RATE, .tx_ms = 1000, .name = "test", .live = &live};
    struct mc_leg_params p = {
        .codec = "PCMU", .clock = 8000, .event_tx_pt = 101, .event_rx_pt = 101, .ptime_ms = 20, .send = true, .recv = true};
    struct mc_wire wire = {.ctx = &t->n_sent, .send_rtp = drop};
    t->worker = worker;
    CHECK_INT(0, mc_worker_leg_new(worker, &t->leg, &cfg), MC_OK);
    CHECK_INT(0, mc_worker_leg_start(t->leg, &p, &wire), MC_OK);
}

static void end(struct talk *t) {
    mc_worker_leg_close(t->leg, NULL, 0, NULL);
    mc_leg_unref(t->leg);
}

static struct mc_worker *new_worker(void) {
    struct mc_worker_cfg cfg = {.cpu = -1, .max_legs = 256, .live_workers = &live, .live_socks = &live};
    struct mc_worker *worker = NULL;
    CHECK_INT(0, mc_worker_new(&worker, &cfg), MC_OK);
    CHECK_INT(0, mc_worker_start(worker), MC_OK);
    return worker;
}

static struct mc_record *record(struct mc_recorder *r, struct talk *t, const char *format, const struct mc_file_ops *ops,
                                void *ctx) {
    struct mc_record *rec = NULL;
    struct mc_record_cfg cfg = {.path = "x", .format = format, .rate = RATE, .ops = ops, .ops_ctx = ctx, .live = &live};
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    cfg.start_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    CHECK_INT(0, mc_record_new(&rec, &cfg), MC_OK);
    CHECK_INT(0, mc_worker_tap(t->leg, mc_record_tap(rec)), MC_OK);
    mc_recorder_add(r, rec);
    return rec;
}

static struct mc_record_stats stop(struct mc_recorder *r, struct talk *t, struct mc_record *rec) {
    struct mc_record_stats st;
    mc_worker_untap(t->leg, mc_record_tap(rec));
    mc_recorder_end(r, rec);
    mc_recorder_wait(r, rec);
    mc_record_stats(rec, &st);
    mc_record_free(rec);
    return st;
}

/* Two threads record, pause and stop the legs of one worker. */
struct user {
    struct mc_worker *worker;
    struct mc_recorder *recorder;
    uint64_t seed;
};

static void *use(void *arg) {
    struct user *u = arg;
    struct rng r = rng_of(u->seed);
    for (int i = 0; i < 12; i++) {
        struct talk t = {0};
        struct disk d = disk_of();
        d.limit = rng_below(&r, 3) ? SIZE_MAX : 2000;
        start(&t, u->worker);
        struct mc_record *rec = record(u->recorder, &t, i % 2 ? "opus" : "wav", &disk_ops, &d);
        nap(rng_below(&r, 60000));
        mc_tap_pause(mc_record_tap(rec));
        nap(rng_below(&r, 30000));
        mc_tap_resume(mc_record_tap(rec), 1);
        struct mc_record_stats st;
        mc_record_stats(rec, &st);
        nap(rng_below(&r, 60000));
        st = stop(u->recorder, &t, rec);
        CHECK_INT(i, st.done, 1);
        CHECK(d.limit != SIZE_MAX || (st.error == 0 && st.lost == 0));
        end(&t);
        free(d.bytes);
    }
    return NULL;
}

static void recordings_come_and_go(void) {
    struct mc_recorder *recorder = NULL;
    struct mc_worker *worker = new_worker();
    CHECK_INT(0, mc_recorder_new(&recorder), MC_OK);
    struct user users[2] = {{worker, recorder, 1}, {worker, recorder, 2}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, use, &users[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    struct pollfd news = {.fd = mc_recorder_fd(recorder), .events = POLLIN};
    CHECK_INT(0, poll(&news, 1, 0), 1);
    mc_recorder_unref(recorder);
    mc_worker_close(worker);
    CHECK_INT(0, live, 0);
}

/* A disk that does not come back from a write until it is told to. */
static sem_t asleep, wake;
static _Atomic bool sleepy;

static ssize_t sleepy_pwrite(void *ctx, int fd, const void *buf, size_t n, off_t at) {
    if (atomic_exchange(&sleepy, false)) {
        sem_post(&asleep);
        while (sem_wait(&wake) != 0) {
        }
    }
    return disk_pwrite(ctx, fd, buf, n, at);
}

static void a_disk_that_sleeps_stops_no_leg(void) {
    static const struct mc_file_ops ops = {disk_open, sleepy_pwrite, disk_close};
    struct mc_recorder *recorder = NULL;
    struct mc_worker *worker = new_worker();
    struct talk t[2] = {0};
    struct disk d[2] = {disk_of(), disk_of()};
    struct mc_record *rec[2];
    CHECK_INT(0, mc_recorder_new(&recorder), MC_OK);
    sem_init(&asleep, 0, 0);
    sem_init(&wake, 0, 0);
    sleepy = true;
    for (int i = 0; i < 2; i++) {
        start(&t[i], worker);
        rec[i] = record(recorder, &t[i], "wav", &ops, &d[i]);
    }
    while (sem_wait(&asleep) != 0) {
    }
    int before[2] = {t[0].n_sent, t[1].n_sent};
    for (int i = 0; i < 500 && (t[0].n_sent < before[0] + 25 || t[1].n_sent < before[1] + 25); i++) {
        nap(20000); /* half a second of media: far more time than it needs */
    }
    CHECK(t[0].n_sent >= before[0] + 25 && t[1].n_sent >= before[1] + 25);
    sem_post(&wake);
    for (int i = 0; i < 2; i++) {
        struct mc_record_stats st = stop(recorder, &t[i], rec[i]);
        CHECK_INT(i, st.lost, 0);
        CHECK(st.frames >= 25 * 160);
        CHECK_INT(i, st.bytes, 80 + 4 * st.frames);
        end(&t[i]);
        free(d[i].bytes);
    }
    mc_recorder_unref(recorder);
    mc_worker_close(worker);
    CHECK_INT(0, live, 0);
}

int main(void) {
    RUN(recordings_come_and_go);
    RUN(a_disk_that_sleeps_stops_no_leg);
    return check_done();
}
