/* overlay.h - what is drawn over a map: contours, trained lengths, values of cells */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_OVERLAY_H
#define ROPEMAP_HOST_FIGURE_OVERLAY_H

#include "host/figure/drawing.h"
#include "host/figure/layout.h"

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
