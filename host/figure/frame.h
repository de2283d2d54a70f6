/* frame.h - the items of a framed figure */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_FRAME_H
#define ROPEMAP_HOST_FIGURE_FRAME_H

#include "host/figure/drawing.h"
#include "host/figure/layout.h"

/* The level of each of the bar's steps, from top to bottom. */
typedef struct rm_bar_levels {
    uint8_t level[RM_LEVELS];
} rm_bar_levels;

/* Draws map, colour bar, axes and titles; borrows `levels` [height, width], `colour` and `bar`, which it
 * fills. */
void rm_frame_draw(rm_drawing *drawing, const rm_layout *layout, const ropemap_map *map,
                   const uint8_t *levels, const rm_colour *colour, rm_bar_levels *bar);

#endif
