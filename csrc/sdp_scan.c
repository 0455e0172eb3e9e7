/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sdp_scan.h"

struct sums {
    unsigned n_lines, n_media, n_crypto, n_parts;
    bool rtp; /* the media line that we are in is RTP's */
};

/* "audio 4000/2 RTP/AVP 0 8 101" (RFC 8866 section 5.14). */
static const char *media(struct sums *s, struct mc_span rest) {
    struct mc_span port, proto, format;
    const char *slash;
    unsigned n = 0;

    if (++s->n_media > MC_SDP_MAX_MEDIA) {
        return "too many media";
    }
    mc_span_word(&rest);
    port = mc_span_word(&rest);
    proto = mc_span_word(&rest);
    slash = memchr(port.at, '/', port.len);
    port.len = slash != NULL ? (size_t)(slash - port.at) : port.len;
    if (mc_span_number(port) < 0 || mc_span_number(port) > UINT16_MAX) {
        return "bad port";
    }
    s->rtp = mc_span_begins(proto, "RTP/") || mc_span_begins(proto, "UDP/TLS/RTP/");
    for (; (format = mc_span_word(&rest)).len > 0; n++) {
        if (n >= MC_SDP_MAX_FORMATS) {
            return "too many formats";
        }
        if (s->rtp && (mc_span_number(format) < 0 || mc_span_number(format) > 127)) {
            return "bad payload type"; /* RFC 3550 section 5.1: seven bits */
        }
    }
    return n > 0 ? NULL : "no format";
}

/* The number of ms in a=ptime:20, spaces around it are nothing; "20.0" stands for what its whole part says. */
static int64_t ms_of(struct mc_span value) {
    const char *dot = memchr(value.at, '.', value.len);
    value.len = dot != NULL ? (size_t)(dot - value.at) : value.len;
    return mc_span_number(mc_span_trim(value.at, value.len));
}

static const char *attribute(struct sums *s, struct mc_span text) {
    const char *colon = memchr(text.at, ':', text.len);
    struct mc_span name = {text.at, colon != NULL ? (size_t)(colon - text.at) : text.len};
    struct mc_span value = {text.at + name.len + (colon != NULL), text.len - name.len - (colon != NULL)};

    if (mc_span_is(name, "ptime")) {
        int64_t ms = ms_of(value);
        return ms < MC_SDP_MIN_PTIME_MS || ms > MC_SDP_MAX_PTIME_MS ? "bad ptime" : NULL;
    }
    if (mc_span_is(name, "crypto")) { /* RFC 4568 section 9.1: the tag has at most nine digits */
        struct mc_span tag = mc_span_word(&value);
        if (++s->n_crypto > MC_SDP_MAX_CRYPTO) {
            return "too many crypto lines";
        }
        return tag.len > 9 || mc_span_number(tag) < 0 ? "bad crypto tag" : NULL;
    }
    if (s->rtp && (mc_span_is(name, "rtpmap") || mc_span_is(name, "fmtp"))) {
        int64_t pt = mc_span_number(mc_span_word(&value));
        return pt < 0 || pt > 127 ? "bad payload type" : NULL;
    }
    return NULL;
}

static const char *line(struct sums *s, struct mc_span text) {
    if (text.len > 0 && ++s->n_lines > MC_SDP_MAX_LINES) {
        return "too many lines";
    }
    if (mc_span_begins(text, "--") && ++s->n_parts > MC_SDP_MAX_PARTS) {
        return "too many parts";
    }
    if (text.len < 2 || text.at[1] != '=') {
        return NULL;
    }
    if (text.at[0] == 'm') {
        return media(s, (struct mc_span){text.at + 2, text.len - 2});
    }
    return text.at[0] == 'a' ? attribute(s, (struct mc_span){text.at + 2, text.len - 2}) : NULL;
}

const char *mc_sdp_scan(const char *body, size_t len) {
    struct sums s = {0};
    const char *bad = NULL;

    if (len > MC_SDP_MAX_BYTES) {
        return "too long";
    }
    for (size_t at = 0; at < len && bad == NULL;) {
        size_t size = 0;
        while (at + size < len && body[at + size] != '\n' && body[at + size] != '\r') { /* some parsers end lines at a CR */
            size++;
        }
        bad = line(&s, mc_span_trim(body + at, size));
        at += size + 1;
    }
    return bad;
}
