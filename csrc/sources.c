/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "rng.h"
#include "sources.h"

#define ONE UINT64_C(1000000)

void mc_sources_init(struct mc_sources *s, uint64_t seed, const struct mc_rate rates[MC_BUCKETS]) {
    memset(s, 0, sizeof *s);
    s->seed = seed;
    memcpy(s->rates, rates, sizeof s->rates);
}

/* IPv4 address of a socket address, mapped ones (RFC 4291 section 2.5.5.2) too. */
static bool ipv4_of(const struct sockaddr *from, uint8_t addr[4]) {
    if (from->sa_family == AF_INET) {
        memcpy(addr, &((const struct sockaddr_in *)from)->sin_addr, 4);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)from)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(six)) {
            memcpy(addr, six->s6_addr + 12, 4);
            return true;
        }
    }
    return false;
}

/* Never 0; 0 = neither IPv4 nor IPv6. */
static uint64_t key_of(const struct sockaddr *from) {
    uint8_t addr[4];
    uint64_t key;

    if (ipv4_of(from, addr)) {
        return UINT64_C(1) << 32 | (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 | (uint32_t)addr[2] << 8 | addr[3];
    }
    if (from->sa_family != AF_INET6) {
        return 0;
    }
    memcpy(&key, ((const struct sockaddr_in6 *)from)->sin6_addr.s6_addr, sizeof key);
    return key != 0 ? key : UINT64_C(2) << 32; /* ::/64 */
}

static struct mc_source_entry *find(struct mc_sources *s, uint64_t key) {
    uint64_t state = key ^ s->seed;
    struct mc_source_entry *set = s->entries[mc_rng_next(&state) & (MC_SOURCES_SETS - 1)], *oldest = set;

    for (size_t i = 0; i < MC_SOURCES_WAYS; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
        if (set[i].last_us < oldest->last_us) {
            oldest = &set[i];
        }
    }
    *oldest = (struct mc_source_entry){.key = key};
    for (int b = 0; b < MC_BUCKETS; b++) {
        oldest->tokens[b] = s->rates[b].burst * ONE;
    }
    return oldest;
}

bool mc_sources_take(struct mc_sources *s, const struct sockaddr *from, enum mc_bucket bucket, uint64_t now_us) {
    uint64_t key = key_of(from), gone_us;
    struct mc_source_entry *e;

    if (key == 0 || s->rates[bucket].rate == 0) {
        return true;
    }
    e = find(s, key);
    gone_us = e->last_us != 0 && now_us > e->last_us ? now_us - e->last_us : 0;
    gone_us = gone_us < 3600 * ONE ? gone_us : 3600 * ONE; /* no overflow below */
    e->last_us = now_us > e->last_us ? now_us : e->last_us;
    for (int b = 0; b < MC_BUCKETS; b++) {
        uint64_t full = s->rates[b].burst * ONE, more = gone_us * s->rates[b].rate;
        e->tokens[b] = e->tokens[b] + more < full ? e->tokens[b] + more : full;
    }
    if (e->tokens[bucket] < ONE) {
        return false;
    }
    e->tokens[bucket] -= ONE;
    return true;
}

int mc_net_parse(struct mc_net *out, const char *text) {
    char host[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
    unsigned long bits;
    char *end;

    if (n >= sizeof host) {
        return MC_E_FORMAT;
    }
    memcpy(host, text, n);
    host[n] = '\0';
    *out = (struct mc_net){.family = AF_INET};
    if (inet_pton(AF_INET, host, out->addr) != 1) {
        out->family = AF_INET6;
        if (inet_pton(AF_INET6, host, out->addr) != 1) {
            return MC_E_FORMAT;
        }
    }
    out->prefix = out->family == AF_INET ? 32 : 128;
    if (slash != NULL) {
        if (slash[1] < '0' || slash[1] > '9') {
            return MC_E_FORMAT;
        }
        bits = strtoul(slash + 1, &end, 10);
        if (*end != '\0' || bits > out->prefix) {
            return MC_E_FORMAT;
        }
        out->prefix = (uint8_t)bits;
    }
    return MC_OK;
}

bool mc_net_has(const struct mc_net *net, const struct sockaddr *addr) {
    uint8_t raw[16];
    unsigned whole = net->prefix / 8, rest = net->prefix % 8;

    if (net->family == AF_INET) {
        if (!ipv4_of(addr, raw)) {
            return false;
        }
    } else if (addr->sa_family == AF_INET6) {
        memcpy(raw, ((const struct sockaddr_in6 *)addr)->sin6_addr.s6_addr, sizeof raw);
    } else {
        return false;
    }
    return memcmp(raw, net->addr, whole) == 0 && (rest == 0 || (raw[whole] ^ net->addr[whole]) >> (8 - rest) == 0);
}
