/* overlay.h - what is drawn over a map: contours, trained lengths, values of cells */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_OVERLAY_H
#define ROPEMAP_HOST_FIGURE_OVERLAY_H

#include "host/base/status.h"
#include "host/figure/heatmap.h"

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
 * them. Where two opposite corners of a square are above and two below, their mean decides what is connected.
 * A square with a corner that is not finite has no line. Points that a straight line passes within 1/20 pixel
 * are left out. ROPEMAP_USAGE: more than RM_CONTOUR_POINTS_MAX points; ROPEMAP_RESOURCES.
 */
ropemap_status rm_contour_add(rm_contour *contour, const ropemap_map *map, double value,
                              const rm_contour_place *place, ropemap_error *error);

void rm_contour_free(rm_contour *contour);

enum { RM_CELL_TEXT_SIDE = 32 }; /* positions a side up to which cells show their value */

/*
 * Over each map: lines along the figure's contours, which are on the colour bar too, lines across it at the
 * trained length, and where cells are single positions and few enough, their values. Lines are dark with a
 * light edge, so that they are seen on any colour. ROPEMAP_USAGE: contours of too many points;
 * ROPEMAP_RESOURCES.
 */
ropemap_status rm_overlay_draw(rm_heatmap *made, const rm_heatmap_layout *layout,
                               const ropemap_figure *figure, ropemap_error *error);

#endif
