/* colour.c - which level of a palette a value gets: norm, limits, palettes */
/* SPDX-License-Identifier: MIT */
#include "host/figure/colour.h"
#include "host/base/alloc.h"
#include "host/figure/theme.h"

#include <math.h>
#include <string.h>

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

/*
 * By two counts instead of a sort: cells are counted by the upper half of their bits, and those with the
 * wanted upper half by the lower half. That takes no copy of the cells, and three looks at them for two
 * ranks.
 */

enum { HALVES = 1 << 16 };

typedef struct selection {
    const float *cells; /* [count] */
    int64_t count;
    bool positive;
    int64_t *counts; /* [HALVES] */
} selection;

/* Whole numbers in the order of the floats. */
static uint32_t key_of(float value) {
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

static double value_of(uint32_t key) {
    const uint32_t bits = key >> 31 != 0 ? key & 0x7fffffffu : ~key;
    float value = 0.0F;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static bool takes_part(const selection *from, float value) {
    return isfinite(value) && (!from->positive || value > 0.0F);
}

/* Cells by the upper half of their keys; how many there are. */
static int64_t count_upper(const selection *from) {
    int64_t found = 0;
    memset(from->counts, 0, HALVES * sizeof *from->counts);
    for (int64_t cell = 0; cell < from->count; cell++) {
        if (takes_part(from, from->cells[cell])) {
            from->counts[key_of(from->cells[cell]) >> 16]++;
            found++;
        }
    }
    return found;
}

static void count_lower(const selection *from, uint32_t upper) {
    memset(from->counts, 0, HALVES * sizeof *from->counts);
    for (int64_t cell = 0; cell < from->count; cell++) {
        const uint32_t key = key_of(from->cells[cell]);
        if (key >> 16 == upper && takes_part(from, from->cells[cell])) {
            from->counts[key & 0xffff]++;
        }
    }
}

/* The half that the cell of a rank has; the rank becomes that among the cells of this half. */
static uint32_t half_of_rank(const int64_t *counts, int64_t *rank) {
    uint32_t half = 0;
    while (*rank >= counts[half]) {
        *rank -= counts[half++];
    }
    return half;
}

static double select_rank(const selection *from, uint32_t upper, int64_t rank) {
    count_lower(from, upper);
    return value_of(upper << 16 | half_of_rank(from->counts, &rank));
}

ropemap_status rm_percentile(const float *cells, int64_t count, double share, bool positive, double *low,
                             double *high, ropemap_error *error) {
    const selection from = {.cells = cells,
                            .count = count,
                            .positive = positive,
                            .counts = rm_alloc_raw(HALVES, sizeof *from.counts)};
    if (from.counts == NULL) {
        return rm_fail_memory(error, "figure", HALVES * sizeof *from.counts);
    }
    *low = (double)INFINITY;
    *high = -(double)INFINITY;
    const int64_t found = count_upper(&from);
    if (found > 0) {
        /* The share may be a rounding below what was written. */
        int64_t first = (int64_t)floor(share * (double)found * (1.0 + 1e-12)), last = found - 1 - first;
        const uint32_t lower_end = half_of_rank(from.counts, &first);
        const uint32_t upper_end = half_of_rank(from.counts, &last);
        *low = select_rank(&from, lower_end, first);
        *high = select_rank(&from, upper_end, last);
    }
    rm_free(from.counts);
    return ROPEMAP_OK;
}

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

/* Limits of no width, or of no cell, made such that a scale has: to 0, and from 0 to 1; a decade where the
 * norm is logarithmic. */
static rm_limits rm_limits_widen(rm_limits given, ropemap_norm norm) {
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

/*
 * The figure's limits where it has some, else from the cells that its percentile leaves, widened. A
 * logarithmic norm looks at cells above 0 alone. ROPEMAP_USAGE for given limits that its norm cannot have;
 * ROPEMAP_RESOURCES.
 */
static ropemap_status rm_limits_choose(const ropemap_figure *figure, const ropemap_map *map,
                                       rm_limits *limits, ropemap_error *error) {
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

/* Of the largest magnitude: where a symmetric logarithmic scale is linear. */
#define RAMP_LINEAR_PART 1e-3

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
    colour->norm = (rm_norm){.kind = figure->norm,
                             .linear_below = figure->linear_below > 0.0 ? figure->linear_below
                                                                        : RAMP_LINEAR_PART * largest};
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
