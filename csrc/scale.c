/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scale.h"

#include <string.h>

#define PERIOD_US (MC_WSOLA_PERIOD_MS * 1000)

void mc_scale_init(struct mc_scale *sc, uint32_t rate) {
    sc->rate = rate;
    sc->n_past = 0;
}

static void remember(struct mc_scale *sc, const int16_t *pcm, size_t n) {
    const size_t most = (size_t)sc->rate / 1000 * MC_WSOLA_PAST_MS;
    if (n >= most) {
        memcpy(sc->past, pcm + n - most, most * sizeof *pcm);
        sc->n_past = (uint32_t)most;
        return;
    }
    const size_t keep = sc->n_past + n > most ? most - n : sc->n_past;
    memmove(sc->past, sc->past + sc->n_past - keep, keep * sizeof *pcm);
    memcpy(sc->past + keep, pcm, n * sizeof *pcm);
    sc->n_past = (uint32_t)(keep + n);
}

/* all[n_past ...] comes, n samples of it. */
static int32_t walk(uint32_t rate, int16_t *all, size_t n_past, size_t n, int32_t most) {
    const size_t stride = (size_t)rate / 1000 * MC_WSOLA_COMING_MS;
    int32_t gone = 0;
    for (size_t at = 0; at < n && most != 0; at += stride) {
        int16_t *pcm = all + n_past + at;
        size_t got;
        if (most > 0) {
            got = mc_wsola_shorten(rate, pcm, n_past + at, n - at, (size_t)most);
            most -= (int32_t)got;
            gone += (int32_t)got;
            n -= got;
        } else {
            size_t period = (size_t)rate / 1000 * MC_WSOLA_PERIOD_MS;
            period = (size_t)-most < period ? (size_t)-most : period;
            got = mc_wsola_stretch(rate, pcm, n_past + at, n - at, period);
            most += (int32_t)got;
            gone -= (int32_t)got;
            n += got;
            at += got;
        }
    }
    return gone;
}

int32_t mc_scale_run(struct mc_scale *sc, int16_t *pcm, size_t n, int32_t most) {
    int32_t gone = 0;
    if (most != 0 && n <= MC_CODEC_MAX_PCM) {
        int16_t all[MC_SCALE_PAST + MC_SCALE_MAX_PCM];
        memcpy(all, sc->past, sc->n_past * sizeof *all);
        memcpy(all + sc->n_past, pcm, n * sizeof *pcm);
        gone = walk(sc->rate, all, sc->n_past, n, most);
        n = (size_t)((int64_t)n - gone);
        memcpy(pcm, all + sc->n_past, n * sizeof *pcm);
    }
    remember(sc, pcm, n);
    return gone;
}
