/* roofline.h - a roofline: rates against intensity, under a machine's ceilings */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_ROOFLINE_H
#define ROPEMAP_HOST_FIGURE_ROOFLINE_H

#include "host/figure/drawing.h"

#define RM_SCENE_LEFT 160.0 /* of the plot, for its axis */

#define RM_SCENE_TOP 110.0

enum { RM_SCENE_INKS = 7 };

/* A rectangle that a text, a point or a number takes. */
typedef struct rm_area {
    double x, y, width, height;
} rm_area;

typedef struct rm_scene {
    rm_drawing drawing;
    double low_x, high_x, low_y, high_y; /* decimal logarithms at the edges */
    rm_area *taken;                      /* with room for all that comes; borrowed */
    int32_t taken_count;
    const char *groups[RM_SCENE_INKS]; /* first words of labels, in the order they came */
} rm_scene;

/* Whether a place within the plot covers nothing that is there; to be occupied by who takes it. */
bool rm_scene_is_free(const rm_scene *plot, rm_area place);

void rm_scene_occupy(rm_scene *plot, rm_area place);

#endif
