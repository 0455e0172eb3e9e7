/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fingerprint.h"

static size_t size_of(struct mc_span hash) {
    return mc_span_is(hash, "sha-256") ? 32 : mc_span_is(hash, "sha-384") ? 48 : mc_span_is(hash, "sha-512") ? 64 : 0;
}

static int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool mc_fingerprint_read(struct mc_fingerprint *out, struct mc_span value) {
    struct mc_span hash = mc_span_word(&value), digits = mc_span_word(&value);
    size_t n = size_of(hash);

    *out = (struct mc_fingerprint){.n = n};
    if (n == 0 || digits.len != n * 3 - 1) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        int high = hex(digits.at[3 * i]), low = hex(digits.at[3 * i + 1]);

        if (high < 0 || low < 0 || (i + 1 < n && digits.at[3 * i + 2] != ':')) {
            return false;
        }
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
