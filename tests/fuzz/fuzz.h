/* SPDX-License-Identifier: GPL-3.0-or-later
 * A fuzz target is a file with fuzz_seeds and LLVMFuzzerTestOneInput. Built with -fsanitize=fuzzer and -DFUZZING it is a libFuzzer
 * target; built without, a program:
 *     fuzz_x --seeds DIR     writes the seeds as files
 *     fuzz_x FILE...         runs these inputs, to look into what the fuzzer found
 *     fuzz_x [N]             runs N mutated seeds (100,000), always the same ones */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

struct seed {
    const char *bytes;
    size_t len;
};

#define SEED(text)                                                                                                             \
    { text, sizeof(text) - 1 }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input; a sanitizer or the fuzzer reports the abort. */
#define MUST(cond)                                                                                                             \
    do {                                                                                                                       \
        if (!(cond)) {                                                                                                         \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                                                         \
            abort();                                                                                                           \
        }                                                                                                                      \
    } while (0)

/* Reads the input bit by bit; zeros when it is used up. */
struct source {
    const uint8_t *at;
    size_t left;
};

__attribute__((unused)) static uint32_t take(struct source *s, size_t bytes) {
    uint32_t v = 0;
    for (; bytes > 0 && s->left > 0; bytes--, s->left--) {
        v = v << 8 | *s->at++;
    }
    return v;
}

#ifndef FUZZING

static uint32_t fuzz_random(uint64_t *s) {
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return (uint32_t)(*s * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

static int fuzz_write_seeds(const char *dir, const struct seed *seeds, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/seed-%zu", dir, i);
        FILE *f = fopen(name, "wb");
        if (f == NULL || fwrite(seeds[i].bytes, 1, seeds[i].len, f) != seeds[i].len || fclose(f) != 0) {
            perror(name);
            return 1;
        }
    }
    return 0;
}

static int fuzz_run_file(const char *name) {
    static uint8_t buf[1 << 20];
    FILE *f = fopen(name, "rb");
    if (f == NULL) {
        perror(name);
        return 1;
    }
    size_t n = fread(buf, 1, sizeof buf, f);
    fclose(f);
    LLVMFuzzerTestOneInput(buf, n);
    return 0;
}

/* A few bytes changed, doubled, cut off; in a block of its exact length, so that a sanitizer watches both ends. */
static void fuzz_run_mutated(const struct seed *seed, uint64_t *rng) {
    size_t extra = fuzz_random(rng) % 64;
    size_t n = seed->len + extra;
    n = fuzz_random(rng) % 4 ? n : fuzz_random(rng) % (n + 1);
    uint8_t *buf = malloc(n ? n : 1);
    for (size_t i = 0; i < n; i++) {
        buf[i] = i < seed->len ? (uint8_t)seed->bytes[i] : (uint8_t)fuzz_random(rng);
    }
    for (uint32_t k = fuzz_random(rng) % 6; n > 0 && k > 0; k--) {
        buf[fuzz_random(rng) % n] = (uint8_t)fuzz_random(rng);
    }
    LLVMFuzzerTestOneInput(buf, n);
    free(buf);
}

static int fuzz_main(int argc, char **argv, const struct seed *seeds, size_t n_seeds) {
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0) {
        return fuzz_write_seeds(argv[2], seeds, n_seeds);
    }
    char *end = NULL;
    unsigned long n = argc < 2 ? 100000 : strtoul(argv[1], &end, 10);
    if (argc > 2 || (argc == 2 && *end != '\0')) {
        int bad = 0;
        for (int i = 1; i < argc; i++) {
            bad |= fuzz_run_file(argv[i]);
        }
        return bad;
    }
    uint64_t rng = 1;
    for (unsigned long i = 0; i < n; i++) {
        fuzz_run_mutated(&seeds[i % n_seeds], &rng);
    }
    printf("ok     %lu mutated inputs\n", n);
    return 0;
}

#define FUZZ_MAIN(seeds)                                                                                                       \
    int main(int argc, char **argv) {                                                                                          \
        return fuzz_main(argc, argv, seeds, sizeof(seeds) / sizeof *(seeds));                                                  \
    }
#else
#define FUZZ_MAIN(seeds) extern const struct seed *const fuzz_unused_seeds;
#endif

#endif
