/* sheet.h - maps in panels under one colour scale */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SHEET_H
#define ROPEMAP_HOST_FIGURE_SHEET_H

#include "host/figure/layout.h"
#include "host/figure/sheet_layout.h"

/*
 * Draws panels, colour bar, axes and words; borrows `levels`, those of one map after another, `colour` and
 * `bar`, which it fills.
 */
void rm_sheet_draw(rm_drawing *drawing, const rm_sheet_layout *layout, const ropemap_sheet *sheet,
                   const uint8_t *levels, const rm_colour *colour, rm_bar_levels *bar);

/* A sheet's items and what they borrow. */
typedef struct rm_sheet_scene {
    rm_colour colour;
    uint8_t *levels; /* of one map after another */
    rm_bar_levels bar;
    rm_drawing drawing;
} rm_sheet_scene;

/* Checks a sheet and draws it, for any sink. Free the scene, also after a failure; it stays where it is made,
 * as its items point into it. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ropemap_status rm_sheet_scene_make(const ropemap_sheet *sheet, rm_sheet_scene *scene, ropemap_error *error);

void rm_sheet_scene_free(rm_sheet_scene *scene);

#endif
