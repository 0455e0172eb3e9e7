/* SPDX-License-Identifier: GPL-3.0-or-later
 * RFC 7587 section 6.1: parameters of Opus. Names in any case, separated by semicolons, white space around them is nothing. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "codec.h"
#include "err.h"

struct span {
    const char *at;
    size_t len;
};

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trim(const char *at, size_t len) {
    while (len > 0 && is_space(*at)) {
        at++;
        len--;
    }
    while (len > 0 && is_space(at[len - 1])) {
        len--;
    }
    return (struct span){at, len};
}

static bool is(struct span s, const char *name) {
    return s.len == strlen(name) && strncasecmp(s.at, name, s.len) == 0;
}

static int number(struct span s, uint32_t *out) {
    uint32_t v = 0;
    if (s.len == 0 || s.len > 9) { /* nine digits fit in 32 bits */
        return MC_E_FORMAT;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') {
            return MC_E_FORMAT;
        }
        v = v * 10 + (uint32_t)(s.at[i] - '0');
    }
    *out = v;
    return MC_OK;
}

static int flag(struct span s, bool *out) {
    if (s.len != 1 || (s.at[0] != '0' && s.at[0] != '1')) {
        return MC_E_FORMAT;
    }
    *out = s.at[0] == '1';
    return MC_OK;
}

static int take(struct mc_fmtp *out, struct span name, struct span value) {
    if (is(name, "maxplaybackrate")) {
        return number(value, &out->max_playback_rate);
    }
    if (is(name, "maxaveragebitrate")) {
        return number(value, &out->max_average_bitrate);
    }
    if (is(name, "cbr")) {
        return flag(value, &out->cbr);
    }
    if (is(name, "useinbandfec")) {
        return flag(value, &out->fec);
    }
    if (is(name, "usedtx")) {
        return flag(value, &out->dtx);
    }
    if (is(name, "stereo")) {
        return flag(value, &out->stereo);
    }
    return MC_OK;
}

int mc_fmtp_parse(struct mc_fmtp *out, const char *text, size_t len) {
    int rc = MC_OK;
    *out = (struct mc_fmtp){0};
    while (len > 0) {
        const char *semi = memchr(text, ';', len);
        size_t n = semi ? (size_t)(semi - text) : len;
        const char *eq = memchr(text, '=', n);
        if (eq != NULL) {
            size_t name = (size_t)(eq - text);
            int one = take(out, trim(text, name), trim(eq + 1, n - name - 1));
            rc = one < 0 ? one : rc;
        }
        n += semi != NULL;
        text += n;
        len -= n;
    }
    return rc;
}

int mc_fmtp_print(const struct mc_fmtp *f, char *text, size_t size) {
    const struct {
        const char *name;
        uint32_t value;
    } all[] = {
        {"maxplaybackrate", f->max_playback_rate},
        {"maxaveragebitrate", f->max_average_bitrate},
        {"cbr", f->cbr},
        {"useinbandfec", f->fec},
        {"usedtx", f->dtx},
        {"stereo", f->stereo},
    };
    size_t n = 0;
    if (size == 0) {
        return MC_E_SHORT;
    }
    text[0] = '\0';
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].value == 0) {
            continue;
        }
        n += (size_t)snprintf(text + n, size - n, "%s%s=%u", n > 0 ? ";" : "", all[i].name, (unsigned)all[i].value);
        if (n >= size) {
            return MC_E_SHORT;
        }
    }
    return MC_OK;
}
