/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the SIP stack holds at the moment: told by the signalling thread once a second (csrc/pjsip/held.c), read from any. When nothing
 * is under way every number is what it was after the start; one that stays higher is a leak. */
#ifndef MC_HELD_H
#define MC_HELD_H

#include <stdint.h>

enum mc_held_what {
    MC_HELD_CALLS,        /* slots of calls, those that wait for the answer to a BYE too */
    MC_HELD_TRANSACTIONS, /* RFC 3261 section 17 */
    MC_HELD_DIALOGS,      /* section 12 */
    MC_HELD_MEDIA,        /* media transports */
    MC_HELD_POOLS,        /* memory pools: each of the above has some */
    MC_HELD_ALL
};
extern const char *const mc_held_names[MC_HELD_ALL];

void mc_held_set(enum mc_held_what what, uint64_t n);
uint64_t mc_held_get(enum mc_held_what what);

#endif
