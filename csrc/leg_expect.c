/* SPDX-License-Identifier: GPL-3.0-or-later
 * Called into the cache before its turn: of a thousand legs none is there when it comes, and what a tick needs of one lies on some
 * fifty lines. */
#include "leg_int.h"

#define LINE 64
#define TAIL 40 /* samples: 5 ms at 8 kHz */

static void call_in(const void *first, const void *end) {
    for (const char *p = (const char *)((uintptr_t)first & ~(uintptr_t)(LINE - 1)); p < (const char *)end; p += LINE) {
        __builtin_prefetch(p, 1);
    }
}

/* The members `from` to `to` of what s points to. */
#define CALL_IN(s, from, to) call_in(&(s)->from, &(s)->to + 1)

void mc_leg_expect(const struct mc_leg *leg) {
    CALL_IN(leg, out.buf, out.shift);
    CALL_IN(leg, out.w, pause);
    CALL_IN(leg, digits.w, digits.r);
    CALL_IN(leg, n_paths, pub[MC_LEG_STATS_RARE / sizeof(uint64_t) - 1]);
    CALL_IN(leg, sink, past);
    CALL_IN(leg, rtcp.judged_us, strained);
}

void mc_leg_expect_path(const struct mc_leg *leg) {
    const struct mc_path *path = leg->path;
    if (path == NULL) {
        return;
    }
    CALL_IN(path, codec, rx.ear.rs.coef);
    CALL_IN(path, rx.n_before, tx.rs.coef);
    CALL_IN(path, tx.dtmf, tx.join.tail[TAIL]);
    CALL_IN(path, tx.splice.n, tx.splice.tail[TAIL]);
    CALL_IN(path, tx.n_flush, tx.toning);
}

void mc_leg_expect_engine(const struct mc_leg *leg) {
    CALL_IN(leg, refs, refs);
    CALL_IN(leg, user, user);
    CALL_IN(leg, ear_pcm.buf, ear_pcm.shift);
    CALL_IN(leg, ear_pcm.w, ear_pcm.r);
    CALL_IN(leg, ear_head.buf, events.r);
    CALL_IN(leg, ready, ready);
}
