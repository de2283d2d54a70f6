/* colour.h - which level of the palette a value gets */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_COLOUR_H
#define ROPEMAP_HOST_FIGURE_COLOUR_H

#include "host/base/status.h"
#include "host/figure/norm.h"
#include "host/figure/palette.h"

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
