/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto_line.h"

/* "inline:KEY|2^20|1:4" (RFC 4568 section 6.1). The lifetime is the peer's own care: no call here lasts 2^31 packets. */
static bool read_key(struct mc_span *key, struct mc_span params) {
    static const char method[] = "inline:";
    struct mc_span rest;
    const char *bar;

    if (!mc_span_begins(params, method) || memchr(params.at, ';', params.len)) {
        return false;
    }
    rest = (struct mc_span){params.at + sizeof(method) - 1, params.len - (sizeof(method) - 1)};
    bar = rest.len > 0 ? memchr(rest.at, '|', rest.len) : NULL;
    *key = bar ? (struct mc_span){rest.at, (size_t)(bar - rest.at)} : rest;
    return !bar || !memchr(bar, ':', rest.len - key->len); /* a master key identifier would stand in every packet */
}

/* Of the session parameters a window size hint changes nothing, and one that begins with "-" may be ignored (RFC 4568 section 6.3.7). */
static bool harmless(struct mc_span param) {
    return mc_span_begins(param, "WSH=") || mc_span_begins(param, "-");
}

bool mc_crypto_line_read(struct mc_crypto_line *out, struct mc_span value) {
    struct mc_span number = mc_span_word(&value), suite = mc_span_word(&value), params = mc_span_word(&value), more;
    int64_t n = mc_span_number(number);

    if (n < 0 || number.len > 9 || (number.len > 1 && number.at[0] == '0')) {
        return false;
    }
    *out = (struct mc_crypto_line){.tag = (unsigned)n, .suite = suite};
    for (more = mc_span_word(&value); more.len > 0; more = mc_span_word(&value)) {
        if (!harmless(more)) {
            return false;
        }
    }
    return read_key(&out->key, params);
}
