/* norm.h - how values become places on a colour scale */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_NORM_H
#define ROPEMAP_HOST_FIGURE_NORM_H

#include "host/ropemap.h"

/* What a scale is even in. A zeroed one is linear. */
typedef struct rm_norm {
    ropemap_norm kind;
    double linear_below; /* symlog: values of a smaller magnitude are linear; > 0 */
} rm_norm;

/*
 * Grows with the value; a place on the scale is linear in it. Linear: the value. Log: its decimal logarithm,
 * -INFINITY of what is not above 0. Symlog: 0 at 0, 10/9 at linear_below and one more for each tenfold, and
 * the negative of that for negative values, which is matplotlib's SymLogNorm with linscale 1. NaN of NaN.
 */
double rm_norm_along(rm_norm norm, double value);

/* The value at such a number. */
double rm_norm_value(rm_norm norm, double along);

/* Where a value lies between `low` and `high`, low < high: 0 to 1, what is beyond at the end; NaN of NaN. */
double rm_norm_place(rm_norm norm, double low, double high, double value);

#endif
