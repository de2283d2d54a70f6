/* overlay.h - what is drawn over a map: contours, and the length a model was trained on */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_OVERLAY_H
#define ROPEMAP_HOST_FIGURE_OVERLAY_H

#include "host/figure/drawing.h"
#include "host/figure/layout.h"

/*
 * Lines along the figure's contours, on the map and where their values are on the colour bar, and across the
 * map at the trained length. Every line is dark with a light edge, so that it is seen on any colour.
 * ROPEMAP_USAGE: contours of too many points; ROPEMAP_RESOURCES.
 */
ropemap_status rm_overlay_draw(rm_drawing *drawing, const rm_layout *layout, const ropemap_figure *figure,
                               const ropemap_map *map, const rm_colour *colour, ropemap_error *error);

#endif
