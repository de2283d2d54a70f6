/* colour.h - which level of a palette a value gets: norm, limits, palettes */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_COLOUR_H
#define ROPEMAP_HOST_FIGURE_COLOUR_H

#include "host/base/status.h"
#include "host/ropemap_figure.h"

/* What a scale is even in. A zeroed one is linear. */
typedef struct rm_value_norm {
    ropemap_norm kind;
    double linear_below; /* symlog: values of a smaller magnitude are linear; > 0 */
} rm_value_norm;

/*
 * Grows with the value; a place on the scale is linear in it. Linear: the value. Log: its decimal logarithm,
 * -INFINITY of what is not above 0. Symlog: 0 at 0, 10/9 at linear_below and one more for each tenfold, and
 * the negative of that for negative values, which is matplotlib's SymLogNorm with linscale 1. NaN of NaN.
 */
double rm_norm_along(rm_value_norm norm, double value);

/* The value at such a number. */
double rm_norm_value(rm_value_norm norm, double along);

/* Where a value lies between `low` and `high`, low < high: 0 to 1, what is beyond at the end; NaN of NaN. */
double rm_norm_place(rm_value_norm norm, double low, double high, double value);

/* The maps of a figure. */
typedef struct rm_panels {
    const ropemap_panel *panel; /* [count] */
    int32_t count;
} rm_panels;

rm_panels rm_panels_of(const ropemap_figure *figure);

/*
 * Level k of a map is k/254 of the way from its lower to its upper limit. 255 levels leave one entry
 * of an 8-bit palette to NaN, and being odd in number they have one in the middle: 0 on a diverging map is
 * its exact white. Where a logarithm leaves cells out, the first level is theirs alone.
 */
enum { RM_LEVELS = ROPEMAP_LEVELS, RM_LEVEL_BELOW = 0, RM_LEVEL_MAX = 254, RM_LEVEL_NAN = 255 };

typedef struct rm_palette {
    uint8_t rgb[RM_LEVELS + 1][3]; /* the levels from low to high, then NaN */
} rm_palette;

/* `dark`: with the NaN of dark figures. */
void rm_palette_make(ropemap_colormap colormap, bool dark, rm_palette *palette);

typedef struct rm_colour {
    ropemap_colormap colormap; /* never AUTO */
    double low, high;          /* values of level 0 and of the last level, low < high */
    double bar_low, bar_high; /* what the bar shows of it: limits that were given, or what values there are */
    bool past_low, past_high; /* cells beyond the bar's ends, which have the colours of these */
    bool has_below;           /* cells that a logarithm leaves out: level RM_LEVEL_BELOW */
    rm_value_norm norm;       /* levels are even in it */
    rm_palette palette;
} rm_colour;

/*
 * Colour map, norm and limits of a figure whose maps are checked. Limits are the given ones, else those of
 * all cells that the percentile leaves, and symmetric about 0 on a diverging map unless they are logarithmic;
 * a logarithmic norm looks at cells above 0 alone. ROPEMAP_USAGE for a colour map, a norm or limits that
 * cannot be; ROPEMAP_RESOURCES.
 */
ropemap_status rm_colour_choose(const ropemap_figure *figure, rm_colour *colour, ropemap_error *error);

/* Where a value lies between the limits, 0 to 1; NaN for NaN. */
double rm_colour_place(const rm_colour *colour, double value);

/* The level that a value has. */
int32_t rm_colour_level(const rm_colour *colour, double value);

/* Levels of `count` cells, RM_LEVEL_NAN for NaN. What lies outside the limits gets the nearest level. */
void rm_colour_levels(const rm_colour *colour, const float *cells, int64_t count, uint8_t *levels);

#endif
