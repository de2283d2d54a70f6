/* sheet_draw.h - the items of a sheet */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SHEET_DRAW_H
#define ROPEMAP_HOST_FIGURE_SHEET_DRAW_H

#include "host/figure/frame.h"
#include "host/figure/sheet_layout.h"

/*
 * Draws panels, colour bar, axes and words; borrows `levels`, those of one map after another, `colour` and
 * `bar`, which it fills.
 */
void rm_sheet_draw(rm_drawing *drawing, const rm_sheet_layout *layout, const ropemap_sheet *sheet,
                   const uint8_t *levels, const rm_colour *colour, rm_bar_levels *bar);

#endif
