/* SPDX-License-Identifier: GPL-3.0-or-later
 * Section numbers are those of ITU-T G.107 (06/2015).
 *
 *   R = Ro - Is - Id(delay) - Ie,eff(codec, loss)      MOS from R by annex B
 */
#include "emodel.h"

#include <math.h>
#include <strings.h>

/* Table 2, default values. */
#define NO_DBM0P (-61.18) /* total noise, section 7.2 */
#define RLR_DB 2.0
#define TELR_DB 65.0 /* talker echo loudness */
#define WEPL_DB 110.0
#define RO 94.77             /* signal to noise, section 7.2 */
#define IS 1.41              /* loudness, sidetone, quantisation; section 7.3 */
#define UNHEARD_DELAY_MS 100 /* section 7.4, Ta */

/* Ie and Bpl: ITU-T G.113 appendix I, table I.3, random loss. Linear PCM has G.711's concealment and no coding noise. G.722 and Opus
 * have no values on the narrowband scale; taken here are no impairment (on this scale they beat G.711) and a robustness between
 * G.711 without (4.3) and with (25.1) concealment: an assumption. Opus: delay of RFC 6716 section 2.1.7 (26.5 ms with a frame of 20). */
static const struct mc_emodel_codec codecs[] = {
    {"PCMU", 0, 25.1, 0}, {"PCMA", 0, 25.1, 0}, {"L16", 0, 25.1, 0}, {"G722", 0, 10, 1500}, {"opus", 0, 10, 6500},
};

const struct mc_emodel_codec *mc_emodel_codec(const char *name) {
    for (unsigned i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        if (strcasecmp(codecs[i].name, name) == 0) {
            return &codecs[i];
        }
    }
    return &codecs[0];
}

double mc_emodel_equipment(const struct mc_emodel_line *line) {
    double percent = 100 * line->loss;
    if (percent <= 0) {
        return line->ie;
    }
    return line->ie + (95 - line->ie) * percent / (percent / line->burst_ratio + line->bpl);
}

/* Talker echo, Idte. */
static double talker_echo(double t) {
    double terv = TELR_DB - 40 * log10((1 + t / 10) / (1 + t / 150)) + 6 * exp(-0.3 * t * t);
    double re = 80 + 2.5 * (terv - 14);
    double roe = -1.5 * (NO_DBM0P - RLR_DB);
    return ((roe - re) / 2 + sqrt((roe - re) * (roe - re) / 4 + 100) - 1) * (1 - exp(-t));
}

/* Listener echo, Idle; its round trip is twice the one-way delay. */
static double listener_echo(double t) {
    double rle = 10.5 * (WEPL_DB + 7) * pow(2 * t + 1, -0.25);
    return (RO - rle) / 2 + sqrt((RO - rle) * (RO - rle) / 4 + 169);
}

/* Too long to talk across, Idd. */
static double long_delay(double t) {
    if (t <= UNHEARD_DELAY_MS) {
        return 0;
    }
    double x = log2(t / UNHEARD_DELAY_MS);
    return 25 * (pow(1 + pow(x, 6), 1.0 / 6) - 3 * pow(1 + pow(x / 3, 6), 1.0 / 6) + 2);
}

double mc_emodel_delay(double delay_ms) {
    double t = delay_ms > 0 ? delay_ms : 0;
    return talker_echo(t) + listener_echo(t) + long_delay(t);
}

double mc_emodel_r(const struct mc_emodel_line *line) {
    double r = RO - IS - mc_emodel_delay(line->delay_ms) - mc_emodel_equipment(line);
    return r < 0 ? 0 : r > 100 ? 100 : r;
}

double mc_emodel_mos(double r) {
    if (r <= 0) {
        return 1;
    }
    if (r >= 100) {
        return 4.5;
    }
    double mos = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
    return mos > 1 ? mos : 1; /* the polynomial dips below 1 for small R */
}
