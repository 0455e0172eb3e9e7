/* SPDX-License-Identifier: GPL-3.0-or-later
 * ITU-T G.711, both laws, payload types 0 and 8 (RFC 3551 table 4). A negative sample falls into the interval of its one's
 * complement, as in the software tools of G.191, so that both halves of the scale are alike.
 *
 *   byte (before inversion):  | sign | segment, 3 bits | step, 4 bits |     sign 1 = positive
 *   mu-law is sent with all bits inverted, A-law with every other one (0x55).
 */
#include "codec.h"
#include "err.h"

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

static int encode(uint8_t (*law)(int16_t), const int16_t *pcm, size_t n, uint8_t *out, size_t size) {
    if (n > size) {
        return MC_E_SHORT;
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = law(pcm[i]);
    }
    return (int)n;
}

static int decode(const int16_t law[256], const uint8_t *in, size_t len, int16_t *pcm, size_t max) {
    if (len > max) {
        return MC_E_SHORT;
    }
    for (size_t i = 0; i < len; i++) {
        pcm[i] = law[in[i]];
    }
    return (int)len;
}

static int enc_init(void *enc, const struct mc_fmtp *remote, unsigned ptime_ms) {
    return MC_OK;
}

static int dec_init(void *dec) {
    return MC_OK;
}

static int ulaw_encode(void *enc, const int16_t *pcm, size_t n, uint8_t *out, size_t size) {
    return encode(to_ulaw, pcm, n, out, size);
}

static int ulaw_decode(void *dec, const uint8_t *in, size_t len, int16_t *pcm, size_t max) {
    return decode(from_ulaw, in, len, pcm, max);
}

static int alaw_encode(void *enc, const int16_t *pcm, size_t n, uint8_t *out, size_t size) {
    return encode(to_alaw, pcm, n, out, size);
}

static int alaw_decode(void *dec, const uint8_t *in, size_t len, int16_t *pcm, size_t max) {
    return decode(from_alaw, in, len, pcm, max);
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
