/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "err.h"

#define WAITING 256

struct command {
    mc_command_fn *fn;
    void *arg;
    int *rc;
    sem_t *done;
};

int mc_commands_init(struct mc_commands *cs) {
    int rc = mc_queue_init(&cs->queue, sizeof(struct command), WAITING);
    if (rc != MC_OK) {
        return rc;
    }
    cs->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (cs->wake_fd < 0) {
        mc_queue_free(&cs->queue);
        return MC_E_SYS;
    }
    pthread_mutex_init(&cs->lock, NULL);
    cs->running = false;
    atomic_init(&cs->woken, 0);
    return MC_OK;
}

void mc_commands_free(struct mc_commands *cs) {
    close(cs->wake_fd);
    pthread_mutex_destroy(&cs->lock);
    mc_queue_free(&cs->queue);
}

void mc_command_wake(struct mc_commands *cs) {
    if (!atomic_exchange_explicit(&cs->woken, 1, memory_order_acq_rel)) {
        uint64_t one = 1;
        ssize_t n = write(cs->wake_fd, &one, sizeof one); /* can't fail but by overflow, and then it is awake */
        (void)n;
    }
}

int mc_command_call(struct mc_commands *cs, mc_command_fn *fn, void *arg) {
    int rc = MC_OK;
    sem_t done;
    struct command c = {.fn = fn, .arg = arg, .rc = &rc, .done = &done};
    for (;;) {
        pthread_mutex_lock(&cs->lock);
        if (!cs->running || pthread_equal(pthread_self(), cs->thread)) {
            bool inside = cs->running;
            if (inside) {
                pthread_mutex_unlock(&cs->lock);
            }
            rc = fn(arg);
            if (!inside) {
                pthread_mutex_unlock(&cs->lock);
            }
            return rc;
        }
        sem_init(&done, 0, 0);
        int pushed = mc_queue_push(&cs->queue, &c);
        pthread_mutex_unlock(&cs->lock);
        if (pushed == MC_OK) {
            break;
        }
        sem_destroy(&done);
        sched_yield(); /* 256 threads wait already: the worker is on its way through them */
    }
    mc_command_wake(cs);
    while (sem_wait(&done) != 0 && errno == EINTR) {
    }
    sem_destroy(&done);
    return rc;
}

int mc_commands_run(struct mc_commands *cs) {
    struct command c;
    int n = 0;
    uint64_t count;
    /* Who waked may be between its two steps: then its write is still to come, and nobody would ever read it if it were forgotten. */
    if (atomic_load_explicit(&cs->woken, memory_order_relaxed) && read(cs->wake_fd, &count, sizeof count) == sizeof count) {
        atomic_exchange_explicit(&cs->woken, 0, memory_order_acq_rel);
    }
    while (mc_queue_pop(&cs->queue, &c) == MC_OK) {
        *c.rc = c.fn(c.arg);
        sem_post(c.done);
        n++;
    }
    return n;
}

int mc_commands_open(struct mc_commands *cs, void *(*thread)(void *arg), void *arg) {
    pthread_mutex_lock(&cs->lock);
    int err = pthread_create(&cs->thread, NULL, thread, arg);
    cs->running = err == 0;
    pthread_mutex_unlock(&cs->lock);
    errno = err;
    return err == 0 ? MC_OK : MC_E_SYS;
}

void mc_commands_close(struct mc_commands *cs) {
    pthread_mutex_lock(&cs->lock);
    cs->running = false;
    mc_commands_run(cs);
    pthread_mutex_unlock(&cs->lock);
}
