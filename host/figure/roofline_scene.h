/* roofline_scene.h - logarithmic axes, and which places in them are taken */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_ROOFLINE_SCENE_H
#define ROPEMAP_HOST_FIGURE_ROOFLINE_SCENE_H

#include "host/figure/drawing.h"

/* Pixels. */
#define RM_SCENE_MARGIN 26.0
#define RM_SCENE_LEFT   160.0 /* of the plot, for its axis */
#define RM_SCENE_TOP    110.0
#define RM_SCENE_WIDTH  1100.0
#define RM_SCENE_HEIGHT 780.0
#define RM_SCENE_BOTTOM 92.0
#define RM_SCENE_WORDS  17.0 /* size of subtitle, ceilings, legend, numbers */

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

/* Where a decimal logarithm stands. */
double rm_scene_across(const rm_scene *plot, double log_x);
double rm_scene_down(const rm_scene *plot, double log_y);

/* Whether a place within the plot covers nothing that is there; to be occupied by who takes it. */
bool rm_scene_is_free(const rm_scene *plot, rm_area place);
void rm_scene_occupy(rm_scene *plot, rm_area place);

/* A text that fills the place. */
void rm_scene_write(rm_scene *plot, rm_area place, const char *text, rm_rgb colour);

/* Lines and numbers of whole decades, FLOP a byte across and GFLOP a second upwards. */
void rm_scene_axes(rm_scene *plot);

#endif
