/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "err.h"

#include "check.h"

static void every_error_has_its_own_sentence(void) {
    for (int a = MC_E_DUP; a < 0; a++) {
        CHECK(strlen(mc_strerror(a)) > 5);
        CHECK(strcmp(mc_strerror(a), mc_strerror(-1000)) != 0);
        for (int b = a + 1; b <= 0; b++) {
            CHECK(strcmp(mc_strerror(a), mc_strerror(b)) != 0);
        }
    }
}

static void counts_are_success(void) {
    CHECK(strcmp(mc_strerror(0), mc_strerror(160)) == 0);
}

int main(void) {
    RUN(every_error_has_its_own_sentence);
    RUN(counts_are_success);
    return check_done();
}
