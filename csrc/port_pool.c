/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "port_pool.h"

#include <stdlib.h>

#include "err.h"

#define IN_USE UINT64_MAX

int mc_port_pool_init(struct mc_port_pool *pool, uint16_t low, uint16_t high, uint64_t rest_us) {
    uint32_t first = low + (low & 1u);
    *pool = (struct mc_port_pool){.low = (uint16_t)first, .rest_us = rest_us};
    if (low == 0 || first + 1 > high) {
        return MC_E_ARG;
    }
    size_t n = (high - first + 1) / 2;
    pool->free_us = calloc(n, sizeof *pool->free_us);
    if (pool->free_us == NULL) {
        return MC_E_NOMEM;
    }
    pool->n = n;
    return MC_OK;
}

void mc_port_pool_free(struct mc_port_pool *pool) {
    free(pool->free_us);
    *pool = (struct mc_port_pool){0};
}

int mc_port_pool_take(struct mc_port_pool *pool, uint64_t now_us) {
    for (size_t i = 0; i < pool->n; i++) {
        size_t at = (pool->next + i) % pool->n;
        if (pool->free_us[at] <= now_us) {
            pool->free_us[at] = IN_USE;
            pool->next = (at + 1) % pool->n;
            return pool->low + (int)at * 2;
        }
    }
    return MC_E_FULL;
}

void mc_port_pool_give(struct mc_port_pool *pool, uint16_t port, uint64_t now_us) {
    size_t at = port < pool->low ? pool->n : (size_t)(port - pool->low) / 2;
    if (at < pool->n && pool->free_us[at] == IN_USE) {
        pool->free_us[at] = now_us + pool->rest_us;
    }
}

size_t mc_port_pool_left(const struct mc_port_pool *pool, uint64_t now_us) {
    size_t left = 0;
    for (size_t i = 0; i < pool->n; i++) {
        left += pool->free_us[i] <= now_us;
    }
    return left;
}
