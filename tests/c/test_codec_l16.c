/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "codec.h"
#include "err.h"

static void network_byte_order(void) {
    const int16_t pcm[] = {0x1234, -2, INT16_MIN};
    const uint8_t want[] = {0x12, 0x34, 0xff, 0xfe, 0x80, 0x00};
    uint8_t out[6];
    CHECK_INT(0, mc_codec_l16_8k.encode(NULL, pcm, 3, out, sizeof out), 6);
    CHECK(memcmp(out, want, sizeof want) == 0);
}

static void every_sample_comes_back(void) {
    for (int x = INT16_MIN; x <= INT16_MAX; x++) {
        int16_t pcm = (int16_t)x;
        uint8_t buf[2];
        int16_t back;
        mc_codec_l16_16k.encode(NULL, &pcm, 1, buf, 2);
        CHECK_INT(x, mc_codec_l16_16k.decode(NULL, buf, 2, &back, 1), 1);
        CHECK_INT(x, back, x);
    }
}

static void half_a_sample_is_an_error(void) {
    const uint8_t buf[3] = {0};
    int16_t pcm[2];
    CHECK_INT(0, mc_codec_l16_8k.decode(NULL, buf, 3, pcm, 2), MC_E_FORMAT);
    CHECK_INT(0, mc_codec_l16_8k.decode(NULL, buf, 0, pcm, 2), 0);
}

int main(void) {
    RUN(network_byte_order);
    RUN(every_sample_comes_back);
    RUN(half_a_sample_is_an_error);
    return check_done();
}
