/* SPDX-License-Identifier: GPL-3.0-or-later
 * What others ask of a worker's leg: each is one command, built and cleaned up by the caller, so the worker never allocates. */
#include "clock.h"
#include "err.h"
#include "leg.h"
#include "worker_int.h"

struct ask {
    struct mc_leg *leg;
    struct mc_path *path;
    const struct mc_wire *wire;
    const struct mc_sink *sink;
    struct mc_tap *tap;
    struct mc_leg_params *params;
    char *text;
    size_t size;
};

static struct mc_worker *worker_of(struct mc_leg *leg) {
    return mc_leg_seat(leg)->worker;
}

static int do_start(void *arg) {
    struct ask *a = arg;
    uint64_t now = mc_clock_us();
    if (mc_leg_closed(a->leg)) {
        return MC_E_STATE;
    }
    if (a->wire->begin != NULL) {
        int rc = a->wire->begin(a->wire->ctx);
        if (rc < 0) {
            return rc;
        }
    }
    if (mc_leg_params(a->leg) == NULL) {
        mc_leg_ref(a->leg); /* the worker's own, while it runs */
    }
    a->path = mc_leg_start(a->leg, a->path, a->wire, now);
    mc_grid_add(&worker_of(a->leg)->grid, a->leg, now);
    return MC_OK;
}

int mc_worker_leg_start(struct mc_leg *leg, const struct mc_leg_params *params, const struct mc_wire *wire) {
    struct ask a = {.leg = leg, .wire = wire};
    int rc = mc_path_new(&a.path, leg, params);
    if (rc == MC_OK) {
        rc = mc_worker_call(worker_of(leg), do_start, &a);
        mc_path_free(a.path);
    }
    return rc;
}

static int do_stop(void *arg) {
    struct ask *a = arg;
    mc_grid_remove(&worker_of(a->leg)->grid, a->leg);
    a->path = mc_leg_stop(a->leg, mc_clock_us());
    return MC_OK;
}

static int stop(struct ask *a, int (*how)(void *arg)) {
    int rc = mc_worker_call(worker_of(a->leg), how, a);
    if (a->path != NULL) {
        mc_path_free(a->path);
        mc_leg_unref(a->leg);
    }
    return rc;
}

void mc_worker_leg_stop(struct mc_leg *leg) {
    stop(&(struct ask){.leg = leg}, do_stop);
}

static int do_bye(void *arg) {
    mc_leg_bye(((struct ask *)arg)->leg, mc_clock_us());
    return MC_OK;
}

void mc_worker_leg_bye(struct mc_leg *leg) {
    struct ask a = {.leg = leg};
    mc_worker_call(worker_of(leg), do_bye, &a);
}

static int do_sink(void *arg) {
    struct ask *a = arg;
    mc_leg_set_sink(a->leg, a->sink);
    return MC_OK;
}

int mc_worker_set_sink(struct mc_leg *leg, const struct mc_sink *sink) {
    struct ask a = {.leg = leg, .sink = sink};
    return mc_worker_call(worker_of(leg), do_sink, &a);
}

static int do_tap(void *arg) {
    struct ask *a = arg;
    if (mc_leg_tap(a->leg) != NULL) {
        return MC_E_STATE;
    }
    mc_leg_set_tap(a->leg, a->tap);
    return MC_OK;
}

int mc_worker_tap(struct mc_leg *leg, struct mc_tap *tap) {
    struct ask a = {.leg = leg, .tap = tap};
    return mc_worker_call(worker_of(leg), do_tap, &a);
}

static int do_untap(void *arg) {
    struct ask *a = arg;
    if (mc_leg_tap(a->leg) == a->tap) {
        mc_leg_set_tap(a->leg, NULL);
    }
    return MC_OK;
}

void mc_worker_untap(struct mc_leg *leg, struct mc_tap *tap) {
    struct ask a = {.leg = leg, .tap = tap};
    mc_worker_call(worker_of(leg), do_untap, &a);
}

static int do_describe(void *arg) {
    struct ask *a = arg;
    return mc_leg_describe(a->leg, a->text, a->size);
}

int mc_worker_describe(struct mc_leg *leg, char *out, size_t size) {
    struct ask a = {.leg = leg, .text = out, .size = size};
    return mc_worker_call(worker_of(leg), do_describe, &a);
}

static int do_params(void *arg) {
    struct ask *a = arg;
    const struct mc_leg_params *p = mc_leg_last_params(a->leg);
    if (p == NULL) {
        return MC_E_STATE;
    }
    *a->params = *p;
    return mc_leg_params(a->leg) != NULL;
}

int mc_worker_params(struct mc_leg *leg, struct mc_leg_params *out) {
    struct ask a = {.leg = leg, .params = out};
    return mc_worker_call(worker_of(leg), do_params, &a);
}

static int do_close(void *arg) {
    struct ask *a = arg;
    do_bye(a);
    mc_leg_close(a->leg);
    do_stop(a);
    do_describe(a);
    return a->params != NULL ? do_params(a) : MC_OK;
}

int mc_worker_leg_close(struct mc_leg *leg, char *text, size_t size, struct mc_leg_params *params) {
    struct ask a = {.leg = leg, .text = text, .size = size, .params = params};
    return stop(&a, do_close);
}
