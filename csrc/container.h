/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a recording's file looks like: a format is one constant struct and one line in container.c. Frames are 16-bit stereo,
 * interleaved, at the recording's rate. */
#ifndef MC_CONTAINER_H
#define MC_CONTAINER_H

#include "outfile.h"

#define MC_CONTAINER_FRAMES 960 /* most frames of one put: 20 ms at 48 kHz */

struct mc_container {
    const char *name; /* also the file's suffix */
    size_t size;      /* of its state, which begins as zeros */
    /* serial: of the stream, where the format has one. MC_E_CODEC, MC_E_NOMEM, MC_E_ARG. */
    int (*init)(void *state, struct mc_outfile *file, uint32_t rate, uint32_t serial);
    bool (*put)(void *state, const int16_t *stereo, size_t n); /* false: no room now, nothing was taken */
    uint64_t (*silence)(void *state, uint64_t n); /* in the place of frames that are lost; returns how many, 0 = no room now */
    void (*sync)(void *state);                    /* what was put so far is in the file, but for half a second at most */
    void (*finish)(void *state);                  /* all of it; nothing is put any more */
    void (*free)(void *state);
};

const struct mc_container *mc_container_find(const char *name); /* NULL = unknown */
extern const struct mc_container mc_container_wav, mc_container_opus;

#endif
