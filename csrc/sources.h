/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who sends how much: two token buckets for each source address, in a table that never grows. Time is a parameter. */
#ifndef MC_SOURCES_H
#define MC_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define MC_SOURCES_SETS 4096 /* a power of two */
#define MC_SOURCES_WAYS 4    /* sources in a set; the one that was quiet longest makes room */

/* `rate` a second on average, `burst` at once; rate 0 = no limit. */
struct mc_rate {
    uint32_t rate, burst;
};

enum mc_bucket { MC_BUCKET_MESSAGES, MC_BUCKET_CALLS, MC_BUCKETS };

struct mc_source_entry {
    uint64_t key; /* 0 = free */
    uint64_t last_us;
    uint64_t tokens[MC_BUCKETS]; /* in millionths */
};

struct mc_sources {
    uint64_t seed; /* of the hash, so that nobody can aim at a set */
    struct mc_rate rates[MC_BUCKETS];
    struct mc_source_entry entries[MC_SOURCES_SETS][MC_SOURCES_WAYS];
};

/* Forgets everybody. */
void mc_sources_init(struct mc_sources *s, uint64_t seed, const struct mc_rate rates[MC_BUCKETS]);
/* Takes a token of the source's bucket; false = there is none. An IPv6 source is its /64: one customer has all of it. Addresses of
 * other families are never limited. */
bool mc_sources_take(struct mc_sources *s, const struct sockaddr *from, enum mc_bucket bucket, uint64_t now_us);

/* An address range. */
struct mc_net {
    uint8_t family; /* AF_INET, AF_INET6 */
    uint8_t prefix; /* bits, 0-32 or 0-128 */
    uint8_t addr[16];
};

/* "10.0.0.0/8", "2001:db8::/32", "192.0.2.1". MC_OK or MC_E_FORMAT. */
int mc_net_parse(struct mc_net *out, const char *text);
/* An IPv4 address that is mapped into IPv6 counts as what it is. */
bool mc_net_has(const struct mc_net *net, const struct sockaddr *addr);

#endif
