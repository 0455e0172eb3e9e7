/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink.h"

#include "leg_int.h"

static void engine_ear(const struct mc_sink *self, struct mc_leg *leg, const struct mc_frame *frame) {
    mc_leg_push_ear(leg, frame);
}

static void echo_ear(const struct mc_sink *self, struct mc_leg *leg, const struct mc_frame *frame) {
    mc_leg_write(leg, frame->pcm, frame->n);
}

const struct mc_sink mc_sink_engine = {.name = "engine", .ear = engine_ear};
const struct mc_sink mc_sink_echo = {.name = "echo", .ear = echo_ear};
const struct mc_sink mc_sink_null = {.name = "null"};
