/* SPDX-License-Identifier: GPL-3.0-or-later
 * The path of a leg, one line each way:
 *
 *   rx: wire > parse > stats > dtmf? > ear(reorder hold) > decode > resample > sink
 *                                  \ jitter > decode/conceal > resample > tap left, sink.play     (only when wanted)
 *   tx: engine > ring > [flush, pause: fade] > + sink.pull > resample > [join] > encode > build > wire
 *                                                  \ tap right        sink > relay > build /
 *
 * This file: life of a leg, its two doors' frame, what crosses to the engine. leg_rx.c, leg_ear.c, leg_human.c, leg_tx.c,
 * leg_relay.c and tap.c are the stages. */
#include "leg.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "leg_int.h"

#define EVENTS 64
#define DIGITS 64
#define EAR_FRAMES_PER_S 100
#define EAR_HOLD_S 2 /* more than a socket holds (udp.c): what comes at once after a stall waits here for the engine */

static int init_queues(struct mc_leg *leg) {
    const struct mc_leg_cfg *cfg = &leg->cfg;
    int rc = mc_ring_init(&leg->out, (size_t)cfg->rate * cfg->tx_ms / 1000);
    if (rc == MC_OK) {
        rc = mc_ring_init(&leg->ear_pcm, (size_t)cfg->rate * EAR_HOLD_S);
    }
    if (rc == MC_OK) {
        rc = mc_queue_init(&leg->ear_head, sizeof(struct mc_frame), (size_t)EAR_FRAMES_PER_S * EAR_HOLD_S);
    }
    if (rc == MC_OK) {
        rc = mc_queue_init(&leg->events, sizeof(struct mc_event), EVENTS);
    }
    if (rc == MC_OK) {
        rc = mc_queue_init(&leg->digits, sizeof(struct mc_digit), DIGITS);
    }
    return rc;
}

static void destroy(struct mc_leg *leg) {
    mc_path_free(leg->path);
    mc_path_free(leg->former);
    mc_path_free(leg->spent);
    mc_ring_free(&leg->out);
    mc_ring_free(&leg->ear_pcm);
    mc_queue_free(&leg->ear_head);
    mc_queue_free(&leg->events);
    mc_queue_free(&leg->digits);
    mc_capture_unref(atomic_load(&leg->capture));
    free(leg);
}

static bool rate_ok(uint32_t rate) {
    return rate == 8000 || rate == 16000 || rate == 24000 || rate == 48000;
}

int mc_leg_new(struct mc_leg **out, const struct mc_leg_cfg *cfg) {
    if (!rate_ok(cfg->rate) || cfg->tx_ms < 100 || cfg->tx_ms > 3600000) {
        return MC_E_ARG;
    }
    struct mc_leg *leg = aligned_alloc(64, sizeof *leg); /* the rings keep their sides' indices on cache lines of their own */
    if (leg == NULL) {
        return MC_E_NOMEM;
    }
    memset(leg, 0, sizeof *leg);
    leg->cfg = *cfg;
    leg->cfg.name[MC_LEG_NAME - 1] = '\0';
    leg->seat.bucket = -1;
    atomic_init(&leg->refs, 1);
    atomic_init(&leg->sink, &mc_sink_engine);
    atomic_init(&leg->rx_timeout_ms, cfg->rx_timeout_ms);
    int rc = init_queues(leg);
    if (rc != MC_OK) {
        destroy(leg);
        return rc;
    }
    if (cfg->live != NULL) {
        atomic_fetch_add(cfg->live, 1);
    }
    *out = leg;
    return MC_OK;
}

void mc_leg_ref(struct mc_leg *leg) {
    atomic_fetch_add_explicit(&leg->refs, 1, memory_order_relaxed);
}

void mc_leg_unref(struct mc_leg *leg) {
    if (atomic_fetch_sub_explicit(&leg->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    struct mc_leg_cfg cfg = leg->cfg;
    destroy(leg);
    if (cfg.live != NULL) {
        atomic_fetch_sub(cfg.live, 1);
    }
    if (cfg.on_free != NULL) {
        cfg.on_free(cfg.notify_ctx);
    }
}

uint32_t mc_leg_rate(const struct mc_leg *leg) {
    return leg->cfg.rate;
}

const char *mc_leg_name(const struct mc_leg *leg) {
    return leg->cfg.name;
}

struct mc_seat *mc_leg_seat(struct mc_leg *leg) {
    return &leg->seat;
}

void mc_leg_set_user(struct mc_leg *leg, void *user) {
    leg->user = user;
}

void *mc_leg_user(const struct mc_leg *leg) {
    return leg->user;
}

/* --- engine side --- */

size_t mc_leg_write(struct mc_leg *leg, const int16_t *pcm, size_t n) {
    return mc_ring_write(&leg->out, pcm, n);
}

uint64_t mc_leg_flush(struct mc_leg *leg) {
    uint64_t cut = mc_ring_flush(&leg->out);
    atomic_fetch_add_explicit(&leg->n_flush, 1, memory_order_release); /* after the cut: who sees the count sees the cut */
    mc_leg_pause(leg, 0); /* after the count, or what is dropped might sound once more */
    return cut;
}

void mc_leg_pause(struct mc_leg *leg, uint32_t ms) {
    uint64_t number = (atomic_load_explicit(&leg->pause, memory_order_relaxed) >> 32) + 1;
    uint32_t samples = leg->cfg.rate / 1000 * (ms < MC_PAUSE_MAX_MS ? ms : MC_PAUSE_MAX_MS);
    atomic_store_explicit(&leg->pause, number << 32 | samples, memory_order_release);
}

uint64_t mc_leg_written(const struct mc_leg *leg) {
    return atomic_load_explicit(&leg->out.w, memory_order_acquire);
}

uint64_t mc_leg_played(const struct mc_leg *leg) {
    return atomic_load_explicit(&leg->out.r, memory_order_acquire);
}

uint64_t mc_leg_pending(const struct mc_leg *leg) {
    uint64_t from = mc_ring_cut(&leg->out);
    return mc_leg_written(leg) - from;
}

static bool is_digit(char c) {
    return c != '\0' && strchr("0123456789*#ABCD", c) != NULL;
}

bool mc_leg_takes_events(const struct mc_leg *leg) {
    return atomic_load_explicit(&leg->can_dtmf, memory_order_acquire);
}

int mc_leg_send_dtmf(struct mc_leg *leg, const char *digits, uint32_t ms) {
    size_t n = strlen(digits);
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(digits[i])) {
            return MC_E_ARG;
        }
    }
    if (ms < 40 ||
        ms > 6000) { /* shorter is not heard as a digit, longer does not fit RFC 4733's 16 bits at 48 kHz in one segment */
        return MC_E_ARG;
    }
    if (!mc_leg_started(leg)) {
        return MC_E_STATE;
    }
    if (n + mc_queue_used(&leg->digits) > DIGITS) {
        return MC_E_FULL;
    }
    for (size_t i = 0; i < n; i++) {
        struct mc_digit d = {.digit = digits[i], .ms = ms};
        mc_queue_push(&leg->digits, &d);
    }
    return MC_OK;
}

bool mc_leg_started(const struct mc_leg *leg) {
    return atomic_load_explicit(&leg->started, memory_order_acquire);
}

void mc_leg_set_rx_timeout(struct mc_leg *leg, uint32_t ms) {
    atomic_store_explicit(&leg->rx_timeout_ms, ms, memory_order_relaxed);
}

uint32_t mc_leg_rx_timeout(const struct mc_leg *leg) {
    return atomic_load_explicit(&leg->rx_timeout_ms, memory_order_relaxed);
}

void mc_leg_ready_clear(struct mc_leg *leg) {
    atomic_exchange_explicit(&leg->ready, 0, memory_order_acq_rel);
}

int mc_leg_pop_event(struct mc_leg *leg, struct mc_event *out) {
    return mc_queue_pop(&leg->events, out);
}

int mc_leg_pop_ear(struct mc_leg *leg, struct mc_frame *out) {
    return mc_queue_pop(&leg->ear_head, out);
}

size_t mc_leg_ear_waiting(const struct mc_leg *leg) {
    return mc_queue_used(&leg->ear_head);
}

size_t mc_leg_ear_samples(const struct mc_leg *leg) {
    return mc_ring_used(&leg->ear_pcm);
}

const struct mc_frame *mc_leg_front_ear(struct mc_leg *leg) {
    return mc_queue_front(&leg->ear_head);
}

void mc_leg_want_ear(struct mc_leg *leg, uint32_t samples) {
    atomic_store_explicit(&leg->ear_wanted, samples, memory_order_relaxed);
}

void mc_leg_take_ear(struct mc_leg *leg, int16_t *pcm, size_t n) {
    mc_ring_read(&leg->ear_pcm, pcm, n);
}

/* --- what crosses to the engine, worker's side --- */

void mc_leg_notify(struct mc_leg *leg) {
    if (leg->cfg.notify != NULL && !atomic_exchange_explicit(&leg->ready, 1, memory_order_acq_rel)) {
        leg->cfg.notify(leg->cfg.notify_ctx, leg);
    }
}

void mc_leg_event(struct mc_leg *leg, enum mc_ev kind, int64_t a, int64_t b, uint64_t t_us) {
    struct mc_event ev = {.kind = kind, .a = a, .b = b, .t_us = t_us};
    if (mc_queue_push(&leg->events, &ev) != MC_OK) {
        mc_leg_rare(leg)->events_dropped++;
    }
    mc_leg_notify(leg);
}

void mc_leg_push_ear(struct mc_leg *leg, const struct mc_frame *frame) {
    struct mc_frame *slot = mc_queue_slot(&leg->ear_head);
    int16_t room[MC_CODEC_MAX_PCM];
    if (slot == NULL || mc_ring_room(&leg->ear_pcm) < frame->n) {
        mc_leg_rare(leg)->ear_dropped++;
        return;
    }
    const int16_t *pcm = frame->pcm;
    if (leg->listeners != NULL && frame->n <= MC_CODEC_MAX_PCM && mc_leg_sink(leg)->play == NULL) {
        pcm = mc_listen_to_other(leg->listeners, pcm, frame->n, room);
    }
    mc_ring_write(&leg->ear_pcm, pcm, frame->n); /* samples first: who sees the header finds them */
    *slot = *frame;
    slot->pcm = NULL;
    mc_queue_slot_done(&leg->ear_head);
    uint32_t wanted = atomic_load_explicit(&leg->ear_wanted, memory_order_relaxed);
    if (wanted == 0 || mc_ring_used(&leg->ear_pcm) >= wanted) {
        mc_leg_notify(leg);
    }
}

/* --- sink and tap --- */

void mc_leg_set_sink(struct mc_leg *leg, const struct mc_sink *sink) {
    mc_coded_leave(leg);
    leg->n_sinks++;
    atomic_store_explicit(&leg->sink, sink, memory_order_release);
}

void mc_leg_set_tap(struct mc_leg *leg, struct mc_tap *tap) {
    leg->tap = tap;
    if (leg->path != NULL && !mc_leg_tapped(leg) && mc_leg_sink(leg)->play == NULL) {
        mc_leg_hears(leg)->rx.human.on = false;
    }
}

struct mc_tap *mc_leg_tap(const struct mc_leg *leg) {
    return leg->tap;
}

struct mc_listen **mc_leg_listeners(struct mc_leg *leg) {
    return &leg->listeners;
}

bool mc_leg_tapped(const struct mc_leg *leg) {
    return leg->tap != NULL || leg->listeners != NULL;
}

const struct mc_sink *mc_leg_sink(const struct mc_leg *leg) {
    return atomic_load_explicit(&leg->sink, memory_order_acquire);
}
