/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MC_CLOCK_H
#define MC_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC, microseconds: the one clock of the product. Only the worker and Python read it; below the leg's doors time is
 * a parameter. */
uint64_t mc_clock_us(void);
/* Unix time minus mc_clock_us, microseconds, as of now. */
int64_t mc_clock_wall_us(void);

#endif
