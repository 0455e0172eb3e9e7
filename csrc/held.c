/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "held.h"

const char *const mc_held_names[MC_HELD_ALL] = {"calls", "transactions", "dialogs", "media", "pools"};

static uint64_t held[MC_HELD_ALL];

void mc_held_set(enum mc_held_what what, uint64_t n) {
    __atomic_store_n(&held[what], n, __ATOMIC_RELAXED);
}

uint64_t mc_held_get(enum mc_held_what what) {
    return __atomic_load_n(&held[what], __ATOMIC_RELAXED);
}
