/* norm.c - how values become places on a colour scale */
/* SPDX-License-Identifier: MIT */
#include "host/figure/norm.h"

#include <math.h>

/* Symlog: the linear part is as long on each side as the decade 1 to 10 would be if it began at 0. */
#define LINEAR_PART (10.0 / 9.0)

const char *ropemap_norm_name(ropemap_norm norm) {
    static const char *const names[] = {
        [ROPEMAP_NORM_LINEAR] = "linear",
        [ROPEMAP_NORM_LOG] = "log",
        [ROPEMAP_NORM_SYMLOG] = "symlog",
    };
    return (size_t)norm < sizeof names / sizeof *names ? names[norm] : NULL;
}

double rm_norm_along(rm_norm norm, double value) {
    const double magnitude = fabs(value);
    switch (norm.kind) {
    case ROPEMAP_NORM_LOG:
        return isnan(value) ? value : value > 0.0 ? log10(value) : -INFINITY;
    case ROPEMAP_NORM_SYMLOG:
        /* A difference of logarithms, as the quotient may be beyond a double. */
        return magnitude <= norm.linear_below
                   ? LINEAR_PART * (value / norm.linear_below)
                   : copysign(LINEAR_PART + (log10(magnitude) - log10(norm.linear_below)), value);
    case ROPEMAP_NORM_LINEAR:
        break;
    }
    return value;
}

double rm_norm_value(rm_norm norm, double along) {
    const double beyond = fabs(along) - LINEAR_PART;
    switch (norm.kind) {
    case ROPEMAP_NORM_LOG:
        return pow(10.0, along);
    case ROPEMAP_NORM_SYMLOG:
        return beyond <= 0.0 ? along / LINEAR_PART * norm.linear_below
                             : copysign(pow(10.0, beyond + log10(norm.linear_below)), along);
    case ROPEMAP_NORM_LINEAR:
        break;
    }
    return along;
}

double rm_norm_place(rm_norm norm, double low, double high, double value) {
    if (isnan(value)) {
        return value;
    }
    const double first = rm_norm_along(norm, low), last = rm_norm_along(norm, high);
    return fmin(fmax((rm_norm_along(norm, value) - first) / (last - first), 0.0), 1.0);
}
