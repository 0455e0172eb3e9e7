/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>

#include "check.h"
#include "err.h"
#include "gate.h"
#include "sip_text.h"

#define SDP_HEAD "Content-Type: application/sdp\r\n"
#define BAD_SDP "v=0\r\nm=audio 1 RTP/AVP 200\r\n"

static struct mc_gate g;

static struct mc_gate_verdict judge(const char *text, bool stream) {
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)}; /* 192.0.2.1 */
    return mc_gate_judge(&g, text, strlen(text), stream, (const struct sockaddr *)&from, 0, 1000);
}

static const struct {
    const char *text;
    enum mc_gate_reason reason;
    enum mc_gate_action action;
    int code;
} rows[] = {
    {SIP_REQUEST("OPTIONS", "", ""), MC_GATE_PASS, MC_GATE_TAKE, 0},
    {SIP_REQUEST("INVITE", SDP_HEAD, SIP_SDP), MC_GATE_PASS, MC_GATE_TAKE, 0},
    {"hello\r\n\r\n", MC_GATE_MALFORMED, MC_GATE_DROP, 0},
    {"INVITE sip:b SIP/2.0\r\n", MC_GATE_MALFORMED, MC_GATE_DROP, 0},
    {SIP_REQUEST("INVITE", "Content-Length: 9\r\n", "v=0\n"), MC_GATE_LENGTH, MC_GATE_REFUSE, 400},
    {SIP_REQUEST("ACK", "Content-Length: 9\r\n", "v=0\n"), MC_GATE_LENGTH, MC_GATE_DROP, 0},
    {SIP_REQUEST("INVITE", "Content-Length: -1\r\n", ""), MC_GATE_LENGTH, MC_GATE_REFUSE, 400},
    {SIP_REQUEST("INVITE", "Call-ID: 2\r\n", ""), MC_GATE_FLAWED, MC_GATE_REFUSE, 400},
    {"INVITE sip:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "\r\n", MC_GATE_FLAWED, MC_GATE_DROP, 0},
    {SIP_REQUEST("INVITE", SDP_HEAD, BAD_SDP), MC_GATE_SDP, MC_GATE_REFUSE, 488},
    {SIP_REQUEST("INVITE", "Content-Type: multipart/mixed;boundary=b\r\n", "--b\r\n\r\n" BAD_SDP), MC_GATE_SDP, MC_GATE_REFUSE,
     488},
    {SIP_REQUEST("INVITE", "Content-Type: Application / SDP\r\n", BAD_SDP), MC_GATE_SDP, MC_GATE_REFUSE, 488},
    {SIP_REQUEST("INFO", "Content-Type: application/dtmf-relay\r\n", "Signal=5\r\nDuration=160\r\n"), MC_GATE_PASS,
     MC_GATE_TAKE, 0},
    {SIP_REQUEST("ACK", SDP_HEAD, BAD_SDP), MC_GATE_SDP, MC_GATE_STRIP, 0},
    {"SIP/2.0 200 OK\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n" SDP_HEAD "\r\n" BAD_SDP, MC_GATE_SDP, MC_GATE_STRIP, 0},
    {"SIP/2.0 200 OK\r\n" SIP_DIALOG SIP_TO "CSeq: x INVITE\r\n\r\n", MC_GATE_FLAWED, MC_GATE_DROP, 0},
    {"INVITE sip:b SIP/7.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\n\r\n", MC_GATE_VERSION, MC_GATE_REFUSE, 505},
    {"OPTIONS urn:b SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 OPTIONS\r\n\r\n", MC_GATE_FLAWED, MC_GATE_REFUSE, 416},
    {SIP_REQUEST("PUBLISH", "", ""), MC_GATE_METHOD, MC_GATE_REFUSE, 405},
    {SIP_REQUEST("invite", "", ""), MC_GATE_METHOD, MC_GATE_REFUSE, 405},
    {SIP_REQUEST("INVITE", "Contact: <sip:b@h0.hop.invalid;lr>\r\n", ""), MC_GATE_FLAWED, MC_GATE_DROP, 0}, /* a hop of ours */
    {SIP_REQUEST("BYE", "Record-Route: <sip:192.0.2.9;lr>,\r\n <sip:H12.Hop.INVALID>\r\n", ""), MC_GATE_FLAWED, MC_GATE_DROP,
     0},
    {"SIP/2.0 200 OK\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\nm: <sip:h3.hop.invalid>\r\n\r\n", MC_GATE_FLAWED, MC_GATE_DROP,
     0},
    {SIP_REQUEST("INFO", "Subject: .hop.invali\r\n", ".hop.invalid"), MC_GATE_PASS, MC_GATE_TAKE, 0},
    {SIP_REQUEST("OPTIONS", "User-Agent: Friendly-Scanner v1\r\n", ""), MC_GATE_SCANNER, MC_GATE_DROP, 0},
};

static void rows_hold(void) {
    static const char *const words[] = {"friendly-scanner"};
    mc_gate_init(&g);
    CHECK_INT(0, mc_gate_scanners(&g, words, 1), MC_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t before = mc_gate_count(&g, rows[i].reason);
        struct mc_gate_verdict v = judge(rows[i].text, false);
        CHECK_INT(i, v.reason, rows[i].reason);
        CHECK_INT(i, v.action, rows[i].action);
        CHECK_INT(i, v.code, rows[i].code);
        CHECK_INT(i, mc_gate_count(&g, rows[i].reason), before + 1);
    }
}

/* RFC 3261 section 18.3: what a datagram holds beyond Content-Length is nothing. */
static void a_datagram_ends_where_it_says(void) {
    static const char first[] = SIP_REQUEST("INVITE", "Content-Length: 0\r\n", "");
    mc_gate_init(&g);
    CHECK_INT(0, judge(SIP_REQUEST("INVITE", "Content-Length: 0\r\n", "") SIP_REQUEST("BYE", "", ""), false).size,
              sizeof first - 1);
}

static void a_body_has_a_size(void) {
    static char text[8200];
    struct mc_gate_verdict v;
    size_t n = (size_t)sprintf(text, "%s", SIP_REQUEST("INVITE", "Content-Type: text/plain\r\n", ""));
    mc_gate_init(&g);
    memset(text + n, 'x', sizeof text - 1 - n);
    text[n + 4096] = '\0';
    CHECK_INT(0, judge(text, false).action, MC_GATE_TAKE);
    text[n + 4096] = 'x';
    text[n + 4097] = '\0';
    v = judge(text, false);
    CHECK_INT(1, v.reason, MC_GATE_BODY);
    CHECK_INT(2, v.code, 413);
    text[n + 4097] = 'x';
    text[MC_GATE_MAX_BYTES + 1] = '\0';
    CHECK_INT(3, judge(text, false).reason, MC_GATE_TOO_LARGE);
}

static void a_stream_is_cut_into_messages(void) {
    static const char first[] = SIP_REQUEST("OPTIONS", "Content-Length: 2\r\n", "xx");
    char text[2 * sizeof first];
    mc_gate_init(&g);
    for (size_t n = 0; n < sizeof first - 1; n++) { /* not whole: nothing is said or counted */
        memcpy(text, first, n);
        text[n] = '\0';
        struct mc_gate_verdict v = judge(text, true);
        CHECK_INT(n, v.size, 0);
        CHECK_INT(n, v.action, MC_GATE_TAKE);
    }
    CHECK_INT(0, mc_gate_count(&g, MC_GATE_PASS), 0);
    sprintf(text, "%s%s", first, "OPTI");
    CHECK_INT(1, judge(text, true).size, sizeof first - 1);
    CHECK_INT(2, mc_gate_count(&g, MC_GATE_PASS), 1);
}

static void a_stream_without_bounds_is_closed(void) {
    static const char *const texts[] = {
        SIP_REQUEST("OPTIONS", "", ""),
        SIP_REQUEST("OPTIONS", "Content-Length: x\r\n", ""),
        SIP_REQUEST("OPTIONS", "Content-Length: 9999\r\n", ""),
        SIP_REQUEST("OPTIONS", "Content-Length: 0\r\nl: 5\r\n", ""),
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    };
    mc_gate_init(&g);
    for (size_t i = 0; i < COUNT(texts); i++) {
        CHECK_INT(i, judge(texts[i], true).action, MC_GATE_CLOSE);
    }
}

static void strangers_have_rates_and_friends_have_none(void) {
    static const struct mc_rate rates[MC_BUCKETS] = {{1, 5}, {1, 2}};
    static const char *const nets[] = {"192.0.2.0/24"};
    mc_gate_init(&g);
    mc_gate_rates(&g, 1, rates);
    CHECK_INT(0, judge(SIP_REQUEST("INVITE", "", ""), false).action, MC_GATE_TAKE);
    CHECK_INT(1, judge(SIP_REQUEST("INVITE", "", ""), false).action, MC_GATE_TAKE);
    CHECK_INT(2, judge(SIP_REQUEST("INVITE", "", ""), false).action, MC_GATE_BUSY);
    CHECK_INT(3, judge(SIP_REQUEST("OPTIONS", "", ""), false).action, MC_GATE_TAKE);
    CHECK_INT(4, judge("garbage", false).reason, MC_GATE_MALFORMED); /* counts too */
    CHECK_INT(5, judge(SIP_REQUEST("OPTIONS", "", ""), false).reason, MC_GATE_RATE);
    CHECK_INT(6, judge(SIP_REQUEST("OPTIONS", "Content-Length: 0\r\n", ""), true).reason, MC_GATE_RATE);
    CHECK_INT(7, mc_gate_trust(&g, nets, 1), MC_OK);
    CHECK_INT(8, judge(SIP_REQUEST("INVITE", "", ""), false).action, MC_GATE_TAKE);
}

static void draining_takes_nothing_new(void) {
    mc_gate_init(&g);
    mc_gate_drain(&g, true);
    CHECK_INT(0, judge(SIP_REQUEST("INVITE", "", ""), false).reason, MC_GATE_DRAINING);
    CHECK_INT(1, judge(SIP_REQUEST("OPTIONS", "", ""), false).action, MC_GATE_BUSY);
    CHECK_INT(2, judge(SIP_REQUEST("BYE", "", ""), false).action, MC_GATE_TAKE);
    CHECK_INT(3, judge("INVITE sip:b SIP/2.0\r\n" SIP_DIALOG "To: <sip:b>;tag=2\r\nCSeq: 2 INVITE\r\n\r\n", false).action,
              MC_GATE_TAKE);
    mc_gate_drain(&g, false);
    CHECK_INT(4, judge(SIP_REQUEST("INVITE", "", ""), false).action, MC_GATE_TAKE);
}

static enum mc_gate_reason waited(const char *text, uint64_t waited_us, uint64_t now_us) {
    struct sockaddr_in from = {.sin_family = AF_INET};
    return mc_gate_judge(&g, text, strlen(text), false, (const struct sockaddr *)&from, waited_us, now_us).reason;
}

static void overload_is_time_that_calls_wait(void) {
    static const char invite[] = SIP_REQUEST("INVITE", "", "");
    mc_gate_init(&g);
    CHECK_INT(0, waited(invite, 9000000, 1), MC_GATE_PASS);
    mc_gate_overload(&g, 50000, 10);
    CHECK_INT(1, waited(invite, 50000, 1), MC_GATE_PASS);
    CHECK_INT(2, waited(invite, 50001, 1), MC_GATE_OVERLOAD);
    CHECK_INT(3, waited(SIP_REQUEST("OPTIONS", "", ""), 50001, 1), MC_GATE_PASS);
    mc_gate_lag(&g, 60000, 10);
    CHECK_INT(4, waited(invite, 0, 20), MC_GATE_OVERLOAD);
    CHECK_INT(5, waited(invite, 0, 10 + MC_GATE_LAG_OLD_US), MC_GATE_PASS); /* an old report */
    mc_gate_lag(&g, 1000, 3000000);
    CHECK_INT(6, waited(invite, 0, 3000001), MC_GATE_PASS);
}

static void a_stripped_message_is_whole(void) {
    char text[] = SIP_REQUEST("INVITE", "Content-Length: 0004\r\n", "v=0\n");
    size_t n = mc_gate_strip(text, sizeof text - 1);
    text[n] = '\0';
    CHECK_INT(0, n, sizeof text - 1 - 4);
    CHECK(strstr(text, "Content-Length: 0000\r\n") != NULL);
    CHECK_INT(1, judge(text, true).size, n);
}

static void who_was_turned_away_is_told_once(void) {
    struct mc_gate_event events[4];
    struct sockaddr_in other = {.sin_family = AF_INET};
    mc_gate_init(&g);
    for (int i = 0; i < 5; i++) {
        judge("garbage", false);
        judge(SIP_REQUEST("OPTIONS", "", ""), false);
    }
    judge(SIP_REQUEST("PUBLISH", "", ""), false);
    CHECK_INT(0, mc_gate_events(&g, events, 1), 1);
    CHECK_INT(1, events[0].reason, MC_GATE_MALFORMED);
    CHECK_INT(2, events[0].n, 5);
    CHECK_INT(3, ((struct sockaddr_in *)&events[0].from)->sin_addr.s_addr, htonl(0xc0000201));
    CHECK_INT(4, mc_gate_events(&g, events, 4), 1);
    CHECK_INT(5, events[0].reason, MC_GATE_METHOD);
    CHECK_INT(6, mc_gate_events(&g, events, 4), 0);
    for (uint32_t i = 0; i < 2 * MC_GATE_MAX_EVENTS; i++) { /* many sources: bounded */
        other.sin_addr.s_addr = i;
        mc_gate_judge(&g, "x", 1, false, (const struct sockaddr *)&other, 0, 1);
    }
    CHECK_INT(7, g.n_events, MC_GATE_MAX_EVENTS);
}

static void a_mended_request_can_be_parsed(void) {
    static const char *const lines[] = {"INVITE  <sip:b@c?d> SIP/7.0 ", "INVITE x:b@ccccccccccc SIP/2.0"};
    char text[600];
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct mc_sip_scan m;
        size_t n = (size_t)sprintf(text, "\r\n%s\r\n%s", lines[i], SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\nl: 3\r\n\r\nabc");
        size_t mended = mc_gate_mend(text, n);
        CHECK_INT(i, mended, n - 3);
        CHECK_INT(i, mc_sip_scan(&m, text, mended), MC_OK);
        CHECK_INT(i, m.flaws, 0);
        CHECK_INT(i, m.content_length, 0);
        CHECK_INT(i, m.line.len, strlen(lines[i]));
    }
}

static void bad_settings_are_refused(void) {
    static const char *const nets[] = {"192.0.2.0/99"}, *const empty[] = {""};
    mc_gate_init(&g);
    CHECK_INT(0, mc_gate_trust(&g, nets, 1), MC_E_FORMAT);
    CHECK_INT(1, mc_gate_trust(&g, nets, MC_GATE_MAX_NETS + 1), MC_E_ARG);
    CHECK_INT(2, mc_gate_scanners(&g, empty, 1), MC_E_ARG);
}

/* A flood of many sources: so many of their calls in all, and none of those who are trusted is turned away. */
static void a_crowd_has_a_rate(void) {
    static const char *const nets[] = {"192.0.2.0/24"};
    unsigned taken = 0, busy = 0, known = 0;

    mc_gate_init(&g);
    CHECK_INT(0, mc_gate_trust(&g, nets, 1), MC_OK);
    mc_gate_crowd(&g, (struct mc_rate){10, 20});
    for (uint32_t i = 0; i < 10000; i++) { /* in one second */
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000 + i)};
        static const char text[] = SIP_REQUEST("INVITE", SDP_HEAD, SIP_SDP);
        struct mc_gate_verdict v = mc_gate_judge(&g, text, sizeof text - 1, false, (const struct sockaddr *)&from, 0,
                                                 5000000 + i * 100);
        taken += v.action == MC_GATE_TAKE;
        busy += v.action == MC_GATE_BUSY && v.code == 503 && v.reason == MC_GATE_OVERLOAD;
        known += i % 100 == 0 && judge(text, false).action == MC_GATE_TAKE;
    }
    CHECK_INT(1, taken, 29);
    CHECK_INT(2, busy, 10000 - 29);
    CHECK_INT(3, known, 100);
    CHECK_INT(4, g.n_events, 0); /* nobody of them is to blame */
}

int main(void) {
    RUN(a_crowd_has_a_rate);
    RUN(rows_hold);
    RUN(a_datagram_ends_where_it_says);
    RUN(a_body_has_a_size);
    RUN(a_stream_is_cut_into_messages);
    RUN(a_stream_without_bounds_is_closed);
    RUN(strangers_have_rates_and_friends_have_none);
    RUN(draining_takes_nothing_new);
    RUN(overload_is_time_that_calls_wait);
    RUN(a_stripped_message_is_whole);
    RUN(who_was_turned_away_is_told_once);
    RUN(a_mended_request_can_be_parsed);
    RUN(bad_settings_are_refused);
    return check_done();
}
