/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink.h"

#include "leg_int.h"
#include "worker.h"

static void engine_ear(const struct mc_sink *self, struct mc_leg *leg, const struct mc_frame *frame) {
    mc_leg_push_ear(leg, frame);
}

static void echo_ear(const struct mc_sink *self, struct mc_leg *leg, const struct mc_frame *frame) {
    mc_leg_write(leg, frame->pcm, frame->n);
}

const struct mc_sink mc_sink_engine = {.name = "engine", .ear = engine_ear};
const struct mc_sink mc_sink_echo = {.name = "echo", .ear = echo_ear};
const struct mc_sink mc_sink_null = {.name = "null"};

int mc_sink_command(struct mc_leg *leg, int (*fn)(void *arg), void *arg) {
    struct mc_worker *worker = mc_leg_seat(leg)->worker;
    return worker != NULL ? mc_worker_call(worker, fn, arg) : fn(arg);
}
