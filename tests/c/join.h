/* SPDX-License-Identifier: GPL-3.0-or-later
 * Legs without worker or socket for tests of what joins them: L16 or any codec in, packets caught, sound put together again; and a
 * measure for clicks. */
#ifndef JOIN_H
#define JOIN_H

#include <math.h>

#include "check.h"
#include "codec.h"
#include "err.h"
#include "leg.h"
#include "rtp.h"

#define START 1000000u
#define TICK 20000u
#define RATE 8000u
#define FRAME 160u
#define SECONDS 12u

struct end {
    struct mc_leg *leg;
    const struct mc_codec *codec;
    void *enc, *dec;
    uint16_t seq; /* that its peer sends next */
    uint32_t ts;
    /* what its peer got */
    int16_t heard[SECONDS * 48000];
    size_t n_heard;
    uint64_t n_packets;
    uint8_t last[MC_RTP_MAX_PACKET]; /* the newest packet */
    size_t last_len;
    struct mc_rtp rtp; /* its header */
    uint32_t first_ts;
    int64_t jumps; /* packets whose number or time does not follow */
    uint64_t n_events;
};

static int catch_rtp(void *ctx, const void *pkt, size_t len) {
    struct end *e = ctx;
    struct mc_rtp old = e->rtp;
    memcpy(e->last, pkt, len);
    e->last_len = len;
    if (mc_rtp_parse(&e->rtp, e->last, len) != MC_OK) {
        return MC_E_FORMAT;
    }
    if (e->n_packets++ > 0) {
        e->jumps += (uint16_t)(e->rtp.seq - old.seq) != 1;
    } else {
        e->first_ts = e->rtp.ts;
    }
    if (e->rtp.pt == 101) {
        e->n_events++;
        return MC_OK;
    }
    size_t room = COUNT(e->heard) - e->n_heard;
    room = room < MC_CODEC_MAX_PCM ? room : MC_CODEC_MAX_PCM;
    int n = e->codec->decode(e->dec, e->rtp.payload, e->rtp.len, e->heard + e->n_heard, room);
    e->n_heard += n > 0 ? (size_t)n : 0;
    return MC_OK;
}

__attribute__((unused)) static void end_params(struct end *e, struct mc_leg_params *p, uint16_t ptime_ms) {
    *p = (struct mc_leg_params){.clock = e->codec->clock,
                                .tx_pt = 96,
                                .rx_pt = 96,
                                .event_tx_pt = 101,
                                .event_rx_pt = 101,
                                .ptime_ms = ptime_ms,
                                .send = true,
                                .recv = true};
    snprintf(p->codec, sizeof p->codec, "%s", e->codec->name);
}

__attribute__((unused)) static void end_start(struct end *e, const struct mc_leg_params *p, uint64_t now_us) {
    struct mc_wire wire = {.ctx = e, .send_rtp = catch_rtp};
    struct mc_path *path = NULL;
    CHECK_INT(0, mc_path_new(&path, e->leg, p), MC_OK);
    mc_path_free(mc_leg_start(e->leg, path, &wire, now_us));
}

__attribute__((unused)) static struct end *end_new(const struct mc_codec *codec, uint32_t rate, uint16_t ptime_ms,
                                                   uint64_t seed, mc_live *live) {
    struct end *e = calloc(1, sizeof *e);
    struct mc_leg_cfg cfg = {.rate = rate, .tx_ms = 2000, .seed = seed, .name = "end", .live = live};
    struct mc_leg_params p;
    struct mc_fmtp fmtp = {0};
    e->codec = codec;
    e->enc = calloc(1, codec->enc_size + 1);
    e->dec = calloc(1, codec->dec_size + 1);
    codec->enc_init(e->enc, &fmtp, ptime_ms);
    codec->dec_init(e->dec);
    e->seq = (uint16_t)(seed * 777);
    e->ts = (uint32_t)seed * 123456789u;
    CHECK_INT(0, mc_leg_new(&e->leg, &cfg), MC_OK);
    end_params(e, &p, ptime_ms);
    end_start(e, &p, START);
    return e;
}

__attribute__((unused)) static void end_free(struct end *e) {
    mc_path_free(mc_leg_stop(e->leg, START));
    mc_leg_unref(e->leg);
    free(e->enc);
    free(e->dec);
    free(e);
}

/* Its peer says n samples at the codec's rate. */
__attribute__((unused)) static size_t end_say(struct end *e, const int16_t *pcm, size_t n, uint64_t now_us, uint8_t *sent) {
    uint8_t buf[MC_RTP_MAX_PACKET];
    struct mc_rtp head = {.pt = 96, .seq = e->seq++, .ts = e->ts, .ssrc = 0x1234};
    e->ts += (uint32_t)(n * e->codec->clock / e->codec->rate);
    mc_rtp_build(buf, sizeof buf, &head);
    int len = e->codec->encode(e->enc, pcm, n, buf + MC_RTP_HEADER, sizeof buf - MC_RTP_HEADER);
    if (len <= 0) {
        return 0;
    }
    if (sent != NULL) {
        memcpy(sent, buf + MC_RTP_HEADER, (size_t)len);
    }
    mc_leg_on_packet(e->leg, buf, MC_RTP_HEADER + (size_t)len, now_us);
    return (size_t)len;
}

/* A sine that goes on from call to call. */
struct sine {
    double hz, level, rate, phase;
};

__attribute__((unused)) static void sine_fill(struct sine *s, int16_t *pcm, size_t n) {
    for (size_t i = 0; i < n; i++) {
        pcm[i] = (int16_t)lround(s->level * sin(s->phase));
        s->phase += 2 * M_PI * s->hz / s->rate;
    }
}

/* The sharpest bend of the sound: a sine's is level * (2 pi hz / rate)^2, a cut's is about its height. */
__attribute__((unused)) static double sharpest(const int16_t *pcm, size_t n) {
    double most = 0;
    for (size_t i = 2; i < n; i++) {
        double bend = fabs(pcm[i] - 2.0 * pcm[i - 1] + pcm[i - 2]);
        most = bend > most ? bend : most;
    }
    return most;
}

__attribute__((unused)) static double bend_of(const struct sine *s) {
    double w = 2 * M_PI * s->hz / s->rate;
    return s->level * w * w;
}

/* Amplitude of a sine of hz within the sound. */
__attribute__((unused)) static double part_of(const int16_t *pcm, size_t n, double hz, double rate) {
    double c = 0, s = 0;
    for (size_t i = 0; i < n; i++) {
        c += pcm[i] * cos(2 * M_PI * hz * (double)i / rate);
        s += pcm[i] * sin(2 * M_PI * hz * (double)i / rate);
    }
    return 2 * sqrt(c * c + s * s) / (double)n;
}

#endif
