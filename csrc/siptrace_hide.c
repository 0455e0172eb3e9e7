/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "siptrace.h"

static void cross_out(const char *from, const char *to) {
    if (to > from) {
        memset((char *)from, 'x', (size_t)(to - from)); /* spans are const; this text is the caller's to change */
    }
}

static const char *find(const char *at, const char *end, const char *word) {
    size_t n = strlen(word);

    for (; (size_t)(end - at) >= n; at++) {
        if (strncasecmp(at, word, n) == 0) {
            return at;
        }
    }
    return NULL;
}

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* The value of each parameter of this name, quoted or not. */
static void hide_parameter(const char *at, const char *end, const char *name) {
    const char *found, *begin = at;

    while ((found = find(at, end, name)) != NULL) {
        at = found + strlen(name);
        if (found > begin && is_name(found[-1])) {
            continue;
        }
        for (; at < end && mc_is_blank(*at); at++) {
        }
        if (at == end || *at != '=') {
            continue;
        }
        for (at++; at < end && (mc_is_blank(*at) || *at == '"'); at++) {
        }
        for (found = at; at < end && *at != '"' && *at != ',' && !mc_is_blank(*at); at++) {
        }
        cross_out(found, at);
    }
}

/* Of a challenge's answer the rest is needed to see why it was refused. Other schemes are nothing but a secret. */
static void hide_credentials(const char *at, const char *end) {
    struct mc_span rest = mc_span_trim(at, (size_t)(end - at));
    const char *value_end = rest.at + rest.len;
    struct mc_span scheme = mc_span_word(&rest);

    if (mc_span_is(scheme, "Digest")) {
        hide_parameter(rest.at, value_end, "response");
    } else {
        cross_out(scheme.at + scheme.len, value_end);
    }
}

static bool ends_scheme(const char *line, const char *colon) {
    return (colon - line >= 3 && strncasecmp(colon - 3, "sip", 3) == 0) ||
           (colon - line >= 4 && strncasecmp(colon - 4, "sips", 4) == 0);
}

/* sip:user:password@host: between the first colon of the user part and the last sign. Each byte is looked at once: this is done for
 * messages of anybody, and a line may be full of signs. */
static void hide_passwords(const char *line, const char *end) {
    const char *scheme = NULL, *from = NULL;

    if (memchr(line, '@', (size_t)(end - line)) == NULL) {
        return;
    }
    for (const char *p = line; p < end; p++) {
        if (*p == '<' || *p == '>' || mc_is_blank(*p)) {
            scheme = from = NULL;
        } else if (*p == ':' && ends_scheme(line, p)) {
            scheme = p;
            from = NULL;
        } else if (*p == ':' && scheme != NULL && from == NULL) {
            from = p + 1;
        } else if (*p == '@' && from != NULL) {
            cross_out(from, p);
            from = p; /* one more sign: so this one was the password's */
        }
    }
}

static void hide_sdp(const char *line, const char *end) {
    struct mc_span s = {line, (size_t)(end - line)};
    const char *key = line;

    if (mc_span_begins(s, "k=") || mc_span_begins(s, "a=key-mgmt:")) {
        cross_out(line + (*line == 'k' || *line == 'K' ? 2 : 11), end);
    } else if (mc_span_begins(s, "a=crypto:")) {
        while ((key = find(key, end, "inline:")) != NULL) {
            const char *from = key += 7;

            for (; key < end && *key != '|' && *key != ';' && *key != ' '; key++) {
            }
            cross_out(from, key);
        }
    }
}

static void hide_header(const char *line, const char *end) {
    const char *colon = memchr(line, ':', (size_t)(end - line));
    struct mc_span name;

    if (colon == NULL) {
        return;
    }
    name = mc_span_trim(line, (size_t)(colon - line));
    if (mc_span_is(name, "Authorization") || mc_span_is(name, "Proxy-Authorization")) {
        hide_credentials(colon + 1, end);
    } else if (mc_span_is(name, "Authentication-Info") || mc_span_is(name, "Proxy-Authentication-Info")) {
        hide_parameter(colon + 1, end, "rspauth"); /* RFC 7616 section 3.5 */
    }
}

static bool begins_with(const char *line, const char *end, char c) {
    return line < end && (*line | 0x20) == c;
}

/* The body is gone through like the headers: it may be SDP, or quote a message. */
void mc_siptrace_hide(char *text, size_t len) {
    const char *line = text, *end = text + len, *next, *newline;

    for (; line < end; line = next) {
        bool may_matter = begins_with(line, end, 'a') || begins_with(line, end, 'p') || begins_with(line, end, 'k');

        newline = memchr(line, '\n', (size_t)(end - line));
        next = newline ? newline + 1 : end;
        while (may_matter && next < end && (*next == ' ' || *next == '\t')) { /* it goes on (RFC 3261 section 7.3.1) */
            newline = memchr(next, '\n', (size_t)(end - next));
            next = newline ? newline + 1 : end;
        }
        hide_passwords(line, next);
        if (may_matter && next - line > 2) {
            if (line[1] == '=') {
                hide_sdp(line, line + mc_span_trim(line, (size_t)(next - line)).len);
            } else {
                hide_header(line, next);
            }
        }
    }
}
