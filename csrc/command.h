/* SPDX-License-Identifier: GPL-3.0-or-later
 * Commands for the worker: any thread hands in a function, the worker runs it between two batches. Producers share a lock; the worker
 * never takes it. */
#ifndef MC_COMMAND_H
#define MC_COMMAND_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "ring.h"

typedef int mc_command_fn(void *arg);

struct mc_commands {
    pthread_mutex_t lock; /* producers only */
    struct mc_queue queue;
    bool running;     /* under lock: a worker takes commands; else the caller runs them itself */
    pthread_t thread; /* the worker, while running */
    int wake_fd;      /* eventfd in the worker's poll */
    _Atomic int woken;
};

int mc_commands_init(struct mc_commands *cs);
void mc_commands_free(struct mc_commands *cs);
/* Runs fn(arg) on the worker and returns its result; on the worker itself, or when none runs, at once. */
int mc_command_call(struct mc_commands *cs, mc_command_fn *fn, void *arg);
/* Any thread: ends the worker's sleep. */
void mc_command_wake(struct mc_commands *cs);
/* Worker: everything that waits. Returns how many. */
int mc_commands_run(struct mc_commands *cs);
/* Starts the worker thread: no caller runs its own command beside it from then on. MC_E_SYS. */
int mc_commands_open(struct mc_commands *cs, void *(*thread)(void *arg), void *arg);
/* After the thread was joined: what still waits is run here. */
void mc_commands_close(struct mc_commands *cs);

#endif
