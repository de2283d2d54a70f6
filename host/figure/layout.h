/* layout.h - where everything of a framed figure is placed */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_LAYOUT_H
#define ROPEMAP_HOST_FIGURE_LAYOUT_H

#include "host/figure/colour.h"
#include "host/figure/drawing.h"
#include "host/figure/text.h"
#include "host/figure/theme.h"
#include "host/figure/ticks.h"

/* A rectangle on whole pixels, y downwards. */
typedef struct rm_box {
    int64_t x, y, width, height;
} rm_box;

/* An axis: its ticks, and its label in a size that is no longer than the room beside it. */
typedef struct rm_axis {
    rm_ticks ticks;
    double widest; /* of the tick labels, pixels */
    char label[RM_TEXT_BYTES];
    double label_size;
} rm_axis;

/* Where the trained length is on the map, from its corner, and what says so above it; an empty label where it
 * is not on both axes. */
typedef struct rm_mark {
    double across, down;
    char label[RM_TEXT_BYTES];
    double size, label_x, label_y; /* of the label: its start and its baseline */
} rm_mark;

/* All lengths are in pixels of the figure. */
typedef struct rm_layout {
    const rm_theme *theme;
    double scale;                                /* 1 for a map of 1,024 pixels */
    int64_t width, height;                       /* of the figure */
    int64_t line;                                /* of frames and ticks */
    int64_t tick;                                /* length of a tick */
    int64_t gap;                                 /* between a tick and its label */
    double tick_size, title_size, subtitle_size; /* of text */
    double title_step, subtitle_step;            /* from a baseline to the next */
    rm_text_lines title, subtitle, note;         /* the note in the subtitle's size */
    rm_axis rows, cols, values;
    rm_box map, bar;
    rm_mark mark;
    double title_y, subtitle_y, note_y;             /* first baselines */
    double row_label_x, col_label_y, value_label_x; /* baselines */
    bool has_nan;                                   /* a swatch below the colour bar */
    double nan_size;                                /* side of the swatch */
} rm_layout;

/* Lays out a figure whose limits are chosen. The font is ready (font.h), figure and map are checked. */
rm_layout rm_layout_make(const ropemap_figure *figure, const ropemap_map *map, const rm_colour *colour);

/* ROPEMAP_USAGE where the width that the figure is given leaves no room for the map. */
ropemap_status rm_layout_check(const rm_layout *layout, const ropemap_figure *figure, ropemap_error *error);

/* The level of each of the bar's steps, from top to bottom. */
typedef struct rm_bar_levels {
    uint8_t level[RM_LEVELS];
} rm_bar_levels;

/* Draws map, colour bar, axes and titles; borrows `levels` [height, width], `colour` and `bar`, which it
 * fills. */
void rm_frame_draw(rm_drawing *drawing, const rm_layout *layout, const ropemap_map *map,
                   const uint8_t *levels, const rm_colour *colour, rm_bar_levels *bar);

#endif
