/* sheet_layout.h - the grid of a sheet's panels, and where everything is placed */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SHEET_LAYOUT_H
#define ROPEMAP_HOST_FIGURE_SHEET_LAYOUT_H

#include "host/base/status.h"
#include "host/figure/colour.h"
#include "host/figure/layout.h"
#include "host/figure/ticks.h"

enum { RM_SHEET_PANELS_MAX = 100, RM_SHEET_SIDE = 320, RM_SHEET_SIDE_MIN = 64, RM_SHEET_SIDE_MAX = 32767 };

/* ROPEMAP_USAGE, with the panel or the field, its value and the rule. Limits are rm_sheet_colour_choose's to
 * check, the finished size rm_sheet_layout_make's. */
ropemap_status rm_sheet_check(const ropemap_sheet *sheet, ropemap_error *error);

/*
 * The scale that a figure with all cells of all panels would have, and whether any of them is NaN. The sheet
 * is checked (sheet_check.h). ROPEMAP_USAGE for limits, a colour map or a norm that a figure cannot have.
 */
ropemap_status rm_sheet_colour_choose(const ropemap_sheet *sheet, rm_colour *colour, bool *has_nan,
                                      ropemap_error *error);

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

/* The label of an axis or of the bar, its baseline's middle at (x, y). */
typedef struct rm_sheet_label {
    char text[RM_TEXT_BYTES];
    double size, x, y;
} rm_sheet_label;

/* All lengths are in pixels of the sheet. */
typedef struct rm_sheet_layout {
    int64_t width, height;                                  /* of the sheet */
    double scale;                                           /* of text and lines, as a figure's */
    int64_t line, tick, gap;                                /* of frames and ticks; tick to label */
    double tick_size, name_size, title_size, subtitle_size; /* of text */
    double title_step, subtitle_step;                       /* from a baseline to the next */
    double title_y, subtitle_y;                             /* first baselines */
    double name_rise;                                       /* from a panel's name to its frame */
    rm_text_lines title, subtitle;
    rm_sheet_label row_label, col_label, value_label;
    rm_sheet_grid grid;
    rm_box area; /* from the first panel to the end of the last column and row */
    rm_box bar;
    rm_ticks values;
    bool has_nan;    /* a swatch below the colour bar */
    double nan_size; /* side of the swatch */
} rm_sheet_layout;

/*
 * Lays out a checked sheet whose scale is chosen; the font is ready (font.h). ROPEMAP_USAGE: a side of more
 * than RM_SHEET_PIXELS_MAX.
 */
ropemap_status rm_sheet_layout_make(rm_sheet_layout *layout, const ropemap_sheet *sheet,
                                    const rm_colour *colour, bool has_nan, ropemap_error *error);

#endif
