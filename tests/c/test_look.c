/* SPDX-License-Identifier: GPL-3.0-or-later
 * When the worker looks at its sockets and tells the engine, in virtual time; and when its packets are said to have come. */
#include "look.h"

#include <netinet/in.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "grid.h"
#include "udp.h"

#define ROUND_US (MC_GRID_ROUND * MC_GRID_BUCKET_US)

/* A worker that wakes exactly when it wants to, with n packets every 20 ms; `late_us`: what each turn takes. */
struct turns {
    unsigned looks, told, withheld_most;
    uint64_t gap_most_us; /* between two times that the engine is told */
};

static struct turns turn(struct mc_look *l, uint64_t *now, uint64_t until_us, unsigned n_packets, uint64_t late_us) {
    struct turns t = {0};
    unsigned withheld = 0;
    uint64_t told_us = *now;
    while (*now < until_us) {
        uint64_t round = l->round, at = mc_look_next_us(l, *now);
        if (l->round != round) {
            mc_look_count(l, n_packets);
        }
        CHECK(at == 0 || at > *now);
        *now = (at == 0 ? *now + 300 : at) + late_us;
        t.looks++;
        withheld = mc_look_tell(l) ? 0 : withheld + 1;
        t.withheld_most = withheld > t.withheld_most ? withheld : t.withheld_most;
        if (withheld == 0) {
            t.told++;
            t.gap_most_us = *now - told_us > t.gap_most_us ? *now - told_us : t.gap_most_us;
            told_us = *now;
        }
    }
    return t;
}

static void few_packets_are_read_and_told_as_they_come(void) {
    struct mc_look l = {0};
    uint64_t now = 5 * ROUND_US;
    struct turns t = turn(&l, &now, now + 1000000, 40, 0);
    CHECK(!l.busy);
    CHECK_INT(0, t.told, t.looks);
}

static void many_packets_are_told_of_once_a_bucket(void) {
    static const unsigned n[] = {41, 100, 500, 1000, 2000, 100000};
    static const uint32_t lead_us[] = {282, 330, 650, 1050, 1600, 1600};
    for (size_t i = 0; i < COUNT(n); i++) {
        struct mc_look l = {0};
        uint64_t now = 5 * ROUND_US;
        turn(&l, &now, 8 * ROUND_US, n[i], 0);
        CHECK(l.busy);
        CHECK_INT(i, l.lead_us, lead_us[i]);
        struct turns t = turn(&l, &now, now + 50 * ROUND_US, n[i], 0);
        CHECK_BETWEEN(i, t.looks, 999, 1001);
        CHECK_BETWEEN(i, t.told, 499, 501); /* wake-ups of the engine: one for each bucket */
        CHECK_INT(i, t.withheld_most, 1);
    }
}

/* The early look leaves the engine its lead before the tick; the other one is at the tick. */
static void looks_are_a_lead_before_the_tick_and_at_it(void) {
    struct mc_look l = {0};
    uint64_t now = 5 * ROUND_US;
    turn(&l, &now, 8 * ROUND_US, 100, 0);
    now = 8 * ROUND_US + 1;
    CHECK_INT(0, mc_look_next_us(&l, now) - 8 * ROUND_US, MC_GRID_BUCKET_US - 330);
    CHECK(mc_look_tell(&l));
    CHECK_INT(1, mc_look_next_us(&l, 8 * ROUND_US + MC_GRID_BUCKET_US - 330) - 8 * ROUND_US, MC_GRID_BUCKET_US);
    CHECK(!mc_look_tell(&l));
    /* Woken too late for the early one: the engine is told all the same. */
    CHECK_INT(2, mc_look_next_us(&l, 8 * ROUND_US + 2 * MC_GRID_BUCKET_US - 10) - 8 * ROUND_US, 2 * MC_GRID_BUCKET_US);
    CHECK(mc_look_tell(&l));
}

/* Beyond its capacity: whatever a turn takes, the engine is told after two of them at the latest. */
static void a_late_worker_still_tells_the_engine(void) {
    for (uint64_t late = 0; late < 6000; late += 50) {
        struct mc_look l = {0};
        uint64_t now = 5 * ROUND_US;
        struct turns t = turn(&l, &now, now + 1000000, 1000, late);
        CHECK_BETWEEN(late, t.withheld_most, 0, 1);
        CHECK(t.gap_most_us <= 2 * (MC_GRID_BUCKET_US + late));
    }
}

/* How early a frame must come so that its answer leaves with a tick, at worst, when the engine takes `engine_us` from being told. */
static uint64_t time_to_wire_us(unsigned n_packets, uint64_t engine_us) {
    struct mc_look l = {0};
    uint64_t now = 5 * ROUND_US, worst = 0;
    turn(&l, &now, 8 * ROUND_US, n_packets, 0);
    uint64_t untold_us = now; /* when the oldest frame came that the engine does not know */
    for (uint64_t end = now + 20 * ROUND_US; now < end;) {
        uint64_t round = l.round;
        now = mc_look_next_us(&l, now);
        if (l.round != round) {
            mc_look_count(&l, n_packets);
        }
        if (mc_look_tell(&l)) {
            uint64_t answered_us = now + engine_us;
            uint64_t tick_us = (answered_us + MC_GRID_BUCKET_US - 1) / MC_GRID_BUCKET_US * MC_GRID_BUCKET_US;
            worst = tick_us - untold_us > worst ? tick_us - untold_us : worst;
            untold_us = now;
        }
    }
    return worst - MC_GRID_BUCKET_US; /* the tick before that one it missed by no more than this */
}

static void a_frame_that_comes_a_lead_before_its_tick_is_in_time(void) {
    static const unsigned n[] = {50, 100, 500, 1000};
    for (size_t i = 0; i < COUNT(n); i++) {
        const uint64_t lead_us = 250 + 8 * n[i] / MC_GRID_ROUND;
        CHECK_INT(i, time_to_wire_us(n[i], lead_us / 2), lead_us);
        CHECK_INT(i, time_to_wire_us(n[i], lead_us), lead_us);
        CHECK(lead_us < 2000);
        /* An engine that needs longer misses that tick, not more. */
        CHECK_INT(i, time_to_wire_us(n[i], lead_us + 1), lead_us + MC_GRID_BUCKET_US);
    }
}

static void ticks_wait_a_moment_for_an_engine_at_work(void) {
    struct mc_look l = {0};
    uint64_t now = 5 * ROUND_US;
    turn(&l, &now, 8 * ROUND_US, 500, 0);
    const uint64_t due = 8 * ROUND_US;
    CHECK_INT(0, mc_look_grace_us(&l, due - 1, due), 0); /* it is not due */
    CHECK_INT(1, mc_look_grace_us(&l, due, due), 700);
    CHECK_INT(2, mc_look_grace_us(&l, due + 400, due), 300);
    CHECK_INT(3, mc_look_grace_us(&l, due + 700, due), 0); /* late already: no later for anybody */
    CHECK_INT(4, mc_look_grace_us(&l, due + 5000, due), 0);
    mc_look_waited(&l, due + 700, true);
    mc_look_waited(&l, due + 2100, false);
    mc_look_waited(&l, due + 4700, true);
    CHECK_INT(9, mc_look_grace_us(&l, due + 6000, due + 6000), 700); /* that happens */
    mc_look_waited(&l, due + 6700, true);
    CHECK_INT(5, mc_look_grace_us(&l, due + 8000, due + 8000), 0);
    CHECK_INT(6, mc_look_grace_us(&l, due + 106000, due + 106000), 0);
    CHECK_INT(7, mc_look_grace_us(&l, due + 108000, due + 108000), 700);
    turn(&l, &now, 10 * ROUND_US, 5, 0);
    CHECK_INT(8, mc_look_grace_us(&l, 20 * ROUND_US, 20 * ROUND_US), 0); /* with few packets the engine hears of each at once */
}

static void quiet_again(void) {
    struct mc_look l = {0};
    uint64_t now = 5 * ROUND_US;
    turn(&l, &now, 8 * ROUND_US, 500, 0);
    CHECK(l.busy);
    turn(&l, &now, 10 * ROUND_US, 5, 0);
    CHECK(!l.busy);
    turn(&l, &now, 12 * ROUND_US, 500, 0);
    CHECK(l.busy);
    mc_look_next_us(&l, now + 5 * ROUND_US); /* asleep: what came before says nothing */
    CHECK(!l.busy);
}

/* --- awake before a bucket --- */

/* A worker without packets, whose bucket comes every 20 ms / n_buckets, asks at any time: what it is awake for in 20 ms. */
static uint64_t awake_us(unsigned n_buckets, bool engine_works) {
    const uint64_t period_us = ROUND_US / n_buckets;
    uint64_t awake = 0;
    for (uint64_t now = 5 * ROUND_US; now < 6 * ROUND_US; now++) {
        uint64_t due = (now / period_us + 1) * period_us;
        uint64_t sleep = mc_look_sleep_us(now, due, n_buckets, engine_works);
        CHECK(now + sleep <= due);
        awake += sleep == 0;
        CHECK(sleep == 0 ||
              mc_look_sleep_us(now + sleep, due, n_buckets, engine_works) == 0); /* sleeps once, then stays awake */
    }
    return awake;
}

static void it_is_awake_a_moment_before_each_bucket(void) {
    static const uint64_t most_us[] = {500, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000};
    for (unsigned n = 1; n <= MC_GRID_ROUND; n++) {
        CHECK_BETWEEN(n, awake_us(n, false), most_us[n - 1] - n, most_us[n - 1]);
    }
    CHECK_INT(0, mc_look_sleep_us(10 * ROUND_US - 1000, 10 * ROUND_US, 1, false), 500);
}

static void it_gives_way_to_an_engine_at_work(void) {
    for (unsigned n = 1; n <= MC_GRID_ROUND; n++) {
        CHECK_INT(n, awake_us(n, true), 0);
    }
}

static void with_no_legs_or_late_it_asks_for_nothing(void) {
    CHECK(mc_look_sleep_us(10 * ROUND_US, UINT64_MAX, 0, false) > 1000 * ROUND_US);
    CHECK_INT(0, mc_look_sleep_us(10 * ROUND_US, 10 * ROUND_US, 1, false), 0);
    CHECK_INT(1, mc_look_sleep_us(10 * ROUND_US, 10 * ROUND_US, 1, true), 0);
    CHECK_INT(2, mc_look_sleep_us(10 * ROUND_US, 9 * ROUND_US, 10, true), 0);
}

/* --- how long it reads --- */

static uint64_t test_now, packet_us, n_waiting, n_read;

static uint64_t test_clock(void) {
    return test_now;
}

/* As epoll gives them: 256 at most. */
static unsigned receive(void *ctx) {
    unsigned n = n_waiting < 256 ? (unsigned)n_waiting : 256;
    test_now += 1 + n * packet_us;
    n_waiting -= n;
    n_read += n;
    return n;
}

/* However much comes, ticks and commands have their turn; and however long the ticks take, packets are read as well. */
static void reading_gets_as_much_time_as_the_ticks_took(void) {
    static const uint64_t ticks_us[] = {0, 500, 1500, 5000, 40000};
    const uint64_t batch_us = 256 * 5 + 1;
    for (size_t i = 0; i < COUNT(ticks_us); i++) {
        uint64_t reading_us = 0, longest_us = 0;
        packet_us = 5;
        n_waiting = 10; /* it ends when nothing is left */
        n_read = 0;
        test_now = 0;
        mc_look_read(ticks_us[i], test_clock, receive, NULL);
        CHECK_INT(i, n_read, 10);
        CHECK_INT(i, test_now, 10 * 5 + 2);
        for (int turn = 0; turn < 100; turn++) { /* a flood */
            uint64_t began = test_now;
            n_waiting = 1000000;
            mc_look_read(ticks_us[i], test_clock, receive, NULL);
            reading_us += test_now - began;
            longest_us = test_now - began > longest_us ? test_now - began : longest_us;
        }
        uint64_t share_us = ticks_us[i] > 1000 ? ticks_us[i] : 1000;
        CHECK_BETWEEN(i, reading_us, 100 * share_us, 100 * (share_us + batch_us));
        CHECK(longest_us < share_us + batch_us);
    }
}

/* --- arrival --- */

static uint64_t heard_us;
static int n_heard;

static void on_datagram(void *ctx, uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len, uint64_t now_us) {
    CHECK_INT(0, len, 5);
    CHECK_INT(0, ((const struct sockaddr_in *)from)->sin_port, ((struct sockaddr_in *)ctx)->sin_port);
    heard_us = now_us;
    n_heard++;
}

/* The kernel begins to stamp a little after it was asked to; until then it says when a packet was read. */
static void wait_for_stamps(struct mc_udp *udp, struct mc_sock *sock) {
    uint64_t sent_us;
    int tries = 1000;
    do {
        sent_us = mc_clock_us();
        mc_udp_send(udp, sock, "hello", 5, sock->ctx, sizeof(struct sockaddr_in));
        usleep(2000);
        mc_udp_look(udp, mc_clock_us(), 0);
        mc_udp_receive(udp, sock);
    } while (heard_us > sent_us + 1000 && --tries > 0);
    CHECK(tries > 0);
    sock->arrival_us = 0;
    n_heard = 0;
}

static void a_packet_came_when_the_kernel_had_it(void) {
    struct mc_udp *udp = mc_udp_new();
    struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof me;
    struct mc_sock sock = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), .fn = on_datagram, .ctx = &me};
    CHECK_INT(0, bind(sock.fd, (struct sockaddr *)&me, sizeof me), 0);
    getsockname(sock.fd, (struct sockaddr *)&me, &len); /* it sends to itself */
    mc_udp_prepare(sock.fd);
    wait_for_stamps(udp, &sock);

    uint64_t before = mc_clock_us();
    CHECK_INT(0, mc_udp_send(udp, &sock, "hello", 5, (struct sockaddr *)&me, sizeof me), 0);
    CHECK_INT(1, mc_udp_send(udp, &sock, "hello", 5, (struct sockaddr *)&me, sizeof me), 0);
    CHECK_INT(2, mc_udp_send(udp, &sock, "hello", 5, (struct sockaddr *)&me, sizeof me), 0);
    uint64_t after = mc_clock_us();
    mc_udp_look(udp, after + 300000, 0); /* read three tenths of a second later */
    mc_udp_receive(udp, &sock);
    CHECK_INT(0, n_heard, 1);
    CHECK(heard_us + 2 >= before && heard_us <= after + 2); /* the wall clock's microseconds don't begin with ours */

    mc_udp_look(udp, after + 300000, after + 200000); /* its leg was told of a later time already */
    mc_udp_receive(udp, &sock);
    CHECK(heard_us == after + 200000);
    mc_udp_look(udp, after + 300000, 0);
    mc_udp_receive(udp, &sock);
    CHECK(heard_us == after + 200000); /* nor does time run backwards on a socket */
    mc_udp_receive(udp, &sock);        /* nothing there */
    CHECK_INT(0, n_heard, 3);
    close(sock.fd);
    mc_udp_free(udp);
}

/* A worker that stood still, or has more to do than it can, is not to work off what nobody wants any more. */
static void what_waited_too_long_is_dropped(void) {
    struct mc_udp *udp = mc_udp_new();
    struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof me;
    struct mc_sock sock = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), .fn = on_datagram, .ctx = &me};
    const struct mc_udp_stats *st = mc_udp_stats(udp);
    char packet[172] = {0};
    CHECK_INT(0, bind(sock.fd, (struct sockaddr *)&me, sizeof me), 0);
    getsockname(sock.fd, (struct sockaddr *)&me, &len);
    mc_udp_prepare(sock.fd);
    wait_for_stamps(udp, &sock);
    const uint64_t n_before = st->rx_packets;
    CHECK_INT(0, mc_udp_send(udp, &sock, "hello", 5, (struct sockaddr *)&me, sizeof me), 0);
    mc_udp_look(udp, mc_clock_us() + 390000, 0);
    mc_udp_receive(udp, &sock);
    CHECK_INT(0, n_heard, 1);
    for (int i = 0; i < 1000; i++) {
        mc_udp_send(udp, &sock, packet, sizeof packet, (struct sockaddr *)&me, sizeof me);
    }
    mc_udp_look(udp, mc_clock_us() + 401000, 0);
    for (int i = 0; i < 1000; i++) {
        mc_udp_receive(udp, &sock);
    }
    CHECK_INT(0, n_heard, 1);
    CHECK_INT(0, st->rx_packets - n_before, 1);
    CHECK_BETWEEN(0, st->rx_dropped, 20, 128); /* more the kernel does not keep */
    CHECK_INT(1, mc_udp_send(udp, &sock, "hello", 5, (struct sockaddr *)&me, sizeof me), 0);
    mc_udp_look(udp, mc_clock_us(), 0);
    mc_udp_receive(udp, &sock);
    CHECK_INT(0, n_heard, 2);
    close(sock.fd);
    mc_udp_free(udp);
}

int main(void) {
    RUN(few_packets_are_read_and_told_as_they_come);
    RUN(many_packets_are_told_of_once_a_bucket);
    RUN(looks_are_a_lead_before_the_tick_and_at_it);
    RUN(a_late_worker_still_tells_the_engine);
    RUN(a_frame_that_comes_a_lead_before_its_tick_is_in_time);
    RUN(ticks_wait_a_moment_for_an_engine_at_work);
    RUN(quiet_again);
    RUN(it_is_awake_a_moment_before_each_bucket);
    RUN(it_gives_way_to_an_engine_at_work);
    RUN(with_no_legs_or_late_it_asks_for_nothing);
    RUN(reading_gets_as_much_time_as_the_ticks_took);
    RUN(a_packet_came_when_the_kernel_had_it);
    RUN(what_waited_too_long_is_dropped);
    return check_done();
}
