/* sheet_layout.h - where everything of a sheet stands */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SHEET_LAYOUT_H
#define ROPEMAP_HOST_FIGURE_SHEET_LAYOUT_H

#include "host/figure/sheet_colour.h"
#include "host/figure/sheet_grid.h"

enum { RM_SHEET_PIXELS_MAX = 32767 }; /* a side of a sheet */

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
