/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "capture.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "leg_int.h"
#include "udp.h"

#define RTP_FIXED 12u /* RFC 3550 section 5.1; then as many words as the CC field says */

struct mc_capture {
    _Atomic int refs;
    bool whole;
    size_t mask;
    _Atomic uint64_t lost;
    _Alignas(64) _Atomic uint64_t w;
    _Alignas(64) _Atomic uint64_t r;
    uint8_t bytes[];
};

int mc_capture_new(struct mc_capture **out, size_t room, bool whole) {
    struct mc_capture *c;

    if (room < 4 * (size_t)MC_UDP_SIZE || (room & (room - 1)) != 0) {
        return MC_E_ARG;
    }
    c = aligned_alloc(64, sizeof *c + room);
    if (c == NULL) {
        return MC_E_NOMEM;
    }
    memset(c, 0, sizeof *c);
    atomic_store(&c->refs, 1);
    c->mask = room - 1;
    c->whole = whole;
    *out = c;
    return MC_OK;
}

void mc_capture_ref(struct mc_capture *c) {
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

void mc_capture_unref(struct mc_capture *c) {
    if (c != NULL && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1) {
        free(c);
    }
}

static size_t kept_of(const struct mc_capture *c, const uint8_t *pkt, size_t len) {
    size_t head;

    if (c->whole || len < RTP_FIXED || mc_rtp_is_rtcp(pkt, len)) {
        return len;
    }
    head = RTP_FIXED + 4u * (pkt[0] & 0x0fu);
    return head < len ? head : len;
}

void mc_capture_packet(struct mc_capture *c, const struct mc_pcap_end *src, const struct mc_pcap_end *dst, const uint8_t *pkt,
                       size_t len, uint64_t wall_us) {
    uint8_t made[MC_UDP_SIZE + MC_PCAP_OVERHEAD];
    uint64_t w = atomic_load_explicit(&c->w, memory_order_relaxed), r = atomic_load_explicit(&c->r, memory_order_acquire);
    int n = len <= MC_UDP_SIZE ? mc_pcap_packet(made, wall_us, src, dst, pkt, len, kept_of(c, pkt, len)) : MC_E_ARG;
    size_t at = (size_t)w & c->mask, first;

    if (n < 0 || (size_t)n > c->mask + 1 - (size_t)(w - r)) {
        atomic_fetch_add_explicit(&c->lost, 1, memory_order_relaxed);
        return;
    }
    first = c->mask + 1 - at < (size_t)n ? c->mask + 1 - at : (size_t)n;
    memcpy(c->bytes + at, made, first);
    memcpy(c->bytes, made + first, (size_t)n - first);
    atomic_store_explicit(&c->w, w + (uint64_t)n, memory_order_release);
}

static void copy_out(const struct mc_capture *c, uint64_t from, uint8_t *out, size_t n) {
    size_t at = (size_t)from & c->mask, first = c->mask + 1 - at < n ? c->mask + 1 - at : n;

    memcpy(out, c->bytes + at, first);
    memcpy(out + first, c->bytes, n - first);
}

size_t mc_capture_read(struct mc_capture *c, uint8_t *out, size_t room) {
    uint64_t r = atomic_load_explicit(&c->r, memory_order_relaxed), w = atomic_load_explicit(&c->w, memory_order_acquire);
    size_t n = 0;

    while (r + n < w) {
        uint8_t head[16];
        uint32_t size;

        copy_out(c, r + n, head, sizeof head);
        memcpy(&size, head + 8, sizeof size);
        size += (uint32_t)sizeof head;
        if (n + size > room) {
            break;
        }
        copy_out(c, r + n, out + n, size);
        n += size;
    }
    atomic_store_explicit(&c->r, r + n, memory_order_release);
    return n;
}

uint64_t mc_capture_lost(const struct mc_capture *c) {
    return atomic_load_explicit(&c->lost, memory_order_relaxed);
}

int mc_leg_set_capture(struct mc_leg *leg, struct mc_capture *c) {
    struct mc_capture *none = NULL;

    mc_capture_ref(c);
    if (!atomic_compare_exchange_strong(&leg->capture, &none, c)) {
        mc_capture_unref(c);
        return MC_E_STATE;
    }
    return MC_OK;
}

void mc_leg_seen(struct mc_leg *leg, bool sent, const struct sockaddr *ours, const struct sockaddr *theirs, const uint8_t *pkt,
                 size_t len) {
    struct mc_capture *c = atomic_load_explicit(&leg->capture, memory_order_acquire);
    struct mc_pcap_end here, there;

    if (c == NULL) {
        return;
    }
    here = mc_pcap_end_of(ours);
    there = mc_pcap_end_of(theirs);
    mc_capture_packet(c, sent ? &here : &there, sent ? &there : &here, pkt, len,
                      (uint64_t)((int64_t)mc_clock_us() + mc_clock_wall_us()));
}
