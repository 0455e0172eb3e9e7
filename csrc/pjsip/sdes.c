/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sdes.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>

#include "../crypto_line.h"

#define BASE64_MAX ((MC_SRTP_KEY_MAX + 2) / 3 * 4)

bool mc_sdes_make(struct mc_sdes_key *key, const char *suite) {
    size_t n = mc_srtp_key_len(suite, strlen(suite));

    *key = (struct mc_sdes_key){.suite = suite, .n = n};
    return n > 0 && RAND_priv_bytes(key->bytes, (int)n) == 1;
}

size_t mc_sdes_write(char text[MC_SDES_VALUE], unsigned tag, const struct mc_sdes_key *key) {
    unsigned char code[BASE64_MAX + 1];
    int n;

    EVP_EncodeBlock(code, key->bytes, (int)key->n);
    n = snprintf(text, MC_SDES_VALUE, "%u %s inline:%s", tag, key->suite, (const char *)code);
    OPENSSL_cleanse(code, sizeof(code));
    return n > 0 && n < MC_SDES_VALUE ? (size_t)n : 0;
}

/* Padding is left out by some. */
static bool decode(struct mc_sdes_key *key, struct mc_span code) {
    unsigned char padded[BASE64_MAX], plain[BASE64_MAX];
    size_t n = code.len;
    int made;

    while (n > 0 && code.at[n - 1] == '=') {
        n--;
    }
    if (n != (key->n * 4 + 2) / 3 || n > BASE64_MAX) {
        return false;
    }
    memset(padded, '=', sizeof(padded));
    memcpy(padded, code.at, n);
    made = EVP_DecodeBlock(plain, padded, (int)((n + 3) / 4 * 4));
    if (made >= 0 && (size_t)made >= key->n) {
        memcpy(key->bytes, plain, key->n);
    }
    OPENSSL_cleanse(plain, sizeof(plain));
    return made >= 0 && (size_t)made >= key->n;
}

bool mc_sdes_read(struct mc_span value, unsigned *tag, struct mc_sdes_key *key) {
    struct mc_crypto_line line;

    *key = (struct mc_sdes_key){0};
    if (mc_crypto_line_read(&line, value)) {
        *tag = line.tag;
        key->suite = mc_srtp_suite(line.suite.at, line.suite.len);
        key->n = mc_srtp_key_len(line.suite.at, line.suite.len);
    }
    return key->suite && decode(key, line.key);
}

bool mc_sdes_same(const struct mc_sdes_key *a, const struct mc_sdes_key *b) {
    return a->suite == b->suite && a->n == b->n && !CRYPTO_memcmp(a->bytes, b->bytes, a->n);
}
