/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip_scan.h"
#include "err.h"

/* Headers that may stand in a message once (RFC 3261 section 7.3.1); the first five must. */
enum { CALL_ID, CSEQ, FROM, TO, VIA, MAX_FORWARDS, CONTENT_LENGTH, CONTENT_TYPE, N_KNOWN };

static const struct {
    const char *name;
    const char *compact; /* RFC 3261 section 7.3.3 */
    bool many;
} known[N_KNOWN] = {
    [CALL_ID] = {"Call-ID", "i", false},
    [CSEQ] = {"CSeq", "", false},
    [FROM] = {"From", "f", false},
    [TO] = {"To", "t", false},
    [VIA] = {"Via", "v", true},
    [MAX_FORWARDS] = {"Max-Forwards", "", false},
    [CONTENT_LENGTH] = {"Content-Length", "l", false},
    [CONTENT_TYPE] = {"Content-Type", "c", false},
};

/* SIP/2.0 in any case (section 7.1). */
static bool is_version(struct mc_span s) {
    return mc_span_is(s, "SIP/2.0");
}

/* No brackets (section 7.1), and a sip: URI without headers (section 19.1.1). */
static bool is_request_uri(struct mc_span uri) {
    const char *at = uri.at;
    size_t len = uri.len;

    if (len == 0 || at[0] == '<' || memchr(at, '\t', len) != NULL) {
        return false;
    }
    if (!mc_span_begins(uri, "sip:") && !mc_span_begins(uri, "sips:")) {
        return true;
    }
    for (const char *sign; (sign = memchr(at, '@', len)) != NULL;) { /* a user part may hold a question mark */
        len -= (size_t)(sign + 1 - at);
        at = sign + 1;
    }
    return memchr(at, '?', len) == NULL;
}

static int start_line(struct mc_sip_scan *out, struct mc_span line) {
    const char *space = memchr(line.at, ' ', line.len);
    struct mc_span first, rest;

    out->line = line;
    if (space == NULL || space == line.at) {
        return MC_E_FORMAT;
    }
    first = (struct mc_span){line.at, (size_t)(space - line.at)};
    rest = (struct mc_span){space + 1, line.len - first.len - 1};
    if (mc_span_begins(first, "SIP/")) {
        struct mc_span code = mc_span_word(&rest);
        int64_t status = mc_span_number(code);
        if (!is_version(first)) {
            out->flaws |= MC_SIP_FLAW_VERSION;
        }
        if (code.len != 3 || status < 100 || status > 699) {
            return MC_E_FORMAT;
        }
        out->status = (int)status;
        return MC_OK;
    }
    out->method = first;
    space = memchr(rest.at, ' ', rest.len);
    if (space == NULL) {
        return MC_E_FORMAT;
    }
    out->uri = (struct mc_span){rest.at, (size_t)(space - rest.at)};
    rest = (struct mc_span){space + 1, rest.len - out->uri.len - 1};
    if (mc_span_begins(rest, "SIP/") && !is_version(mc_span_trim(rest.at, rest.len))) {
        out->flaws |= MC_SIP_FLAW_VERSION;
    } else if (!is_version(rest) || !is_request_uri(out->uri)) {
        out->flaws |= MC_SIP_FLAW_LINE; /* section 7.1: single spaces, nothing at the end */
    } else if (!mc_span_begins(out->uri, "sip:") && !mc_span_begins(out->uri, "sips:") && !mc_span_begins(out->uri, "tel:")) {
        out->flaws |= MC_SIP_FLAW_SCHEME;
    }
    return MC_OK;
}

/* ";tag=" behind the address: a tag inside <...> or "..." is not the dialog's. */
static bool has_tag(struct mc_span value) {
    const char *end = value.at + value.len;
    bool quoted = false, bracketed = false;

    for (const char *p = value.at; p < end; p++) {
        if (quoted && *p == '\\') {
            p++;
        } else if (*p == '"') {
            quoted = !quoted;
        } else if (!quoted && (*p == '<' || *p == '>')) {
            bracketed = *p == '<';
        } else if (!quoted && !bracketed && *p == ';') {
            struct mc_span rest = mc_span_trim(p + 1, (size_t)(end - p - 1));
            if (mc_span_begins(rest, "tag") && rest.len > 3 && (rest.at[3] == '=' || mc_is_blank(rest.at[3]))) {
                return true;
            }
        }
    }
    return false;
}

static void cseq(struct mc_sip_scan *out, struct mc_span value) {
    int64_t number = mc_span_number(mc_span_word(&value));
    struct mc_span method = mc_span_word(&value);
    bool good = number >= 0 && number <= INT32_MAX && method.len > 0 && mc_span_trim(value.at, value.len).len == 0;

    if (out->status != 0) {
        out->method = method;
    } else { /* section 8.1.1.5: the same method */
        good = good && method.len == out->method.len && memcmp(method.at, out->method.at, method.len) == 0;
    }
    out->flaws |= good ? 0 : MC_SIP_FLAW_CSEQ;
}

static void take(struct mc_sip_scan *out, int which, struct mc_span value) {
    int64_t number;

    switch (which) {
    case CALL_ID:
        out->call_id = value;
        break;
    case CSEQ:
        cseq(out, value);
        break;
    case FROM:
        out->from = value;
        break;
    case TO:
        out->to = value;
        out->in_dialog = has_tag(value);
        break;
    case MAX_FORWARDS:
        number = mc_span_number(value);
        out->flaws |= number < 0 || number > 255 ? MC_SIP_FLAW_FORWARDS : 0;
        break;
    case CONTENT_LENGTH:
        out->length = value;
        out->content_length = mc_span_number(value);
        out->flaws |= out->content_length < 0 ? MC_SIP_FLAW_LENGTH : 0;
        break;
    default:
        break;
    }
}

/* "Name : value", with the lines that continue it. `seen`: bits of the known ones that stood before. */
static void header(struct mc_sip_scan *out, struct mc_span line, unsigned *seen) {
    const char *colon = memchr(line.at, ':', line.len);
    struct mc_span name, value;

    if (colon == NULL) {
        return; /* the parser behind us refuses it */
    }
    name = mc_span_trim(line.at, (size_t)(colon - line.at));
    value = mc_span_trim(colon + 1, line.len - (size_t)(colon - line.at) - 1);
    if (mc_span_is(name, "User-Agent")) {
        out->user_agent = value;
        return;
    }
    for (int i = 0; i < N_KNOWN; i++) {
        if (!mc_span_is(name, known[i].name) && (known[i].compact[0] == '\0' || !mc_span_is(name, known[i].compact))) {
            continue;
        }
        if (*seen & 1u << i) {
            out->flaws |= known[i].many ? 0 : MC_SIP_FLAW_TWICE;
        } else {
            *seen |= 1u << i;
            take(out, i, value);
        }
        return;
    }
}

/* Bytes of the line at `at`, its end included; 0 = it does not end here. */
static size_t line_size(const char *at, size_t left) {
    const char *end = memchr(at, '\n', left);
    return end != NULL ? (size_t)(end - at) + 1 : 0;
}

/* A NUL that is not quoted ("\\" before it), or a CR that ends no line: parsers disagree what it is (PJSIP takes it for a line's
 * end), and RFC 3261 section 25.1 has none. */
static bool is_dirty(const char *at, size_t size) {
    const char *nul = at, *cr = at, *end = at + size;

    while ((nul = memchr(nul, '\0', (size_t)(end - nul))) != NULL) {
        if (nul == at || nul[-1] != '\\') {
            return true;
        }
        nul++;
    }
    while ((cr = memchr(cr, '\r', (size_t)(end - cr))) != NULL) {
        if (++cr < end && *cr != '\n') {
            return true;
        }
    }
    return false;
}

static bool is_empty(const char *at, size_t size) {
    return size == 1 || (size == 2 && at[0] == '\r');
}

int mc_sip_scan(struct mc_sip_scan *out, const char *buf, size_t len) {
    size_t at = 0, n = 0, size;
    unsigned seen = 0;

    *out = (struct mc_sip_scan){.content_length = -1};
    for (; at < len && (buf[at] == '\r' || buf[at] == '\n'); at++) { /* RFC 3261 section 7.5 */
    }
    out->start = at;
    for (; at < len; at += size, n++) {
        size_t whole;
        int rc = MC_OK;

        size = line_size(buf + at, len - at);
        if (size > MC_SIP_MAX_LINE || (size == 0 && len - at > MC_SIP_MAX_LINE) ||
            (n > MC_SIP_MAX_HEADERS && size > 0 && !is_empty(buf + at, size))) {
            return MC_E_FULL;
        }
        if (size == 0) {
            return is_dirty(buf + at, len - at) ? MC_E_FORMAT : MC_E_SHORT;
        }
        if (n > 0 && is_empty(buf + at, size)) {
            out->body = at + size;
            out->flaws |= (seen & 0x1fu) == 0x1fu ? 0 : MC_SIP_FLAW_MISSING;
            return MC_OK;
        }
        while (n > 0 && at + size < len && (buf[at + size] == ' ' || buf[at + size] == '\t')) { /* section 7.3.1: it goes on */
            whole = line_size(buf + at + size, len - at - size);
            if (whole == 0) {
                return len - at > MC_SIP_MAX_LINE ? MC_E_FULL : MC_E_SHORT;
            }
            size += whole;
            if (size > MC_SIP_MAX_LINE) {
                return MC_E_FULL;
            }
        }
        if (is_dirty(buf + at, size)) {
            return MC_E_FORMAT;
        }
        if (n > 0) {
            header(out, (struct mc_span){buf + at, size}, &seen);
        } else {
            size_t text = size - 1 - (size > 1 && buf[at + size - 2] == '\r');
            rc = start_line(out, (struct mc_span){buf + at, text});
        }
        if (rc != MC_OK) {
            return rc;
        }
    }
    return MC_E_SHORT;
}
