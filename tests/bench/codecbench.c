/* SPDX-License-Identifier: GPL-3.0-or-later
 * codecbench ROUNDS: CPU nanoseconds of one 20 ms packet, coded and decoded, for every codec of the core and every kind of G.711.
 * A line of JSON: {"opus/48000": {"encode_ns": [one a round], "decode_ns": [...]}, ...}. The rounds of all codecs are interleaved, so
 * that a noisy moment hits all. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec.h"
#include "g711.h"

#define SECONDS 4 /* of sound in a round */
#define PACKETS (SECONDS * 50)
#define MAX_RATE 16000
#define MAX_BYTES 1500
#define MAX_SYSTEMS 16
#define MAX_ROUNDS 100

struct system {
    char name[32];
    const struct mc_codec *codec; /* or */
    const struct mc_g711 *kind;
    bool alaw;
    double encode_ns[MAX_ROUNDS], decode_ns[MAX_ROUNDS];
};

static int16_t speech[SECONDS * MAX_RATE];
static int16_t heard[MC_CODEC_MAX_PCM];
static uint8_t coded[PACKETS][MAX_BYTES];
static size_t lengths[PACKETS];

/* Syllables: harmonics of a gliding pitch, four a second, and a soft noise behind them. */
static void speak(uint32_t rate) {
    double phase = 0;
    unsigned noise = 1;
    for (uint32_t i = 0; i < rate * SECONDS; i++) {
        double t = (double)i / rate;
        double loud = fmax(0, sin(2 * M_PI * 2 * t));
        double v = 0;
        phase += 2 * M_PI * (120 + 25 * sin(2 * M_PI * 0.7 * t)) / rate;
        for (int h = 1; h < 24; h++) {
            v += sin(h * phase) / h;
        }
        noise = noise * 1664525 + 1013904223;
        speech[i] = (int16_t)(4000 * loud * v + (double)(noise >> 24) - 128);
    }
}

static double now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void measure_codec(struct system *s, int round) {
    const struct mc_codec *c = s->codec;
    size_t n = c->rate / 50;
    void *enc = malloc(c->enc_size + 1);
    void *dec = malloc(c->dec_size + 1);
    if (enc == NULL || dec == NULL || c->enc_init(enc, &(struct mc_fmtp){0}, 20) < 0 || c->dec_init(dec) < 0) {
        abort();
    }
    speak(c->rate);
    double t0 = now_ns();
    for (int i = 0; i < PACKETS; i++) {
        int len = c->encode(enc, speech + (size_t)i * n, n, coded[i], MAX_BYTES);
        lengths[i] = len < 0 ? 0 : (size_t)len;
    }
    double t1 = now_ns();
    for (int i = 0; i < PACKETS; i++) {
        if (c->decode(dec, coded[i], lengths[i], heard, MC_CODEC_MAX_PCM) != (int)n) {
            abort();
        }
    }
    s->encode_ns[round] = (t1 - t0) / PACKETS;
    s->decode_ns[round] = (now_ns() - t1) / PACKETS;
    free(enc);
    free(dec);
}

static void measure_kind(struct system *s, int round) {
    enum { N = 160, TURNS = 50 };
    speak(8000);
    double t0 = now_ns();
    for (int i = 0; i < PACKETS * TURNS; i++) {
        (s->alaw ? s->kind->to_alaw : s->kind->to_ulaw)(speech + (size_t)(i % PACKETS) * N, coded[i % PACKETS], N);
    }
    double t1 = now_ns();
    for (int i = 0; i < PACKETS * TURNS; i++) {
        (s->alaw ? s->kind->from_alaw : s->kind->from_ulaw)(coded[i % PACKETS], heard, N);
    }
    s->encode_ns[round] = (t1 - t0) / (PACKETS * TURNS);
    s->decode_ns[round] = (now_ns() - t1) / (PACKETS * TURNS);
}

static void print(const char *name, const double *ns, int rounds) {
    printf("\"%s\": [", name);
    for (int i = 0; i < rounds; i++) {
        printf("%s%.2f", i ? ", " : "", ns[i]);
    }
    printf("]");
}

int main(int argc, char **argv) {
    static struct system systems[MAX_SYSTEMS];
    int n = 0;
    int rounds = argc > 1 ? atoi(argv[1]) : 0;
    if (rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: codecbench ROUNDS (1 to %d)\n", MAX_ROUNDS);
        return 2;
    }
    for (const struct mc_codec *const *c = mc_codecs; *c != NULL; c++) {
        systems[n].codec = *c;
        snprintf(systems[n++].name, sizeof systems->name, "%s/%u", (*c)->name, (*c)->clock);
    }
    for (const struct mc_g711 *const *k = mc_g711_kinds; *k != NULL; k++) {
        for (int alaw = 0; alaw < 2 && (*k)->here(); alaw++) {
            systems[n] = (struct system){.kind = *k, .alaw = alaw};
            snprintf(systems[n++].name, sizeof systems->name, "%s, %s", alaw ? "PCMA" : "PCMU", (*k)->name);
        }
    }
    for (int r = 0; r < rounds; r++) {
        for (int i = 0; i < n; i++) {
            struct system *s = &systems[r % 2 ? n - 1 - i : i];
            (s->codec != NULL ? measure_codec : measure_kind)(s, r);
        }
    }
    putchar('{');
    for (int i = 0; i < n; i++) {
        printf("%s\"%s\": {", i ? ", " : "", systems[i].name);
        print("encode_ns", systems[i].encode_ns, rounds);
        printf(", ");
        print("decode_ns", systems[i].decode_ns, rounds);
        printf("}");
    }
    puts("}");
    return 0;
}
