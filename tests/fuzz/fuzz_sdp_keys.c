/* SPDX-License-Identifier: GPL-3.0-or-later
 * The values of a=crypto and a=fingerprint, of any bytes: what is found lies inside of what came, and means the same when it is written
 * again. */
#include "crypto_line.h"
#include "fingerprint.h"
#include "fuzz.h"

#define PAIRS(x) x ":" x ":" x ":" x ":" x ":" x ":" x ":" x

static const struct seed seeds[] __attribute__((unused)) = {
    SEED("1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20"),
    SEED("42 AEAD_AES_256_GCM inline:AAAA|2^20|1:4 WSH=64 -X KDR=1"),
    SEED(" 2\tX inline:a;inline:b"),
    SEED("sha-256 " PAIRS("AB:cd:01:9F")),
    SEED("SHA-512 " PAIRS("00:11:22:33:44:55:66:77")),
};

static void fingerprint(struct mc_span value) {
    struct mc_fingerprint f, again;
    char text[8 + 3 * sizeof f.bytes];
    size_t n = 0;

    if (!mc_fingerprint_read(&f, value)) {
        return;
    }
    MUST(f.n == 32 || f.n == 48 || f.n == 64);
    n += (size_t)sprintf(text, "sha-%zu ", f.n * 8);
    for (size_t i = 0; i < f.n; i++) {
        n += (size_t)sprintf(text + n, i ? ":%02X" : "%02X", f.bytes[i]);
    }
    MUST(mc_fingerprint_read(&again, (struct mc_span){text, n}) && !memcmp(&f, &again, sizeof f));
}

static bool inside(struct mc_span part, struct mc_span all) {
    return part.at >= all.at && part.at + part.len <= all.at + all.len;
}

static void crypto_line(struct mc_span value) {
    struct mc_crypto_line line;

    if (mc_crypto_line_read(&line, value)) {
        MUST(inside(line.suite, value) && inside(line.key, value) && line.tag <= 999999999);
        MUST(line.key.len == 0 || (!memchr(line.key.at, '|', line.key.len) && !memchr(line.key.at, ';', line.key.len)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mc_span value = {(const char *)data, size};

    fingerprint(value);
    crypto_line(value);
    return 0;
}

FUZZ_MAIN(seeds)
