/* SPDX-License-Identifier: GPL-3.0-or-later
 * L16, RFC 3551 section 4.5.11: signed 16-bit samples in network byte order. */
#include "codec.h"
#include "err.h"

static int enc_init(void *enc, const struct mc_fmtp *remote, unsigned ptime_ms) {
    return MC_OK;
}

static int dec_init(void *dec) {
    return MC_OK;
}

static int encode(void *enc, const int16_t *pcm, size_t n, uint8_t *out, size_t size) {
    if (n > size / 2) {
        return MC_E_SHORT;
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t v = (uint16_t)pcm[i];
        out[2 * i] = (uint8_t)(v >> 8);
        out[2 * i + 1] = (uint8_t)v;
    }
    return (int)(2 * n);
}

static int decode(void *dec, const uint8_t *in, size_t len, int16_t *pcm, size_t max) {
    if (len % 2 != 0) {
        return MC_E_FORMAT;
    }
    if (len / 2 > max) {
        return MC_E_SHORT;
    }
    for (size_t i = 0; i < len / 2; i++) {
        pcm[i] = (int16_t)(uint16_t)(in[2 * i] << 8 | in[2 * i + 1]);
    }
    return (int)(len / 2);
}

const struct mc_codec mc_codec_l16_8k = {
    .name = "L16",
    .pt = MC_PT_NONE,
    .clock = 8000,
    .rate = 8000,
    .channels = 1,
    .enc_init = enc_init,
    .dec_init = dec_init,
    .encode = encode,
    .decode = decode,
};

const struct mc_codec mc_codec_l16_16k = {
    .name = "L16",
    .pt = MC_PT_NONE,
    .clock = 16000,
    .rate = 16000,
    .channels = 1,
    .enc_init = enc_init,
    .dec_init = dec_init,
    .encode = encode,
    .decode = decode,
};
