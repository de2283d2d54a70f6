/* overlay.h - what is drawn over a map: contours, trained lengths, values of cells */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_OVERLAY_H
#define ROPEMAP_HOST_FIGURE_OVERLAY_H

#include "host/base/status.h"
#include "host/figure/drawing.h"
#include "host/figure/layout.h"

#include <stdbool.h>

/* Where the map is drawn. */
typedef struct rm_contour_place {
    double x, y;         /* its corner */
    double across, down; /* pixels a cell, > 0 */
} rm_contour_place;

/* A zeroed one is empty. Free with rm_contour_free. */
typedef struct rm_contour {
    double *points; /* [count, 2] x and y in pixels; NaN and NaN after each line */
    int64_t count, capacity;
} rm_contour;

/*
 * Adds the lines along `value` by marching squares between the middles of cells, values linear between two of
 * them. Where two opposite corners of a square are above and two below, their mean says what is connected. A
 * square with a corner that is not finite has no line. Points that a straight line passes within 1/20 pixel
 * are left out. ROPEMAP_USAGE: more than RM_CONTOUR_POINTS_MAX points; ROPEMAP_RESOURCES.
 */
ropemap_status rm_contour_add(rm_contour *contour, const ropemap_map *map, double value,
                              const rm_contour_place *place, ropemap_error *error);

void rm_contour_free(rm_contour *contour);

enum { RM_CELL_TEXT_SIDE = 32 }; /* positions a side up to which cells show their value */

/* Whether each cell is one position of each side, and they are few enough to be numbered. */
bool rm_cell_text_wanted(const ropemap_figure *figure, const ropemap_map *map);

/* Each cell's value to one decimal in its middle, white above half of the limits' range and black below. */
void rm_cell_text_draw(rm_drawing *drawing, const rm_layout *layout, const ropemap_map *map,
                       const uint8_t *levels, const rm_colour *colour);

/*
 * Lines along the figure's contours, on the map and where their values are on the colour bar, and across the
 * map at the trained length. Every line is dark with a light edge, so that it is seen on any colour.
 * ROPEMAP_USAGE: contours of too many points; ROPEMAP_RESOURCES.
 */
ropemap_status rm_overlay_draw(rm_drawing *drawing, const rm_layout *layout, const ropemap_figure *figure,
                               const ropemap_map *map, const rm_colour *colour, ropemap_error *error);

#endif
