/* SPDX-License-Identifier: GPL-3.0-or-later
 * A disk in memory for recordings: full, slow to give room, or away, when the test says so. */
#ifndef DISK_H
#define DISK_H

#include <errno.h>

#include "check.h"
#include "outfile.h"

struct disk {
    size_t limit;  /* bytes that fit; what lies beyond is ENOSPC */
    bool away;     /* nothing can be opened */
    bool stutters; /* a write takes a part of what it is given */
    struct rng rng;
    void (*after)(struct disk *d); /* each write */
    void *ctx;
    size_t size, room;
    uint8_t *bytes;
};

static int disk_open(void *ctx, const char *path) {
    errno = ENOENT;
    return ((struct disk *)ctx)->away ? -1 : 3;
}

static ssize_t disk_pwrite(void *ctx, int fd, const void *buf, size_t n, off_t at) {
    struct disk *d = ctx;
    size_t from = (size_t)at;
    if (from >= d->limit) {
        errno = ENOSPC;
        return -1;
    }
    n = n < d->limit - from ? n : d->limit - from;
    if (d->stutters && n > 100) { /* not the header's */
        n = 1 + rng_below(&d->rng, (uint32_t)n);
    }
    if (from + n > d->room) {
        size_t room = 2 * (from + n);
        d->bytes = realloc(d->bytes, room);
        memset(d->bytes + d->room, 0, room - d->room);
        d->room = room;
    }
    memcpy(d->bytes + from, buf, n);
    d->size = from + n > d->size ? from + n : d->size;
    if (d->after != NULL) {
        d->after(d);
    }
    return (ssize_t)n;
}

static int disk_close(void *ctx, int fd) {
    return 0;
}

static const struct mc_file_ops disk_ops = {disk_open, disk_pwrite, disk_close};

static struct disk disk_of(void) {
    return (struct disk){.limit = SIZE_MAX, .rng = rng_of(1)};
}

__attribute__((unused)) static uint32_t le32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

__attribute__((unused)) static uint64_t le64(const uint8_t *p) {
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

#endif
