/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "listen.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "level.h"
#include "limit.h"
#include "resample.h"
#include "slack.h"
#include "splice.h"

#define TALKS_US 200000 /* after its last sound: no going to and fro between words */
#define PIECE ((size_t)48000 / 50)
#define MOST ((size_t)48000 / 1000 * 120) /* the longest frame of the machine ear */

/* One way between two legs whose ticks lie apart. */
struct way {
    struct mc_resample rs;
    struct mc_slack slack;
    struct mc_splice join; /* where sound begins and ends */
    bool silent;           /* so was what was taken last */
};

struct mc_listen {
    struct mc_sink sink; /* of the listener's leg; first: a sink is its listener */
    struct mc_leg *leg, *target;
    struct mc_listen *next; /* at the same target */
    struct mc_listen_cfg cfg;
    struct way heard, sent, to_peer, to_other;
    struct mc_splice before; /* what was sent last, less our own */
    uint64_t talked_us;      /* newest sound of the listener's; 0 = none yet */
    size_t n_said;           /* of `said`, that are in the packet which is made */
    mc_live *live;
    int16_t said[MOST]; /* to the peer */
};

static int way_init(struct way *w, uint32_t from, uint32_t to) {
    w->silent = true;
    mc_splice_init(&w->join, to);
    int rc = mc_resample_init(&w->rs, from, to);
    return rc != MC_OK ? rc : mc_slack_init(&w->slack, to);
}

static void way_put(struct way *w, const int16_t *pcm, size_t n) {
    int16_t out[PIECE + 8];
    while (n > 0) {
        size_t k = n < w->rs.rate_in / 50 ? n : w->rs.rate_in / 50;
        int rc = mc_resample_run(&w->rs, pcm, k, out, PIECE + 8);
        if (rc > 0) {
            mc_slack_put(&w->slack, out, (size_t)rc);
        }
        pcm += k;
        n -= k;
    }
}

/* False: n zeros. */
static bool way_take(struct way *w, int16_t *pcm, size_t n) {
    bool silent = !mc_slack_take(&w->slack, pcm, n) || mc_silent(pcm, n);
    bool turn = silent != w->silent;
    if (silent && !turn) {
        return false;
    }
    w->silent = silent;
    w->join.due |= turn;
    mc_splice_run(&w->join, pcm, n);
    return true;
}

static struct mc_listen *listen_of(const struct mc_sink *sink) {
    return (struct mc_listen *)sink;
}

/* --- the listener's leg --- */

static enum mc_pull on_pull(const struct mc_sink *self, struct mc_leg *leg, int16_t *pcm, size_t n, uint64_t now_us) {
    struct mc_listen *l = listen_of(self);
    int16_t more[MOST];
    if (n > MOST) {
        return MC_PULL_SILENCE;
    }
    bool heard = way_take(&l->heard, pcm, n);
    if (!way_take(&l->sent, more, n)) {
        return heard ? MC_PULL_AUDIO : MC_PULL_SILENCE;
    }
    mc_limit_add(pcm, more, n);
    return MC_PULL_AUDIO;
}

static void on_play(const struct mc_sink *self, struct mc_leg *leg, const int16_t *pcm, size_t n, uint64_t now_us) {
    struct mc_listen *l = listen_of(self);
    if (!mc_silent(pcm, n)) {
        l->talked_us = now_us;
    }
    if (l->cfg.peer) {
        way_put(&l->to_peer, pcm, n);
    }
    if (l->cfg.other) {
        way_put(&l->to_other, pcm, n);
    }
}

/* --- the target's leg --- */

void mc_listen_heard(struct mc_listen *first, const int16_t *pcm, size_t n) {
    for (struct mc_listen *l = first; l != NULL; l = l->next) {
        way_put(&l->heard, pcm, n);
    }
}

void mc_listen_sent(struct mc_listen *first, const int16_t *pcm, size_t n, bool join) {
    int16_t rest[MOST];
    for (struct mc_listen *l = first; l != NULL && n <= MOST; l = l->next) {
        for (size_t i = 0; i < n; i++) {
            rest[i] = l->n_said == n ? mc_limit(pcm[i] - l->said[i]) : pcm[i];
        }
        l->n_said = 0;
        l->before.due |= join;
        mc_splice_run(&l->before, rest, n);
        way_put(&l->sent, rest, n);
    }
}

bool mc_listen_to_peer(struct mc_listen *first, int16_t *pcm, size_t n) {
    bool any = false;
    for (struct mc_listen *l = first; l != NULL && n <= MOST; l = l->next) {
        l->n_said = way_take(&l->to_peer, l->said, n) ? n : 0;
        if (l->n_said > 0 && !any) {
            memcpy(pcm, l->said, n * sizeof *pcm);
        } else if (l->n_said > 0) {
            mc_limit_add(pcm, l->said, n);
        }
        any |= l->n_said > 0;
    }
    return any;
}

const int16_t *mc_listen_to_other(struct mc_listen *first, const int16_t *pcm, size_t n, int16_t *room) {
    int16_t more[MOST];
    const int16_t *sum = pcm;
    for (struct mc_listen *l = first; l != NULL && n <= MOST; l = l->next) {
        if (!way_take(&l->to_other, more, n)) {
            continue;
        }
        if (sum == pcm) {
            memcpy(room, pcm, n * sizeof *room);
            sum = room;
        }
        mc_limit_add(room, more, n);
    }
    return sum;
}

static bool talks(const struct mc_listen *l, const struct way *w, uint64_t now_us) {
    return !w->silent || (l->talked_us != 0 && now_us < l->talked_us + TALKS_US);
}

bool mc_listen_talks_to_peer(const struct mc_listen *first, uint64_t now_us) {
    const struct mc_listen *l = first;
    while (l != NULL && !(l->cfg.peer ? talks(l, &l->to_peer, now_us) : !l->to_peer.silent)) {
        l = l->next;
    }
    return l != NULL;
}

bool mc_listen_talks_to_other(const struct mc_listen *first, uint64_t now_us) {
    const struct mc_listen *l = first;
    while (l != NULL && !(l->cfg.other ? talks(l, &l->to_other, now_us) : !l->to_other.silent)) {
        l = l->next;
    }
    return l != NULL;
}

size_t mc_listen_count(const struct mc_listen *first) {
    size_t n = 0;
    for (const struct mc_listen *l = first; l != NULL; l = l->next) {
        n++;
    }
    return n;
}

/* --- set-up --- */

static void destroy(struct mc_listen *l) {
    mc_slack_free(&l->heard.slack);
    mc_slack_free(&l->sent.slack);
    mc_slack_free(&l->to_peer.slack);
    mc_slack_free(&l->to_other.slack);
    free(l);
}

static int init_ways(struct mc_listen *l) {
    uint32_t mine = mc_leg_rate(l->leg), theirs = mc_leg_rate(l->target);
    int rc = way_init(&l->heard, theirs, mine);
    mc_splice_init(&l->before, theirs);
    rc = rc == MC_OK ? way_init(&l->sent, theirs, mine) : rc;
    rc = rc == MC_OK ? way_init(&l->to_peer, mine, theirs) : rc;
    return rc == MC_OK ? way_init(&l->to_other, mine, theirs) : rc;
}

static void apply(struct mc_listen *l, const struct mc_listen_cfg *cfg) {
    l->cfg = *cfg;
    l->sink.play = cfg->peer || cfg->other ? on_play : NULL;
}

static int do_attach(void *arg) {
    struct mc_listen *l = arg;
    struct mc_listen **first = mc_leg_listeners(l->target);
    l->next = *first;
    *first = l;
    mc_leg_set_sink(l->leg, &l->sink);
    return MC_OK;
}

int mc_listen_new(struct mc_listen **out, struct mc_leg *listener, struct mc_leg *target, const struct mc_listen_cfg *cfg,
                  mc_live *live) {
    if (listener == target || mc_leg_seat(listener)->worker != mc_leg_seat(target)->worker) {
        return MC_E_ARG;
    }
    struct mc_listen *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return MC_E_NOMEM;
    }
    l->leg = listener;
    l->target = target;
    int rc = init_ways(l);
    if (rc != MC_OK) {
        destroy(l);
        return rc;
    }
    l->sink = (struct mc_sink){.name = "listener", .pull = on_pull};
    apply(l, cfg);
    l->live = live;
    if (live != NULL) {
        atomic_fetch_add(live, 1);
    }
    mc_leg_ref(listener);
    mc_leg_ref(target);
    mc_sink_command(listener, do_attach, l);
    *out = l;
    return MC_OK;
}

struct ask {
    struct mc_listen *listen;
    const struct mc_listen_cfg *cfg;
};

static int do_set(void *arg) {
    struct ask *ask = arg;
    apply(ask->listen, ask->cfg);
    return MC_OK;
}

int mc_listen_set(struct mc_listen *l, const struct mc_listen_cfg *cfg) {
    struct ask ask = {.listen = l, .cfg = cfg};
    return mc_sink_command(l->leg, do_set, &ask);
}

static int do_detach(void *arg) {
    struct mc_listen *l = arg;
    struct mc_listen **at = mc_leg_listeners(l->target);
    while (*at != l) {
        at = &(*at)->next;
    }
    *at = l->next;
    if (!l->to_peer.silent) {
        mc_leg_join(l->target);
    }
    if (mc_leg_sink(l->leg) == &l->sink) {
        mc_leg_set_sink(l->leg, &mc_sink_engine);
    }
    mc_leg_set_tap(l->target, mc_leg_tap(l->target)); /* its human ear may rest */
    return MC_OK;
}

void mc_listen_free(struct mc_listen *l) {
    mc_live *live = l->live;
    mc_sink_command(l->leg, do_detach, l);
    mc_leg_unref(l->leg);
    mc_leg_unref(l->target);
    destroy(l);
    if (live != NULL) {
        atomic_fetch_sub(live, 1);
    }
}
