/* SPDX-License-Identifier: GPL-3.0-or-later
 * ITU-T G.711, both laws, payload types 0 and 8 (RFC 3551 table 4). A negative sample falls into the interval of its one's
 * complement, as in the software tools of G.191, so that both halves of the scale are alike.
 *
 *   byte (before inversion):  | sign | segment, 3 bits | step, 4 bits |     sign 1 = positive
 *   mu-law is sent with all bits inverted, A-law with every other one (0x55).
 */
#include "codec.h"
#include "err.h"
#include "g711.h"

#define ULAW_BIAS 33     /* on the 14-bit scale: moves the segment borders to powers of two */
#define ULAW_CLIP 0x1fff /* largest biased magnitude */

static unsigned top_bit(unsigned v) {
    return 31u - (unsigned)__builtin_clz(v);
}

static uint8_t to_ulaw(int16_t x) {
    unsigned mag = ((unsigned)(x < 0 ? ~x : x) >> 2) + ULAW_BIAS;
    if (mag > ULAW_CLIP) {
        mag = ULAW_CLIP;
    }
    unsigned seg = top_bit(mag) - 5;
    unsigned code = seg << 4 | ((mag >> (seg + 1)) & 15);
    return (uint8_t)(~code & (x < 0 ? 0x7f : 0xff));
}

static uint8_t to_alaw(int16_t x) {
    unsigned mag = (unsigned)(x < 0 ? ~x : x) >> 4;
    unsigned seg = mag < 32 ? mag >> 4 : top_bit(mag) - 3;
    unsigned code = seg << 4 | ((seg < 2 ? mag : mag >> (seg - 1)) & 15);
    return (uint8_t)((code | (x < 0 ? 0 : 0x80)) ^ 0x55);
}

/* Decoders as constant tables that the compiler works out from the formula: F(b), F(b + 1), ... */
#define ULAW_SEG(c) (((c) >> 4) & 7)
#define ULAW_MAG(c) ((((2 * ((c)&15) + ULAW_BIAS) << ULAW_SEG(c)) - ULAW_BIAS) * 4)
#define ULAW(b) ((int16_t)(((b)&0x80) ? ULAW_MAG(~(b)) : -ULAW_MAG(~(b))))

#define ALAW_SEG(c) (((c) >> 4) & 7)
#define ALAW_MAG(c) (ALAW_SEG(c) ? (2 * ((c)&15) + 33) << (ALAW_SEG(c) + 2) : (2 * ((c)&15) + 1) << 3)
#define ALAW(b) ((int16_t)(((b)&0x80) ? ALAW_MAG((b) ^ 0x55) : -ALAW_MAG((b) ^ 0x55)))

#define X4(F, b) F(b), F((b) + 1), F((b) + 2), F((b) + 3)
#define X16(F, b) X4(F, b), X4(F, (b) + 4), X4(F, (b) + 8), X4(F, (b) + 12)
#define X64(F, b) X16(F, b), X16(F, (b) + 16), X16(F, (b) + 32), X16(F, (b) + 48)
#define X256(F) X64(F, 0), X64(F, 64), X64(F, 128), X64(F, 192)

static const int16_t from_ulaw[256] = {X256(ULAW)};
static const int16_t from_alaw[256] = {X256(ALAW)};

static bool always(void) {
    return true;
}

static void to_ulaw_all(const int16_t *pcm, uint8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = to_ulaw(pcm[i]);
    }
}

static void to_alaw_all(const int16_t *pcm, uint8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = to_alaw(pcm[i]);
    }
}

static void from_ulaw_all(const uint8_t *in, int16_t *pcm, size_t n) {
    for (size_t i = 0; i < n; i++) {
        pcm[i] = from_ulaw[in[i]];
    }
}

static void from_alaw_all(const uint8_t *in, int16_t *pcm, size_t n) {
    for (size_t i = 0; i < n; i++) {
        pcm[i] = from_alaw[in[i]];
    }
}

const struct mc_g711 mc_g711_scalar = {"scalar", always, to_ulaw_all, to_alaw_all, from_ulaw_all, from_alaw_all};

static int enc_init(void *enc, const struct mc_fmtp *remote, unsigned ptime_ms) {
    return MC_OK;
}

static int dec_init(void *dec) {
    return MC_OK;
}

static int ulaw_encode(void *enc, const int16_t *pcm, size_t n, uint8_t *out, size_t size) {
    if (n > size) {
        return MC_E_SHORT;
    }
    mc_g711_best()->to_ulaw(pcm, out, n);
    return (int)n;
}

static int ulaw_decode(void *dec, const uint8_t *in, size_t len, int16_t *pcm, size_t max) {
    if (len > max) {
        return MC_E_SHORT;
    }
    mc_g711_best()->from_ulaw(in, pcm, len);
    return (int)len;
}

static int alaw_encode(void *enc, const int16_t *pcm, size_t n, uint8_t *out, size_t size) {
    if (n > size) {
        return MC_E_SHORT;
    }
    mc_g711_best()->to_alaw(pcm, out, n);
    return (int)n;
}

static int alaw_decode(void *dec, const uint8_t *in, size_t len, int16_t *pcm, size_t max) {
    if (len > max) {
        return MC_E_SHORT;
    }
    mc_g711_best()->from_alaw(in, pcm, len);
    return (int)len;
}

const struct mc_codec mc_codec_pcmu = {
    .name = "PCMU",
    .pt = 0,
    .clock = 8000,
    .rate = 8000,
    .channels = 1,
    .enc_init = enc_init,
    .dec_init = dec_init,
    .encode = ulaw_encode,
    .decode = ulaw_decode,
};

const struct mc_codec mc_codec_pcma = {
    .name = "PCMA",
    .pt = 8,
    .clock = 8000,
    .rate = 8000,
    .channels = 1,
    .enc_init = enc_init,
    .dec_init = dec_init,
    .encode = alaw_encode,
    .decode = alaw_decode,
};
