/* SPDX-License-Identifier: GPL-3.0-or-later
 * Parts of the RTP generator: stamps in G.711 payloads, times, and the queue of sends that are due. */
#ifndef RTPGEN_H
#define RTPGEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAYLOAD 160 /* 20 ms of G.711 */
#define HALF (PAYLOAD / 2)
#define QUARTER (PAYLOAD / 4)
#define RTP_HEADER 12
#define FRAME_NS 20000000LL
#define MAX_CALLS 4096

/* A stamp is a mark and two numbers as hex digits, each digit one G.711 code. 0x10 + digit survives decoding and encoding
 * again in both laws (only mu-law's negative zero does not). It stands at the head of a payload; a system under test that
 * claims to have had the frame in Python must send it back with the payload's halves swapped. One that works in pieces of
 * 10 ms, and may lose one and be half a frame off ever after, swaps the halves of each piece: the payload is "quartered". */
#define STAMP 20
static const uint8_t stamp_mark[4] = {0x1f, 0x10, 0x1d, 0x12};

static inline void stamp_put(uint8_t *p, uint32_t call, uint32_t n) {
    memcpy(p, stamp_mark, 4);
    for (int i = 0; i < 8; i++) {
        p[4 + i] = 0x10 + ((call >> (4 * i)) & 15);
        p[12 + i] = 0x10 + ((n >> (4 * i)) & 15);
    }
}

static inline bool stamp_get(const uint8_t *p, uint32_t *call, uint32_t *n) {
    if (memcmp(p, stamp_mark, 4) != 0)
        return false;
    *call = *n = 0;
    for (int i = 0; i < 8; i++) {
        if ((p[4 + i] & 0xf0) != 0x10 || (p[12 + i] & 0xf0) != 0x10)
            return false;
        *call |= (uint32_t)(p[4 + i] & 15) << (4 * i);
        *n |= (uint32_t)(p[12 + i] & 15) << (4 * i);
    }
    return true;
}

/* Kernel receive stamps are CLOCK_REALTIME, so everything here is. */
static inline int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Binary heap of (time, call): the earliest is heap[0]. */
struct due {
    int64_t at;
    uint32_t call;
};

struct heap {
    struct due item[MAX_CALLS];
    size_t n;
};

static inline void heap_put(struct heap *h, int64_t at, uint32_t call) {
    size_t i = h->n++;
    while (i > 0 && h->item[(i - 1) / 2].at > at) {
        h->item[i] = h->item[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->item[i] = (struct due){at, call};
}

static inline struct due heap_pop(struct heap *h) {
    struct due top = h->item[0], last = h->item[--h->n];
    size_t i = 0;
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= h->n)
            break;
        if (c + 1 < h->n && h->item[c + 1].at < h->item[c].at)
            c++;
        if (h->item[c].at >= last.at)
            break;
        h->item[i] = h->item[c];
        i = c;
    }
    h->item[i] = last;
    return top;
}

/* What is written to the raw file; read by stats.py. */
struct raw_echo {
    uint32_t call, n;
    int64_t sent_ns;
    int64_t lead_ns;    /* to the first packet that the far end sent afterwards; -1: none came */
    int64_t latency_ns; /* to the packet that brought the stamp back; -1: lost */
};

struct raw_packet {
    uint32_t call;
    uint16_t seq;
    uint16_t silent; /* 1: all bytes of the payload are equal */
    int64_t at_ns;
};

struct raw_setup {
    uint32_t call;
    uint16_t code; /* 200: was answered and ended as it should; else what it failed with */
    uint16_t repeats;
    int64_t invite_ns;
    int64_t answer_ns; /* the 200, or a refusal; -1: neither came */
    int64_t rtp_ns;    /* the first packet of sound; -1: none came */
};

#endif
