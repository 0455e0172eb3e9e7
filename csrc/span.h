/* SPDX-License-Identifier: GPL-3.0-or-later
 * A piece of text that somebody else owns; no NUL at its end. */
#ifndef MC_SPAN_H
#define MC_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <strings.h>

struct mc_span {
    const char *at;
    size_t len;
};

static inline bool mc_span_is(struct mc_span s, const char *text) {
    return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}

static inline bool mc_span_begins(struct mc_span s, const char *text) {
    size_t n = strlen(text);
    return s.len >= n && strncasecmp(s.at, text, n) == 0;
}

static inline bool mc_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline struct mc_span mc_span_trim(const char *at, size_t len) {
    for (; len > 0 && mc_is_blank(*at); at++, len--) {
    }
    for (; len > 0 && mc_is_blank(at[len - 1]); len--) {
    }
    return (struct mc_span){at, len};
}

/* Only digits, at most ten of them: its value; else -1. */
static inline int64_t mc_span_number(struct mc_span s) {
    int64_t v = 0;
    if (s.len == 0 || s.len > 10) {
        return -1;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') {
            return -1;
        }
        v = v * 10 + (s.at[i] - '0');
    }
    return v;
}

/* The next word, cut off from the front of *rest; empty when none is left. */
static inline struct mc_span mc_span_word(struct mc_span *rest) {
    struct mc_span all = mc_span_trim(rest->at, rest->len);
    size_t n = 0;
    for (; n < all.len && !mc_is_blank(all.at[n]); n++) {
    }
    *rest = (struct mc_span){all.at + n, all.len - n};
    return (struct mc_span){all.at, n};
}

#endif
