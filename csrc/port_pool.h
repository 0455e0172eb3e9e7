/* SPDX-License-Identifier: GPL-3.0-or-later
 * Ports for RTP (even) and RTCP (the odd one above, RFC 3550 section 11). A pair that was given back rests, so that what is still on
 * its way to a call that ended finds nobody; the pair that rested longest comes next. Time is a parameter. */
#ifndef MC_PORT_POOL_H
#define MC_PORT_POOL_H

#include <stddef.h>
#include <stdint.h>

struct mc_port_pool {
    uint64_t *free_us; /* of each pair: when it may be taken again */
    size_t n, next;
    uint16_t low; /* RTP port of the first pair */
    uint64_t rest_us;
};

/* Pairs that lie in low ... high. MC_E_ARG: not even one; MC_E_NOMEM. */
int mc_port_pool_init(struct mc_port_pool *pool, uint16_t low, uint16_t high, uint64_t rest_us);
void mc_port_pool_free(struct mc_port_pool *pool); /* an empty one is fine */
/* An RTP port; MC_E_FULL: all are in use or rest. */
int mc_port_pool_take(struct mc_port_pool *pool, uint64_t now_us);
/* Any port that take gave, once. Others are passed over. */
void mc_port_pool_give(struct mc_port_pool *pool, uint16_t port, uint64_t now_us);
/* Pairs that take could give. */
size_t mc_port_pool_left(const struct mc_port_pool *pool, uint64_t now_us);

#endif
