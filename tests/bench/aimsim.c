/* SPDX-License-Identifier: GPL-3.0-or-later
 * aimsim: probes (aim.h) of a far end that needs what standard input says, nanoseconds, one number a probe; prints each lead. */
#include "aim.h"

#include <stdio.h>
#include <stdlib.h>

int main(void) {
    struct aim leads = {0};
    enum aim_at at;
    double need;
    srand(1);
    while (scanf("%lf", &need) == 1) {
        double lead = aim_lead_ns(&leads, rand() / (RAND_MAX + 1.0), &at);
        aim_learn(&leads, at, need <= lead);
        printf("%.0f\n", lead);
    }
    return 0;
}
