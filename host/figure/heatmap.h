/* heatmap.h - maps in panels under one colour scale, from a checked figure to a drawing */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_HEATMAP_H
#define ROPEMAP_HOST_FIGURE_HEATMAP_H

#include "host/figure/colour.h"
#include "host/figure/drawing.h"
#include "host/figure/frame.h"

enum { RM_PANELS_MAX = 1024 };

#define RM_BELOW_NAME "≤ 0"

typedef struct rm_panel_layout {
    rm_box map;
    bool has_rows, has_cols; /* ticks to its left, and below */
    rm_ticks rows, cols;     /* where it has them */
    double across, down;     /* what is marked, in pixels from the map's corner; NaN where that is outside */
    char name[RM_TEXT_BYTES];
} rm_panel_layout;

/* Where everything of a framed figure is, in pixels. */
typedef struct rm_heatmap_layout {
    const rm_theme *theme;
    rm_sizes sizes;
    int64_t width, height; /* of the figure */
    rm_heading heading;
    rm_axis_label row_label, col_label, value_label;
    int32_t count, columns, rows;          /* panels, columns and rows of panels */
    int64_t widths[RM_PANELS_MAX];         /* [columns] the widest panel of each column */
    int64_t heights[RM_PANELS_MAX];        /* [rows] the tallest of each row */
    rm_panel_layout panels[RM_PANELS_MAX]; /* [count] */
    rm_box area;                           /* from the first panel to the end of the last column and row */
    rm_box bar;
    rm_ticks values;
    const char *nan_name; /* of the swatches below the colour bar: "masked", "NaN"; NULL: none; static */
    bool has_below;       /* the other one */
    bool names_on_top, names_between;          /* above the first row of panels, and above each other one */
    rm_axis_label row_headings[RM_PANELS_MAX]; /* [rows] to the right of them */
    rm_axis_label trained; /* the trained length of a map alone, above its mark; starts at x */
} rm_heatmap_layout;

/* Lays out a checked figure, not a bare one, whose scale is chosen; the font is ready. ROPEMAP_USAGE: no room
 * for the maps, or a side of more than RM_IMAGE_SIDE_MAX. */
ropemap_status rm_heatmap_layout_make(rm_heatmap_layout *layout, const ropemap_figure *figure,
                                      const rm_colour *colour, ropemap_error *error);

/* Footnote: the values of contours, what the limits leave out and a `trained` length that is marked without a
 * label, 0 for none; empty where there is none of these. */
void rm_footnote_write(char text[RM_TEXT_BYTES], const ropemap_figure *figure, int64_t trained);

/* A drawing and what it borrows; it stays where it is made. */
typedef struct rm_heatmap {
    rm_colour colour;
    uint8_t *levels;        /* of one map after another */
    uint8_t bar[RM_LEVELS]; /* levels of the bar's steps, from top to bottom */
    rm_drawing drawing;
} rm_heatmap;

/* Checks a figure and draws it. Free the heat map also after a failure. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ropemap_status rm_heatmap_make(const ropemap_figure *figure, rm_heatmap *made, ropemap_error *error);
void rm_heatmap_free(rm_heatmap *made);

/* ---- what is drawn over a map (overlay.c) ---------------------------------------------------------------
 */

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

/* Whether each cell is one position of each side, and they are few enough to be numbered. */
bool rm_panel_has_values(const ropemap_panel *panel);

/*
 * Over each map: lines along the figure's contours, which are on the colour bar too, lines across it at the
 * trained length, and where cells are single positions and few enough, their values. Lines are dark with a
 * light edge, so that they are seen on any colour. ROPEMAP_USAGE: contours of too many points;
 * ROPEMAP_RESOURCES.
 */
ropemap_status rm_overlay_draw(rm_heatmap *made, const rm_heatmap_layout *layout,
                               const ropemap_figure *figure, ropemap_error *error);

#endif
