/* SPDX-License-Identifier: GPL-3.0-or-later
 * The best that any playout policy could do on a line that is known beforehand: choose for each packet the time it is held,
 * counted from the line's least transit ("level"), so that
 *
 *     sum over speech packets of  (played: level - transit;  too late: price)      is least.
 *
 * Every price gives one point of the least-delay-for-this-much-concealment curve. Dynamic programming over packets and levels.
 * Between two speech packets in a row the level moves by at most `slack` levels (0: constant within a talkspurt; more: time
 * scaling); next to a quiet packet it rises freely and falls by at most the quiet packet's own length. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct optimum_line {
    const int32_t *late_us; /* transit above the line's least; negative: never arrives */
    const uint8_t *quiet;
    int32_t n;
    int32_t first_us, step_us, n_levels; /* levels: first, first + step, ... */
    int32_t slack;                       /* levels */
    int32_t packet_us;
    int32_t judged_from; /* packets before it cost nothing */
};

struct optimum_result {
    double held_us; /* sum over the played speech packets */
    int64_t n_played, n_missed;
};

static float cost_of(const struct optimum_line *line, int32_t i, int32_t level_us, float price_us) {
    if (line->quiet[i] || i < line->judged_from) {
        return 0;
    }
    const int32_t late = line->late_us[i];
    return late < 0 ? 0 : late <= level_us ? (float)(level_us - late) : price_us;
}

/* best[l] <- least over the levels from which packet i may take level l; from[l] says which. */
static void step(const struct optimum_line *line, int32_t i, const float *before, float *best, uint16_t *from) {
    const int32_t n = line->n_levels;
    if (!line->quiet[i] && !line->quiet[i - 1]) {
        for (int32_t l = 0; l < n; l++) {
            const int32_t low = l < line->slack ? 0 : l - line->slack;
            const int32_t high = l + line->slack >= n ? n - 1 : l + line->slack;
            int32_t k = l;
            for (int32_t j = low; j <= high; j++) {
                k = before[j] < before[k] ? j : k;
            }
            best[l] = before[k];
            from[l] = (uint16_t)k;
        }
        return;
    }
    const int32_t fall = line->packet_us / line->step_us; /* from at most l + fall */
    int32_t k = 0;
    int32_t seen = 0;
    for (int32_t l = 0; l < n; l++) {
        for (; seen < n && seen <= l + fall; seen++) {
            k = before[seen] < before[k] ? seen : k;
        }
        best[l] = before[k];
        from[l] = (uint16_t)k;
    }
}

/* levels[n]: the chosen one of each packet, microseconds. 0, or -1: no memory. */
int optimum_run(const struct optimum_line *line, float price_us, int32_t *levels_us, struct optimum_result *out) {
    const size_t n_levels = (size_t)line->n_levels;
    float *cost = malloc(2 * n_levels * sizeof *cost);
    uint16_t *from = malloc((size_t)line->n * n_levels * sizeof *from);
    if (cost == NULL || from == NULL) {
        free(cost);
        free(from);
        return -1;
    }
    float *now = cost;
    float *before = cost + n_levels;
    for (int32_t i = 0; i < line->n; i++) {
        if (i == 0) {
            memset(now, 0, n_levels * sizeof *now);
        } else {
            step(line, i, before, now, from + (size_t)i * n_levels);
        }
        float least = 1e30F;
        for (size_t l = 0; l < n_levels; l++) {
            now[l] += cost_of(line, i, line->first_us + (int32_t)l * line->step_us, price_us);
            least = now[l] < least ? now[l] : least;
        }
        for (size_t l = 0; l < n_levels; l++) {
            now[l] -= least; /* floats stay exact; only differences matter */
        }
        float *swap = now;
        now = before;
        before = swap;
    }
    size_t l = 0;
    for (size_t k = 1; k < n_levels; k++) {
        l = before[k] < before[l] ? k : l;
    }
    memset(out, 0, sizeof *out);
    for (int32_t i = line->n - 1; i >= 0; i--) {
        const int32_t level = line->first_us + (int32_t)l * line->step_us;
        levels_us[i] = level;
        if (!line->quiet[i] && i >= line->judged_from) {
            const int32_t late = line->late_us[i];
            if (late >= 0 && late <= level) {
                out->held_us += level - late;
                out->n_played++;
            } else {
                out->n_missed++;
            }
        }
        l = i > 0 ? from[(size_t)i * n_levels + l] : l;
    }
    free(cost);
    free(from);
    return 0;
}
