/* colour_limits.h - the values that have the first and the last colour */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_COLOUR_LIMITS_H
#define ROPEMAP_HOST_FIGURE_COLOUR_LIMITS_H

#include "host/base/status.h"

typedef struct rm_limits {
    double low, high; /* low < high once they are chosen */
} rm_limits;

/* Least and greatest finite cell, with `positive` of those above 0; INFINITY and -INFINITY where there is
 * none. */
rm_limits rm_limits_scan(const float *cells, int64_t count, bool positive);

/* Limits of no width, or of no cell, made such that a scale has: to 0, and from 0 to 1; a decade where the
 * norm is logarithmic. */
rm_limits rm_limits_widen(rm_limits given, ropemap_norm norm);

/*
 * The figure's limits where it has some, else from the cells that its percentile leaves, widened. A
 * logarithmic norm looks at cells above 0 alone. ROPEMAP_USAGE for given limits that its norm cannot have;
 * ROPEMAP_RESOURCES.
 */
ropemap_status rm_limits_choose(const ropemap_figure *figure, const ropemap_map *map, rm_limits *limits,
                                ropemap_error *error);

#endif
