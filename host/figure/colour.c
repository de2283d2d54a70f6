/* colour.c - which level of the palette a value gets */
/* SPDX-License-Identifier: MIT */
#include "host/figure/colour.h"
#include "host/figure/colour_limits.h"
#include "host/figure/theme.h"

#include <math.h>
#include <string.h>

#define LINEAR_PART 1e-3 /* of the largest magnitude: where a symmetric logarithmic scale is linear */

static rm_limits symmetric(rm_limits given) {
    const double reach = fmax(fabs(given.low), fabs(given.high));
    return (rm_limits){.low = -reach, .high = reach};
}

static void choose_palette(const ropemap_figure *figure, rm_colour *colour) {
    rm_palette_make(colour->colormap, &colour->palette);
    if (figure->dark && !figure->bare) {
        const rm_theme *theme = rm_theme_of(true);
        const rm_rgb nan = colour->colormap == ROPEMAP_COLORMAP_GREY ? theme->nan_beside_greys : theme->nan;
        memcpy(colour->palette.rgb[RM_LEVEL_NAN], (uint8_t[3]){nan.r, nan.g, nan.b}, 3);
    }
}

ropemap_status rm_colour_choose(const ropemap_figure *figure, const ropemap_map *map, rm_colour *colour,
                                ropemap_error *error) {
    rm_limits chosen;
    RM_TRY(rm_limits_choose(figure, map, &chosen, error));
    colour->colormap = figure->colormap;
    if (figure->colormap == ROPEMAP_COLORMAP_AUTO) {
        const bool signs = chosen.low < 0.0 && chosen.high > 0.0;
        colour->colormap = signs ? ROPEMAP_COLORMAP_DIVERGING : ROPEMAP_COLORMAP_VIRIDIS;
    }
    if (!figure->has_limits && colour->colormap == ROPEMAP_COLORMAP_DIVERGING &&
        figure->norm != ROPEMAP_NORM_LOG) {
        chosen = symmetric(chosen);
    }
    colour->low = chosen.low;
    colour->high = chosen.high;
    const double largest = fmax(fabs(chosen.low), fabs(chosen.high));
    colour->norm =
        (rm_norm){.kind = figure->norm,
                  .linear_below = figure->linear_below > 0.0 ? figure->linear_below : LINEAR_PART * largest};
    choose_palette(figure, colour);
    return ROPEMAP_OK;
}

ropemap_status ropemap_figure_scale(const ropemap_figure *figure, const ropemap_map *map,
                                    ropemap_scale *scale, ropemap_error *error) {
    rm_colour colour;
    RM_TRY(rm_colour_choose(figure, map, &colour, error));
    *scale = (ropemap_scale){.colormap = colour.colormap,
                             .norm = colour.norm.kind,
                             .low = colour.low,
                             .high = colour.high,
                             .linear_below =
                                 colour.norm.kind == ROPEMAP_NORM_SYMLOG ? colour.norm.linear_below : 0.0};
    return ROPEMAP_OK;
}

double rm_colour_place(const rm_colour *colour, double value) {
    return rm_norm_place(colour->norm, colour->low, colour->high, value);
}

/* In double: limits may be as close or as far apart as floats are. The comparisons send NaN to 0. */
static void find_linear_levels(const rm_colour *colour, const float *cells, int64_t count, uint8_t *levels) {
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

/* Where each level begins; a last one, which is never reached, makes them 2^8 - 1. */
static void find_steps(const rm_colour *colour, double steps[RM_LEVELS]) {
    const double first = rm_norm_along(colour->norm, colour->low);
    const double width = rm_norm_along(colour->norm, colour->high) - first;
    for (int level = 0; level < RM_LEVEL_MAX; level++) {
        steps[level] = rm_norm_value(colour->norm, first + width * (level + 0.5) / RM_LEVEL_MAX);
    }
    steps[RM_LEVEL_MAX] = (double)NAN;
}

/* Eight comparisons a cell, where a logarithm would take several times as long. */
static void find_levels(const rm_colour *colour, const float *cells, int64_t count, uint8_t *levels) {
    double steps[RM_LEVELS];
    find_steps(colour, steps);
    for (int64_t cell = 0; cell < count; cell++) {
        const double value = (double)cells[cell];
        int32_t level = 0;
        for (int32_t part = (RM_LEVELS + 1) / 2; part > 0; part /= 2) {
            level += steps[level + part - 1] <= value ? part : 0;
        }
        levels[cell] = (uint8_t)(value == value ? level : RM_LEVEL_NAN);
    }
}

void rm_colour_levels(const rm_colour *colour, const float *cells, int64_t count, uint8_t *levels) {
    if (colour->norm.kind == ROPEMAP_NORM_LINEAR) {
        find_linear_levels(colour, cells, count, levels);
    } else {
        find_levels(colour, cells, count, levels);
    }
}
