/* SPDX-License-Identifier: GPL-3.0-or-later
 * What every codec of the table must keep to. */
#include "codec.h"

#include <math.h>

#include "check.h"
#include "err.h"

static void found_by_name_and_clock(void) {
    CHECK(mc_codec_find("PCMU", 8000) == &mc_codec_pcmu);
    CHECK(mc_codec_find("pcma", 8000) == &mc_codec_pcma);
    CHECK(mc_codec_find("L16", 8000) == &mc_codec_l16_8k);
    CHECK(mc_codec_find("l16", 16000) == &mc_codec_l16_16k);
    CHECK(mc_codec_find("OPUS", 48000) == &mc_codec_opus);
    CHECK(mc_codec_find("G722", 8000) == &mc_codec_g722);
    CHECK(mc_codec_find("PCMU", 16000) == NULL);
    CHECK(mc_codec_find("L16", 44100) == NULL);
    CHECK(mc_codec_find("", 8000) == NULL);
    CHECK(mc_codec_find("PCMUX", 8000) == NULL);
}

static void static_payload_types(void) {
    CHECK_INT(0, mc_codec_pcmu.pt, 0); /* RFC 3551 table 4 */
    CHECK_INT(0, mc_codec_pcma.pt, 8);
    CHECK_INT(0, mc_codec_g722.pt, 9);
    CHECK(mc_codec_l16_8k.pt == MC_PT_NONE && mc_codec_l16_16k.pt == MC_PT_NONE && mc_codec_opus.pt == MC_PT_NONE);
}

struct pair {
    const struct mc_codec *codec;
    void *enc, *dec;
};

static struct pair open_pair(const struct mc_codec *c, const struct mc_fmtp *fmtp, unsigned ptime_ms) {
    struct pair p = {c, malloc(c->enc_size + 1), malloc(c->dec_size + 1)};
    CHECK_INT(c->rate, c->enc_init(p.enc, fmtp, ptime_ms), MC_OK);
    CHECK_INT(c->rate, c->dec_init(p.dec), MC_OK);
    return p;
}

static void close_pair(struct pair *p) {
    free(p->enc);
    free(p->dec);
}

/* A tone comes back at each packet time, with the right number of samples and its level. */
static void a_tone_through_every_codec(void) {
    static const unsigned ptimes[] = {10, 20, 40, 60};
    for (const struct mc_codec *const *c = mc_codecs; *c != NULL; c++) {
        for (size_t i = 0; i < COUNT(ptimes); i++) {
            struct pair p = open_pair(*c, &(struct mc_fmtp){0}, ptimes[i]);
            int n = (int)((*c)->rate * ptimes[i] / 1000);
            bool fits = *c != &mc_codec_l16_16k || ptimes[i] < 60; /* 1,920 bytes: more than a packet holds */
            double energy = 0;
            double total = 0;
            for (int packet = 0; packet < 40; packet++) {
                int16_t in[960];
                int16_t out[MC_CODEC_MAX_PCM];
                uint8_t buf[1488];
                for (int k = 0; k < n; k++) {
                    in[k] = (int16_t)(10000 * sin(2 * M_PI * 440 * (packet * n + k) / (*c)->rate));
                }
                int len = (*c)->encode(p.enc, in, (size_t)n, buf, sizeof buf);
                if (!fits) {
                    CHECK_INT(ptimes[i], len, MC_E_SHORT);
                    continue;
                }
                CHECK_BETWEEN(ptimes[i], len, 3, sizeof buf);
                CHECK_INT(ptimes[i], (*c)->decode(p.dec, buf, (size_t)len, out, MC_CODEC_MAX_PCM), n);
                for (int k = 0; packet > 5 && k < n; k++) {
                    energy += (double)out[k] * out[k];
                    total++;
                }
            }
            if (fits) {
                CHECK_BETWEEN(ptimes[i], sqrt(energy / total) / 7071, 0.9, 1.1);
            }
            close_pair(&p);
        }
    }
}

static void no_room_is_an_error_and_nothing_is_written_behind(void) {
    for (const struct mc_codec *const *c = mc_codecs; *c != NULL; c++) {
        struct pair p = open_pair(*c, &(struct mc_fmtp){0}, 20);
        size_t n = (*c)->rate / 50;
        int16_t pcm[320];
        uint8_t buf[1488];
        for (size_t i = 0; i < n; i++) {
            pcm[i] = (int16_t)(i * 7919);
        }
        int len = (*c)->encode(p.enc, pcm, n, buf, sizeof buf);
        CHECK_BETWEEN(0, len, 3, sizeof buf);
        for (size_t size = 0; size < (size_t)len; size++) {
            uint8_t *small = malloc(size); /* a sanitizer watches its end */
            CHECK_BETWEEN(size, (*c)->encode(p.enc, pcm, n, small, size), INT32_MIN, size);
            free(small);
        }
        for (size_t max = 0; max < n; max += 16) {
            int16_t *few = malloc(max * sizeof *few);
            CHECK_INT(max, (*c)->decode(p.dec, buf, (size_t)len, few, max), MC_E_SHORT);
            free(few);
        }
        close_pair(&p);
    }
}

static void random_payloads_do_no_harm(void) {
    struct rng r = rng_of(5);
    for (const struct mc_codec *const *c = mc_codecs; *c != NULL; c++) {
        struct pair p = open_pair(*c, &(struct mc_fmtp){0}, 20);
        for (int i = 0; i < 3000; i++) {
            size_t len = rng_below(&r, 200);
            uint8_t *buf = malloc(len);
            int16_t *pcm = malloc(MC_CODEC_MAX_PCM * sizeof *pcm);
            for (size_t k = 0; k < len; k++) {
                buf[k] = (uint8_t)rng_next(&r);
            }
            CHECK_BETWEEN(i, (*c)->decode(p.dec, buf, len, pcm, MC_CODEC_MAX_PCM), MC_E_DUP, MC_CODEC_MAX_PCM);
            if ((*c)->conceal != NULL) {
                CHECK_INT(i, (*c)->conceal(p.dec, len ? buf : NULL, len, pcm, (*c)->rate / 50), (*c)->rate / 50);
            }
            free(buf);
            free(pcm);
        }
        close_pair(&p);
    }
}

int main(void) {
    RUN(found_by_name_and_clock);
    RUN(static_payload_types);
    RUN(a_tone_through_every_codec);
    RUN(no_room_is_an_error_and_nothing_is_written_behind);
    RUN(random_payloads_do_no_harm);
    return check_done();
}
