/* colour.c - which level of the palette a value gets */
/* SPDX-License-Identifier: MIT */
#include "host/figure/colour.h"

#include <math.h>

typedef struct limits {
    double low, high;
} limits;

/* Least and greatest finite cell; 0 and 0 where there is none. */
static limits scan_limits(const ropemap_map *map) {
    limits found = {.low = INFINITY, .high = -INFINITY};
    for (int64_t cell = 0; cell < map->height * map->width; cell++) {
        const double value = (double)map->cells[cell];
        if (isfinite(value)) {
            found.low = fmin(found.low, value);
            found.high = fmax(found.high, value);
        }
    }
    return found.low <= found.high ? found : (limits){.low = 0.0, .high = 0.0};
}

/* The map knows its limits, unless a cell is infinite. */
static limits map_limits(const ropemap_map *map) {
    const bool known = isfinite(map->min) && isfinite(map->max) && map->min <= map->max;
    return known ? (limits){.low = map->min, .high = map->max} : scan_limits(map);
}

/* A range of no width reaches to 0, and from 0 to 1. */
static limits widen(limits given) {
    if (given.low < given.high) {
        return given;
    }
    if (given.low == 0.0) {
        return (limits){.low = 0.0, .high = 1.0};
    }
    return (limits){.low = fmin(given.low, 0.0), .high = fmax(given.high, 0.0)};
}

static limits symmetric(limits given) {
    const double reach = fmax(fabs(given.low), fabs(given.high));
    return (limits){.low = -reach, .high = reach};
}

static ropemap_status check_limits(const ropemap_figure *figure, ropemap_error *error) {
    if (!isfinite(figure->low) || !isfinite(figure->high) || !(figure->low < figure->high)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "colour limits: %g to %g, expected two finite numbers, the lower first", figure->low,
                       figure->high);
    }
    const double width = figure->high - figure->low;
    if (!isfinite(width) || !isfinite(RM_LEVEL_MAX / width)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "colour limits: %g to %g, too far apart or too close for a double", figure->low,
                       figure->high);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_colour_choose(const ropemap_figure *figure, const ropemap_map *map, rm_colour *colour,
                                ropemap_error *error) {
    limits chosen = {.low = figure->low, .high = figure->high};
    if (figure->has_limits) {
        RM_TRY(check_limits(figure, error));
    } else {
        chosen = widen(map_limits(map));
    }
    colour->colormap = figure->colormap;
    if (figure->colormap == ROPEMAP_COLORMAP_AUTO) {
        const bool signs = chosen.low < 0.0 && chosen.high > 0.0;
        colour->colormap = signs ? ROPEMAP_COLORMAP_DIVERGING : ROPEMAP_COLORMAP_VIRIDIS;
    }
    if (!figure->has_limits && colour->colormap == ROPEMAP_COLORMAP_DIVERGING) {
        chosen = symmetric(chosen);
    }
    colour->low = chosen.low;
    colour->high = chosen.high;
    rm_palette_make(colour->colormap, &colour->palette);
    return ROPEMAP_OK;
}

double rm_colour_place(const rm_colour *colour, double value) {
    if (isnan(value)) {
        return value;
    }
    return fmin(fmax((value - colour->low) / (colour->high - colour->low), 0.0), 1.0);
}

void rm_colour_levels(const rm_colour *colour, const float *cells, int64_t count, uint8_t *levels) {
    /* In double: limits may be as close or as far apart as floats are. The comparisons send NaN to 0. */
    const double low = colour->low, scale = RM_LEVEL_MAX / (colour->high - colour->low);
    for (int64_t cell = 0; cell < count; cell++) {
        const float value = cells[cell];
        double level = ((double)value - low) * scale + 0.5;
        level = level > 0.0 ? level : 0.0;
        level = level < RM_LEVEL_MAX + 0.5 ? level : RM_LEVEL_MAX + 0.5;
        const int32_t nearest = (int32_t)level;
        levels[cell] = (uint8_t)(value == value ? nearest : RM_LEVEL_NAN);
    }
}
