/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 *   packets   . . . . x . . . . . . . . . . . . . . . . . . x . x x . . x . . . . . . . . . . . . . . . . . . .
 *                     |<-- Gmin or more packets came: -->|  |<- burst ->|
 *                      a loss alone belongs to the gap
 */
#include "loss.h"

#include <string.h>

#include "rtcp_xr.h"

#define WINDOW 64 /* bits of the maps */

_Static_assert(MC_LOSS_WAIT < WINDOW, "judged before they fall out of the map");

void mc_loss_init(struct mc_loss *l) {
    memset(l, 0, sizeof *l);
}

void mc_loss_restart(struct mc_loss *l) {
    l->started = false;
}

/* The cluster is complete: two losses or more are a burst, a single one is part of the gap around it. */
static void close_cluster(struct mc_loss *l) {
    if (l->cluster.n_lost > 1) {
        l->n_bursts++;
        l->burst_packets += l->cluster.n;
        l->burst_lost += l->cluster.n_lost;
    } else {
        l->gap_packets += l->cluster.n;
        l->gap_lost += l->cluster.n_lost;
    }
    l->cluster = (struct mc_loss_cluster){0};
}

static void judge_missing(struct mc_loss *l) {
    l->n_runs += !l->in_run;
    l->in_run = true;
    if (l->cluster.n_lost > 0 && l->n_since < MC_XR_GMIN) {
        l->cluster.n += l->n_since;
    } else {
        close_cluster(l);
        l->gap_packets += l->n_since;
    }
    l->cluster.n_lost++;
    l->cluster.n++;
    l->n_since = 0;
}

static void judge(struct mc_loss *l, bool came, bool late) {
    l->n_judged++;
    l->n_lost += !came;
    l->n_discarded += came && late;
    if (came && !late) {
        l->in_run = false;
        l->n_since++;
    } else {
        judge_missing(l);
    }
}

/* Everything up to MC_LOSS_WAIT packets behind `newest`, which may lie far ahead of what the maps show. */
static void move_to(struct mc_loss *l, uint32_t newest) {
    uint32_t ahead = newest - l->newest;
    uint32_t open = l->n_open + ahead;
    for (; open > MC_LOSS_WAIT; open--) {
        uint32_t behind = open - 1;    /* of the one that is judged, from the new newest */
        bool in_map = behind >= ahead; /* no more than MC_LOSS_WAIT are open */
        bool came = in_map && (l->came >> (behind - ahead) & 1);
        judge(l, came, in_map && (l->too_late >> (behind - ahead) & 1));
    }
    l->n_open = open;
    l->newest = newest;
    l->came = ahead < WINDOW ? l->came << ahead : 0;
    l->too_late = ahead < WINDOW ? l->too_late << ahead : 0;
}

void mc_loss_packet(struct mc_loss *l, uint32_t ext_seq, bool late) {
    if (!l->started) {
        l->started = true;
        l->newest = ext_seq;
        l->came = l->too_late = 0;
        l->n_open = 1;
    } else if ((int32_t)(ext_seq - l->newest) > 0) {
        move_to(l, ext_seq);
    }
    uint32_t behind = l->newest - ext_seq;
    if (behind < l->n_open) {
        l->came |= UINT64_C(1) << behind;
        l->too_late |= (uint64_t)late << behind;
    }
}

static double ratio(uint64_t a, uint64_t b) {
    return b > 0 ? (double)a / (double)b : 0;
}

void mc_loss_metrics(const struct mc_loss *now, struct mc_loss_metrics *out) {
    struct mc_loss l = *now;
    close_cluster(&l); /* as if the call ended here */
    l.gap_packets += l.n_since;
    uint64_t n_gone = l.n_lost + l.n_discarded;
    double gone = ratio(n_gone, l.n_judged);
    out->lost = ratio(l.n_lost, l.n_judged);
    out->discarded = ratio(l.n_discarded, l.n_judged);
    out->burst_density = ratio(l.burst_lost, l.burst_packets);
    out->gap_density = ratio(l.gap_lost, l.gap_packets);
    out->burst_packets = ratio(l.burst_packets, l.n_bursts);
    /* A gap before, between and after the bursts. */
    out->gap_packets = l.gap_packets > 0 ? ratio(l.gap_packets, l.n_bursts + 1) : 0;
    out->burst_ratio = 1;
    if (l.n_runs > 0 && gone < 1) {
        /* Independent losses come in runs of 1 / (1 - loss) on average. */
        double times = ratio(n_gone, l.n_runs) * (1 - gone);
        out->burst_ratio = times > 1 ? times : 1;
    }
}
