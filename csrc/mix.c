/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mix.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "level.h"
#include "limit.h"
#include "mix_line.h"
#include "resample.h"

#define TICK_MAX (48000 / 50)
#define PACKET_MS 60 /* the longest */
#define PACKET_MAX (48000 / 1000 * PACKET_MS)

struct mc_party {
    struct mc_sink sink; /* first: a sink is its party */
    struct mc_mix *mix;
    struct mc_leg *leg;
    struct mc_party *next;
    struct mc_party_cfg cfg;
    struct mc_party *target; /* who hears what it whispered; stays until that is over */
    bool nobody;             /* it whispered to one who left */
    int gain;                /* that the last tick ended with */
    struct mc_resample in, out;
    struct mc_mix_lane said, whispered; /* what is in the sum; what is not */
};

struct mc_mix {
    uint32_t rate;
    struct mc_mix_sum sum;
    struct mc_party *first;
    size_t n_parties; /* the caller's count */
    mc_live *live;
};

static struct mc_party *party_of(const struct mc_sink *sink) {
    return (struct mc_party *)sink;
}

/* The place of a moment on the time line. */
static uint64_t place(const struct mc_mix *mix, uint64_t us) {
    return us / 1000 * (mix->rate / 1000) + us % 1000 * mix->rate / 1000000;
}

static void hush(struct mc_party *p) {
    mc_mix_hush(&p->said, &p->mix->sum);
    mc_mix_hush(&p->whispered, NULL);
}

/* Another one is whispered to as soon as the one before has heard the end. */
static bool whispers_to(struct mc_party *p, struct mc_party *to, uint64_t at) {
    if (p->target == to) {
        return true;
    }
    mc_mix_hush(&p->whispered, NULL);
    if (p->target != NULL && at < p->whispered.end + (uint64_t)p->mix->rate / 1000 * PACKET_MS) {
        return false;
    }
    p->target = to;
    return true;
}

static void on_play(const struct mc_sink *self, struct mc_leg *leg, const int16_t *pcm, size_t n, uint64_t now_us) {
    struct mc_party *p = party_of(self);
    int16_t mine[TICK_MAX + 8];
    int k = mc_resample_run(&p->in, pcm, n, mine, TICK_MAX + 8);
    if (k <= 0) {
        return;
    }
    if (p->gain != MC_MIX_UNITY || p->cfg.gain != MC_MIX_UNITY) {
        mc_fade(mine, (size_t)k, p->gain, p->cfg.gain);
        p->gain = p->cfg.gain;
    }
    uint64_t at = place(p->mix, mc_leg_due_us(leg));
    if (p->cfg.to != NULL || p->nobody) {
        mc_mix_hush(&p->said, &p->mix->sum);
        if (whispers_to(p, p->cfg.to, at)) {
            mc_mix_say(&p->whispered, NULL, p->mix->sum.read, at, mine, (size_t)k);
        }
    } else {
        mc_mix_hush(&p->whispered, NULL);
        mc_mix_say(&p->said, &p->mix->sum, p->mix->sum.read, at, mine, (size_t)k);
    }
}

/* Whoever should have spoken up to `at` and did not (stopped, moved elsewhere, late) fades out before anybody reads so far. */
static void hush_the_missing(struct mc_mix *mix, uint64_t at) {
    for (struct mc_party *p = mix->first; p != NULL; p = p->next) {
        if (p->said.end < at) {
            mc_mix_hush(&p->said, &mix->sum);
        }
        if (p->whispered.end < at) {
            mc_mix_hush(&p->whispered, NULL);
        }
    }
}

static enum mc_pull on_pull(const struct mc_sink *self, struct mc_leg *leg, int16_t *pcm, size_t n, uint64_t now_us) {
    struct mc_party *me = party_of(self);
    struct mc_mix *mix = me->mix;
    int32_t sum[PACKET_MAX];
    int16_t heard[PACKET_MAX];
    uint64_t now = place(mix, mc_leg_due_us(leg));
    size_t k = n * mix->rate / mc_leg_rate(leg);
    if (k > (size_t)PACKET_MAX || now < k) {
        return MC_PULL_SILENCE;
    }
    hush_the_missing(mix, now);
    mc_mix_read(&mix->sum, now - k, sum, k);
    mc_mix_lane_add(&me->said, now - k, sum, k, -1);
    for (const struct mc_party *p = mix->first; p != NULL; p = p->next) {
        if (p->target == me) {
            mc_mix_lane_add(&p->whispered, now - k, sum, k, 1);
        }
    }
    for (size_t i = 0; i < k; i++) {
        heard[i] = mc_limit(sum[i]);
    }
    if (mc_resample_run(&me->out, heard, k, pcm, n) != (int)n || mc_silent(pcm, n)) {
        return MC_PULL_SILENCE;
    }
    return MC_PULL_AUDIO;
}

static void on_ear(const struct mc_sink *self, struct mc_leg *leg, const struct mc_frame *frame) {
    mc_sink_engine.ear(&mc_sink_engine, leg, frame);
}

/* --- the room --- */

int mc_mix_new(struct mc_mix **out, uint32_t rate, mc_live *live) {
    if (rate != 8000 && rate != 16000 && rate != 24000 && rate != 48000) {
        return MC_E_ARG;
    }
    struct mc_mix *mix = calloc(1, sizeof *mix);
    if (mix == NULL) {
        return MC_E_NOMEM;
    }
    mix->rate = rate;
    int rc = mc_mix_sum_init(&mix->sum, rate);
    if (rc != MC_OK) {
        free(mix);
        return rc;
    }
    mix->live = live;
    if (live != NULL) {
        atomic_fetch_add(live, 1);
    }
    *out = mix;
    return MC_OK;
}

void mc_mix_free(struct mc_mix *mix) {
    struct mc_party *next;
    for (struct mc_party *p = mix->first; p != NULL; p = next) {
        next = p->next;
        mc_mix_remove(p);
    }
    mc_live *live = mix->live;
    mc_mix_sum_free(&mix->sum);
    free(mix);
    if (live != NULL) {
        atomic_fetch_sub(live, 1);
    }
}

size_t mc_mix_count(const struct mc_mix *mix) {
    return mix->n_parties;
}

/* --- parties: the caller allocates and frees, the worker links and unlinks --- */

struct ask {
    struct mc_party *party;
    struct mc_party_cfg cfg;
};

static void apply(struct mc_party *p, const struct mc_party_cfg *cfg) {
    p->cfg = *cfg;
    p->nobody = false;
    p->sink.play = cfg->listen ? NULL : on_play;
    p->sink.ear = cfg->ears ? on_ear : NULL;
    if (cfg->listen) {
        hush(p);
    }
}

static int do_add(void *arg) {
    struct ask *ask = arg;
    struct mc_party *p = ask->party;
    apply(p, &ask->cfg);
    p->gain = ask->cfg.gain;
    p->next = p->mix->first;
    p->mix->first = p;
    mc_leg_set_sink(p->leg, &p->sink);
    return MC_OK;
}

static bool cfg_ok(const struct mc_mix *mix, const struct mc_party_cfg *cfg) {
    return cfg->gain >= 0 && cfg->gain <= MC_MIX_MAX_GAIN && (cfg->to == NULL || cfg->to->mix == mix) &&
           !(cfg->listen && cfg->to != NULL);
}

static void destroy(struct mc_party *p) {
    mc_mix_lane_free(&p->said);
    mc_mix_lane_free(&p->whispered);
    free(p);
}

static int init(struct mc_party *p) {
    uint32_t rate = mc_leg_rate(p->leg);
    int rc = mc_mix_lane_init(&p->said, p->mix->rate);
    if (rc == MC_OK) {
        rc = mc_mix_lane_init(&p->whispered, p->mix->rate);
    }
    if (rc == MC_OK) {
        rc = mc_resample_init(&p->in, rate, p->mix->rate);
    }
    return rc == MC_OK ? mc_resample_init(&p->out, p->mix->rate, rate) : rc;
}

int mc_mix_add(struct mc_mix *mix, struct mc_party **out, struct mc_leg *leg, const struct mc_party_cfg *cfg) {
    if (!cfg_ok(mix, cfg) || (mix->first != NULL && mc_leg_seat(mix->first->leg)->worker != mc_leg_seat(leg)->worker)) {
        return MC_E_ARG;
    }
    struct mc_party *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return MC_E_NOMEM;
    }
    p->mix = mix;
    p->leg = leg;
    p->sink = (struct mc_sink){.name = "mix", .pull = on_pull};
    int rc = init(p);
    if (rc != MC_OK) {
        destroy(p);
        return rc;
    }
    struct ask ask = {.party = p, .cfg = *cfg};
    mc_leg_ref(leg);
    mix->n_parties++;
    mc_sink_command(leg, do_add, &ask);
    *out = p;
    return MC_OK;
}

static int do_set(void *arg) {
    struct ask *ask = arg;
    apply(ask->party, &ask->cfg);
    return MC_OK;
}

int mc_mix_set(struct mc_party *p, const struct mc_party_cfg *cfg) {
    struct ask ask = {.party = p, .cfg = *cfg};
    if (!cfg_ok(p->mix, cfg) || cfg->to == p) {
        return MC_E_ARG;
    }
    return mc_sink_command(p->leg, do_set, &ask);
}

static int do_remove(void *arg) {
    struct mc_party *p = arg;
    hush(p);
    struct mc_party **at = &p->mix->first;
    while (*at != p) {
        at = &(*at)->next;
    }
    *at = p->next;
    for (struct mc_party *q = p->mix->first; q != NULL; q = q->next) {
        if (q->cfg.to == p) {
            q->cfg.to = NULL;
            q->nobody = true;
        }
        q->target = q->target == p ? NULL : q->target;
    }
    if (mc_leg_sink(p->leg) == &p->sink) {
        mc_leg_set_sink(p->leg, &mc_sink_engine);
    }
    return MC_OK;
}

void mc_mix_remove(struct mc_party *p) {
    mc_sink_command(p->leg, do_remove, p);
    p->mix->n_parties--;
    mc_leg_unref(p->leg);
    destroy(p);
}
