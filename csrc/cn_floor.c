/* SPDX-License-Identifier: GPL-3.0-or-later
 * What to tell the other side about the noise here. Speech is louder than the noise behind it, so the softest packets are the noise:
 * the level follows down at once and creeps up slowly, and the spectrum is that of the packet that was near it last. */
#include <math.h>
#include <string.h>

#include "cng.h"
#include "level.h"

#define CREEP_DB_S 2.5F
#define NEAR_DB 3
#define ORDER 8 /* what a description has; RFC 3389 section 3.2 leaves it to the sender */
#define MAX_N 5760

void mc_cn_floor_init(struct mc_cn_floor *floor) {
    memset(floor, 0, sizeof *floor);
    floor->level_db = 0;
    floor->cn.level = MC_CN_SILENT; /* nothing was ever said */
}

static void correlate(const int16_t *pcm, size_t n, double r[ORDER + 1]) {
    float x[MAX_N];
    n = n < MAX_N ? n : MAX_N;
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)pcm[i] * (0.5F - 0.5F * cosf(2 * (float)M_PI * ((float)i + 0.5F) / (float)n));
    }
    for (size_t lag = 0; lag <= ORDER; lag++) {
        double sum = 0;
        for (size_t i = lag; i < n; i++) {
            sum += (double)x[i] * x[i - lag];
        }
        r[lag] = sum;
    }
}

/* Levinson and Durbin. */
static void reflect(const double r[ORDER + 1], struct mc_cn *cn) {
    double a[ORDER + 1] = {1};
    double error = r[0] * 1.0001 + 1; /* a little white noise keeps it stable */
    for (int m = 1; m <= ORDER; m++) {
        double sum = 0;
        for (int i = 0; i < m; i++) {
            sum += a[i] * r[m - i];
        }
        double k = -sum / error;
        double old[ORDER + 1];
        memcpy(old, a, sizeof old);
        for (int i = 1; i < m; i++) {
            a[i] = old[i] + k * old[m - i];
        }
        a[m] = k;
        error *= 1 - k * k;
        long n = lround(k * 32768 / 258);
        cn->k[m - 1] = (int8_t)(n > 127 ? 127 : n < -127 ? -127 : n);
    }
    cn->order = ORDER;
}

void mc_cn_floor_hear(struct mc_cn_floor *floor, const int16_t *pcm, size_t n, uint32_t rate) {
    float level = (float)mc_level_ddb(pcm, n) / 10;
    float crept = floor->level_db + CREEP_DB_S * (float)n / (float)rate;
    floor->level_db = level < crept ? level : crept;
    if (level > floor->level_db + NEAR_DB) {
        return;
    }
    if (level <= -96) { /* digital silence has no spectrum */
        floor->cn = (struct mc_cn){.level = MC_CN_SILENT};
        return;
    }
    double r[ORDER + 1];
    correlate(pcm, n, r);
    reflect(r, &floor->cn);
    floor->cn.level = (uint8_t)lrintf(-floor->level_db);
}
