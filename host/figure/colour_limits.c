/* colour_limits.c - the values that have the first and the last colour */
/* SPDX-License-Identifier: MIT */
#include "host/figure/colour_limits.h"
#include "host/figure/palette.h"
#include "host/figure/percentile.h"

#include <math.h>

rm_limits rm_limits_scan(const float *cells, int64_t count, bool positive) {
    rm_limits found = {.low = (double)INFINITY, .high = -(double)INFINITY};
    for (int64_t cell = 0; cell < count; cell++) {
        const double value = (double)cells[cell];
        if (isfinite(value) && (!positive || value > 0.0)) {
            found.low = fmin(found.low, value);
            found.high = fmax(found.high, value);
        }
    }
    return found;
}

rm_limits rm_limits_widen(rm_limits given, ropemap_norm norm) {
    if (given.low < given.high) {
        return given;
    }
    const bool none = given.low > given.high;
    if (norm == ROPEMAP_NORM_LOG) {
        const double high = none ? 1.0 : given.high;
        return (rm_limits){.low = high / 10.0, .high = high};
    }
    if (none || given.low == 0.0) {
        return (rm_limits){.low = 0.0, .high = 1.0};
    }
    return (rm_limits){.low = fmin(given.low, 0.0), .high = fmax(given.high, 0.0)};
}

static ropemap_status check_given(const ropemap_figure *figure, ropemap_error *error) {
    if (!isfinite(figure->low) || !isfinite(figure->high) || !(figure->low < figure->high)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "colour limits: %g to %g, expected two finite numbers, the lower first", figure->low,
                       figure->high);
    }
    const bool logarithmic = figure->norm == ROPEMAP_NORM_LOG;
    if (logarithmic && !(figure->low > 0.0)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "colour limits: %g to %g on a logarithmic scale, expected both above 0", figure->low,
                       figure->high);
    }
    const double width = logarithmic ? log10(figure->high) - log10(figure->low) : figure->high - figure->low;
    if (!isfinite(width) || !(width > 0.0) || !isfinite(RM_LEVEL_MAX / width)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "colour limits: %g to %g, too far apart or too close for a double", figure->low,
                       figure->high);
    }
    return ROPEMAP_OK;
}

/* The map knows its limits, unless a cell is infinite or those above 0 are asked for. */
static rm_limits cell_limits(const ropemap_map *map, bool positive) {
    const bool known = isfinite(map->min) && isfinite(map->max) && map->min <= map->max;
    return known && (!positive || map->min > 0.0)
               ? (rm_limits){.low = map->min, .high = map->max}
               : rm_limits_scan(map->cells, map->height * map->width, positive);
}

ropemap_status rm_limits_choose(const ropemap_figure *figure, const ropemap_map *map, rm_limits *limits,
                                ropemap_error *error) {
    if (figure->has_limits) {
        *limits = (rm_limits){.low = figure->low, .high = figure->high};
        return check_given(figure, error);
    }
    const bool positive = figure->norm == ROPEMAP_NORM_LOG;
    if (figure->percentile > 0.0) {
        RM_TRY(rm_percentile(map->cells, map->height * map->width, figure->percentile, positive, &limits->low,
                             &limits->high, error));
    } else {
        *limits = cell_limits(map, positive);
    }
    *limits = rm_limits_widen(*limits, figure->norm);
    return ROPEMAP_OK;
}
