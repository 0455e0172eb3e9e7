/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "err.h"
#include "sip_scan.h"
#include "sip_text.h"

/* The bytes without a NUL behind them, so that a sanitizer sees who reads on. */
static int scan(struct mc_sip_scan *out, const char *text, size_t len, char **copy) {
    *copy = memcpy(malloc(len > 0 ? len : 1), text, len);
    return mc_sip_scan(out, *copy, len);
}

static bool same(struct mc_span s, const char *text) {
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

static void a_request_is_read(void) {
    static const char text[] = "\r\n\r\n" SIP_REQUEST("INVITE", "User-Agent: x 1\r\nc: application/sdp\r\nl: 4\r\n", "v=0\n");
    struct mc_sip_scan m;
    char *copy;
    CHECK_INT(0, scan(&m, text, sizeof text - 1, &copy), MC_OK);
    CHECK(same(m.method, "INVITE") && same(m.uri, "sip:b@192.0.2.2") && m.status == 0);
    CHECK(same(m.call_id, "c1") && same(m.user_agent, "x 1"));
    CHECK_INT(0, m.content_length, 4);
    CHECK_INT(0, m.start, 4);
    CHECK_INT(0, m.body, sizeof text - 1 - 4);
    CHECK_INT(0, m.flaws, 0);
    CHECK(!m.in_dialog); /* those tags are quoted, or the URI's */
    free(copy);
}

static void a_response_is_read(void) {
    static const char text[] = "SIP/2.0 180 Ringing\r\n" SIP_DIALOG "To: <sip:b@c> ; TAG = 7\r\nCSeq: 4711\r\n INVITE\r\n\r\n";
    struct mc_sip_scan m;
    char *copy;
    CHECK_INT(0, scan(&m, text, sizeof text - 1, &copy), MC_OK);
    CHECK_INT(0, m.status, 180);
    CHECK(same(m.method, "INVITE"));
    CHECK(m.in_dialog);
    CHECK_INT(0, m.flaws, 0);
    CHECK_INT(0, m.content_length, -1);
    free(copy);
}

static const struct {
    const char *text;
    int rc;
    unsigned flaws;
} rows[] = {
    {"", MC_E_SHORT, 0},
    {"\r\n\r\n", MC_E_SHORT, 0},
    {"INVITE", MC_E_SHORT, 0},
    {"INVITE\r\n\r\n", MC_E_FORMAT, 0},
    {" INVITE sip:b SIP/2.0\r\n\r\n", MC_E_FORMAT, 0},
    {"INVITE sip:b\r\n\r\n", MC_E_FORMAT, 0},
    {"SIP/2.0 99 x\r\n\r\n", MC_E_FORMAT, 0},
    {"SIP/2.0 4294967301 big\r\n\r\n", MC_E_FORMAT, 0},
    {"SIP/2.0 0200 OK\r\n\r\n", MC_E_FORMAT, 0},
    {"SIP/7.0 200 OK\r\n\r\n", MC_OK, MC_SIP_FLAW_VERSION | MC_SIP_FLAW_MISSING},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n", MC_E_SHORT, 0},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n\r", MC_E_SHORT, 0},
    {"INVITE sip:b SIP/2.0\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\n\n", MC_OK, 0},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "\r\n", MC_OK, MC_SIP_FLAW_MISSING},
    {"INVITE sip:b SIP/7.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n\r\n", MC_OK, MC_SIP_FLAW_VERSION},
    {"INVITE  sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n\r\n", MC_OK, MC_SIP_FLAW_LINE},
    {"INVITE sip:b SIP/2.0 \r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n\r\n", MC_OK, MC_SIP_FLAW_LINE},
    {"INVITE sip:b; lr SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n\r\n", MC_OK, MC_SIP_FLAW_LINE},
    {"INVITE <sip:b> SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n\r\n", MC_OK, MC_SIP_FLAW_LINE},
    {"INVITE sip:b@c?Route=%3Csip:d%3E SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n\r\n", MC_OK, MC_SIP_FLAW_LINE},
    {"INVITE sip:b?x@c SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n\r\n", MC_OK, 0},
    {"INVITE urn:service:sos SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n\r\n", MC_OK, MC_SIP_FLAW_SCHEME},
    {"INVITE tel:1?2 SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n\r\n", MC_OK, 0},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 OPTIONS\r\n\r\n", MC_OK, MC_SIP_FLAW_CSEQ},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 invite\r\n\r\n", MC_OK, MC_SIP_FLAW_CSEQ},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 2147483647 INVITE\r\n\r\n", MC_OK, 0},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 2147483648 INVITE\r\n\r\n", MC_OK, MC_SIP_FLAW_CSEQ},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 36893488147419103232 INVITE\r\n\r\n", MC_OK, MC_SIP_FLAW_CSEQ},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE x\r\n\r\n", MC_OK, MC_SIP_FLAW_CSEQ},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\nContent-Length: -999\r\n\r\n", MC_OK, MC_SIP_FLAW_LENGTH},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\nl: 99999999999\r\n\r\n", MC_OK, MC_SIP_FLAW_LENGTH},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\nl: 0\r\nContent-Length : 5\r\n\r\n", MC_OK,
     MC_SIP_FLAW_TWICE},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\ni: again\r\n\r\n", MC_OK, MC_SIP_FLAW_TWICE},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\nv: SIP/2.0/UDP d\r\n\r\n", MC_OK, 0},
    {"INVITE sip:b SIP/2.0\r\nVia: v\r\nMax-Forwards: 300\r\nf: a\r\nt: b\r\ni: c\r\nCSeq: 1 INVITE\r\n\r\n", MC_OK,
     MC_SIP_FLAW_FORWARDS},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\nX: a\rRoute: b\r\n\r\n", MC_E_FORMAT, 0},
};

static void rows_hold(void) {
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mc_sip_scan m;
        char *copy;
        CHECK_INT(i, scan(&m, rows[i].text, strlen(rows[i].text), &copy), rows[i].rc);
        if (rows[i].rc == MC_OK) {
            CHECK_INT(i, m.flaws, rows[i].flaws);
        }
        free(copy);
    }
}

static void a_nul_is_no_sip(void) {
    static const char text[] = "INVITE sip:b SIP/2.0\r\nX: a\0b\r\n\r\n", half[] = "INVITE s\0";
    struct mc_sip_scan m;
    CHECK_INT(0, mc_sip_scan(&m, text, sizeof text - 1), MC_E_FORMAT);
    CHECK_INT(1, mc_sip_scan(&m, half, sizeof half - 1), MC_E_FORMAT);
}

/* A long line, whole or not, folded or not; many lines. */
static void what_is_too_much(void) {
    static char text[MC_SIP_MAX_LINE * 4];
    struct mc_sip_scan m;
    size_t n = (size_t)sprintf(text, "INVITE sip:b SIP/2.0\r\nX: ");
    memset(text + n, 'x', sizeof text - n);
    CHECK_INT(0, mc_sip_scan(&m, text, n + MC_SIP_MAX_LINE - 4), MC_E_SHORT);
    CHECK_INT(1, mc_sip_scan(&m, text, n + MC_SIP_MAX_LINE), MC_E_FULL);
    for (size_t i = n + 50; i + 3 < sizeof text; i += 50) {
        memcpy(text + i, "\r\n ", 3);
    }
    CHECK_INT(2, mc_sip_scan(&m, text, n + MC_SIP_MAX_LINE * 2), MC_E_FULL);
    n = (size_t)sprintf(text, "INVITE sip:b SIP/2.0\r\n");
    for (unsigned i = 0; i <= MC_SIP_MAX_HEADERS; i++) {
        if (i == MC_SIP_MAX_HEADERS) {
            memcpy(text + n, "\r\n", 2);
            CHECK_INT(3, mc_sip_scan(&m, text, n + 2), MC_OK);
        }
        n += (size_t)sprintf(text + n, "X: 1\r\n");
    }
    memcpy(text + n, "\r\n", 2);
    CHECK_INT(4, mc_sip_scan(&m, text, n + 2), MC_E_FULL);
}

int main(void) {
    RUN(a_request_is_read);
    RUN(a_response_is_read);
    RUN(rows_hold);
    RUN(a_nul_is_no_sip);
    RUN(what_is_too_much);
    return check_done();
}
