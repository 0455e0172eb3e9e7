/* SPDX-License-Identifier: GPL-3.0-or-later
 * Packets, frames and time in any order: counters add up, what is given out was put in, and the buffer keeps its bounds. */
#include "jitter.h"

#include "fuzz.h"

#define CAPACITY 16
#define TARGET_MIN_MS 18 /* 20, and a place a little below it is kept (jitter_scale.c) */

static const struct seed seeds[] __attribute__((unused)) = {
    SEED("\x01\x14\x01\x00\xa0\x80\x14\x01\x14\x01\x00\xa0\x80\x14\x01\x14\x02\x01\x40\x80\x00\x80\x14"),
    SEED("\x01\x00\x01\x00\xa0\x01\x00\xff\xff\x60\x80\x28\x80\x14\x02\x00\x00\x10\x00\x03\x00\x00\x20\x00\x80\x14"),
    SEED("\x11\x14\x01\x00\xa0\x41\x14\x01\x00\x00\x01\x14\x01\x00\xa0\x80\x00\x80\x14\x80\x14\xc0\x05"),
};

/* Each step: what to do, milliseconds that pass, and for a packet how far its sequence number (one byte, signed; or two when bit 4
 * of the first byte is set) and its timestamp (two bytes, signed, times 256 with bit 4) moved. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct source s = {data, size};
    struct mc_jb *jb = mc_jb_new(&(struct mc_jb_cfg){.clock = 8000, .min_ms = 20, .max_ms = 100, .capacity = CAPACITY});
    struct mc_jb_stats st;
    uint64_t now_us = 1000000;
    uint64_t n_in = 0;
    uint64_t n_frames = 0;
    uint16_t seq = 0;
    uint32_t ts = 0;
    MUST(jb != NULL);
    while (s.left > 0) {
        uint32_t op = take(&s, 1);
        now_us += take(&s, 1) * UINT64_C(1000);
        if (op & 0x80) {
            struct mc_jb_frame f;
            const uint32_t ahead_us = (op & 0x3f) * 1000;
            MUST(mc_jb_get(jb, now_us, ahead_us, &f) == MC_OK);
            const int32_t us = mc_jb_scale_us(jb, op & 0x40);
            MUST(f.what != MC_JB_EMPTY || us == 0);
            n_frames += f.what == MC_JB_FRAME;
            MUST(f.what != MC_JB_FRAME || f.payload != NULL);
            MUST(f.step >= 8000 / 400 && f.step <= 8000 / 1000 * 120);
            for (size_t i = 0; i < f.len; i++) {
                MUST(f.payload[i] == 0xa5);
            }
            continue;
        }
        const bool far = op & 0x10;
        seq = (uint16_t)(seq + (far ? take(&s, 2) : (uint32_t)(int8_t)take(&s, 1)));
        ts += (uint32_t)(int16_t)take(&s, 2) * (far ? 256 : 1);
        uint8_t payload[8];
        memset(payload, 0xa5, sizeof payload);
        struct mc_rtp p = {.seq = seq, .ts = ts, .ssrc = op & 3, .payload = payload, .len = op >> 2 & 3};
        if (op & 0x20) {
            mc_jb_void(jb, &p);
        } else if ((op & 0x5f) == 0x5f) {
            mc_jb_reset(jb);
        } else {
            int rc = mc_jb_put(jb, &p, now_us);
            MUST(rc == MC_OK || rc == MC_E_LATE || rc == MC_E_DUP);
            n_in += rc == MC_OK;
        }
        mc_jb_stats(jb, &st);
        MUST(st.n_in == n_in && st.n_played == n_frames && st.n_in >= st.n_played + st.n_dropped);
        MUST(st.n_in - st.n_played - st.n_dropped <= CAPACITY && st.target_ms >= TARGET_MIN_MS && st.target_ms <= 100);
    }
    mc_jb_free(jb);
    return 0;
}

FUZZ_MAIN(seeds)
