/* colour.h - which level of a palette a value gets: norm, limits, palettes */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_COLOUR_H
#define ROPEMAP_HOST_FIGURE_COLOUR_H

#include "host/base/status.h"
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

/*
 * Of the finite cells, or with `positive` of those above 0: *low is the least after floor(share * n) of n are
 * left out, *high the greatest after as many. share is 0 to 0.4; exact for any number of cells. INFINITY and
 * -INFINITY where there is no such cell. ROPEMAP_RESOURCES.
 */
ropemap_status rm_percentile(const float *cells, int64_t count, double share, bool positive, double *low,
                             double *high, ropemap_error *error);

typedef struct rm_limits {
    double low, high; /* low < high once they are chosen */
} rm_limits;

/* Least and greatest finite cell, with `positive` of those above 0; INFINITY and -INFINITY where there is
 * none. */
rm_limits rm_limits_scan(const float *cells, int64_t count, bool positive);

/*
 * Level k of a map stands for k/254 of the way from its lower to its upper limit. 255 levels leave one entry
 * of an 8-bit palette to NaN, and being odd in number they have one in the middle: 0 on a diverging map is
 * its exact white.
 */
enum { RM_LEVELS = ROPEMAP_LEVELS, RM_LEVEL_MAX = 254, RM_LEVEL_NAN = 255 };

typedef struct rm_palette {
    uint8_t rgb[RM_LEVELS + 1][3]; /* the levels from low to high, then NaN */
} rm_palette;

/* `colormap` is one of the maps, not AUTO. */
void rm_palette_make(ropemap_colormap colormap, rm_palette *palette);

typedef struct rm_colour {
    ropemap_colormap colormap; /* never AUTO */
    double low, high;          /* values of level 0 and of the last level, low < high */
    rm_norm norm;              /* levels are even in it */
    rm_palette palette;
} rm_colour;

/*
 * Colour map, norm and limits of a figure (colour_limits.h). Limits that were not given are symmetric about 0
 * on a diverging map, unless they are logarithmic. ROPEMAP_USAGE for bad limits; ROPEMAP_RESOURCES.
 */
ropemap_status rm_colour_choose(const ropemap_figure *figure, const ropemap_map *map, rm_colour *colour,
                                ropemap_error *error);

/* Where a value lies between the limits, 0 to 1; NaN for NaN. */
double rm_colour_place(const rm_colour *colour, double value);

/* Levels of `count` cells, RM_LEVEL_NAN for NaN. What lies outside the limits gets the nearest level. */
void rm_colour_levels(const rm_colour *colour, const float *cells, int64_t count, uint8_t *levels);

#endif
