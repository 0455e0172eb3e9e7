/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "early.h"

#include <stdlib.h>
#include <string.h>

#define MOST 16
#define SIZE 640          /* 60 ms of G.711, sealed */
#define OLDEST_US 100000u /* what came before is a silence that nobody misses; played late it would only delay the rest */

struct early_packet {
    uint64_t at_us;
    size_t len;
    socklen_t from_len;
    struct sockaddr_storage from;
    _Alignas(8) uint8_t bytes[SIZE];
};

struct mc_early {
    unsigned n; /* that came */
    struct early_packet packets[MOST];
};

struct mc_early *mc_early_new(void) {
    return calloc(1, sizeof(struct mc_early));
}

void mc_early_free(struct mc_early *early) {
    free(early);
}

void mc_early_put(struct mc_early *early, const uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len,
                  uint64_t now_us) {
    struct early_packet *p = &early->packets[early->n % MOST];

    if (len <= SIZE && from_len <= sizeof(p->from)) {
        early->n++;
        p->at_us = now_us;
        p->len = len;
        p->from_len = from_len;
        memcpy(&p->from, from, from_len);
        memcpy(p->bytes, buf, len);
    }
}

void mc_early_each(const struct mc_early *early, uint64_t now_us, mc_early_fn *fn, void *ctx) {
    _Alignas(8) uint8_t buf[SIZE];

    for (unsigned i = early->n > MOST ? early->n - MOST : 0; i != early->n; i++) {
        const struct early_packet *p = &early->packets[i % MOST];

        if (now_us - p->at_us <= OLDEST_US) {
            memcpy(buf, p->bytes, p->len);
            fn(ctx, buf, p->len, (const struct sockaddr *)&p->from, p->from_len, now_us);
        }
    }
}
