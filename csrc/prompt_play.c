/* SPDX-License-Identifier: GPL-3.0-or-later
 * A prompt on a leg: the leg's sink. */
#include <stdlib.h>

#include "err.h"
#include "prompt.h"

struct mc_prompt_player {
    struct mc_sink sink; /* first: a sink is its player */
    struct mc_prompt *prompt;
    struct mc_leg *leg;
    struct mc_prompt_at at; /* the worker's */
    _Atomic uint32_t left_ms;
};

static void tell_left(struct mc_prompt_player *p) {
    if (atomic_load_explicit(&p->left_ms, memory_order_relaxed) != UINT32_MAX) {
        uint32_t ms = mc_prompt_ms(p->prompt);
        bool over = mc_prompt_over(p->prompt, &p->at);
        atomic_store_explicit(&p->left_ms, over ? 0 : p->at.ms < ms ? ms - (uint32_t)p->at.ms : 1, memory_order_relaxed);
    }
}

static enum mc_pull pull(const struct mc_sink *self, struct mc_leg *leg, int16_t *pcm, size_t n, uint64_t now_us) {
    struct mc_prompt_player *p = (struct mc_prompt_player *)self;
    if (mc_prompt_over(p->prompt, &p->at)) {
        return MC_PULL_SILENCE;
    }
    mc_prompt_pcm(p->prompt, &p->at, pcm, n);
    tell_left(p);
    return MC_PULL_AUDIO;
}

static int coded(const struct mc_sink *self, struct mc_leg *leg, const struct mc_coding *coding, bool goes_on, uint8_t *out,
                 size_t size, uint64_t now_us) {
    struct mc_prompt_player *p = (struct mc_prompt_player *)self;
    int len = mc_prompt_coded(p->prompt, &p->at, coding, goes_on, out, size);
    tell_left(p);
    return len;
}

static void sound(const struct mc_sink *self, struct mc_leg *leg, uint32_t ago_ms, int16_t *pcm, size_t n) {
    struct mc_prompt_player *p = (struct mc_prompt_player *)self;
    mc_prompt_sound(p->prompt, &p->at, ago_ms, pcm, n);
}

static void to_engine(const struct mc_sink *self, struct mc_leg *leg, const struct mc_frame *frame) {
    mc_sink_engine.ear(&mc_sink_engine, leg, frame);
}

static int do_start(void *arg) {
    struct mc_prompt_player *p = arg;
    mc_leg_set_sink(p->leg, &p->sink);
    return MC_OK;
}

int mc_prompt_start(struct mc_prompt_player **out, struct mc_prompt *prompt, struct mc_leg *leg, bool ears) {
    if (mc_leg_rate(leg) != mc_prompt_rate(prompt)) {
        return MC_E_ARG;
    }
    struct mc_prompt_player *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return MC_E_NOMEM;
    }
    p->sink = (struct mc_sink){.name = "prompt", .pull = pull, .coded = coded, .sound = sound, .ear = ears ? to_engine : NULL};
    p->prompt = prompt;
    p->leg = leg;
    atomic_init(&p->left_ms, mc_prompt_loops(prompt) ? UINT32_MAX : mc_prompt_ms(prompt));
    mc_prompt_ref(prompt);
    mc_leg_ref(leg);
    mc_sink_command(leg, do_start, p);
    *out = p;
    return MC_OK;
}

uint32_t mc_prompt_left(const struct mc_prompt_player *p) {
    return atomic_load_explicit(&p->left_ms, memory_order_relaxed);
}

static int do_stop(void *arg) {
    struct mc_prompt_player *p = arg;
    if (mc_leg_sink(p->leg) == &p->sink) {
        mc_leg_set_sink(p->leg, &mc_sink_engine);
    }
    return MC_OK;
}

void mc_prompt_stop(struct mc_prompt_player *p) {
    mc_sink_command(p->leg, do_stop, p);
    mc_leg_unref(p->leg);
    mc_prompt_unref(p->prompt);
    free(p);
}
