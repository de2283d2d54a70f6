/* sheet_scene.h - a sheet as a list of what is drawn */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SHEET_SCENE_H
#define ROPEMAP_HOST_FIGURE_SHEET_SCENE_H

#include "host/figure/frame.h"

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
