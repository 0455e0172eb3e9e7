/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip_bare.h"
#include "err.h"
#include "gate.h"
#include "sip_scan.h"

static bool is_repeated(struct mc_span name) {
    static const char *const kept[] = {"Via", "v", "From", "f", "To", "t", "Call-ID", "i", "CSeq", "Content-Length", "l"};

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (mc_span_is(name, kept[i])) {
            return true;
        }
    }
    return false;
}

/* Bytes of the header at `at`, the lines that continue it (section 7.3.1) and its end included. */
static size_t header_size(const char *at, const char *end) {
    const char *p = at;

    do {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        p = lf != NULL ? lf + 1 : end;
    } while (p < end && (*p == ' ' || *p == '\t'));
    return (size_t)(p - at);
}

size_t mc_sip_bare(char *buf, size_t len) {
    struct mc_sip_scan m;
    char *out, *end, *at;

    if (mc_sip_scan(&m, buf, len) != MC_OK || m.status != 0 || (m.method.len == 3 && memcmp(m.method.at, "ACK", 3) == 0)) {
        return 0;
    }
    end = buf + m.body;
    at = buf + m.start;
    at += header_size(at, end); /* the request line */
    out = at;
    while (at < end) {
        size_t size = header_size(at, end);
        const char *colon = memchr(at, ':', size);

        if (*at == '\r' || *at == '\n' || (colon != NULL && is_repeated(mc_span_trim(at, (size_t)(colon - at))))) {
            memmove(out, at, size);
            out += size;
        }
        at += size;
    }
    return mc_gate_mend(buf, (size_t)(out - buf));
}
