/* SPDX-License-Identifier: GPL-3.0-or-later
 * A media leg, sans-IO. Two doors, mc_leg_on_packet and mc_leg_on_tick; below them no socket, clock, thread, log or allocation.
 *
 * Three parties hold a leg by reference: the engine (writes speech, reads frames and events), the signalling side (starts and
 * stops it) and the worker (the two doors). The leg's rings live as long as it does; what negotiation settled (codec state, jitter
 * buffer) is a `path`, built and freed by the signalling side and swapped in by the worker. */
#ifndef MC_LEG_H
#define MC_LEG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seam.h"
#include "sink.h"

#define MC_LEG_NAME 64
#define MC_PAUSE_MAX_MS 10000

struct mc_coding;
struct mc_leg;
struct mc_listen;
struct mc_path;
struct mc_tap;

enum mc_ev {
    MC_EV_STARTED = 1, /* parameters applied, first time or again */
    MC_EV_STOPPED,
    MC_EV_DTMF,       /* a = ASCII digit, b = milliseconds */
    MC_EV_PLAY_START, /* a = index of the first sample of speech after silence; t_us = its packet was handed to the wire */
    MC_EV_PLAY_END,   /* a = index one past the last sample: the ring ran dry, or a pause began */
    MC_EV_FLUSHED,    /* a = index where playing stopped, fade included; b = index that it goes on from */
    MC_EV_RX_TIMEOUT, /* a = milliseconds without RTP; once until RTP comes again */
};

struct mc_event {
    int64_t kind;
    int64_t a, b;
    uint64_t t_us;
};

/* Live objects, for leak checks: whoever creates passes the address of one counter. */
typedef _Atomic int64_t mc_live;

struct mc_leg_cfg {
    uint32_t rate;          /* engine rate, Hz: 8000, 16000, 24000 or 48000 */
    uint32_t tx_ms;         /* what the output ring holds */
    uint32_t rx_timeout_ms; /* 0 = never */
    bool suppress;          /* rest in silence: comfort noise (RFC 3389), the codec's own DTX, or nothing */
    bool inband_dtmf;       /* hear digits that are sent as sound (MC_EV_DTMF) */
    uint32_t jitter_max_ms; /* most that the human ear waits for a packet; 0 = MC_JITTER_MAX_MS, at most 1,000 */
    uint32_t
        jitter_price_ms; /* delay of the human ear that one percent fewer late packets is worth; 0 = the jitter buffer's own */
    uint64_t seed;       /* of SSRC, CNAME and the first sequence number and timestamp (RFC 3550 section 5.1: random) */
    int64_t wall_us;     /* Unix time - the time that is passed to the doors: for RTCP's NTP timestamps */
    char name[MC_LEG_NAME];
    /* Something is there for the engine. On the worker, at most once until mc_leg_ready_clear. May be NULL. */
    void (*notify)(void *ctx, struct mc_leg *leg);
    void *notify_ctx;
    void (*on_free)(void *ctx); /* last reference gone; may be NULL */
    mc_live *live;              /* may be NULL */
};

/* The first part changes all the time and is published with every tick; the second part, from MC_LEG_STATS_RARE on, when it changed. */
#define MC_LEG_STATS_RARE offsetof(struct mc_leg_stats, rx_cn)
struct mc_leg_stats {
    uint64_t rx_packets, rx_bytes, rx_late, rx_dup, rx_reordered, rx_restarts, rx_last_us, rx_jitter_us;
    int64_t rx_lost; /* negative when there were more duplicates than losses (RFC 3550 A.3) */
    uint64_t jb_target_ms, jb_depth_ms, ear_frames, tx_packets, tx_bytes, tx_late_max_us;

    uint64_t rx_cn, tx_cn;                                                  /* comfort noise packets */
    uint64_t rx_strangers, rx_candidates, rx_moves, rx_forged, rx_replayed; /* enum mc_source */
    uint64_t rx_malformed, rx_ignored, tx_errors, tx_skipped;
    uint64_t concealed;                  /* packets, lost or late, for which sound was made up */
    uint64_t shortened_us, stretched_us; /* sound taken out and put in by time scaling */
    uint64_t flushed, underruns, ear_lost, ear_dropped, tap_dropped, events_dropped;
    uint64_t rtcp_sent, rtcp_received, rtcp_malformed, rtcp_errors, rtcp_bye; /* bye: the peer took leave */
    uint64_t rtt_known, rtt_us, rtt_max_us;                                   /* round trip by RTCP; last, longest */
    uint64_t remote_known;                                                    /* the peer reported on what we send: */
    int64_t remote_lost;                                                      /* packets */
    double remote_fraction, remote_mos_cq; /* lost in its last interval, 0 ... 1; 0 = it said nothing */
    uint64_t remote_jitter_us;
    double r_factor, mos_cq, mos_lq; /* of what we receive, by the E-model (emodel.h); 0 = nothing came yet */
};

int mc_leg_new(struct mc_leg **out, const struct mc_leg_cfg *cfg);
void mc_leg_ref(struct mc_leg *leg);
void mc_leg_unref(struct mc_leg *leg);
uint32_t mc_leg_rate(const struct mc_leg *leg);
const char *mc_leg_name(const struct mc_leg *leg);

/* --- engine side: one thread --- */
size_t mc_leg_write(struct mc_leg *leg, const int16_t *pcm, size_t n); /* samples taken */
uint64_t mc_leg_flush(struct mc_leg *leg);                             /* index that playing goes on from */
/* What is queued waits for so long at most, then goes on by itself at the next sample; 0 = go on now. A flush ends it too. */
void mc_leg_pause(struct mc_leg *leg, uint32_t ms);
uint64_t mc_leg_written(const struct mc_leg *leg);
uint64_t mc_leg_played(const struct mc_leg *leg);
uint64_t mc_leg_pending(const struct mc_leg *leg);  /* written - played, where a flush counts at once */
bool mc_leg_takes_events(const struct mc_leg *leg); /* telephone-event (RFC 4733) was agreed on */
/* As telephone-events, or as sound where the peer takes none. MC_E_STATE: not started; MC_E_ARG: not a digit; MC_E_FULL. All digits or
 * none. */
int mc_leg_send_dtmf(struct mc_leg *leg, const char *digits, uint32_t ms);
bool mc_leg_started(const struct mc_leg *leg);
void mc_leg_set_rx_timeout(struct mc_leg *leg, uint32_t ms);
uint32_t mc_leg_rx_timeout(const struct mc_leg *leg);
void mc_leg_stats(const struct mc_leg *leg, struct mc_leg_stats *out); /* any thread: as of the last tick */

void mc_leg_ready_clear(struct mc_leg *leg); /* before reading: what comes after it notifies again */
int mc_leg_pop_event(struct mc_leg *leg, struct mc_event *out);
/* The next machine-ear frame's header (pcm NULL), then its samples: exactly n must be taken. */
int mc_leg_pop_ear(struct mc_leg *leg, struct mc_frame *out);
size_t mc_leg_ear_waiting(const struct mc_leg *leg);         /* frames that can be popped */
size_t mc_leg_ear_samples(const struct mc_leg *leg);         /* in them; while some wait: */
const struct mc_frame *mc_leg_front_ear(struct mc_leg *leg); /* the next one's header, left where it is; NULL = none */
/* Frames notify only when so many samples wait; 0 = each does. To be set before looking at what waits: a frame that comes at that very
 * moment may go unnoticed until the next one. */
void mc_leg_want_ear(struct mc_leg *leg, uint32_t samples);
void mc_leg_take_ear(struct mc_leg *leg, int16_t *pcm, size_t n);

/* --- signalling side: set-up --- */
/* Everything that allocates. MC_E_CODEC, MC_E_ARG, MC_E_NOMEM. */
int mc_path_new(struct mc_path **out, struct mc_leg *leg, const struct mc_leg_params *params);
void mc_path_free(struct mc_path *path); /* NULL is fine */

/* --- worker side: one thread --- */
/* Swaps the path in; returns what is to be freed (the new one when the old could go on with new directions), or NULL. */
struct mc_path *mc_leg_start(struct mc_leg *leg, struct mc_path *path, const struct mc_wire *wire, uint64_t now_us);
void mc_leg_publish(struct mc_leg *leg); /* statistics, as of now; a tick does it too */
void mc_leg_close(struct mc_leg *leg);   /* it is not to be started again */
bool mc_leg_closed(const struct mc_leg *leg);
struct mc_path *mc_leg_stop(struct mc_leg *leg, uint64_t now_us);
void mc_leg_on_packet(struct mc_leg *leg, const uint8_t *buf, size_t len, uint64_t now_us);
void mc_leg_on_rtcp(struct mc_leg *leg, const uint8_t *buf, size_t len, uint64_t now_us); /* one compound packet */
/* The call is over: the last report, with BYE (RFC 3550 section 6.3.7). Before the wire goes; no report is sent after it. */
void mc_leg_bye(struct mc_leg *leg, uint64_t now_us);
void mc_leg_count_source(struct mc_leg *leg, enum mc_source what); /* strangers' and candidates' packets are dropped before */
/* Runs the ticks that are due on the leg's own grid (the first call after set_grid or start begins it); returns how many. */
int mc_leg_on_tick(struct mc_leg *leg, uint64_t now_us);
/* Its tick comes soon: what that needs is called into the cache; of its path a little later, when the leg itself is there. */
void mc_leg_expect(const struct mc_leg *leg);
void mc_leg_expect_path(const struct mc_leg *leg);
void mc_leg_expect_engine(const struct mc_leg *leg); /* the same for what the engine reads of it, on the engine's thread */
void mc_leg_set_grid(struct mc_leg *leg, uint64_t first_us);
uint32_t mc_leg_period_us(const struct mc_leg *leg);                 /* 10,000 or 20,000; 0 = no path */
const struct mc_leg_params *mc_leg_params(const struct mc_leg *leg); /* NULL = no path */
const struct mc_leg_params *mc_leg_last_params(
    const struct mc_leg *leg); /* of the last path when stopped; NULL = never started */
void mc_leg_set_sink(struct mc_leg *leg, const struct mc_sink *sink);
const struct mc_sink *mc_leg_sink(const struct mc_leg *leg);
void mc_leg_join(
    struct mc_leg *leg); /* what its sink's pull gives next has nothing to do with what was before: no click there */
uint64_t mc_leg_due_us(const struct mc_leg *leg); /* inside a tick: where it lies on the grid */
/* The live path, one line; returns its length without NUL, cut to size. */
int mc_leg_describe(const struct mc_leg *leg, char *out, size_t size);

/* How a leg with these parameters codes. Any thread. MC_E_CODEC. */
int mc_leg_coding(const struct mc_leg *leg, const struct mc_leg_params *params, struct mc_coding *out);

/* --- past the encoder: for sinks that join legs; worker side --- */
/* Sends a packet that `from` received as one of `to`'s own stream: its payload as it is (or from one G.711 law to the other), number
 * and time counted on from what was sent before. Losses stay losses. MC_E_STATE: other codec or packet time, a side is held, or the
 * engine or a listener has something to say: decode it and pull. */
int mc_leg_relay(struct mc_leg *to, const struct mc_leg *from, const struct mc_rtp *pkt, uint64_t now_us);
/* A packet of the relayed source that is not sent on, so that its number does not look like a loss. */
void mc_leg_relay_skip(struct mc_leg *to);
/* The last packet that left was relayed, not long ago. */
bool mc_leg_relaying(const struct mc_leg *leg, uint64_t now_us);
/* As mc_leg_send_dtmf, on the worker: one digit. */
int mc_leg_relay_digit(struct mc_leg *to, char digit, uint32_t ms);

/* --- recording tap: tap.h --- */
void mc_leg_set_tap(struct mc_leg *leg, struct mc_tap *tap); /* worker; NULL = off */
struct mc_tap *mc_leg_tap(const struct mc_leg *leg);
/* --- listeners: listen.h --- */
struct mc_listen **mc_leg_listeners(struct mc_leg *leg); /* worker */
bool mc_leg_tapped(const struct mc_leg *leg);            /* recorded or listened to: what is sent is wanted as sound too */

/* The worker's own, kept here so that a leg is one block; the leg never looks inside. */
struct mc_seat {
    void *worker;
    struct mc_leg *prev[2], *next[2]; /* in its one or two phase buckets */
    int bucket;                       /* -1 = none */
    int n_buckets;
};
struct mc_seat *mc_leg_seat(struct mc_leg *leg);
/* The engine's own: what it wants to find again from a ready leg. */
void mc_leg_set_user(struct mc_leg *leg, void *user);
void *mc_leg_user(const struct mc_leg *leg);

#endif
