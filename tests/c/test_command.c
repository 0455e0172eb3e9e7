/* SPDX-License-Identifier: GPL-3.0-or-later
 * The bell of the worker's commands: it rings while something waits, and is quiet afterwards. */
#include "command.h"

#include <poll.h>
#include <unistd.h>

#include "check.h"
#include "err.h"

static bool rings(const struct mc_commands *cs) {
    struct pollfd p = {.fd = cs->wake_fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static int count(void *arg) {
    ++*(int *)arg;
    return 7;
}

static void without_a_worker_the_caller_runs_it(void) {
    struct mc_commands cs;
    int n = 0;
    CHECK_INT(0, mc_commands_init(&cs), MC_OK);
    CHECK_INT(0, mc_command_call(&cs, count, &n), 7);
    CHECK_INT(0, n, 1);
    CHECK(!rings(&cs));
    mc_commands_free(&cs);
}

/* A caller has said that it rings, and is interrupted before it does: the worker comes by, as its clock has it do. If it forgot the bell
 * then, it would find it ringing for ever, and never sleep again. */
static void a_bell_that_is_rung_late_is_quiet_afterwards(void) {
    const uint64_t one = 1;
    struct mc_commands cs;
    CHECK_INT(0, mc_commands_init(&cs), MC_OK);
    for (int i = 0; i < 3; i++) {
        atomic_store(&cs.woken, 1);
        CHECK_INT(i, mc_commands_run(&cs), 0);
        CHECK_INT(i, write(cs.wake_fd, &one, sizeof one), sizeof one);
        CHECK(rings(&cs));
        CHECK_INT(i, mc_commands_run(&cs), 0);
        CHECK(!rings(&cs));
        CHECK_INT(i, atomic_load(&cs.woken), 0); /* the next caller rings again */
    }
    mc_commands_free(&cs);
}

#define CALLERS 4
#define CALLS 2000

static atomic_bool over;
static struct mc_commands shared;

static void *worker(void *arg) {
    while (!atomic_load(&over)) {
        struct pollfd p = {.fd = shared.wake_fd, .events = POLLIN};
        poll(&p, 1, 100);
        mc_commands_run(&shared);
    }
    return NULL;
}

static void *caller(void *arg) {
    for (int i = 0; i < CALLS; i++) {
        CHECK_INT(i, mc_command_call(&shared, count, arg), 7);
    }
    return NULL;
}

static void every_call_of_many_threads_is_answered(void) {
    pthread_t threads[CALLERS];
    int n = 0;
    CHECK_INT(0, mc_commands_init(&shared), MC_OK);
    CHECK_INT(0, mc_commands_open(&shared, worker, NULL), MC_OK);
    for (int i = 0; i < CALLERS; i++) {
        pthread_create(&threads[i], NULL, caller, &n);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&over, true);
    pthread_join(shared.thread, NULL);
    mc_commands_close(&shared);
    CHECK_INT(0, n, CALLERS * CALLS);
    mc_commands_run(&shared); /* what was rung after its command had been run already */
    CHECK(!rings(&shared));
    mc_commands_free(&shared);
}

int main(void) {
    RUN(without_a_worker_the_caller_runs_it);
    RUN(a_bell_that_is_rung_late_is_quiet_afterwards);
    RUN(every_call_of_many_threads_is_answered);
    return check_done();
}
