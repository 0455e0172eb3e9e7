/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "limit.h"

void mc_limit_add(int16_t *to, const int16_t *pcm, size_t n) {
    for (size_t i = 0; i < n; i++) {
        to[i] = mc_limit((int32_t)to[i] + pcm[i]);
    }
}
