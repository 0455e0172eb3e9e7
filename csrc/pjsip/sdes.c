/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sdes.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>

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

/* "inline:KEY|2^20|1:4" (RFC 4568 section 6.1). The lifetime is the peer's own care: no call here lasts 2^31 packets. */
static bool read_key(struct mc_sdes_key *key, struct mc_span params) {
    static const char method[] = "inline:";
    struct mc_span code;

    if (!mc_span_begins(params, method) || memchr(params.at, ';', params.len)) {
        return false;
    }
    code = (struct mc_span){params.at + sizeof(method) - 1, params.len - (sizeof(method) - 1)};
    for (size_t i = 0; i < code.len; i++) {
        if (code.at[i] == '|') {
            if (memchr(code.at + i, ':', code.len - i)) {
                return false; /* a master key identifier would stand in every packet */
            }
            code.len = i;
        }
    }
    return decode(key, code);
}

/* Of the session parameters a window size hint changes nothing, and one that begins with "-" may be ignored (RFC 4568 section 6.3.7). */
static bool harmless(struct mc_span param) {
    return mc_span_begins(param, "WSH=") || mc_span_begins(param, "-");
}

bool mc_sdes_read(struct mc_span value, unsigned *tag, struct mc_sdes_key *key) {
    struct mc_span number = mc_span_word(&value), suite = mc_span_word(&value), params = mc_span_word(&value), more;
    int64_t n = mc_span_number(number);

    *key = (struct mc_sdes_key){.suite = mc_srtp_suite(suite.at, suite.len)};
    if (n < 0 || number.len > 9 || (number.len > 1 && number.at[0] == '0') || !key->suite) {
        return false;
    }
    *tag = (unsigned)n;
    key->n = mc_srtp_key_len(key->suite, strlen(key->suite));
    for (more = mc_span_word(&value); more.len > 0; more = mc_span_word(&value)) {
        if (!harmless(more)) {
            return false;
        }
    }
    return read_key(key, params);
}

bool mc_sdes_same(const struct mc_sdes_key *a, const struct mc_sdes_key *b) {
    return a->suite == b->suite && a->n == b->n && !CRYPTO_memcmp(a->bytes, b->bytes, a->n);
}
