/* chart_layout.h - where everything of a chart is placed */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_LAYOUT_H
#define ROPEMAP_HOST_FIGURE_CHART_LAYOUT_H

#include "host/figure/chart_ticks.h"
#include "host/figure/drawing.h"
#include "host/figure/layout.h"

#define RM_CHART_INK ((rm_rgb){0x1c, 0x1c, 0x1c})

#define RM_CHART_SOFT_INK ((rm_rgb){0x5a, 0x5a, 0x5a})

#define RM_CHART_LINE_INK ((rm_rgb){0x40, 0x40, 0x40})

#define RM_CHART_ZERO_INK ((rm_rgb){0x9a, 0x9a, 0x9a})

#define RM_CHART_GRID_INK ((rm_rgb){0xe4, 0xe4, 0xe4})

#define RM_CHART_WHITE ((rm_rgb){0xff, 0xff, 0xff})

/* A polyline or dots, as `points` says, `thickness` wide, in the series' colour, dashes and kind of dot. */
rm_item rm_chart_style(int32_t index, bool points, bool dashed, double thickness);

/* Pixels; from the legend's own left and upper edge. */
typedef struct rm_chart_legend {
    int32_t count; /* 0: a single series needs none */
    int32_t rows;  /* in each column, the last one apart */
    double size;   /* of the names */
    double step;   /* from a row to the next */
    double swatch; /* length of a piece of line */
    double column; /* from a column to the next */
    double width;
    char name[RM_CHART_SERIES_MAX][RM_TEXT_BYTES];
} rm_chart_legend;

/* The pieces of line are `thickness` wide, dots `dot`. */
void rm_chart_legend_draw(rm_drawing *drawing, const rm_chart_legend *legend, const ropemap_chart *chart,
                          double x, double y, double thickness, double dot);

/* Plots of one size, all with the same axes. */
typedef struct rm_chart_grid {
    int32_t across, down;
    int32_t name_lines;          /* of text above each */
    const ropemap_chart *legend; /* whose series it names */
} rm_chart_grid;

/* All lengths are in pixels of the figure. */
typedef struct rm_chart_layout {
    int64_t width, height;   /* of the figure */
    double scale;            /* 1 in a figure of 1600 x 1000 */
    int64_t line, tick, gap; /* of frame and ticks; tick to label */
    int64_t column;   /* width of what a line averages: a pixel at scale 1, so that all sizes look alike */
    double thickness; /* of series */
    double dot;       /* width of one */
    double tick_size, label_size, words_size; /* of text; words are legend and marks */
    double title_size, subtitle_size;         /* of text */
    double title_y, title_step;               /* first baseline, and on to the next */
    double subtitle_y, subtitle_step;
    rm_text_lines title, subtitle;
    char x_label[RM_TEXT_BYTES], y_label[RM_TEXT_BYTES];
    double x_label_y, y_label_x; /* baselines */
    rm_chart_axis x, y;
    rm_chart_ticks x_ticks, y_ticks;
    bool x_shown, y_shown;       /* ticks and their labels, below and beside the plot */
    rm_box plot;                 /* the first one of a grid */
    rm_box area;                 /* all plots with what is between them; of a chart alone, the plot */
    int64_t apart_x, apart_y;    /* from a plot's end to the start of the next */
    double name_size, name_step; /* of the text above a plot */
    double name_rise;            /* from its last baseline to the frame */
    rm_chart_legend legend;
    double legend_x;
} rm_chart_layout;

/*
 * Lays out a checked chart, or with a `grid` (else NULL) its words and axes around many plots, where `chart`
 * has the series and marks of all; a height of 0 is then from the plots' width. The font is ready.
 */
rm_chart_layout rm_chart_layout_make(const ropemap_chart *chart, const rm_chart_grid *grid);

/* ROPEMAP_USAGE where words leave no room for the plots. */
ropemap_status rm_chart_layout_check(const rm_chart_layout *layout, const rm_chart_grid *grid,
                                     ropemap_error *error);

/* Where values stand, in pixels of the figure; value > 0 where the axis is logarithmic. */
double rm_chart_across(const rm_chart_layout *layout, double x);

double rm_chart_down(const rm_chart_layout *layout, double y);

#endif
