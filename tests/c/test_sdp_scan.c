/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "sdp_scan.h"
#include "sip_text.h"

static const struct {
    const char *text;
    const char *bad;
} rows[] = {
    {"", NULL},
    {SIP_SDP, NULL},
    {"m=audio 4000 RTP/AVP 0 127\n", NULL},
    {"m=audio 4000 RTP/AVP 0 128\n", "bad payload type"},
    {"m=audio 4000 RTP/SAVPF -1\n", "bad payload type"},
    {"m=audio 4000 RTP/AVP 99999999999999999999\n", "bad payload type"},
    {"m=audio 4000 UDP/TLS/RTP/SAVP x\n", "bad payload type"},
    {"m=application 9 TCP/MSRP *\n", NULL},
    {"m=audio 65536 RTP/AVP 0\n", "bad port"},
    {"m=audio 4000/2 RTP/AVP 0\n", NULL},
    {"m=audio\n", "bad port"},
    {"m=audio 4000 RTP/AVP", "no format"},
    {"m=audio 1 RTP/AVP 0\r\na=rtpmap:128 x/8000\r\n", "bad payload type"},
    {"m=audio 1 RTP/AVP 0\r\na=fmtp:x y\r\n", "bad payload type"},
    {"s=x\ra=ptime:1\r", "bad ptime"}, /* to some parsers these are two lines */
    {"m=audio 1 RTP/AVP 0\r\na=ptime:10\r\na=PTIME: 60 \r\na=ptime:20.5", NULL},
    {"a=ptime:9", "bad ptime"},
    {"a=ptime:61", "bad ptime"},
    {"a=ptime:", "bad ptime"},
    {"a=ptime", "bad ptime"},
    {"a=maxptime:150", NULL},
    {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", NULL},
    {"a=crypto:1234567890 AES_CM_128_HMAC_SHA1_80 inline:x", "bad crypto tag"},
    {"a=crypto:", "bad crypto tag"},
    {"a=crypto", "bad crypto tag"},
};

static bool same(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void rows_hold(void) {
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i].text);
        char *text = memcpy(malloc(len > 0 ? len : 1), rows[i].text, len); /* no NUL at the end */
        const char *bad = mc_sdp_scan(text, len);
        if (!same(bad, rows[i].bad)) {
            check_fail(__FILE__, __LINE__, "[%zu] %s, want %s", i, bad != NULL ? bad : "-",
                       rows[i].bad != NULL ? rows[i].bad : "-");
        }
        free(text);
    }
}

/* `line` so often that it is just enough, then once more. */
static void bound(const char *head, const char *line, unsigned most, const char *bad) {
    static char text[2 * MC_SDP_MAX_BYTES];
    size_t n = (size_t)sprintf(text, "%s", head);
    for (unsigned i = 0; i < most; i++) {
        n += (size_t)sprintf(text + n, "%s", line);
    }
    CHECK(same(mc_sdp_scan(text, n), NULL));
    n += (size_t)sprintf(text + n, "%s", line);
    CHECK(same(mc_sdp_scan(text, n), bad));
}

static void bounds_hold(void) {
    bound("", "m=audio 1 RTP/AVP 0\n", MC_SDP_MAX_MEDIA, "too many media");
    bound("", "a=crypto:1 x y\n", MC_SDP_MAX_CRYPTO, "too many crypto lines");
    bound("", "b=x\n", MC_SDP_MAX_LINES, "too many lines");
    bound("", "--x\n", MC_SDP_MAX_PARTS, "too many parts");
    bound("m=audio 1 RTP/AVP", " 0", MC_SDP_MAX_FORMATS, "too many formats");
    bound("", "x", MC_SDP_MAX_BYTES, "too long");
}

int main(void) {
    RUN(rows_hold);
    RUN(bounds_hold);
    return check_done();
}
