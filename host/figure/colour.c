/* colour.c - which level of a palette a value gets: norm, limits, palettes */
/* SPDX-License-Identifier: MIT */
#include "host/figure/colour.h"
#include "host/base/alloc.h"

#include <math.h>
#include <string.h>

/* Symlog: the linear part is as long on each side as the decade 1 to 10 would be if it began at 0. */
#define LINEAR_PART (10.0 / 9.0)

rm_panels rm_panels_of(const ropemap_figure *figure) {
    return figure->panels != NULL ? (rm_panels){.panel = figure->panels, .count = figure->count}
                                  : (rm_panels){.panel = &figure->panel, .count = 1};
}

const char *ropemap_norm_name(ropemap_norm norm) {
    static const char *const names[] = {
        [ROPEMAP_NORM_LINEAR] = "linear",
        [ROPEMAP_NORM_LOG] = "log",
        [ROPEMAP_NORM_SYMLOG] = "symlog",
    };
    return (size_t)norm < sizeof names / sizeof *names ? names[norm] : NULL;
}

double rm_norm_along(rm_value_norm norm, double value) {
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

double rm_norm_value(rm_value_norm norm, double along) {
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

double rm_norm_place(rm_value_norm norm, double low, double high, double value) {
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
    rm_panels maps;
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

/* Of a panel. */
static int64_t count_cells(const ropemap_panel *panel) {
    return panel->map->height * panel->map->width;
}

/* Adds the cells of a map by the upper half of their bits; returns how many. */
static int64_t count_upper(const selection *from, const ropemap_panel *panel) {
    const float *cells = panel->map->cells;
    int64_t found = 0;
    for (int64_t cell = 0, count = count_cells(panel); cell < count; cell++) {
        if (takes_part(from, cells[cell])) {
            from->counts[key_of(cells[cell]) >> 16]++;
            found++;
        }
    }
    return found;
}

/* Adds the cells of a map that have the upper half by their lower one. */
static void count_lower(const selection *from, const ropemap_panel *panel, uint32_t upper) {
    const float *cells = panel->map->cells;
    for (int64_t cell = 0, count = count_cells(panel); cell < count; cell++) {
        const uint32_t key = key_of(cells[cell]);
        if (key >> 16 == upper && takes_part(from, cells[cell])) {
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
    memset(from->counts, 0, HALVES * sizeof *from->counts);
    for (int32_t index = 0; index < from->maps.count; index++) {
        count_lower(from, &from->maps.panel[index], upper);
    }
    return value_of(upper << 16 | half_of_rank(from->counts, &rank));
}

typedef struct limits {
    double low, high; /* INFINITY and -INFINITY where there is no cell */
} limits;

static const limits no_limits = {.low = (double)INFINITY, .high = -(double)INFINITY};

/*
 * Of the n finite cells, or with `positive` those above 0: the least and the greatest after floor(share * n)
 * are left out at each end; exact for any number of cells. ROPEMAP_RESOURCES.
 */
static ropemap_status find_percentile(rm_panels maps, double share, bool positive, limits *found,
                                      ropemap_error *error) {
    const selection from = {
        .maps = maps, .positive = positive, .counts = rm_alloc(HALVES, sizeof *from.counts)};
    if (from.counts == NULL) {
        return rm_fail_memory(error, "figure", HALVES * sizeof *from.counts);
    }
    int64_t count = 0;
    for (int32_t index = 0; index < maps.count; index++) {
        count += count_upper(&from, &maps.panel[index]);
    }
    *found = no_limits;
    if (count > 0) {
        /* The share may be a rounding below what was written. */
        int64_t first = (int64_t)floor(share * (double)count * (1.0 + 1e-12)), last = count - 1 - first;
        const uint32_t lower_end = half_of_rank(from.counts, &first);
        const uint32_t upper_end = half_of_rank(from.counts, &last);
        found->low = select_rank(&from, lower_end, first);
        found->high = select_rank(&from, upper_end, last);
    }
    rm_free(from.counts);
    return ROPEMAP_OK;
}

static limits join(limits a, limits b) {
    return (limits){.low = fmin(a.low, b.low), .high = fmax(a.high, b.high)};
}

/* A map knows its limits, unless a cell is infinite or those above 0 are wanted. */
static limits limits_of(const ropemap_map *map, bool positive) {
    const bool known = isfinite(map->min) && isfinite(map->max) && map->min <= map->max;
    if (known && (!positive || map->min > 0.0)) {
        return (limits){.low = map->min, .high = map->max};
    }
    limits found = no_limits;
    for (int64_t cell = 0; cell < map->height * map->width; cell++) {
        const double value = (double)map->cells[cell];
        if (isfinite(value) && (!positive || value > 0.0)) {
            found = join(found, (limits){.low = value, .high = value});
        }
    }
    return found;
}

/* Limits of no width, or of no cell, made such that a scale has: to 0, and from 0 to 1; a decade where the
 * norm is logarithmic. */
static limits widen(limits given, ropemap_norm norm) {
    if (given.low < given.high) {
        return given;
    }
    const bool none = given.low > given.high;
    if (norm == ROPEMAP_NORM_LOG) {
        const double high = none ? 1.0 : given.high;
        return (limits){.low = high / 10.0, .high = high};
    }
    if (none || given.low == 0.0) {
        return (limits){.low = 0.0, .high = 1.0};
    }
    return (limits){.low = fmin(given.low, 0.0), .high = fmax(given.high, 0.0)};
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
    if (!isfinite(width) || !(width > 0.0) || !isfinite((double)RM_LEVEL_MAX / width)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "colour limits: %g to %g, too far apart or too close for a double", figure->low,
                       figure->high);
    }
    return ROPEMAP_OK;
}

static ropemap_status choose_limits(const ropemap_figure *figure, limits *chosen, ropemap_error *error) {
    if (figure->has_limits) {
        *chosen = (limits){.low = figure->low, .high = figure->high};
        return check_given(figure, error);
    }
    const rm_panels maps = rm_panels_of(figure);
    const bool positive = figure->norm == ROPEMAP_NORM_LOG;
    limits found = no_limits;
    if (figure->percentile > 0.0) {
        RM_TRY(find_percentile(maps, figure->percentile, positive, &found, error));
    }
    for (int32_t index = 0; index < maps.count && !(figure->percentile > 0.0); index++) {
        found = join(found, limits_of(maps.panel[index].map, positive));
    }
    *chosen = widen(found, figure->norm);
    return ROPEMAP_OK;
}

/* What chooses levels. */
static ropemap_status check_scale(const ropemap_figure *figure, ropemap_error *error) {
    if (ropemap_colormap_name(figure->colormap) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "colour map: number %d, expected one of ropemap_colormap",
                       (int)figure->colormap);
    }
    if (ropemap_norm_name(figure->norm) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "norm: number %d, expected one of ropemap_norm",
                       (int)figure->norm);
    }
    if (!(figure->linear_below >= 0.0) || !isfinite(figure->linear_below)) {
        return rm_fail(error, ROPEMAP_USAGE, "norm: linear below %g, expected a number above 0, or 0",
                       figure->linear_below);
    }
    if (!(figure->percentile >= 0.0 && figure->percentile <= 0.4)) {
        return rm_fail(error, ROPEMAP_USAGE, "percentile: a share of %g of the cells, expected 0 to 0.4",
                       figure->percentile);
    }
    if (figure->percentile > 0.0 && figure->has_limits) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "percentile: given with colour limits (%g to %g); give one of the two", figure->low,
                       figure->high);
    }
    return ROPEMAP_OK;
}

/* Of the largest magnitude: where a symmetric logarithmic scale is linear. */
#define RAMP_LINEAR_PART 1e-3

/* The colour of what a logarithm leaves out: paper, but where levels are as pale. */
static const uint8_t below[2][3] = {{0xff, 0xff, 0xff}, {0xec, 0xd9, 0x9c}};

static bool has_no_logarithm(const ropemap_figure *figure) {
    const rm_panels maps = rm_panels_of(figure);
    for (int32_t index = 0; index < maps.count && figure->norm == ROPEMAP_NORM_LOG; index++) {
        if (maps.panel[index].map->min <= 0.0) {
            return true;
        }
    }
    return false;
}

/* Of the bar: what is that little past its end is rounding. */
#define PAST 1e-3

static void find_past(const ropemap_figure *figure, rm_colour *colour) {
    const rm_panels maps = rm_panels_of(figure);
    limits found = no_limits;
    for (int32_t index = 0; index < maps.count; index++) {
        found = join(found, limits_of(maps.panel[index].map, figure->norm == ROPEMAP_NORM_LOG));
    }
    const double low = rm_norm_along(colour->norm, colour->bar_low);
    const double high = rm_norm_along(colour->norm, colour->bar_high);
    const bool any = found.low <= found.high;
    colour->past_low = any && rm_norm_along(colour->norm, found.low) < low - PAST * (high - low);
    colour->past_high = any && rm_norm_along(colour->norm, found.high) > high + PAST * (high - low);
}

static limits symmetric(limits given) {
    const double reach = fmax(fabs(given.low), fabs(given.high));
    return (limits){.low = -reach, .high = reach};
}

ropemap_status rm_colour_choose(const ropemap_figure *figure, rm_colour *colour, ropemap_error *error) {
    limits chosen;
    RM_TRY(check_scale(figure, error));
    RM_TRY(choose_limits(figure, &chosen, error));
    colour->colormap = figure->colormap;
    if (figure->colormap == ROPEMAP_COLORMAP_AUTO) {
        const bool signs = chosen.low < 0.0 && chosen.high > 0.0;
        colour->colormap = signs ? ROPEMAP_COLORMAP_DIVERGING : ROPEMAP_COLORMAP_VIRIDIS;
    }
    colour->bar_low = chosen.low;
    colour->bar_high = chosen.high;
    const bool even = colour->colormap == ROPEMAP_COLORMAP_DIVERGING ||
                      colour->colormap == ROPEMAP_COLORMAP_DARK ||
                      colour->colormap == ROPEMAP_COLORMAP_DIFFERENCE ||
                      colour->colormap == ROPEMAP_COLORMAP_DIFFERENCE_DARK;
    if (!figure->has_limits && even && figure->norm != ROPEMAP_NORM_LOG) {
        chosen = symmetric(chosen);
    }
    colour->low = chosen.low;
    colour->high = chosen.high;
    const double largest = fmax(fabs(chosen.low), fabs(chosen.high));
    colour->norm = (rm_value_norm){.kind = figure->norm,
                                   .linear_below = figure->linear_below > 0.0 ? figure->linear_below
                                                                              : RAMP_LINEAR_PART * largest};
    rm_palette_make(colour->colormap, figure->dark && !figure->bare, &colour->palette);
    find_past(figure, colour);
    colour->has_below = has_no_logarithm(figure);
    if (colour->has_below) {
        const bool pale =
            colour->colormap == ROPEMAP_COLORMAP_DIVERGING || colour->colormap == ROPEMAP_COLORMAP_GREY;
        memcpy(colour->palette.rgb[RM_LEVEL_BELOW], below[pale ? 1 : 0], 3);
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_figure_scale(const ropemap_figure *figure, ropemap_scale *scale,
                                    ropemap_error *error) {
    rm_colour colour;
    RM_TRY(rm_colour_choose(figure, &colour, error));
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
    const double low = colour->low, last = (double)RM_LEVEL_MAX, scale = last / (colour->high - low);
    for (int64_t cell = 0; cell < count; cell++) {
        const float value = cells[cell];
        double level = ((double)value - low) * scale + 0.5;
        level = level > 0.0 ? level : 0.0;
        level = level < last + 0.5 ? level : last + 0.5;
        const int32_t nearest = (int32_t)level;
        levels[cell] = (uint8_t)(value == value ? nearest : RM_LEVEL_NAN);
    }
}

/* Where each level begins; a last one, which is never reached, makes them 2^8 - 1. */
static void find_steps(const rm_colour *colour, double steps[RM_LEVELS]) {
    const double first = rm_norm_along(colour->norm, colour->low);
    const double width = rm_norm_along(colour->norm, colour->high) - first;
    for (int level = 0; level < RM_LEVEL_MAX; level++) {
        steps[level] = rm_norm_value(colour->norm, first + width * (level + 0.5) / (double)RM_LEVEL_MAX);
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
        level = colour->has_below && value > 0.0 && level == RM_LEVEL_BELOW ? RM_LEVEL_BELOW + 1 : level;
        levels[cell] = (uint8_t)(value == value ? level : RM_LEVEL_NAN);
    }
}

int32_t rm_colour_level(const rm_colour *colour, double value) {
    const int32_t level = (int32_t)lround(rm_colour_place(colour, value) * (double)RM_LEVEL_MAX);
    return colour->has_below && level == RM_LEVEL_BELOW ? RM_LEVEL_BELOW + 1 : level;
}

void rm_colour_levels(const rm_colour *colour, const float *cells, int64_t count, uint8_t *levels) {
    if (colour->norm.kind == ROPEMAP_NORM_LINEAR) {
        find_linear_levels(colour, cells, count, levels);
    } else {
        find_levels(colour, cells, count, levels);
    }
}
