/* SPDX-License-Identifier: GPL-3.0-or-later
 * All 65,536 samples and all 256 bytes against G.711 worked out another way: the scale is built segment by segment (tables 1a
 * and 2a of the Recommendation: 16 steps a segment, each segment's steps twice as wide), and an encoder looks for the interval
 * in it. The negative half mirrors the positive one, -1 being the mirror of 0. */
#include "check.h"
#include "codec.h"
#include "err.h"
#include "g711.h"

#define STEPS 128 /* of one sign */

struct scale {
    int begin[STEPS]; /* least magnitude of the step, on the 16-bit scale */
    int value[STEPS]; /* what it decodes to */
};

/* A-law: segments 0 and 1 have steps of 16, then 32, 64 ... 1024. Each decodes to its middle. */
static void build_alaw(struct scale *s) {
    int at = 0;
    for (int i = 0; i < STEPS; i++) {
        int width = 16 << (i / 16 > 0 ? i / 16 - 1 : 0);
        s->begin[i] = at;
        s->value[i] = at + width / 2;
        at += width;
    }
}

/* mu-law: the first step is half a step of 8 wide and decodes to 0; segment 0 goes on with steps of 8, then 16 ... 1024. */
static void build_ulaw(struct scale *s) {
    int at = -4;
    for (int i = 0; i < STEPS; i++) {
        int width = 8 << (i / 16);
        s->begin[i] = at < 0 ? 0 : at;
        s->value[i] = at + width / 2;
        at += width;
    }
}

static int find(const struct scale *s, int magnitude) {
    int i = STEPS - 1;
    while (s->begin[i] > magnitude) {
        i--;
    }
    return i;
}

static uint8_t alaw_byte(bool positive, int step) {
    return (uint8_t)((step | (positive ? 0x80 : 0)) ^ 0x55);
}

static uint8_t ulaw_byte(bool positive, int step) {
    return (uint8_t)(step ^ (positive ? 0xff : 0x7f));
}

static void whole_scale(const struct mc_codec *c, const struct scale *s, uint8_t (*byte)(bool, int)) {
    for (int x = INT16_MIN; x <= INT16_MAX; x++) {
        int16_t pcm = (int16_t)x;
        uint8_t got = 0;
        CHECK_INT(x, c->encode(NULL, &pcm, 1, &got, 1), 1);
        CHECK_INT(x, got, byte(x >= 0, find(s, x >= 0 ? x : -1 - x)));
    }
    for (int i = 0; i < STEPS; i++) {
        for (int positive = 0; positive <= 1; positive++) {
            uint8_t in = byte(positive, i);
            int16_t got = 0;
            CHECK_INT(i, c->decode(NULL, &in, 1, &got, 1), 1);
            CHECK_INT(i, got, positive ? s->value[i] : -s->value[i]);
        }
    }
}

static void alaw_is_the_recommendation(void) {
    struct scale s;
    build_alaw(&s);
    CHECK_INT(0, s.value[STEPS - 1], 32256); /* 4032 on the 13-bit scale */
    whole_scale(&mc_codec_pcma, &s, alaw_byte);
}

static void ulaw_is_the_recommendation(void) {
    struct scale s;
    build_ulaw(&s);
    CHECK_INT(0, s.value[STEPS - 1], 32124); /* 8031 on the 14-bit scale */
    whole_scale(&mc_codec_pcmu, &s, ulaw_byte);
}

/* decode, encode, decode: the same sound again. (mu-law has two zeros, so the byte may change, the sample may not.) */
static void tandem_changes_nothing(void) {
    const struct mc_codec *both[] = {&mc_codec_pcmu, &mc_codec_pcma};
    for (size_t c = 0; c < COUNT(both); c++) {
        for (int b = 0; b < 256; b++) {
            uint8_t byte = (uint8_t)b;
            int16_t first;
            int16_t again;
            both[c]->decode(NULL, &byte, 1, &first, 1);
            both[c]->encode(NULL, &first, 1, &byte, 1);
            both[c]->decode(NULL, &byte, 1, &again, 1);
            CHECK_INT(b, again, first);
        }
    }
}

static void quiet_line_bytes(void) {
    int16_t zero = 0;
    uint8_t b;
    mc_codec_pcmu.encode(NULL, &zero, 1, &b, 1);
    CHECK_INT(0, b, 0xff);
    mc_codec_pcma.encode(NULL, &zero, 1, &b, 1);
    CHECK_INT(0, b, 0xd5);
}

/* Every sample and every byte, at every length of a rest that fills no vector, beginning anywhere. */
static void same_bits_on_every_kind_of_processor(void) {
    enum { N = 65536, LONGEST = 70 };
    int16_t *pcm = malloc(N * sizeof *pcm);
    int16_t *linear = malloc(N * sizeof *linear);
    int16_t *want_linear = malloc(N * sizeof *want_linear);
    uint8_t *coded = malloc(N);
    uint8_t *want = malloc(N);
    for (int i = 0; i < N; i++) {
        pcm[i] = (int16_t)((unsigned)i * 40503u); /* odd, so all values, and neighbours far apart */
    }
    int n_kinds = 0;
    for (const struct mc_g711 *const *k = mc_g711_kinds; *k != NULL; k++) {
        if (!(*k)->here()) {
            printf("    not on this processor: %s\n", (*k)->name);
            continue;
        }
        n_kinds++;
        for (int law = 0; law < 2; law++) {
            (law ? mc_g711_scalar.to_alaw : mc_g711_scalar.to_ulaw)(pcm, want, N);
            (law ? (*k)->to_alaw : (*k)->to_ulaw)(pcm, coded, N);
            CHECK(memcmp(coded, want, N) == 0);
            (law ? mc_g711_scalar.from_alaw : mc_g711_scalar.from_ulaw)(want, want_linear, N);
            (law ? (*k)->from_alaw : (*k)->from_ulaw)(coded, linear, N);
            CHECK(memcmp(linear, want_linear, N * sizeof *linear) == 0);
            for (size_t n = 0; n <= LONGEST; n++) {
                size_t from = n * 37 % 101;
                memset(coded, 0x5a, LONGEST + 1);
                (law ? (*k)->to_alaw : (*k)->to_ulaw)(pcm + from, coded, n);
                CHECK(memcmp(coded, want + from, n) == 0);
                CHECK_INT(n, coded[n], 0x5a);
                linear[n] = 12345;
                (law ? (*k)->from_alaw : (*k)->from_ulaw)(want + from, linear, n);
                CHECK(memcmp(linear, want_linear + from, n * sizeof *linear) == 0);
                CHECK_INT(n, linear[n], 12345);
            }
        }
    }
    CHECK(n_kinds >= 1 && mc_g711_best()->here());
    free(pcm);
    free(linear);
    free(want_linear);
    free(coded);
    free(want);
}

int main(void) {
    RUN(alaw_is_the_recommendation);
    RUN(ulaw_is_the_recommendation);
    RUN(tandem_changes_nothing);
    RUN(quiet_line_bytes);
    RUN(same_bits_on_every_kind_of_processor);
    return check_done();
}
