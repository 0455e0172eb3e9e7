/* SPDX-License-Identifier: GPL-3.0-or-later
 * A file that grows, on a disk that may be full, slow or away: what could not be written is kept, as far as there is room, and tried
 * again. Blocks like any file; for a thread of its own. */
#ifndef MC_OUTFILE_H
#define MC_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The system's calls, or a test's. */
struct mc_file_ops {
    int (*open)(void *ctx, const char *path); /* descriptor; -1 and errno */
    ssize_t (*pwrite)(void *ctx, int fd, const void *buf, size_t n, off_t at);
    int (*close)(void *ctx, int fd);
};
extern const struct mc_file_ops mc_file_ops_system; /* open refuses with ESPIPE what is no regular file */

#define MC_OUTFILE_ROOM ((size_t)128 << 10)

struct mc_outfile {
    const struct mc_file_ops *ops;
    void *ctx;
    const char *path;
    int fd;            /* -1 = not open yet */
    int error;         /* errno of the last try; 0 = it went well */
    uint64_t n_errors; /* tries that failed */
    uint64_t at;       /* where buf belongs in the file */
    size_t n;
    uint8_t *buf;
};

int mc_outfile_init(struct mc_outfile *f, const char *path, const struct mc_file_ops *ops, void *ctx);
size_t mc_outfile_room(const struct mc_outfile *f);
void mc_outfile_put(struct mc_outfile *f, const void *bytes, size_t n); /* at most what there is room for */
/* A hole: zeros to a reader, once something is behind it. False: not while something waits to be written. */
bool mc_outfile_skip(struct mc_outfile *f, uint64_t n);
bool mc_outfile_flush(struct mc_outfile *f); /* true = everything is in the file */
/* Over what is written already, at once. */
bool mc_outfile_patch(struct mc_outfile *f, uint64_t at, const void *bytes, size_t n);
void mc_outfile_close(struct mc_outfile *f); /* what could not be written is lost */

#endif
