/* SPDX-License-Identifier: GPL-3.0-or-later
 * PJSIP's pjmedia_jbuf, set up as its audio stream sets it up by default (pjmedia/stream.c: no prefetch at the start, 500 ms of
 * frames, prefetch 1 to 4/5 of that, progressive discard). min_ms == max_ms: its fixed mode. */
#include <string.h>

#include <pjlib.h>
#include <pjmedia/jbuf.h>
#include <pjmedia/plc.h>

#include "policy.h"

#define PTIME 20
#define FRAMES (500 / PTIME)
#define MIN_PREFETCH 1
#define MAX_PREFETCH (FRAMES * 4 / 5)
#define MAX_CONCEALED (PJMEDIA_MAX_PLC_DURATION_MSEC / PTIME) /* frames in a row; silence from then on */

static int run(pj_pool_t *pool, const struct policy_line *line, struct policy_played *played) {
    pj_str_t name = pj_str("lab");
    pjmedia_jbuf *jb;
    if (pjmedia_jbuf_create(pool, &name, sizeof(uint32_t), PTIME, FRAMES, &jb) != PJ_SUCCESS) {
        return -1;
    }
    if (line->max_ms > 0 && line->min_ms == line->max_ms) {
        pjmedia_jbuf_set_fixed(jb, line->min_ms / PTIME);
    } else {
        pjmedia_jbuf_set_adaptive(jb, 0, MIN_PREFETCH, MAX_PREFETCH);
    }
    pjmedia_jbuf_set_discard(jb, PJMEDIA_JB_DISCARD_PROGRESSIVE);
    size_t next = 0;
    for (size_t tick = 0; tick < line->n_ticks; tick++) {
        const uint64_t now = line->first_tick_us + tick * line->tick_us;
        for (; next < line->n_arrivals && line->arrivals[next].us <= now; next++) {
            const uint32_t n = line->arrivals[next].n;
            pjmedia_jbuf_put_frame3(jb, &n, sizeof n, 0, (int)n, n * POLICY_STEP, NULL);
        }
        uint32_t n = 0;
        pj_size_t size = sizeof n;
        char type;
        pjmedia_jbuf_get_frame2(jb, &n, &size, &type, NULL);
        if (type == PJMEDIA_JB_NORMAL_FRAME) {
            played[n] = (struct policy_played){(int64_t)now, (int64_t)line->tick_us};
        }
    }
    pjmedia_jbuf_destroy(jb);
    return 0;
}

struct room {
    pj_caching_pool pools;
    pj_pool_t *pool;
};

static int enter(struct room *room) {
    static pj_thread_desc desc; /* PJSIP keeps it as long as the thread lives */
    pj_thread_t *thread;
    pj_log_set_level(1);
    if (pj_init() != PJ_SUCCESS) {
        return -1;
    }
    if (!pj_thread_is_registered()) {
        pj_thread_register("lab", desc, &thread);
    }
    pj_caching_pool_init(&room->pools, NULL, 0);
    room->pool = pj_pool_create(&room->pools.factory, "lab", 4096, 4096, NULL);
    return room->pool != NULL ? 0 : -1;
}

static void leave(struct room *room) {
    pj_pool_release(room->pool);
    pj_caching_pool_destroy(&room->pools);
}

int policy_run(const struct policy_line *line, struct policy_played *played) {
    struct room room;
    if (enter(&room) != 0) {
        return -1;
    }
    const int rc = run(room.pool, line, played);
    leave(&room);
    return rc;
}

int policy_render(const int16_t *pcm, const int32_t *ticks, size_t n_ticks, int16_t *out) {
    struct room room;
    pjmedia_plc *plc;
    if (enter(&room) != 0 || pjmedia_plc_create(room.pool, POLICY_CLOCK, POLICY_STEP, 0, &plc) != PJ_SUCCESS) {
        return -1;
    }
    unsigned n_concealed = MAX_CONCEALED;
    for (size_t tick = 0; tick < n_ticks; tick++, out += POLICY_STEP) {
        if (ticks[tick] >= 0) {
            memcpy(out, pcm + (size_t)ticks[tick] * POLICY_STEP, POLICY_STEP * sizeof *out);
            pjmedia_plc_save(plc, out);
            n_concealed = 0;
        } else if (n_concealed < MAX_CONCEALED) {
            pjmedia_plc_generate(plc, out);
            n_concealed++;
        } else {
            memset(out, 0, POLICY_STEP * sizeof *out);
        }
    }
    leave(&room);
    return 0;
}
