/* SPDX-License-Identifier: GPL-3.0-or-later
 * The E-model, ITU-T G.107 (06/2015), with the default values of its table 2 for everything that a VoIP receiver can't know: how
 * good a call sounds, estimated from codec, loss and delay. Narrowband scale: R 93.2 and MOS 4.4 are as good as G.711 gets. */
#ifndef MC_EMODEL_H
#define MC_EMODEL_H

#include <stdint.h>

struct mc_emodel_codec {
    const char *name;      /* SDP encoding name */
    double ie;             /* equipment impairment factor */
    double bpl;            /* packet-loss robustness factor */
    uint32_t lookahead_us; /* algorithmic delay on top of the packet's length */
};

/* By SDP encoding name, in any case; a codec that is not in the table is judged like G.711. Never NULL. */
const struct mc_emodel_codec *mc_emodel_codec(const char *name);

struct mc_emodel_line {
    double ie, bpl;
    double loss;        /* 0 ... 1, lost or too late */
    double burst_ratio; /* section 7.5; 1 = independent losses */
    double delay_ms;    /* mouth to ear, one way */
};

/* Ie,eff of section 7.5: what codec and loss take away. */
double mc_emodel_equipment(const struct mc_emodel_line *line);
/* Id of section 7.4: what delay takes away. */
double mc_emodel_delay(double delay_ms);
/* R of section 7.1 for conversation, 0 ... 100. For listening only, add mc_emodel_delay again, or ask with delay_ms 0. */
double mc_emodel_r(const struct mc_emodel_line *line);
/* Mean opinion score of annex B, 1 ... 4.5. */
double mc_emodel_mos(double r);

#endif
