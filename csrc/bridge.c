/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "level.h"
#include "resample.h"
#include "slack.h"
#include "splice.h"

#define HOLD_OFF_US 200000 /* decoded once, so for a while: no going to and fro between words of the engine's */
#define TICK_MAX (48000 / 50)

enum kind { NOTHING, SOUND, RELAYED, MUSIC };

/* One leg of the two, and what goes to it. */
struct side {
    struct mc_sink sink; /* first: a sink is its side */
    struct mc_bridge *bridge;
    struct side *other;
    struct mc_leg *leg;
    struct mc_resample rs;   /* from the other's rate to this one's */
    struct mc_splice join;   /* where it comes from nothing, or ends so */
    struct mc_slack slack;   /* the other's sound */
    bool silent;             /* so was its last tick */
    bool held;               /* this leg, by mc_bridge_hold */
    struct mc_prompt *music; /* for the other, while this one is away */
    struct mc_prompt_at music_at;
    uint64_t decode_until_us; /* no relaying to this leg before */
    uint32_t event_ts;        /* the newest event of the other leg */
    bool event_relayed;       /* it went to this leg as it was */
    bool event_open;          /* its digit is still to be told */
    bool owed, owed_relayed;  /* the same of the event before, whose end was lost */
    enum kind kind;           /* what it heard last */
    uint64_t relayed, decoded, digits;
};

struct mc_bridge {
    struct mc_bridge_cfg cfg;
    struct side side[2];
};

static struct side *side_of(const struct mc_sink *sink) {
    return (struct side *)sink;
}

/* Its own sink is what makes a leg part of the bridge: it may have been given another one meanwhile. */
static bool joined(const struct side *s) {
    return mc_leg_sink(s->leg) == &s->sink;
}

/* Nothing is to be heard of it. */
static bool away(const struct side *s) {
    const struct mc_leg_params *p = mc_leg_params(s->leg);
    return s->held || !joined(s) || p == NULL || !p->recv;
}

/* Somebody records or listens to one of the two, or the engine does: the sound is wanted beside the packets. */
static bool sound_wanted(const struct mc_bridge *b) {
    return b->cfg.ears || mc_leg_tapped(b->side[0].leg) || mc_leg_tapped(b->side[1].leg);
}

static bool may_relay(const struct side *to, uint64_t now_us) {
    return !to->bridge->cfg.transcode && joined(to) && !to->held && !away(to->other) && now_us >= to->decode_until_us;
}

static bool on_packet(const struct mc_sink *self, struct mc_leg *leg, const struct mc_rtp *pkt, uint64_t now_us) {
    struct side *from = side_of(self), *to = from->other;
    if ((to->held || away(from)) && !sound_wanted(from->bridge)) {
        return true; /* for nobody */
    }
    if (!may_relay(to, now_us)) {
        return false;
    }
    if (mc_leg_relay(to->leg, leg, pkt, now_us) != MC_OK) {
        to->decode_until_us = now_us + HOLD_OFF_US;
        return false;
    }
    to->relayed++;
    return !sound_wanted(from->bridge);
}

/* Packets of an event have its timestamp (RFC 4733 section 2.1), those that tell its end again as well. */
static void notice_event(struct side *to, const struct mc_rtp *pkt) {
    if (pkt->ts != to->event_ts) {
        to->owed = to->event_open;
        to->owed_relayed = to->event_relayed;
        to->event_ts = pkt->ts;
        to->event_open = pkt->len > 0 && pkt->payload[0] < 16; /* a digit */
        to->event_relayed = false;
    }
}

static void on_aside(const struct mc_sink *self, struct mc_leg *leg, const struct mc_rtp *pkt, uint64_t now_us) {
    struct side *from = side_of(self), *to = from->other;
    const struct mc_leg_params *p = mc_leg_params(leg);
    bool event = p != NULL && pkt->pt == p->event_rx_pt;
    bool noise = p != NULL && p->cn_rx_pt != 0 && pkt->pt == p->cn_rx_pt; /* comfort noise, RFC 3389 */
    if (event) {
        notice_event(to, pkt);
    }
    if ((event || noise) && may_relay(to, now_us) && mc_leg_relay(to->leg, leg, pkt, now_us) == MC_OK) {
        to->relayed++;
        to->event_relayed |= event;
    } else if (joined(to)) {
        mc_leg_relay_skip(to->leg);
    }
}

static void on_digit(const struct mc_sink *self, struct mc_leg *leg, char digit, uint32_t ms) {
    struct side *to = side_of(self)->other;
    bool relayed = to->owed ? to->owed_relayed : to->event_relayed;
    if (to->owed) {
        to->owed = false;
    } else {
        to->event_open = false;
    }
    if (!relayed && joined(to) && !to->held && !away(to->other)) {
        to->digits += mc_leg_relay_digit(to->leg, digit, ms) == MC_OK;
    }
}

static void on_play(const struct mc_sink *self, struct mc_leg *leg, const int16_t *pcm, size_t n, uint64_t now_us) {
    struct side *from = side_of(self), *to = from->other;
    int16_t out[TICK_MAX + 8];
    if (away(from) || !joined(to) || (mc_leg_relaying(to->leg, now_us) && !sound_wanted(from->bridge))) {
        mc_slack_clear(&to->slack);
        return;
    }
    int k = mc_resample_run(&to->rs, pcm, n, out, TICK_MAX + 8);
    if (k > 0) {
        bool silent = mc_silent(out, (size_t)k);
        to->join.due |= silent != to->silent;
        to->silent = silent;
        mc_splice_run(&to->join, out, (size_t)k);
        mc_slack_put(&to->slack, out, (size_t)k);
        to->decoded += !silent;
    }
}

static enum kind kind_of(const struct side *to, uint64_t now_us) {
    if (to->held) {
        return NOTHING;
    }
    if (away(to->other)) {
        return to->other->music != NULL ? MUSIC : NOTHING;
    }
    return mc_leg_relaying(to->leg, now_us) ? RELAYED : SOUND;
}

static enum kind notice_kind(struct side *to, uint64_t now_us) {
    enum kind kind = kind_of(to, now_us);
    if (kind != to->kind) {
        to->kind = kind;
        if (kind != RELAYED) { /* the first packet that was relayed is joined already */
            mc_leg_join(to->leg);
        }
    }
    return kind;
}

static enum mc_pull on_pull(const struct mc_sink *self, struct mc_leg *leg, int16_t *pcm, size_t n, uint64_t now_us) {
    struct side *to = side_of(self), *from = to->other;
    bool sound = mc_slack_take(&to->slack, pcm, n);
    enum kind kind = notice_kind(to, now_us);
    switch (kind) {
    case MUSIC:
        mc_prompt_pcm(from->music, &from->music_at, pcm, n);
        return MC_PULL_AUDIO;
    case RELAYED:
        return MC_PULL_RELAYED;
    case SOUND:
        return sound ? MC_PULL_AUDIO : MC_PULL_SILENCE;
    case NOTHING: /* somebody else may have wanted the sound that was taken */
        memset(pcm, 0, n * sizeof *pcm);
        break;
    }
    return MC_PULL_SILENCE;
}

/* Music is there in packets. */
static int on_coded(const struct mc_sink *self, struct mc_leg *leg, const struct mc_coding *coding, bool goes_on, uint8_t *out,
                    size_t size, uint64_t now_us) {
    struct side *to = side_of(self), *from = to->other;
    if (kind_of(to, now_us) != MUSIC) {
        return MC_E_EMPTY;
    }
    int len = mc_prompt_coded(from->music, &from->music_at, coding, goes_on, out, size);
    if (len >= 0) {
        mc_slack_clear(&to->slack);
        notice_kind(to, now_us);
    }
    return len;
}

static void on_sound(const struct mc_sink *self, struct mc_leg *leg, uint32_t ago_ms, int16_t *pcm, size_t n) {
    const struct side *from = side_of(self)->other;
    if (from->music != NULL) {
        mc_prompt_sound(from->music, &from->music_at, ago_ms, pcm, n);
    } else {
        memset(pcm, 0, n * sizeof *pcm);
    }
}

static void on_ear(const struct mc_sink *self, struct mc_leg *leg, const struct mc_frame *frame) {
    mc_sink_engine.ear(&mc_sink_engine, leg, frame);
}

/* --- set-up --- */

static int init_side(struct mc_bridge *b, int i, struct mc_leg *leg, struct mc_leg *other) {
    struct side *s = &b->side[i];
    s->sink = (struct mc_sink){.name = "bridge",
                               .packet = on_packet,
                               .aside = on_aside,
                               .digit = on_digit,
                               .ear = b->cfg.ears ? on_ear : NULL,
                               .play = on_play,
                               .pull = on_pull,
                               .coded = on_coded,
                               .sound = on_sound};
    s->bridge = b;
    s->other = &b->side[1 - i];
    s->leg = leg;
    s->silent = true;
    mc_splice_init(&s->join, mc_leg_rate(leg));
    int rc = mc_resample_init(&s->rs, mc_leg_rate(other), mc_leg_rate(leg));
    return rc != MC_OK ? rc : mc_slack_init(&s->slack, mc_leg_rate(leg));
}

static int do_join(void *arg) {
    struct mc_bridge *b = arg;
    for (int i = 0; i < 2; i++) {
        mc_leg_set_sink(b->side[i].leg, &b->side[i].sink);
    }
    return MC_OK;
}

static void destroy(struct mc_bridge *b) {
    for (int i = 0; i < 2; i++) {
        mc_slack_free(&b->side[i].slack);
        mc_prompt_unref(b->side[i].music);
    }
    free(b);
}

int mc_bridge_new(struct mc_bridge **out, struct mc_leg *a, struct mc_leg *b, const struct mc_bridge_cfg *cfg) {
    if (a == b || mc_leg_seat(a)->worker != mc_leg_seat(b)->worker) {
        return MC_E_ARG;
    }
    struct mc_bridge *bridge = calloc(1, sizeof *bridge);
    if (bridge == NULL) {
        return MC_E_NOMEM;
    }
    bridge->cfg = *cfg;
    int rc = init_side(bridge, 0, a, b);
    if (rc == MC_OK) {
        rc = init_side(bridge, 1, b, a);
    }
    if (rc != MC_OK) {
        destroy(bridge);
        return rc;
    }
    mc_leg_ref(a);
    mc_leg_ref(b);
    if (cfg->live != NULL) {
        atomic_fetch_add(cfg->live, 1);
    }
    mc_sink_command(a, do_join, bridge);
    *out = bridge;
    return MC_OK;
}

static int do_part(void *arg) {
    struct mc_bridge *b = arg;
    for (int i = 0; i < 2; i++) {
        if (joined(&b->side[i])) {
            mc_leg_set_sink(b->side[i].leg, &mc_sink_engine);
        }
    }
    return MC_OK;
}

void mc_bridge_free(struct mc_bridge *b) {
    mc_live *live = b->cfg.live;
    mc_sink_command(b->side[0].leg, do_part, b);
    mc_leg_unref(b->side[0].leg);
    mc_leg_unref(b->side[1].leg);
    destroy(b);
    if (live != NULL) {
        atomic_fetch_sub(live, 1);
    }
}

/* --- while it runs --- */

struct ask {
    struct side *side;
    bool held;
    struct mc_prompt *music;
    struct mc_bridge_way *way;
};

static struct side *find(struct mc_bridge *b, const struct mc_leg *leg) {
    return leg == b->side[0].leg ? &b->side[0] : leg == b->side[1].leg ? &b->side[1] : NULL;
}

static int do_hold(void *arg) {
    struct ask *ask = arg;
    struct side *s = ask->side;
    struct mc_prompt *old = s->music;
    mc_leg_join(s->other->leg);
    s->held = ask->held;
    if (ask->held) {
        s->music = ask->music;
        s->music_at = (struct mc_prompt_at){0};
        ask->music = old;
    } else {
        ask->music = NULL; /* kept: for when the peer itself holds */
    }
    return MC_OK;
}

int mc_bridge_hold(struct mc_bridge *b, struct mc_leg *leg, struct mc_prompt *music) {
    struct ask ask = {.side = find(b, leg), .held = true, .music = music};
    if (ask.side == NULL || (music != NULL && mc_prompt_rate(music) != mc_leg_rate(ask.side->other->leg))) {
        return MC_E_ARG;
    }
    if (music != NULL) {
        mc_prompt_ref(music);
    }
    mc_sink_command(leg, do_hold, &ask);
    mc_prompt_unref(ask.music);
    return MC_OK;
}

int mc_bridge_resume(struct mc_bridge *b, struct mc_leg *leg) {
    struct ask ask = {.side = find(b, leg)};
    return ask.side == NULL ? MC_E_ARG : mc_sink_command(leg, do_hold, &ask);
}

static int do_stats(void *arg) {
    struct ask *ask = arg;
    const struct side *to = ask->side->other;
    *ask->way = (struct mc_bridge_way){.relayed = to->relayed,
                                       .decoded = to->decoded,
                                       .digits = to->digits,
                                       .dropped = to->slack.dropped,
                                       .queued_us = (uint32_t)(to->slack.n * 1000000 / to->slack.rate),
                                       .relaying = to->kind == RELAYED};
    return MC_OK;
}

int mc_bridge_stats(struct mc_bridge *b, struct mc_leg *leg, struct mc_bridge_way *out) {
    struct ask ask = {.side = find(b, leg), .way = out};
    return ask.side == NULL ? MC_E_ARG : mc_sink_command(leg, do_stats, &ask);
}
