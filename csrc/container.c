/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "container.h"

#include <string.h>

static const struct mc_container *const all[] = {&mc_container_wav, &mc_container_opus};

const struct mc_container *mc_container_find(const char *name) {
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(all[i]->name, name) == 0) {
            return all[i];
        }
    }
    return NULL;
}
