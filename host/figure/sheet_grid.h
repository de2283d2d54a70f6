/* sheet_grid.h - how large the panels of a sheet are, how many stand side by side, and which have ticks */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SHEET_GRID_H
#define ROPEMAP_HOST_FIGURE_SHEET_GRID_H

#include "host/figure/layout.h"
#include "host/figure/sheet_check.h"

typedef struct rm_sheet_panel {
    rm_box map;
    bool has_rows, has_cols; /* ticks to its left, and below */
    rm_ticks rows, cols;     /* where it has them */
    double rows_widest;      /* of the labels to its left, pixels */
    char name[RM_TEXT_BYTES];
} rm_sheet_panel;

typedef struct rm_sheet_grid {
    int32_t count, across, down;                /* panels, columns, rows of panels */
    int64_t widths[RM_SHEET_PANELS_MAX];        /* [across] the widest panel of each column */
    int64_t heights[RM_SHEET_PANELS_MAX];       /* [down] the tallest of each row */
    rm_sheet_panel panels[RM_SHEET_PANELS_MAX]; /* [count] */
} rm_sheet_grid;

/* Columns that make a sheet of panels, `shape` times as wide as high, as square as it gets with few empty
 * places; of two that are equally good the more. */
int32_t rm_sheet_columns(int32_t count, double shape);

/*
 * Sizes of the panels and their places in the grid, of a checked sheet; not yet where they stand. Panels
 * whose ranges and sizes are all the same share ticks: those at the left and at the bottom have them. With
 * `fit`, else 0, longer sides have that many pixels, whatever cells come to.
 */
void rm_sheet_grid_make(rm_sheet_grid *grid, const ropemap_sheet *sheet, int64_t fit);

/* Ticks of the panels that have some, their labels `size` pixels; lengths are times `scale`. */
void rm_sheet_grid_ticks(rm_sheet_grid *grid, const ropemap_sheet *sheet, double size, double scale);

/* How far the labels below a panel reach beyond its left and its right edge; below 0: they end before. */
double rm_sheet_panel_before(const rm_sheet_panel *panel, double size);
double rm_sheet_panel_beyond(const rm_sheet_panel *panel, double size);

#endif
