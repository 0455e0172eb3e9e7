/* SPDX-License-Identifier: GPL-3.0-or-later
 * Payloads of any bytes into each decoder, decoding and concealing in turn: never more samples than there is room for. */
#include "codec.h"
#include "fuzz.h"

static const struct seed seeds[] __attribute__((unused)) = {
    SEED("\x00\x14\x28\x0b\xe4\xc1\x36\xec\xc5\x80\x8f\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"),
    SEED("\x01\x04\x12\x34\xff\xfe\x84\x12\x34\xff\xfe"),
    SEED("\x02\x08\x00\x55\xaa\xff\x7f\x80\xd5\x2a"),
    SEED("\x03\x08\x00\x55\xaa\xff\x7f\x80\xd5\x2a"),
    SEED("\x04\x03\x12\x34\x56"),
    SEED("\x05\x08\x00\x3f\xc0\xff\x7f\x80\xfa\x2a"),
};

/* First byte: the codec. Then each step: how many bytes (bit 7: conceal with them as the next packet), and the bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct source s = {data, size};
    uint32_t which = take(&s, 1) % 6;
    const struct mc_codec *c = mc_codecs[which];
    void *dec = malloc(c->dec_size + 1);
    int16_t *pcm = malloc(MC_CODEC_MAX_PCM * sizeof *pcm);
    MUST(c->dec_init(dec) == MC_OK);
    while (s.left > 0) {
        uint32_t head = take(&s, 1);
        size_t len = (head & 0x7f) < s.left ? (head & 0x7f) : s.left;
        uint8_t *in = malloc(len ? len : 1);
        memcpy(in, s.at, len);
        s.at += len;
        s.left -= len;
        if ((head & 0x80) && c->conceal != NULL) {
            int n = (int)c->rate / 50;
            MUST(c->conceal(dec, len ? in : NULL, len, pcm, (size_t)n) == n);
        } else {
            int n = c->decode(dec, in, len, pcm, MC_CODEC_MAX_PCM);
            MUST(n <= MC_CODEC_MAX_PCM && n >= MC_E_DUP);
        }
        free(in);
    }
    free(pcm);
    free(dec);
    return 0;
}

FUZZ_MAIN(seeds)
