/* SPDX-License-Identifier: GPL-3.0-or-later
 * Rows of packets in and frames wanted; 20 ms packets of 160 units and a hold of 20 ms at the least, unless a test says other. */
#ifndef JITTER_ROWS_H
#define JITTER_ROWS_H

#include "check.h"
#include "err.h"
#include "jitter.h"

#define CLOCK 8000

struct row {
    char op; /* P = a packet comes, V = one without sound, G = a frame is asked for */
    uint32_t ms;
    uint16_t seq;
    uint32_t ts;
    int want;      /* P: result; G: enum mc_jb_what */
    int skipped;   /* G */
    uint32_t ssrc; /* P, above 1 */
};

#define P(ms, seq, ts, want)                                                                                                   \
    { 'P', ms, seq, ts, want, 0, 0 }
#define FROM(ssrc, ms, seq, ts, want)                                                                                          \
    { 'P', ms, seq, ts, want, 0, ssrc }
#define V(ms, seq, ts)                                                                                                         \
    { 'V', ms, seq, ts, 0, 0, 0 }
#define FRAME(ms, seq)                                                                                                         \
    { 'G', ms, seq, 0, MC_JB_FRAME, 0, 0 }
#define SKIP(n, ms, seq)                                                                                                       \
    { 'G', ms, seq, 0, MC_JB_FRAME, n, 0 }
#define LOST(ms, next)                                                                                                         \
    { 'G', ms, next, 0, MC_JB_LOST, 0, 0 } /* next: the packet that comes along for FEC, 0 = none */
#define EMPTY(ms)                                                                                                              \
    { 'G', ms, 0, 0, MC_JB_EMPTY, 0, 0 }

static inline struct mc_jb *open_jb(void) {
    struct mc_jb *jb = mc_jb_new(&(struct mc_jb_cfg){.clock = CLOCK, .min_ms = 20, .max_ms = 200});
    CHECK(jb != NULL);
    return jb;
}

static inline uint16_t seq_in(const struct mc_jb_frame *f) {
    return f->payload == NULL ? 0 : (uint16_t)(f->payload[0] << 8 | f->payload[1]);
}

static inline void play(struct mc_jb *jb, const struct row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        const uint64_t now_us = 5000000 + r->ms * UINT64_C(1000);
        uint8_t payload[2] = {(uint8_t)(r->seq >> 8), (uint8_t)r->seq};
        struct mc_rtp p = {.seq = r->seq, .ts = r->ts, .ssrc = 1 + r->ssrc, .payload = payload, .len = 2};
        if (r->op == 'P') {
            CHECK_INT(i, mc_jb_put(jb, &p, now_us), r->want);
        } else if (r->op == 'V') {
            mc_jb_void(jb, &p);
        } else {
            struct mc_jb_frame f;
            CHECK_INT(i, mc_jb_get(jb, now_us, 0, &f), MC_OK);
            CHECK_INT(i, f.what, r->want);
            CHECK_INT(i, seq_in(&f), r->seq);
            CHECK_INT(i, f.n_skipped, r->skipped);
        }
    }
}

#define PLAY(jb, ...)                                                                                                          \
    do {                                                                                                                       \
        static const struct row rows_[] = {__VA_ARGS__};                                                                       \
        play(jb, rows_, COUNT(rows_));                                                                                         \
    } while (0)

static inline struct mc_jb_stats close_jb(struct mc_jb *jb) {
    struct mc_jb_stats st;
    mc_jb_stats(jb, &st);
    CHECK_INT(0, st.n_in, st.n_played + st.n_dropped + (st.depth_ms + 19) / 20);
    mc_jb_free(jb);
    return st;
}

#endif
