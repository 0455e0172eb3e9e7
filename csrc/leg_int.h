/* SPDX-License-Identifier: GPL-3.0-or-later
 * Inside of a leg, shared by leg*.c only. */
#ifndef MC_LEG_INT_H
#define MC_LEG_INT_H

#include "capture.h"
#include "cng.h"
#include "codec.h"
#include "dtmf.h"
#include "emodel.h"
#include "goertzel.h"
#include "hold.h"
#include "jitter.h"
#include "leg.h"
#include "listen.h"
#include "loss.h"
#include "plc.h"
#include "resample.h"
#include "ring.h"
#include "rtcp_session.h"
#include "rtp.h"
#include "scale.h"
#include "splice.h"
#include "stats.h"
#include "tap.h"
#include "tone.h"

#define MC_EAR_HELD 8           /* packets held for a missing one */
#define MC_EAR_STALL_US 1000000 /* silence on the wire before the machine ear's time line goes on by the clock */
#define MC_EAR_SLACK_US 500000  /* a gap may exceed the time that passed by this much; beyond it the sender's clock jumped */
#define MC_EAR_MAX_GAP_US 5000000
#define MC_JITTER_MAX_MS 400 /* most that the human ear waits */
#define MC_TICK_CATCH_UP 5   /* ticks made up for after a late wake-up; older ones are skipped */
#define MC_TICK_MAX_RATE 48000
#define MC_FADE_DIV 200 /* 1/200 s = 5 ms */
#define MC_TX_MAX_PCM (MC_TICK_MAX_RATE / 1000 * 60)

/* What a packet is to the machine ear. */
enum mc_ear_kind {
    MC_EAR_AUDIO,
    MC_EAR_NOISE, /* comfort noise: the sender rests */
    MC_EAR_OTHER, /* telephone-event or a payload type we don't know, but it has a sequence number */
};

struct mc_held {
    bool used;
    enum mc_ear_kind kind;
    uint16_t len;
    uint32_t ext, ts;
    uint64_t arrival_us;
    const uint8_t *data;
};

/* Machine ear: reorder hold, decode, resample. */
struct mc_ear {
    void *dec;
    struct mc_resample rs;
    bool started;
    struct mc_hold hold;
    uint32_t next; /* extended sequence number that is due */
    bool have_pos;
    uint32_t pos;     /* RTP timestamp of the next sample of the time line */
    uint32_t frame;   /* samples of the last packet, at the codec's rate */
    uint64_t last_us; /* arrival of the last packet heard */
    bool resting;     /* comfort noise came since: what is missing is silence, not loss */
    size_t n_held;
    struct mc_held held[MC_EAR_HELD];
    uint8_t (*store)[MC_RTP_MAX_PACKET]; /* payloads of held, in mc_path */
};

/* Human ear: jitter buffer, decode or conceal, resample, into a small store that is read tick by tick. */
struct mc_human_room {
    _Alignas(16) struct mc_plc plc;
    _Alignas(16) struct mc_resample rs;
    struct mc_cng cng;
    struct mc_splice splice; /* between sounds that don't follow on each other */
    struct mc_scale scale;
    struct mc_splice out; /* of what is heard, at the leg's rate: between one path and the next */
};

/* A stretch of the store: so many samples, and the time from their arrival until they are played. */
struct mc_human_run {
    size_t n;
    int64_t age_us;
};

#define MC_HUMAN_RUNS 128 /* of 2.5 ms at least: more than the store holds */

struct mc_human {
    bool on;                    /* packets go into the jitter buffer */
    bool begun;                 /* it was on once: the room is in use */
    uint32_t max_ms;            /* most that it waits for a packet */
    bool resting;               /* comfort noise came after the last sound that was played */
    bool noise;                 /* and it is what is heard */
    bool astray;                /* the codec went on by itself for packets that were late: they don't follow on that */
    bool out_on;                /* room->out knows what was heard last */
    uint32_t rest_ts;           /* RTP timestamp of the newest comfort noise */
    struct mc_human_room *room; /* with decoder, store and jitter buffer behind it */
    struct mc_jb *jb;
    void *dec;
    uint32_t frame; /* samples of the last packet, at the codec's rate */
    int16_t *store;
    size_t n, size;
    struct mc_human_run *runs; /* what the store consists of */
    size_t n_runs;
    int64_t age_us;        /* of what was played last, or of the first sample in store */
    uint64_t empty_us;     /* made up because nothing was due, since the last frame */
    uint64_t concealed_us; /* of what was made up, less than a packet is not counted yet */
};

struct mc_rx {
    struct mc_rx_stats stats;
    struct mc_dtmf_rx dtmf;
    struct mc_inband *inband; /* NULL = digits in the sound are not wanted */
    struct mc_ear ear;
    struct mc_human human;
    uint64_t n_before; /* received and lost before the source's last restart */
    int64_t lost_before;
    bool timed_out;
    uint64_t heard_us; /* arrival of any valid packet, or the start */
};

/* Packets that leave past the encoder: another source's, numbered and timed as ours. */
struct mc_relay {
    bool on;            /* the last packet sent was one of them */
    uint16_t seq_off;   /* ours = theirs + off */
    uint16_t first_seq; /* theirs, when it began */
    uint16_t seq;       /* theirs, the newest */
    uint32_t n, ssrc, ts_off;
    uint32_t ts_end; /* ours, one past the newest packet */
    bool resting;    /* it was comfort noise: the source rests, and so do we */
    uint16_t n_tail; /* bytes of mc_path.tail */
    uint64_t us;     /* when the newest was sent */
};

#define MC_RELAY_DIGITS 8
#define MC_RELAY_TAIL 1024 /* 128 ms of G.722: its state forgets what is older */

struct mc_digit {
    char digit;
    uint32_t ms;
};

struct mc_tx {
    void *enc;
    struct mc_resample rs;
    struct mc_dtmf_tx dtmf;
    uint32_t ssrc, ts, step;      /* step: clock units of one packet */
    uint32_t n_packets, n_octets; /* sent with this SSRC: RFC 3550 section 6.4.1 */
    uint16_t seq;
    bool gap; /* nothing was sent just before: the next packet begins a talkspurt */
    bool playing;
    bool strict;       /* the peer limits what an encoder may send it: nobody else's packets will do */
    bool pulled;       /* the sink has a say in what is sent */
    uint32_t n_sinks;  /* that the leg had when the last packet was made */
    uint8_t n_relayed; /* digits in relayed */
    struct mc_digit relayed[MC_RELAY_DIGITS];
    struct mc_relay relay;
    struct mc_coding coding; /* what the encoder obeys */
    bool past;               /* the last packet went past the encoder: relayed, or coded beforehand */
    bool coded;              /* it was coded beforehand, in a codec with state */
    struct mc_splice join;   /* of what is pulled, at the leg's rate, before the resampler */
    struct mc_splice splice; /* of what is sent, at the codec's rate, where packets go past the encoder */
    uint32_t n_flush;        /* flushes obeyed */
    uint32_t n_silent;       /* packets of silence in a row */
    uint64_t n_rest;         /* packet times in a row for which nothing need be sent */
    struct mc_cn_floor floor;
    unsigned ticks, wait; /* ticks of a packet; ticks until the next */
    uint32_t n_pcm;       /* samples of a packet at the leg's rate */
    bool toning;          /* a digit sounds, for want of telephone-events, or the pause after it */
    struct mc_tone tone;
    uint8_t *quiet; /* encoded silence, for codecs without state */
    int n_quiet;
};

struct mc_path {
    struct mc_path *next; /* of those that are to be freed */
    struct mc_leg_params params;
    const struct mc_codec *codec;
    uint32_t rate;
    struct mc_rx rx;
    struct mc_tx tx;
    /* Hardly ever touched, and then not resident: stays last. */
    uint8_t held[MC_EAR_HELD][MC_RTP_MAX_PACKET];
    uint8_t tail[MC_RELAY_TAIL]; /* the newest that was relayed, for codecs that follow */
};

/* The sent stream of a leg that was stopped: a later start goes on with it, so that a receiver never sees a number twice. */
struct mc_kept {
    bool valid;
    struct mc_leg_params params; /* for those who ask what it was */
    bool playing;
    uint32_t clock, ssrc, ts, n_packets, n_octets, n_flush;
    uint16_t seq;
    uint64_t us;
    struct mc_splice end; /* of its sound */
};

/* RTCP, and what is known of the call's quality. As old as the leg: negotiation does not touch it. */
struct mc_leg_rtcp {
    bool on; /* begun */
    struct mc_rtcp_session session;
    struct mc_loss loss;
    uint64_t judged_us, errors;
    double r_factor, mos_cq, mos_lq; /* 0 = not judged yet */
};

#define MC_LEG_STATS_WORDS (sizeof(struct mc_leg_stats) / sizeof(uint64_t))

/* What the leg counts with every packet or tick; mc_leg_stats has the same names. */
struct mc_leg_count {
    uint64_t rx_late, ear_frames, tx_packets, tx_bytes, tx_late_max_us;
};

/* What earlier paths counted; mc_leg_stats has the same names. */
struct mc_leg_past {
    uint64_t rx_packets, rx_bytes, rx_dup, rx_reordered, rx_restarts, rx_last_us, rx_jitter_us;
    int64_t rx_lost;
};

struct mc_leg {
    _Atomic int refs;
    struct mc_leg_cfg cfg;
    struct mc_seat seat;
    void *user;

    /* crossings between the engine's thread and the worker */
    struct mc_ring out;       /* speech to send */
    _Atomic uint32_t n_flush; /* flushes asked for */
    _Atomic uint64_t pause;   /* the newest wish: its number << 32 | samples */
    struct mc_ring ear_pcm;
    struct mc_queue ear_head; /* struct mc_frame */
    struct mc_queue events;   /* struct mc_event */
    struct mc_queue digits;   /* struct mc_digit */
    _Atomic uint32_t n_paths; /* built so far: each has an SSRC of its own until it inherits one */
    _Atomic int ready;
    _Atomic uint32_t ear_wanted; /* samples that must wait until frames notify */
    _Atomic int can_dtmf;
    _Atomic int started;
    _Atomic uint32_t rx_timeout_ms;
    _Atomic uint32_t pub_seq; /* odd while the statistics are being published */
    _Atomic uint64_t pub[sizeof(struct mc_leg_stats) / sizeof(uint64_t)];
    _Atomic(const struct mc_sink *) sink;
    uint32_t n_sinks;                     /* set so far; the worker's */
    _Atomic(struct mc_capture *) capture; /* NULL = nobody wants to see the packets */

    /* the worker's */
    bool closed;
    struct mc_path *path;
    struct mc_path *former; /* what was settled before, while the peer still sends by it (mc_leg_hears); NULL: none */
    struct mc_path *spent;  /* no more in use; signalling frees them */
    struct mc_wire wire;
    struct mc_tap *tap;
    struct mc_listen *listeners; /* the first */
    struct mc_leg_count count;
    bool rare_changed; /* since it was published */
    struct mc_leg_past past;
    struct mc_leg_stats rare; /* from MC_LEG_STATS_RARE on; through mc_leg_rare only */
    struct mc_kept kept;
    struct mc_leg_rtcp rtcp;
    uint64_t pause_seen; /* the wish that was obeyed last */
    uint32_t pause_left; /* samples */
    bool paused_in_sound;
    uint64_t ear_index; /* samples heard since the leg began */
    uint64_t next_us;   /* next tick; 0 = the grid begins with the next call */
    uint32_t strained;  /* calls until ticks are made up for again */
};

/* The path that what comes in goes through. A peer changes over later than we do, by the time that packets are under way, and then what
 * is settled may mean the same for what we hear. */
static inline struct mc_path *mc_leg_hears(const struct mc_leg *leg) {
    return leg->former != NULL ? leg->former : leg->path;
}

/* To count something in: it is published with the next tick. */
static inline struct mc_leg_stats *mc_leg_rare(struct mc_leg *leg) {
    leg->rare_changed = true;
    return &leg->rare;
}

/* leg.c */
void mc_leg_event(struct mc_leg *leg, enum mc_ev kind, int64_t a, int64_t b, uint64_t t_us);
void mc_leg_notify(struct mc_leg *leg);
/* Machine ear's frame into the engine's queue; counted when there is no room. */
void mc_leg_push_ear(struct mc_leg *leg, const struct mc_frame *frame);

/* leg_stats.c */
void mc_leg_fold_stats(struct mc_leg *leg); /* the path is about to go; its counters stay */

/* leg_path.c */
/* The first packet by what was settled last is here. */
void mc_leg_hear_new(struct mc_leg *leg);

/* leg_rtcp.c */
void mc_leg_rtcp_begin(struct mc_leg *leg, struct mc_path *path, bool new_path, uint64_t now_us);
void mc_leg_rtcp_restart(struct mc_leg *leg); /* a new source or numbering comes in */
void mc_leg_rtcp_tick(struct mc_leg *leg, const struct mc_path *path, uint64_t now_us);
void mc_leg_rtcp_judge(struct mc_leg *leg, const struct mc_path *path, uint64_t now_us);
void mc_leg_rtcp_stats(const struct mc_leg *leg, struct mc_leg_stats *out);

/* leg_rx.c */
void mc_rx_tick(struct mc_leg *leg, struct mc_path *path, uint64_t now_us);

/* leg_inband.c */
int mc_rx_inband_open(struct mc_rx *rx, uint32_t rate);
void mc_rx_inband_close(struct mc_rx *rx);
/* A frame of the machine ear. */
void mc_rx_inband(struct mc_leg *leg, struct mc_path *path, const struct mc_frame *frame);

/* leg_ear.c */
int mc_ear_init(struct mc_ear *ear, const struct mc_codec *codec, uint32_t rate);
void mc_ear_free(struct mc_ear *ear);
void mc_ear_restart(struct mc_ear *ear); /* a new source or sequence: what is held is dropped, the time line goes on */
void mc_ear_packet(struct mc_leg *leg, struct mc_path *path, const struct mc_rtp *pkt, uint32_t ext, enum mc_ear_kind kind,
                   uint64_t now_us);
void mc_ear_tick(struct mc_leg *leg, struct mc_path *path, uint64_t now_us);

/* leg_human.c */
/* MC_E_NOMEM; MC_E_ARG: the rates, or the bounds of the jitter buffer. */
int mc_human_init(struct mc_human *hu, const struct mc_codec *codec, const struct mc_leg_cfg *leg, uint32_t clock);
void mc_human_free(struct mc_human *hu);
void mc_human_packet(struct mc_leg *leg, struct mc_path *path, const struct mc_rtp *pkt, uint64_t now_us);
/* Comfort noise came, instead of sound from its timestamp on. */
void mc_human_noise(struct mc_path *path, const struct mc_rtp *pkt);
/* Exactly n samples of playout; returns the age of the first, microseconds. */
int64_t mc_human_play(struct mc_leg *leg, struct mc_path *path, int16_t *pcm, size_t n, uint64_t now_us);
/* Of its jitter buffer, with the sound that is decoded and not played yet in depth_ms; all 0 when nobody listens. */
void mc_human_stats(const struct mc_path *path, struct mc_jb_stats *out);
/* What mc_human_play gave, before anybody hears it. */
void mc_human_out(struct mc_path *path, int16_t *pcm, size_t n);
/* `path` comes in the place of `old`: what was heard goes over into what will be, without a click. */
void mc_human_inherit(struct mc_path *path, const struct mc_path *old);

/* leg_out.c */
/* Obeys a flush that was asked for: at most n samples fade out into pcm, the rest is passed over. Returns the samples in pcm. */
size_t mc_out_flush(struct mc_leg *leg, struct mc_tx *tx, int16_t *pcm, size_t n, uint64_t now_us);
/* n samples for the wire; returns how many of them are speech. What is missing is silence. */
size_t mc_out_take(struct mc_leg *leg, struct mc_tx *tx, int16_t *pcm, size_t n, uint64_t now_us);

/* leg_tx.c */
/* Shortens params->ptime_ms when a packet would not fit. */
int mc_tx_init(struct mc_tx *tx, const struct mc_codec *codec, struct mc_leg_params *params, const struct mc_leg_cfg *cfg,
               uint64_t seed);
void mc_tx_free(struct mc_tx *tx);
/* One tick; the packet's samples as sent (*n of them at the leg's rate, 0 between packets) go to pcm, MC_TX_MAX_PCM long. */
void mc_tx_tick(struct mc_leg *leg, struct mc_path *path, int16_t *pcm, size_t *n, uint64_t now_us);
void mc_tx_skip(struct mc_path *path, uint64_t n_ticks);
/* The header goes before the len bytes that are in buf already. */
void mc_tx_send(struct mc_leg *leg, struct mc_tx *tx, uint8_t *buf, const struct mc_rtp *pkt, size_t len);
/* Whether what leaves comes from another place than before: the seam between the two is joined. */
void mc_tx_notice_sink(const struct mc_leg *leg, struct mc_tx *tx);
bool mc_tx_has_digits(const struct mc_leg *leg, const struct mc_tx *tx);

/* leg_relay.c */
uint32_t mc_relay_own_ts(const struct mc_tx *tx); /* of the next packet of our own */
/* Packets that are not relayed follow; and those that the encoder makes. */
void mc_relay_leave(struct mc_path *path);
void mc_relay_resume(struct mc_leg *leg, struct mc_path *path);
/* A payload of another codec, or one that has to join what was heard before (codecs without state): decoded, joined, coded again.
 * Bytes, or an error. */
int mc_relay_recode(struct mc_path *path, const struct mc_codec *from, const uint8_t *in, size_t len, uint8_t *out,
                    size_t size);
/* A payload left that mc_splice_run did not see. */
void mc_relay_heard(struct mc_path *path, const uint8_t *payload, size_t len);

/* leg_coded.c */
/* A packet that the sink has coded already; pcm is filled when somebody records. False: it has none, pull. */
bool mc_coded_send(struct mc_leg *leg, struct mc_path *path, int16_t *pcm, uint64_t now_us);
/* Something else follows than what the present sink coded: while it is still there. */
void mc_coded_leave(struct mc_leg *leg);

#endif
