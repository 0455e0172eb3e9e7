/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 *   loop:  due buckets > commands > signal the engine > sleep > packets
 *
 * With few packets it sleeps until the next one, a command or shortly before the next bucket. With many it sleeps until its next look (look.h) or a
 * command, and then takes all that has come: one wake-up of the engine for all packets of a millisecond. */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "worker_int.h"

#define EVENTS 256
#define IDLE_US 100000 /* wakes this often with nothing to do, so that last_tick_us proves life */
#define FIFO_PRIORITY 20
#define COMMANDED_US 20000 /* a round of the clock: so long after a command it leaves the processor to others */

/* --- the engine's signal --- */

static void on_ready(void *ctx, struct mc_leg *leg) {
    struct mc_worker *w = ctx;
    mc_leg_ref(leg);
    if (mc_queue_push(&w->ready, &leg) != MC_OK) { /* can't be: a leg is in it once, and there are max_legs at most */
        mc_leg_unref(leg);
        return;
    }
    w->unsignalled = true;
}

static void signal_engine(struct mc_worker *w) {
    if (!w->unsignalled) {
        return;
    }
    w->unsignalled = false;
    if (!atomic_exchange_explicit(&w->signalled, 1, memory_order_acq_rel)) {
        uint64_t one = 1;
        w->n_signals++;
        ssize_t n = write(w->engine_fd, &one, sizeof one);
        (void)n;
    }
}

int mc_worker_fd(const struct mc_worker *w) {
    return w->engine_fd;
}

size_t mc_worker_ready(struct mc_worker *w) {
    uint64_t count;
    ssize_t n = read(w->engine_fd, &count, sizeof count);
    (void)n;
    atomic_store_explicit(&w->engine_works, 1, memory_order_relaxed);
    /* After the read: a leg that comes from here on signals anew. */
    atomic_exchange_explicit(&w->signalled, 0, memory_order_acq_rel);
    return mc_queue_used(&w->ready);
}

struct mc_leg *mc_worker_pop(struct mc_worker *w) {
    struct mc_leg *leg;
    if (mc_queue_pop(&w->ready, &leg) != MC_OK) {
        return NULL;
    }
    struct mc_leg *const *next = mc_queue_front(&w->ready);
    if (next != NULL) {
        mc_leg_expect_engine(*next);
    }
    return leg;
}

/* This and wait_for_engine in one order for all: either the engine is seen to be done, or it sees that it is awaited. */
void mc_worker_done(struct mc_worker *w) {
    atomic_store(&w->engine_works, 0);
    if (atomic_load(&w->awaited) != 0) {
        mc_command_wake(&w->commands);
    }
}

static bool engine_works(const struct mc_worker *w) {
    return atomic_load(&w->signalled) != 0 || atomic_load(&w->engine_works) != 0;
}

/* Whoever gave a command just now sets calls up or ends them. */
static bool others_work(const struct mc_worker *w, uint64_t now_us) {
    return engine_works(w) || now_us - w->commanded_us < COMMANDED_US;
}

/* --- the thread --- */

static struct timespec span(uint64_t us) {
    return (struct timespec){.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
}

/* Waits `wait_us` at most; returns how many sockets had something. */
static unsigned receive(struct mc_worker *w, uint64_t wait_us) {
    struct epoll_event ev[EVENTS];
    struct timespec ts = span(wait_us);
    int n = epoll_pwait2(w->epoll_fd, ev, EVENTS, &ts, NULL);
    mc_udp_look(w->udp, mc_clock_us(), w->grid.visited_us);
    unsigned n_socks = 0;
    for (int i = 0; i < n; i++) {
        struct mc_sock *sock = ev[i].data.ptr;
        if (sock != NULL &&
            !atomic_load_explicit(&sock->dead,
                                  memory_order_acquire)) { /* NULL: the command's eventfd; commands run in the loop */
            mc_udp_receive(w->udp, sock);
            n_socks++;
        }
    }
    mc_socks_bury(w);
    mc_look_count(&w->look, n_socks);
    return n_socks;
}

static unsigned receive_waiting(void *ctx) {
    return receive(ctx, 0);
}

/* Until `at_us` or a command. */
static void sleep_until(struct mc_worker *w, uint64_t now_us, uint64_t at_us) {
    struct pollfd command = {.fd = w->commands.wake_fd, .events = POLLIN};
    struct timespec ts = span(at_us - now_us);
    ppoll(&command, 1, &ts, NULL);
}

/* Before the ticks of the bucket of due_us, if they may wait. */
static void wait_for_engine(struct mc_worker *w, uint64_t due_us) {
    uint64_t now = mc_clock_us();
    uint64_t wait_us = mc_look_grace_us(&w->look, now, due_us);
    if (wait_us == 0) {
        return;
    }
    if (engine_works(w)) {
        atomic_store(&w->awaited, 1);
        if (engine_works(w)) {
            sleep_until(w, now, now + wait_us);
        }
        atomic_store(&w->awaited, 0);
    }
    mc_look_waited(&w->look, mc_clock_us(), engine_works(w));
}

static void sleep_and_receive(struct mc_worker *w) {
    uint64_t now = mc_clock_us();
    uint64_t due = mc_grid_due_us(&w->grid);
    uint64_t at = mc_look_next_us(&w->look, now);
    if (at == 0) {
        uint64_t wait_us = mc_look_sleep_us(now, due, mc_grid_n_buckets(&w->grid), others_work(w, now));
        w->n_wakeups += wait_us > 0;
        receive(w, wait_us < IDLE_US ? wait_us : IDLE_US);
        return;
    }
    w->n_wakeups++;
    if (now < due) {
        sleep_until(w, now, at);
    }
    mc_look_read(w->ticks_us, mc_clock_us, receive_waiting, w);
    wait_for_engine(w, due);
}

static void *run(void *arg) {
    struct mc_worker *w = arg;
    pthread_setname_np(pthread_self(), "mediacore");
    prctl(PR_SET_TIMERSLACK, 1UL); /* nanosecond; real-time threads have none anyway */
    while (!w->stopping) {
        uint64_t began = mc_clock_us();
        mc_grid_run(&w->grid, began, mc_clock_us);
        w->ticks_us = mc_clock_us() - began;
        if (mc_commands_run(&w->commands) > 0) {
            w->commanded_us = began;
        }
        if (mc_look_tell(&w->look)) {
            signal_engine(w);
        }
        mc_worker_publish(w, mc_clock_us());
        if (!w->stopping) {
            sleep_and_receive(w);
        }
    }
    return NULL;
}

static bool try_fifo(pthread_t thread) {
    struct sched_param p = {.sched_priority = FIFO_PRIORITY};
    return pthread_setschedparam(thread, SCHED_FIFO, &p) == 0;
}

static int pin(pthread_t thread, int cpu) {
    cpu_set_t set_of;
    CPU_ZERO(&set_of);
    CPU_SET((unsigned)cpu, &set_of);
    return pthread_setaffinity_np(thread, sizeof set_of, &set_of) == 0 ? MC_OK : MC_E_SYS;
}

static int stop_command(void *arg) {
    ((struct mc_worker *)arg)->stopping = true;
    return MC_OK;
}

static void join(struct mc_worker *w) {
    mc_command_call(&w->commands, stop_command, w);
    pthread_join(w->commands.thread, NULL);
    mc_commands_close(&w->commands);
    w->running = false;
}

int mc_worker_start(struct mc_worker *w) {
    if (w->running || w->stopping) {
        return MC_E_STATE;
    }
    int rc = mc_commands_open(&w->commands, run, w);
    if (rc != MC_OK) {
        return rc;
    }
    w->running = true;
    if (w->cfg.cpu >= 0 && pin(w->commands.thread, w->cfg.cpu) != MC_OK) {
        join(w);
        w->stopping = false;
        return MC_E_ARG;
    }
    atomic_store_explicit(&w->pub.fifo, w->cfg.fifo && try_fifo(w->commands.thread), memory_order_relaxed);
    return MC_OK;
}

void mc_worker_stop(struct mc_worker *w) {
    if (w->running) {
        join(w);
    }
}

int mc_worker_call(struct mc_worker *w, int (*fn)(void *arg), void *arg) {
    return mc_command_call(&w->commands, fn, arg);
}

/* --- life --- */

static void destroy(struct mc_worker *w) {
    mc_socks_bury(w);
    if (w->udp != NULL) {
        mc_udp_free(w->udp);
    }
    if (w->epoll_fd >= 0) {
        close(w->epoll_fd);
    }
    if (w->engine_fd >= 0) {
        close(w->engine_fd);
    }
    mc_queue_free(&w->ready);
    mc_commands_free(&w->commands);
    free(w);
}

void mc_worker_unref(struct mc_worker *w) {
    if (atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) == 1) {
        mc_live *live = w->cfg.live_workers;
        destroy(w);
        if (live != NULL) {
            atomic_fetch_sub(live, 1);
        }
    }
}

static int init_polls(struct mc_worker *w) {
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->engine_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    if (w->epoll_fd < 0 || w->engine_fd < 0 || epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->commands.wake_fd, &ev) != 0) {
        return MC_E_SYS;
    }
    return MC_OK;
}

int mc_worker_new(struct mc_worker **out, const struct mc_worker_cfg *cfg) {
    if (cfg->max_legs == 0 || cfg->max_legs > 65536) {
        return MC_E_ARG;
    }
    struct mc_worker *w = aligned_alloc(64, sizeof *w);
    if (w == NULL) {
        return MC_E_NOMEM;
    }
    memset(w, 0, sizeof *w);
    w->cfg = *cfg;
    w->epoll_fd = w->engine_fd = -1;
    atomic_init(&w->refs, 1);
    int rc = mc_commands_init(&w->commands);
    if (rc != MC_OK) {
        free(w);
        return rc;
    }
    rc = mc_queue_init(&w->ready, sizeof(struct mc_leg *), cfg->max_legs);
    w->udp = mc_udp_new();
    if (rc == MC_OK) {
        rc = w->udp == NULL ? MC_E_NOMEM : init_polls(w);
    }
    if (rc != MC_OK) {
        destroy(w);
        return rc;
    }
    mc_seam_fill(w);
    if (cfg->live_workers != NULL) {
        atomic_fetch_add(cfg->live_workers, 1);
    }
    *out = w;
    return MC_OK;
}

void mc_worker_close(struct mc_worker *w) {
    mc_worker_stop(w);
    struct mc_leg *leg;
    while ((leg = mc_worker_pop(w)) != NULL) {
        mc_leg_unref(leg);
    }
    mc_worker_unref(w);
}

_Static_assert(sizeof((struct mc_seam){0}.ask) >= MC_FMTP_TEXT, "mc_fmtp_print fits always");

void mc_worker_seam_cfg(struct mc_worker *w, bool rest, const struct mc_fmtp *ask) {
    w->seam.rest = rest;
    mc_fmtp_print(ask, w->seam.ask, sizeof w->seam.ask);
}

const struct mc_seam *mc_worker_seam(struct mc_worker *w) {
    return &w->seam;
}

static void leg_gone(void *ctx) {
    struct mc_worker *w = ctx;
    atomic_fetch_sub_explicit(&w->pub.legs, 1, memory_order_relaxed);
    mc_worker_unref(w);
}

int mc_worker_leg_new(struct mc_worker *w, struct mc_leg **out, const struct mc_leg_cfg *cfg) {
    struct mc_leg_cfg c = *cfg;
    c.notify = on_ready;
    c.notify_ctx = w;
    c.on_free = leg_gone;
    c.wall_us = mc_clock_wall_us();
    if (getrandom(&c.seed, sizeof c.seed, 0) != sizeof c.seed) {
        return MC_E_SYS;
    }
    if (atomic_fetch_add_explicit(&w->pub.legs, 1, memory_order_relaxed) >= w->cfg.max_legs) {
        atomic_fetch_sub_explicit(&w->pub.legs, 1, memory_order_relaxed);
        return MC_E_FULL;
    }
    int rc = mc_leg_new(out, &c);
    if (rc != MC_OK) {
        atomic_fetch_sub_explicit(&w->pub.legs, 1, memory_order_relaxed);
        return rc;
    }
    atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
    mc_leg_seat(*out)->worker = w;
    return MC_OK;
}
