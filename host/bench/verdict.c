/* verdict.c - what a check found */
/* SPDX-License-Identifier: MIT */
#include "host/bench/bench.h"

#include <math.h>

void rm_verdict_take(rm_verdict *verdict, double got, double wanted, double allowed) {
    const double error = isnan(wanted) && isnan(got) ? 0.0 : fabs(got - wanted);
    verdict->checked++;
    verdict->wrong += error <= (isnan(wanted) ? 0.0 : allowed) ? 0 : 1; /* a NaN is not <= anything */
    if (error > verdict->error || isnan(error)) {
        verdict->error = error; /* a NaN stays: nothing is > it */
    }
    verdict->allowed = fmax(verdict->allowed, allowed);
}
