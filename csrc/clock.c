/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "clock.h"

#include <time.h>

static uint64_t read_us(clockid_t which) {
    struct timespec ts;
    clock_gettime(which, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

uint64_t mc_clock_us(void) {
    return read_us(CLOCK_MONOTONIC);
}

int64_t mc_clock_wall_us(void) {
    return (int64_t)read_us(CLOCK_REALTIME) - (int64_t)mc_clock_us();
}
