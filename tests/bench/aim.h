/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which lead to try next. A quarter of the probes are spread over all leads, evenly on a logarithmic scale; the others follow two
 * weighted staircases (C. Kaernbach, Perception & Psychophysics 49, 1991): a step down after a probe that made it and a step up
 * after one that missed, in such a ratio that they come to rest where half, and 99 of 100, make it. */
#ifndef AIM_H
#define AIM_H

#include <math.h>
#include <stdbool.h>

#define LEAD_MIN_NS 10000.0
#define LEAD_MAX_NS 8000000.0
#define LEAD_FIRST_NS 300000.0
#define SPREAD 0.5 /* of the natural logarithm, around a staircase: what is near it counts too */

enum aim_at { AIM_MEDIAN, AIM_TAIL, AIM_ANY };

struct aim {
    double log_lead[AIM_ANY];
    unsigned n;
};

static const double aim_share[AIM_ANY] = {0.5, 0.99}, aim_gain[AIM_ANY] = {0.15, 0.5};

static inline double aim_within(double low, double x, double high) {
    return x < low ? low : x > high ? high : x;
}

/* `random`: 0 ... 1. */
static inline double aim_lead_ns(struct aim *a, double random, enum aim_at *at) {
    static const enum aim_at turns[] = {AIM_ANY, AIM_TAIL, AIM_MEDIAN, AIM_TAIL};
    const double low = log(LEAD_MIN_NS), high = log(LEAD_MAX_NS);
    if (a->n == 0)
        a->log_lead[AIM_MEDIAN] = a->log_lead[AIM_TAIL] = log(LEAD_FIRST_NS);
    *at = turns[a->n++ % 4];
    if (*at == AIM_ANY)
        return exp(low + random * (high - low));
    return exp(aim_within(low, a->log_lead[*at] + (random - 0.5) * SPREAD, high));
}

/* What became of a probe. */
static inline void aim_learn(struct aim *a, enum aim_at at, bool made) {
    if (at != AIM_ANY)
        a->log_lead[at] = aim_within(log(LEAD_MIN_NS), a->log_lead[at] + aim_gain[at] * (aim_share[at] - made),
                                     log(LEAD_MAX_NS));
}

#endif
