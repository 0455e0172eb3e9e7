/* SPDX-License-Identifier: GPL-3.0-or-later
 * Rows of packets and what the latch says to each. Sources: S = SDP's address, N = the same host, another port, X and Y = others. */
#include "latch.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "check.h"

#define S3 4000000u /* beyond MC_LATCH_SILENCE_US */

static struct sockaddr_in at(char who) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(who == 'N' ? 4002 : 4000)};
    a.sin_addr.s_addr = htonl(who == 'X' ? 0x7f000002 : who == 'Y' ? 0x7f000003 : 0x7f000001);
    return a;
}

struct row {
    char from;
    uint32_t ssrc;
    uint16_t seq;
    bool authentic;
    uint32_t wait_us; /* before it */
    enum mc_latch_verdict want;
};

static void play(int name, struct mc_latch *latch, const struct row *rows, size_t n) {
    static uint64_t now_us = 1; /* goes on from one row to the next */
    for (size_t i = 0; i < n; i++) {
        struct sockaddr_in from = at(rows[i].from);
        now_us += rows[i].wait_us;
        enum mc_latch_verdict got = mc_latch_packet(latch, (struct sockaddr *)&from, rows[i].ssrc, rows[i].seq,
                                                    rows[i].authentic, now_us);
        CHECK_INT(name * 100 + (int)i, got, rows[i].want);
    }
}

static struct mc_latch begin(char sdp) {
    struct mc_latch latch;
    struct sockaddr_in a = at(sdp);
    mc_latch_init(&latch, (struct sockaddr *)&a, sizeof a);
    return latch;
}

#define PLAY(name, latch, ...)                                                                                                 \
    do {                                                                                                                       \
        static const struct row rows_[] = {__VA_ARGS__};                                                                       \
        play(name, latch, rows_, COUNT(rows_));                                                                                \
    } while (0)

#define STRANGER MC_LATCH_STRANGER
#define CANDIDATE MC_LATCH_CANDIDATE
#define ACCEPT MC_LATCH_ACCEPT
#define MOVE MC_LATCH_MOVE

static void learns_from_a_run_only(void) {
    struct mc_latch latch = begin('S');
    PLAY(1, &latch, {'X', 7, 65534, 0, 0, CANDIDATE}, {'X', 7, 65535, 0, 0, CANDIDATE}, {'X', 7, 0, 0, 0, CANDIDATE},
         {'X', 7, 1, 0, 0, MOVE}, {'X', 7, 2, 0, 0, ACCEPT});
    latch = begin('S'); /* a hole, another stream or another source begins the run anew */
    PLAY(2, &latch, {'X', 7, 1, 0, 0, CANDIDATE}, {'X', 7, 2, 0, 0, CANDIDATE}, {'X', 7, 3, 0, 0, CANDIDATE},
         {'X', 7, 5, 0, 0, CANDIDATE}, {'X', 7, 6, 0, 0, CANDIDATE}, {'X', 7, 7, 0, 0, CANDIDATE}, {'X', 8, 8, 0, 0, CANDIDATE},
         {'X', 8, 9, 0, 0, CANDIDATE}, {'X', 8, 10, 0, 0, CANDIDATE}, {'Y', 8, 11, 0, 0, CANDIDATE},
         {'X', 8, 12, 0, 0, CANDIDATE}, {'N', 8, 13, 0, 0, CANDIDATE});
}

static void locked(void) {
    struct mc_latch latch = begin('S');
    PLAY(1, &latch, {'S', 7, 1, 0, 0, ACCEPT}, {'X', 9, 1, 0, 0, STRANGER}, {'X', 9, 2, 0, 0, STRANGER},
         {'X', 9, 3, 0, 0, STRANGER}, {'X', 9, 4, 0, 0, STRANGER}, {'X', 9, 5, 0, 0, STRANGER});
    /* not even when the peer is silent: it may rest, or be on hold */
    PLAY(2, &latch, {'X', 9, 6, 0, S3, STRANGER}, {'X', 9, 7, 0, 0, STRANGER}, {'X', 9, 8, 0, 0, STRANGER},
         {'X', 9, 9, 0, 0, STRANGER}, {'X', 9, 10, 0, 0, STRANGER}, {'S', 7, 2, 0, 0, ACCEPT});
    /* the same stream from elsewhere: a NAT that forgot */
    PLAY(3, &latch, {'N', 7, 3, 0, 0, STRANGER}, {'N', 7, 4, 0, S3, CANDIDATE}, {'N', 7, 5, 0, 0, CANDIDATE},
         {'N', 7, 6, 0, 0, CANDIDATE}, {'N', 7, 7, 0, 0, MOVE}, {'N', 7, 8, 0, 0, ACCEPT});
}

/* A stranger was faster than the peer: the peer's first packet from where SDP said it would be ends that. */
static void sdp_wins(void) {
    struct mc_latch latch = begin('S');
    PLAY(1, &latch, {'X', 9, 1, 0, 0, CANDIDATE}, {'X', 9, 2, 0, 0, CANDIDATE}, {'X', 9, 3, 0, 0, CANDIDATE},
         {'X', 9, 4, 0, 0, MOVE}, {'X', 9, 5, 0, 0, ACCEPT}, {'S', 7, 1, 0, 0, MOVE}, {'X', 9, 6, 0, 0, STRANGER},
         {'S', 7, 2, 0, 0, ACCEPT});
}

static void srtp_is_believed_at_once(void) {
    struct mc_latch latch = begin('S');
    PLAY(1, &latch, {'S', 7, 1, 1, 0, ACCEPT}, {'X', 9, 1, 1, 0, MOVE}, {'X', 9, 2, 1, 0, ACCEPT});
}

static bool is_peer(const struct mc_latch *latch, char who) {
    struct sockaddr_in a = at(who);
    return mc_latch_is_peer(latch, (struct sockaddr *)&a);
}

static void others_on_the_port(void) {
    struct mc_latch latch = begin('S');
    CHECK(is_peer(&latch, 'S') && is_peer(&latch, 'N') && !is_peer(&latch, 'X'));
    PLAY(1, &latch, {'S', 7, 1, 0, 0, ACCEPT});
    CHECK(is_peer(&latch, 'S') && !is_peer(&latch, 'N') && !is_peer(&latch, 'X'));
}

static void a_new_offer(void) {
    struct mc_latch latch = begin('S');
    struct sockaddr_in same = at('S'), other = at('Y');
    PLAY(1, &latch, {'X', 7, 1, 0, 0, CANDIDATE}, {'X', 7, 2, 0, 0, CANDIDATE}, {'X', 7, 3, 0, 0, CANDIDATE},
         {'X', 7, 4, 0, 0, MOVE});
    mc_latch_renew(&latch, (struct sockaddr *)&same, sizeof same);
    CHECK(is_peer(&latch, 'X') && !is_peer(&latch, 'S'));
    PLAY(2, &latch, {'Y', 5, 1, 0, S3, STRANGER}, {'Y', 5, 2, 0, 0, STRANGER}, {'Y', 5, 3, 0, 0, STRANGER},
         {'Y', 5, 4, 0, 0, STRANGER}, {'X', 9, 1, 0, 0, ACCEPT}); /* a stranger was faster, the peer has another stream now */
    mc_latch_renew(&latch, (struct sockaddr *)&same, sizeof same);
    PLAY(3, &latch, {'Y', 9, 2, 0, S3, CANDIDATE}, {'Y', 9, 3, 0, 0, CANDIDATE}, {'Y', 9, 4, 0, 0, CANDIDATE},
         {'Y', 9, 5, 0, 0, MOVE}, {'S', 9, 6, 0, 0, MOVE}); /* a NAT that forgot meanwhile; SDP's address wins as ever */
    mc_latch_renew(&latch, (struct sockaddr *)&other, sizeof other);
    CHECK(is_peer(&latch, 'Y') && !is_peer(&latch, 'S'));
    PLAY(4, &latch, {'S', 9, 7, 0, 0, CANDIDATE}, {'S', 9, 8, 0, 0, CANDIDATE}, {'Y', 5, 5, 0, 0, ACCEPT});
}

static void ip_versions(void) {
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(4000), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in6 next = six;
    struct sockaddr_in four = at('S');
    struct mc_latch latch;
    next.sin6_port = htons(4002);
    mc_latch_init(&latch, (struct sockaddr *)&six, sizeof six);
    CHECK_INT(0, mc_latch_packet(&latch, (struct sockaddr *)&four, 1, 1, false, 1), MC_LATCH_CANDIDATE);
    CHECK_INT(1, mc_latch_packet(&latch, (struct sockaddr *)&six, 1, 1, false, 1), MC_LATCH_ACCEPT);
    CHECK_INT(2, mc_latch_packet(&latch, (struct sockaddr *)&next, 2, 1, false, 1), MC_LATCH_STRANGER);
    CHECK_INT(3, mc_latch_packet(&latch, (struct sockaddr *)&four, 2, 1, false, 1), MC_LATCH_STRANGER);
}

int main(void) {
    RUN(learns_from_a_run_only);
    RUN(locked);
    RUN(sdp_wins);
    RUN(srtp_is_believed_at_once);
    RUN(others_on_the_port);
    RUN(a_new_offer);
    RUN(ip_versions);
    return check_done();
}
