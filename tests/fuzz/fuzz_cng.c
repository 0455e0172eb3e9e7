/* SPDX-License-Identifier: GPL-3.0-or-later
 * Comfort-noise payloads, one after the other, with noise made in between; and a sender that listens to it. */
#include "cng.h"

#include "fuzz.h"

static const struct seed seeds[] __attribute__((unused)) = {
    SEED("\x01\x28"),
    SEED("\x04\x3f\x00\x7f\xfe\x01\x7f"),
    SEED("\x0c\x00\x01\x02\x03\xff\xfe\xfd\x80\x7f\x00\x00\x00\x0a\x20\x00\xff"),
};

/* Each step: a length, and a payload of it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct source s = {data, size};
    struct mc_cng cng;
    struct mc_cn_floor floor;
    mc_cng_init(&cng, 1);
    mc_cn_floor_init(&floor);
    while (s.left > 0) {
        size_t len = take(&s, 1) % 16;
        uint8_t *in = malloc(len ? len : 1);
        uint8_t back[MC_CN_PAYLOAD];
        struct mc_cn cn;
        int16_t pcm[160];
        len = len < s.left ? len : s.left;
        memcpy(in, s.at, len);
        s.at += len;
        s.left -= len;
        if (mc_cn_parse(&cn, in, len) == MC_OK) {
            size_t n = mc_cn_build(&cn, back);
            MUST(n >= 1 && n <= MC_CN_PAYLOAD && n <= len);
            mc_cng_set(&cng, &cn, 8000);
        } else {
            MUST(len == 0);
        }
        mc_cng_run(&cng, pcm, 160);
        mc_cn_floor_hear(&floor, pcm, 160, 8000);
        MUST(floor.cn.level <= 127 && floor.cn.order <= MC_CN_ORDER);
        free(in);
    }
    return 0;
}

FUZZ_MAIN(seeds)
