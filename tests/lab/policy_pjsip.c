/* SPDX-License-Identifier: GPL-3.0-or-later
 * PJSIP's pjmedia_jbuf, set up as its audio stream sets it up by default (pjmedia/stream.c: no prefetch at the start, 500 ms of
 * frames, prefetch 1 to 4/5 of that, progressive discard). min_ms == max_ms: its fixed mode. */
#include <pjlib.h>
#include <pjmedia/jbuf.h>

#include "policy.h"

#define PTIME 20
#define FRAMES (500 / PTIME)
#define MIN_PREFETCH 1
#define MAX_PREFETCH (FRAMES * 4 / 5)

static int run(pj_pool_t *pool, const struct policy_line *line, int32_t *played) {
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
        played[tick] = type == PJMEDIA_JB_NORMAL_FRAME ? (int32_t)n : POLICY_NONE;
    }
    pjmedia_jbuf_destroy(jb);
    return 0;
}

int policy_run(const struct policy_line *line, int32_t *played) {
    pj_caching_pool pools;
    pj_log_set_level(1);
    if (pj_init() != PJ_SUCCESS) {
        return -1;
    }
    pj_thread_desc desc = {0};
    pj_thread_t *thread;
    if (!pj_thread_is_registered()) {
        pj_thread_register("lab", desc, &thread);
    }
    pj_caching_pool_init(&pools, NULL, 0);
    pj_pool_t *pool = pj_pool_create(&pools.factory, "lab", 4096, 4096, NULL);
    const int rc = run(pool, line, played);
    pj_pool_release(pool);
    pj_caching_pool_destroy(&pools);
    return rc;
}
