/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a=crypto and a=fingerprint say. */
#include "check.h"
#include "crypto_line.h"
#include "fingerprint.h"

static struct mc_span span(const char *text) {
    return (struct mc_span){text, strlen(text)};
}

static const struct {
    const char *text;
    int tag; /* -1: refused */
    const char *key;
} lines[] = {
    {"1 AES_CM_128_HMAC_SHA1_80 inline:abc", 1, "abc"},
    {"1 AES_CM_128_HMAC_SHA1_80 INLINE:abc=|2^20", 1, "abc="},
    {"999999999 X inline:abc|2^20 WSH=64 -Y", 999999999, "abc"},
    {"0 X inline:", 0, ""},
    {"1 X inline:|", 1, ""},
    {"1 X inline:abc|1:4", -1, NULL},
    {"1 X inline:abc|2^20|1:4", -1, NULL},
    {"1 X inline:abc;inline:def", -1, NULL},
    {"1 X inline:abc KDR=1", -1, NULL},
    {"1 X inline:abc WSH=64 UNENCRYPTED_SRTP", -1, NULL},
    {"1 X uri:abc", -1, NULL},
    {"1 X", -1, NULL},
    {"01 X inline:abc", -1, NULL},
    {"1000000000 X inline:abc", -1, NULL},
    {"-1 X inline:abc", -1, NULL},
    {"", -1, NULL},
};

static void lines_are_read(void) {
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct mc_crypto_line line;
        bool good = mc_crypto_line_read(&line, span(lines[i].text));
        CHECK_INT(i, good ? (int)line.tag : -1, lines[i].tag);
        if (good && lines[i].key != NULL) {
            CHECK_INT(i, line.key.len, strlen(lines[i].key));
            CHECK(line.key.len == strlen(lines[i].key) && !memcmp(line.key.at, lines[i].key, line.key.len));
        }
    }
}

#define EIGHT "AB:cd:01:23:45:67:89:Ef"
#define LONG EIGHT ":" EIGHT ":" EIGHT ":" EIGHT

static const struct {
    const char *text;
    size_t n; /* 0: refused */
} prints[] = {
    {"sha-256 " LONG, 32},
    {"  SHA-256\t" LONG " ", 32},
    {"sha-384 " LONG ":" EIGHT ":" EIGHT, 48},
    {"sha-512 " LONG ":" LONG, 64},
    {"sha-512 " LONG, 0},
    {"sha-1 " EIGHT ":" EIGHT ":01:02:03:04", 0},
    {"md5 " EIGHT ":" EIGHT, 0},
    {"sha-256 " LONG ":00", 0},
    {"sha-256 " EIGHT ":" EIGHT ":" EIGHT "-" EIGHT, 0},
    {"sha-256 GB:cd:01:23:45:67:89:Ef:" EIGHT ":" EIGHT ":" EIGHT, 0},
    {"sha-256", 0},
    {"", 0},
};

static void fingerprints_are_read(void) {
    for (size_t i = 0; i < COUNT(prints); i++) {
        struct mc_fingerprint f;
        bool good = mc_fingerprint_read(&f, span(prints[i].text));
        CHECK_INT(i, good ? f.n : 0, prints[i].n);
        if (good) {
            CHECK_INT(i, f.bytes[0], 0xab);
            CHECK_INT(i, f.bytes[f.n - 1], 0xef);
        }
    }
}

int main(void) {
    RUN(lines_are_read);
    RUN(fingerprints_are_read);
    return check_done();
}
