/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "err.h"
#include "sip_bare.h"
#include "sip_scan.h"
#include "sip_text.h"

static char room[4096];

static size_t bare(const char *text) {
    size_t len = strlen(text);
    memcpy(room, text, len);
    memset(room + len, 'Z', 16);
    size_t size = mc_sip_bare(room, len);
    CHECK(room[len] == 'Z' && room[len + 15] == 'Z');
    room[size] = '\0';
    return size;
}

static void what_an_answer_repeats_is_left(void) {
    struct mc_sip_scan m;
    size_t n = bare(
        SIP_REQUEST("INVITE", "Route: <<<\r\n <folded>\r\nv: SIP/2.0/UDP a\r\nExpires: \"\r\nX\r\nl: 4\r\n", "body"));
    CHECK(strstr(room, "Route") == NULL && strstr(room, "folded") == NULL && strstr(room, "Expires") == NULL);
    CHECK(strstr(room, "Max-Forwards") == NULL && strstr(room, "X\r\n") == NULL && strstr(room, "body") == NULL);
    CHECK(strstr(room, "\r\nVia: SIP/2.0/UDP 192.0.2.1") != NULL && strstr(room, "\r\nv: SIP/2.0/UDP a\r\n") != NULL);
    CHECK(strstr(room, "\r\nCall-ID: c1\r\n") != NULL && strstr(room, "\r\nCSeq: 1 INVITE\r\n") != NULL);
    CHECK_INT(0, mc_sip_scan(&m, room, n), MC_OK);
    CHECK_INT(1, m.content_length, 0);
    CHECK_INT(2, m.body, n);
}

static void what_nobody_answers_is_left_alone(void) {
    static const char ack[] = SIP_REQUEST("ACK", "Route: <<<\r\n", "");
    CHECK_INT(0, bare(ack), 0);
    CHECK_INT(1, memcmp(room + 1, ack + 1, sizeof ack - 2), 0);
    CHECK_INT(2, bare("SIP/2.0 200 OK\r\n" SIP_DIALOG SIP_TO "CSeq: 1 BYE\r\n\r\n"), 0);
    CHECK_INT(3, bare("no SIP at all\r\n"), 0);
    CHECK_INT(4, bare(""), 0);
}

/* Cut anywhere: what is read lies inside. */
static void cut_anywhere(void) {
    static const char text[] = "\r\n" SIP_REQUEST("OPTIONS", "Route: a\r\n b\r\nl: 0\r\n", "");
    for (size_t n = 0; n < sizeof text; n++) {
        char *copy = memcpy(malloc(n > 0 ? n : 1), text, n);
        CHECK(mc_sip_bare(copy, n) <= n);
        free(copy);
    }
}

int main(void) {
    RUN(what_an_answer_repeats_is_left);
    RUN(what_nobody_answers_is_left_alone);
    RUN(cut_anywhere);
    return check_done();
}
