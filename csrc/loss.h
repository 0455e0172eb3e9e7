/* SPDX-License-Identifier: GPL-3.0-or-later
 * How the losses of one source lie: alone or in bursts. RFC 3611 section 4.7.2 (bursts and gaps, for the VoIP metrics block) and
 * ITU-T G.107 section 7.5 (burst ratio, for the E-model). A packet that came too late to be heard is lost as well, but counted
 * apart. What is missing is judged a little later, so that packets out of order are not taken for losses. */
#ifndef MC_LOSS_H
#define MC_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#define MC_LOSS_WAIT 16 /* packets behind the newest where a missing one is judged lost */

struct mc_loss_cluster { /* losses with fewer than Gmin packets between each other, and what lies between */
    uint32_t n_lost;
    uint64_t n; /* from the first loss to the last */
};

struct mc_loss {
    bool started;
    uint32_t newest;         /* extended sequence number */
    uint64_t came, too_late; /* bit i: newest - i */
    uint32_t n_open;         /* packets not yet judged, newest included */

    uint64_t n_judged, n_lost, n_discarded;
    uint64_t n_runs; /* of losses in a row */
    bool in_run;
    /* RFC 3611 section 4.7.2 */
    struct mc_loss_cluster cluster; /* may go on yet */
    uint64_t n_since;               /* packets heard since its last loss, or since the beginning */
    uint64_t n_bursts, burst_packets, burst_lost;
    uint64_t gap_packets, gap_lost;
};

void mc_loss_init(struct mc_loss *l);
/* A packet that came; `late`: too late to be heard. */
void mc_loss_packet(struct mc_loss *l, uint32_t ext_seq, bool late);
/* New source or numbering: what was counted stays, what was not yet judged is dropped. */
void mc_loss_restart(struct mc_loss *l);

struct mc_loss_metrics {
    double lost, discarded;            /* of the packets judged, 0 ... 1 */
    double burst_density, gap_density; /* lost or discarded in bursts, in gaps */
    double burst_packets, gap_packets; /* mean length; 0 = there was none */
    double burst_ratio;                /* mean run of losses / what it would be if they were independent; 1 without loss */
};

void mc_loss_metrics(const struct mc_loss *l, struct mc_loss_metrics *out);

#endif
