/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "err.h"
#include "siptrace.h"

#define KEEP_US 1000000u

static struct mc_span id(const char *text) {
    return (struct mc_span){text, strlen(text)};
}

static struct mc_siptrace *with(size_t chunks, size_t of_one) {
    struct mc_siptrace *t = mc_siptrace_new();

    CHECK_INT(0, mc_siptrace_open(t, chunks * MC_SIPTRACE_CHUNK, of_one * MC_SIPTRACE_CHUNK, KEEP_US, 1), MC_OK);
    return t;
}

static void say(struct mc_siptrace *t, const char *call_id, enum mc_siptrace_kind kind, const char *owner, uint64_t at_us,
                const char *text) {
    struct mc_siptrace_msg msg = {.mono_us = at_us, .len = (uint32_t)strlen(text)};

    mc_siptrace_put(t, id(call_id), kind, owner, &msg, text);
}

/* The texts in a row, "text|(lost)text|". */
static const char *told(struct mc_siptrace *t, const char *owner, const char *call_id, uint64_t after, uint64_t now_us) {
    static uint8_t out[1 << 16];
    static char all[1 << 16];
    size_t n = mc_siptrace_read(t, owner, id(call_id), after, now_us, out, sizeof out), at = 0, w = 0;
    struct mc_siptrace_row row;

    for (all[0] = '\0'; at < n; at += row.n_id + row.msg.len) {
        memcpy(&row, out + at, sizeof row);
        at += sizeof row;
        if (row.n_lost > 0) {
            w += (size_t)sprintf(all + w, "(%u)", row.n_lost);
        }
        w += (size_t)sprintf(all + w, "%.*s|", (int)row.msg.len, (const char *)out + at + row.n_id);
    }
    CHECK_INT(0, at, n);
    return all;
}

static void check_told(int row, const char *got, const char *want) {
    if (strcmp(got, want) != 0) {
        check_fail(__FILE__, __LINE__, "[%d] \"%s\", want \"%s\"", row, got, want);
    }
}

static void a_call_is_kept_from_its_invite_to_its_time(void) {
    struct mc_siptrace *t = with(100, 50);
    struct mc_siptrace_counts n;

    say(t, "c1", MC_SIPTRACE_STRANGER, "", 10, "INVITE");
    mc_siptrace_own(t, id("c1"), "call", 11);
    say(t, "c1", MC_SIPTRACE_KNOWN, "", 12, "200");
    say(t, "c2", MC_SIPTRACE_KNOWN, "", 13, "of nobody");
    check_told(0, told(t, "call", "", 0, 5 * KEEP_US), "INVITE|200|"); /* live: no time is over */
    check_told(1, told(t, "", "c1", 1, 5 * KEEP_US), "200|");
    check_told(2, told(t, "", "c2", 0, 5 * KEEP_US), "");
    mc_siptrace_end(t, id("c1"), "call", 5 * KEEP_US);
    say(t, "c1", MC_SIPTRACE_KNOWN, "", 5 * KEEP_US + 9, "late");
    check_told(3, told(t, "call", "", 0, 6 * KEEP_US + 8), "INVITE|200|late|");
    check_told(4, told(t, "call", "", 0, 6 * KEEP_US + 9), "");
    mc_siptrace_counts(t, &n);
    CHECK_INT(0, n.bytes, 0);
    CHECK_INT(0, n.dialogs, 0);
    CHECK_INT(0, n.lost, 0);
    mc_siptrace_free(t);
}

static void one_call_id_may_be_two_calls(void) {
    struct mc_siptrace *t = with(100, 50);

    say(t, "c1", MC_SIPTRACE_STRANGER, "", 1, "INVITE");
    mc_siptrace_own(t, id("c1"), "out", 2);
    mc_siptrace_own(t, id("c1"), "in", 3);
    mc_siptrace_own(t, id("c1"), "third", 3); /* no room for it */
    mc_siptrace_end(t, id("c1"), "out", 4);
    check_told(0, told(t, "out", "", 0, 9 * KEEP_US), "INVITE|");
    check_told(1, told(t, "in", "", 0, 9 * KEEP_US), "INVITE|"); /* which still lives */
    check_told(2, told(t, "third", "", 0, 9 * KEEP_US), "");
    mc_siptrace_end(t, id("c1"), "in", 4);
    check_told(3, told(t, "in", "", 0, 9 * KEEP_US), "");
    mc_siptrace_free(t);
}

static void an_owner_may_have_several(void) {
    struct mc_siptrace *t = with(100, 50);

    say(t, "o1", MC_SIPTRACE_PEER, "hop:7", 1, "a");
    say(t, "o2", MC_SIPTRACE_PEER, "hop:8", 2, "b");
    say(t, "o3", MC_SIPTRACE_PEER, "hop:7", 3, "c");
    say(t, "o1", MC_SIPTRACE_KNOWN, "", 4, "d");
    check_told(0, told(t, "hop:7", "", 0, 9 * KEEP_US), "c|a|d|"); /* whoever asks puts them in order, by their numbers */
    mc_siptrace_free(t);
}

static void of_a_long_dialog_the_beginning_and_the_end_stay(void) {
    struct mc_siptrace *t = with(100, 17); /* 1 of the id, 16 messages */
    char text[16];

    mc_siptrace_own(t, id("c"), "call", 0);
    for (int i = 0; i < 40; i++) {
        sprintf(text, "%d", i);
        say(t, "c", MC_SIPTRACE_KNOWN, "", 1, text);
    }
    check_told(0, told(t, "call", "", 0, 1), "0|1|2|3|4|5|6|(24)31|32|33|34|35|36|37|38|39|");
    mc_siptrace_free(t);
}

static void what_does_not_fit_is_counted(void) {
    struct mc_siptrace *t = with(100, 3);
    static char big[1000];
    struct mc_siptrace_counts n;

    memset(big, 'x', sizeof big - 1);
    mc_siptrace_own(t, id("c"), "call", 0);
    say(t, "c", MC_SIPTRACE_KNOWN, "", 1, big);
    say(t, "c", MC_SIPTRACE_KNOWN, "", 1, "small");
    check_told(0, told(t, "call", "", 0, 1), "(1)small|");
    mc_siptrace_counts(t, &n);
    CHECK_INT(0, n.lost, 1);
    mc_siptrace_free(t);
}

/* 32 chunks, 2 for each dialog of one message: strangers get 4 of them. */
static void who_is_over_longest_goes_first_and_live_calls_stay(void) {
    struct mc_siptrace *t = with(32, 32);
    char name[16];

    mc_siptrace_own(t, id("live"), "live", 1);
    say(t, "live", MC_SIPTRACE_KNOWN, "", 1, "live");
    for (uint64_t i = 0; i < 20; i++) {
        sprintf(name, "ended%d", (int)i);
        mc_siptrace_own(t, id(name), name, i + 2);
        say(t, name, MC_SIPTRACE_KNOWN, "", i + 2, name);
        mc_siptrace_end(t, id(name), name, i + 2);
    }
    check_told(0, told(t, "live", "", 0, 30), "live|");
    check_told(1, told(t, "ended4", "", 0, 30), "");
    check_told(2, told(t, "ended5", "", 0, 30), "ended5|"); /* 15 of 16 */
    for (uint64_t i = 0; i < 1000; i++) {
        sprintf(name, "s%d", (int)i);
        say(t, name, MC_SIPTRACE_STRANGER, "", 31 + i, name);
    }
    check_told(3, told(t, "live", "", 0, 30), "live|");
    check_told(4, told(t, "ended6", "", 0, 30), "");
    check_told(5, told(t, "ended7", "", 0, 30), "ended7|"); /* strangers took the place of two */
    check_told(6, told(t, "", "s997", 0, 30), "");
    check_told(7, told(t, "", "s998", 0, 30), "s998|");
    mc_siptrace_free(t);
}

static void when_all_live_the_newest_call_has_room(void) {
    struct mc_siptrace *t = with(8, 8);
    char name[16];

    for (uint64_t i = 0; i < 6; i++) {
        sprintf(name, "c%d", (int)i);
        mc_siptrace_own(t, id(name), name, i);
        say(t, name, MC_SIPTRACE_KNOWN, "", i, name);
    }
    check_told(0, told(t, "c1", "", 0, 9), "");
    check_told(1, told(t, "c2", "", 0, 9), "c2|");
    check_told(2, told(t, "c5", "", 0, 9), "c5|");
    mc_siptrace_free(t);
}

static void off_keeps_nothing(void) {
    struct mc_siptrace *t = with(0, 0);

    say(t, "c", MC_SIPTRACE_STRANGER, "", 1, "x");
    mc_siptrace_own(t, id("c"), "call", 1);
    check_told(0, told(t, "call", "", 0, 1), "");
    mc_siptrace_end(t, id("c"), "call", 1);
    mc_siptrace_free(t);
}

/* Random lives: the counts come back to nothing, and what is told is whole. */
static void nothing_leaks(void) {
    struct rng rng = rng_of(7);
    struct mc_siptrace *t = with(200, 20);
    static char text[3000];
    struct mc_siptrace_counts n;
    char name[16];

    memset(text, 'x', sizeof text);
    for (uint64_t i = 0; i < 20000; i++) {
        struct mc_siptrace_msg msg = {.mono_us = i, .len = rng_below(&rng, sizeof text)};

        sprintf(name, "c%u", rng_below(&rng, 60));
        switch (rng_below(&rng, 8)) {
        case 0:
            mc_siptrace_own(t, id(name), name, i);
            break;
        case 1:
            mc_siptrace_end(t, id(name), name, i);
            break;
        case 2:
            CHECK(strlen(told(t, name, "", 0, i)) < sizeof text * 20);
            break;
        default:
            mc_siptrace_put(t, id(name), (enum mc_siptrace_kind)rng_below(&rng, MC_SIPTRACE_KINDS + 1), "", &msg, text);
        }
        mc_siptrace_counts(t, &n);
        CHECK(n.bytes <= 200 * MC_SIPTRACE_CHUNK);
    }
    for (int i = 0; i < 60; i++) {
        sprintf(name, "c%d", i);
        mc_siptrace_own(t, id(name), name, 20000);
        mc_siptrace_end(t, id(name), name, 20000);
    }
    told(t, "x", "", 0, 20000 + KEEP_US);
    mc_siptrace_counts(t, &n);
    CHECK_INT(0, n.dialogs, 0);
    CHECK_INT(0, n.bytes, 0);
    mc_siptrace_free(t);
}

/* Whatever stands between # is a secret. */
static const char *const secrets[] = {
    "Authorization: Digest username=\"a\", nonce=\"n\", response=\"#0123abcd#\", cnonce=\"c\"\r\n",
    "proxy-authorization : Digest username=\"a\",\r\n response = \"#0123abcd#\" ,qop=auth\r\nFrom: <sip:a@b>\r\n",
    "Authorization: Digest response=#0123abcd#, uri=\"sip:b\"\r\n",
    "Authorization: Digest response=\"#0123abcd#",
    "Authorization: Bearer# eyJhbGciOi.x.y#\r\nTo: <sip:b@c>\r\n",
    "Authentication-Info: rspauth=\"#0123#\", nextnonce=\"n\"\r\n",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:#d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj#|2^20|1:32\r\n",
    "A=CRYPTO:1 AEAD_AES_256_GCM INLINE:#QUJDRA==#;inline:#WFla#|2^20 UNENCRYPTED_SRTP\n",
    "a=key-mgmt:#mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyONQ6gAAAAAGEEoo2pee4hp2UaDX8ZE22YwKAAAPZG9uYWxkQGR1Y2suY29t#\r\n",
    "k=#clear:secret#\r\n",
    "INVITE sip:600:#pass#@pbx.example SIP/2.0\r\n",
    "INVITE sip:600:#pa:ss#@pbx.example SIP/2.0\r\n",
    "Refer-To: <sip:600:#p@@ss#@pbx.example>\r\n",
    "Contact: <sip:192.0.2.1:5060>;x=a@b\r\n",
    "P-Asserted-Identity: <sip:a@b>,\r\n\t<sips:600:#pa$&ss#@[2001:db8::1]:5061>\r\n",
    "From: \"sip:x:y\" <sip:600:#pass#@pbx>, <sip:601:#pass#@pbx>\r\n",
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"response=1\", qop=\"auth\"\r\n",
    "Contact: <sip:600@192.0.2.1:5060;transport=tls>, <sip:[2001:db8::1]:5061>\r\n",
    "To: <tel:+49:1@x>\r\nAlert-Info: <http://h:1/a@b>\r\n\r\n",
};

static void secrets_are_crossed_out_and_nothing_else(void) {
    for (size_t i = 0; i < COUNT(secrets); i++) {
        char plain[256], want[256];
        size_t n = 0;
        bool secret = false;

        for (const char *p = secrets[i]; *p != '\0'; p++) {
            if (*p == '#') {
                secret = !secret;
            } else {
                plain[n] = *p;
                want[n++] = secret ? 'x' : *p;
            }
        }
        char *exact = memcpy(malloc(n), plain, n); /* without a NUL behind */
        mc_siptrace_hide(exact, n);
        if (memcmp(exact, want, n) != 0) {
            check_fail(__FILE__, __LINE__, "[%zu] %.*s", i, (int)n, exact);
        }
        free(exact);
    }
}

int main(void) {
    RUN(a_call_is_kept_from_its_invite_to_its_time);
    RUN(one_call_id_may_be_two_calls);
    RUN(an_owner_may_have_several);
    RUN(of_a_long_dialog_the_beginning_and_the_end_stay);
    RUN(what_does_not_fit_is_counted);
    RUN(who_is_over_longest_goes_first_and_live_calls_stay);
    RUN(when_all_live_the_newest_call_has_room);
    RUN(off_keeps_nothing);
    RUN(nothing_leaks);
    RUN(secrets_are_crossed_out_and_nothing_else);
    return check_done();
}
