/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

#define MODE 0640 /* calls are nobody else's business */

static int system_open(void *ctx, const char *path) {
    struct stat st = {0};
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, MODE); /* O_NONBLOCK: a FIFO without a reader */
    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || ftruncate(fd, 0) != 0) {
        int err = S_ISREG(st.st_mode) ? errno : ESPIPE;
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

static ssize_t system_pwrite(void *ctx, int fd, const void *buf, size_t n, off_t at) {
    return pwrite(fd, buf, n, at);
}

static int system_close(void *ctx, int fd) {
    return close(fd);
}

const struct mc_file_ops mc_file_ops_system = {system_open, system_pwrite, system_close};

int mc_outfile_init(struct mc_outfile *f, const char *path, const struct mc_file_ops *ops, void *ctx) {
    *f = (struct mc_outfile){.ops = ops, .ctx = ctx, .path = path, .fd = -1, .buf = malloc(MC_OUTFILE_ROOM)};
    return f->buf != NULL ? MC_OK : MC_E_NOMEM;
}

size_t mc_outfile_room(const struct mc_outfile *f) {
    return MC_OUTFILE_ROOM - f->n;
}

void mc_outfile_put(struct mc_outfile *f, const void *bytes, size_t n) {
    n = n < mc_outfile_room(f) ? n : mc_outfile_room(f);
    memcpy(f->buf + f->n, bytes, n);
    f->n += n;
}

bool mc_outfile_skip(struct mc_outfile *f, uint64_t n) {
    if (f->n > 0) {
        return false;
    }
    f->at += n;
    return true;
}

static bool went(struct mc_outfile *f, bool well) {
    f->error = well ? 0 : errno != 0 ? errno : EIO;
    f->n_errors += !well;
    return well;
}

static bool is_open(struct mc_outfile *f) {
    if (f->fd < 0) {
        f->fd = f->ops->open(f->ctx, f->path);
    }
    return f->fd >= 0;
}

bool mc_outfile_patch(struct mc_outfile *f, uint64_t at, const void *bytes, size_t n) {
    bool well = is_open(f) && f->ops->pwrite(f->ctx, f->fd, bytes, n, (off_t)at) == (ssize_t)n;
    return well || went(f, false); /* it says nothing about room for more: an error stays */
}

bool mc_outfile_flush(struct mc_outfile *f) {
    if (!is_open(f)) {
        return went(f, false);
    }
    while (f->n > 0) {
        ssize_t n = f->ops->pwrite(f->ctx, f->fd, f->buf, f->n, (off_t)f->at);
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return went(f, false);
        }
        f->at += (uint64_t)n;
        f->n -= (size_t)n;
        memmove(f->buf, f->buf + n, f->n);
    }
    return went(f, true);
}

void mc_outfile_close(struct mc_outfile *f) {
    if (f->fd >= 0) {
        f->ops->close(f->ctx, f->fd);
    }
    f->fd = -1;
    free(f->buf);
    f->buf = NULL;
}
