/* SPDX-License-Identifier: GPL-3.0-or-later
 * Inside of a prompt: its sound, and each way that it is coded in. Shared by prompt*.c only. */
#ifndef MC_PROMPT_CODE_H
#define MC_PROMPT_CODE_H

#include <pthread.h>
#include <stdatomic.h>

#include "prompt.h"

#define MC_PROMPT_TRACKS 16

struct mc_prompt_track {
    struct mc_coding coding;
    uint8_t *data;
    size_t per_ms;           /* bytes; codecs without state */
    uint32_t *at;            /* else: where packet i lies in data; n + 1 of them */
    size_t n, n_first, room; /* packets, those of pass 1; room of data */
};

struct mc_prompt {
    _Atomic int refs;
    bool loop;
    uint32_t rate;
    uint32_t ms;     /* of pcm */
    uint32_t end_ms; /* of it what is wanted: silence follows */
    int16_t *pcm;
    pthread_mutex_t coding; /* one thread at a time makes tracks */
    _Atomic size_t n_tracks;
    struct mc_prompt_track track[MC_PROMPT_TRACKS];
    mc_live *live;
};

void mc_prompt_read(const struct mc_prompt *prompt, uint64_t ms, int16_t *pcm, size_t n);
const struct mc_prompt_track *mc_prompt_find(const struct mc_prompt *prompt, const struct mc_coding *coding);
int mc_prompt_track_make(struct mc_prompt_track *track, const struct mc_prompt *prompt, const struct mc_coding *coding);
void mc_prompt_track_free(struct mc_prompt_track *track);
/* Bytes of the packet that begins at `ms`, 0 = nothing is to be sent, MC_E_SHORT, or MC_E_EMPTY: none begins there. */
int mc_prompt_track_read(const struct mc_prompt_track *track, const struct mc_prompt *prompt, uint64_t ms, unsigned ptime_ms,
                         uint8_t *out, size_t size);

#endif
