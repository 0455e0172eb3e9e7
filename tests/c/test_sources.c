/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "check.h"
#include "err.h"
#include "sources.h"

static struct mc_sources s;
static const struct mc_rate rates[MC_BUCKETS] = {{10, 20}, {1, 2}};

static const struct sockaddr *at(const char *host) {
    static struct sockaddr_storage ss;
    memset(&ss, 0, sizeof ss);
    ss.ss_family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
    if (ss.ss_family == AF_INET6) {
        inet_pton(AF_INET6, host, &((struct sockaddr_in6 *)&ss)->sin6_addr);
    } else {
        inet_pton(AF_INET, host, &((struct sockaddr_in *)&ss)->sin_addr);
    }
    return (const struct sockaddr *)&ss;
}

static unsigned taken(const char *host, enum mc_bucket bucket, unsigned tries, uint64_t now_us) {
    unsigned n = 0;
    for (unsigned i = 0; i < tries; i++) {
        n += mc_sources_take(&s, at(host), bucket, now_us);
    }
    return n;
}

static void a_burst_then_the_rate(void) {
    mc_sources_init(&s, 1, rates);
    CHECK_INT(0, taken("192.0.2.1", MC_BUCKET_MESSAGES, 100, 1), 20);
    CHECK_INT(1, taken("192.0.2.1", MC_BUCKET_MESSAGES, 100, 500001), 5);
    CHECK_INT(2, taken("192.0.2.1", MC_BUCKET_MESSAGES, 100, 400000), 0); /* a clock that goes back gives nothing */
    CHECK_INT(3, taken("192.0.2.1", MC_BUCKET_MESSAGES, 100, 600001), 1);
    CHECK_INT(4, taken("192.0.2.1", MC_BUCKET_MESSAGES, 100, UINT64_MAX), 20);
}

static void the_rate_holds_over_time(void) {
    unsigned n = 0;
    mc_sources_init(&s, 1, rates);
    for (uint64_t t = 1; t <= 60000000; t += 1000) { /* 1,000 a second for a minute */
        n += mc_sources_take(&s, at("192.0.2.1"), MC_BUCKET_MESSAGES, t);
    }
    CHECK_BETWEEN(0, n, 20 + 599, 20 + 600);
}

static void sources_and_buckets_are_apart(void) {
    mc_sources_init(&s, 1, rates);
    CHECK_INT(0, taken("192.0.2.1", MC_BUCKET_CALLS, 9, 1), 2);
    CHECK_INT(1, taken("192.0.2.1", MC_BUCKET_MESSAGES, 9, 1), 9);
    CHECK_INT(2, taken("192.0.2.2", MC_BUCKET_CALLS, 9, 1), 2);
    CHECK_INT(3, taken("::ffff:192.0.2.2", MC_BUCKET_CALLS, 9, 1), 0); /* the same one, by an IPv6 socket */
    CHECK_INT(4, taken("2001:db8::1", MC_BUCKET_CALLS, 9, 1), 2);
    CHECK_INT(5, taken("2001:db8::2", MC_BUCKET_CALLS, 9, 1), 0); /* its /64 */
    CHECK_INT(6, taken("2001:db8:0:1::1", MC_BUCKET_CALLS, 9, 1), 2);
    CHECK_INT(7, taken("::1", MC_BUCKET_CALLS, 9, 1), 2);
}

static void no_rate_is_no_limit(void) {
    static const struct mc_rate none[MC_BUCKETS] = {{0, 0}, {1, 1}};
    mc_sources_init(&s, 1, none);
    CHECK_INT(0, taken("192.0.2.1", MC_BUCKET_MESSAGES, 1000, 1), 1000);
    CHECK_INT(1, taken("192.0.2.1", MC_BUCKET_CALLS, 1000, 1), 1);
}

/* Whoever sends from very many addresses pushes others out of the table, but gains no more than a fresh burst for each. */
static void the_table_never_grows(void) {
    struct rng r = rng_of(3);
    mc_sources_init(&s, 1, rates);
    for (unsigned i = 0; i < 100000; i++) {
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = rng_next(&r)};
        CHECK(mc_sources_take(&s, (const struct sockaddr *)&from, MC_BUCKET_CALLS, i + 1));
    }
    CHECK_INT(0, taken("192.0.2.1", MC_BUCKET_CALLS, 9, 200000), 2);
    CHECK_INT(1, taken("192.0.2.1", MC_BUCKET_CALLS, 9, 200001), 0);
}

static const struct {
    const char *net;
    const char *host;
    bool has;
} nets[] = {
    {"192.0.2.0/24", "192.0.2.255", true},
    {"192.0.2.0/24", "192.0.3.0", false},
    {"192.0.2.1", "192.0.2.1", true},
    {"192.0.2.1", "192.0.2.2", false},
    {"0.0.0.0/0", "203.0.113.9", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"10.128.0.0/9", "10.200.0.1", true},
    {"10.128.0.0/9", "10.127.0.1", false},
    {"192.0.2.0/24", "::ffff:192.0.2.7", true},
    {"2001:db8::/33", "2001:db8::1", true},
    {"2001:db8::/33", "2001:db8:8000::1", false},
    {"::1", "::1", true},
    {"::/0", "192.0.2.1", false},
};

static void networks_have_addresses(void) {
    for (size_t i = 0; i < COUNT(nets); i++) {
        struct mc_net net;
        CHECK_INT(i, mc_net_parse(&net, nets[i].net), MC_OK);
        CHECK_INT(i, mc_net_has(&net, at(nets[i].host)), nets[i].has);
    }
}

static void what_is_no_network(void) {
    static const char *const bad[] = {"",        "x",      "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/1x",
                                      "::1/129", "192.0.2"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct mc_net net;
        CHECK_INT(i, mc_net_parse(&net, bad[i]), MC_E_FORMAT);
    }
}

int main(void) {
    RUN(a_burst_then_the_rate);
    RUN(the_rate_holds_over_time);
    RUN(sources_and_buckets_are_apart);
    RUN(no_rate_is_no_limit);
    RUN(the_table_never_grows);
    RUN(networks_have_addresses);
    RUN(what_is_no_network);
    return check_done();
}
