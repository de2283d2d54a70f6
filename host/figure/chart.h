/* chart.h - series against an axis in one plot or a grid of them, from a checked chart to a drawing */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_H
#define ROPEMAP_HOST_FIGURE_CHART_H

#include "host/figure/frame.h"
#include "host/ropemap_figure.h"

enum { RM_CHART_WIDTH = 1600, RM_CHART_HEIGHT = 1000, RM_CHART_SIDE_MIN = 120, RM_CHART_SIDE_MAX = 8192 };

enum { RM_CHART_SERIES_MAX = 24, RM_CHART_MARKS_MAX = 16, RM_CHART_NAMES_MAX = 500 };

/* The plots of a chart. */
typedef struct rm_plots {
    const ropemap_plot *plot; /* [count] */
    int32_t count;
} rm_plots;

rm_plots rm_plots_of(const ropemap_chart *chart);

/* Whether a point has a place on both axes; where it has none there is a gap. */
bool rm_chart_shows(const ropemap_chart *chart, const ropemap_series *series, int64_t point);

/* Both axes of a checked chart: all that has a place is within, and every mark, but for y limits given. */
rm_axis_span rm_chart_range_x(const ropemap_chart *chart);
rm_axis_span rm_chart_range_y(const ropemap_chart *chart);

/* A polyline or dots in the colour, dashes and kind of dot of a plot's series: `thickness` wide, dots `dot`.
 */
rm_item rm_chart_look(const ropemap_plot *plot, int32_t index, double thickness, double dot);

/* ---- layout ---- */

/*
 * Names of series, from the top down in the order of the lines' right ends and in a single plot next to
 * these, or the numbered names of their points. Words that all names begin with ("base") are above them,
 * once. Where that takes too much of a figure's width, they are in rows below the plots. Pixels; from its own
 * left edge.
 */
typedef struct rm_legend {
    int32_t count; /* of entries; 0: a single series needs none */
    char heading[RM_TEXT_BYTES];
    bool numbered;                       /* points have names */
    size_t skipped;                      /* bytes of each name that are the heading */
    int32_t order[RM_CHART_SERIES_MAX];  /* [count] series, unless points have names */
    double middles[RM_CHART_SERIES_MAX]; /* [count] of their rows, in pixels of the figure */
    int32_t rows;                        /* in each column, the last one apart */
    int32_t below;                       /* columns of one that is below the plots, 0: it is not */
    double head;                         /* of these, before the first column */
    double size;                         /* of the names */
    double step;                         /* from a row to the next */
    double swatch;                       /* length of a piece of line, or room for a number */
    double room;                         /* for a name, which is cut there */
    double column;                       /* from a column to the next */
    double width;
} rm_legend;

/* All lengths are in pixels of the figure. */
typedef struct rm_chart_layout {
    const rm_theme *theme;
    int64_t width, height; /* of the figure */
    rm_sizes sizes;        /* scale 1 is that of a figure of 1600 x 1000 */
    double words;          /* size of the text of legend and labels in a plot */
    int64_t column;   /* width of what a line averages: a pixel at scale 1, so that all sizes look alike */
    double thickness; /* of series */
    double dot;       /* width of one */
    rm_heading heading;
    rm_axis_label x_label, y_label;
    rm_axis_span x, y;
    rm_ticks x_ticks, y_ticks;
    int32_t across, down;      /* columns and rows of plots */
    int32_t name_lines;        /* of text above each plot */
    rm_box plot;               /* the first one */
    rm_box area;               /* all plots with what is between them */
    int64_t apart_x, apart_y;  /* from a plot's end to the start of the next */
    const ropemap_plot *named; /* whose series the legend names */
    rm_legend legend;
    double legend_x, legend_y; /* its left edge; its top, where it is below */
} rm_chart_layout;

/* Lays out a checked chart; the font is ready. ROPEMAP_USAGE where words leave no room for the plots. */
ropemap_status rm_chart_layout_make(rm_chart_layout *layout, const ropemap_chart *chart,
                                    ropemap_error *error);

/* What is above a plot: its own name, or its column's heading; may be NULL. */
const char *rm_chart_name(const rm_chart_layout *layout, const ropemap_chart *chart, int32_t index);

void rm_legend_draw(rm_drawing *drawing, const rm_chart_layout *layout);

/* Where values are, in pixels of the figure; value > 0 where the axis is logarithmic. */
double rm_chart_across(const rm_chart_layout *layout, double x);
double rm_chart_down(const rm_chart_layout *layout, double y);

/* ---- lines ---- */

/*
 * The points of a series within one column of the plot, one pixel wide or a few in a large figure; in pixels
 * of the figure, y downwards. A pixel holds many distances: their mean is where the line passes, and least
 * and greatest bound a band behind it.
 */
typedef struct rm_chart_column {
    int64_t index;      /* of the column, from the left */
    int64_t count;      /* of points, 1 at least */
    double x;           /* the middle of the points */
    double y;           /* of their mean */
    double top, bottom; /* of the greatest and the least */
    bool joined;        /* to the column before: no gap between them */
} rm_chart_column;

typedef struct rm_chart_curve {
    rm_chart_column *columns; /* [count], from left to right */
    int64_t count;            /* 1 at least */
} rm_chart_curve;

/* False where memory is short. Free with rm_chart_curve_free. */
bool rm_chart_curve_make(const ropemap_chart *chart, const ropemap_series *series,
                         const rm_chart_layout *layout, rm_chart_curve *curve);
void rm_chart_curve_free(rm_chart_curve *curve);

/* From least to greatest in every column that holds several points of a line. */
void rm_chart_band_draw(rm_drawing *drawing, const ropemap_plot *plot, int32_t index,
                        const rm_chart_layout *layout, const rm_chart_curve *curve);

/* The line through the means, or a dot at each point: of those at one pixel, at the first. */
void rm_chart_series_draw(rm_drawing *drawing, const ropemap_chart *chart, const ropemap_plot *plot,
                          int32_t index, const rm_chart_layout *layout, const rm_chart_curve *curve);

/* The lines of those marks that are within the plot, and their rings. */
void rm_chart_marks_draw(rm_drawing *drawing, const ropemap_plot *plot, const rm_chart_layout *layout);
void rm_chart_rings_draw(rm_drawing *drawing, const ropemap_plot *plot, const rm_chart_layout *layout);

/*
 * The labels within a plot: of marks and references next to their lines, where the fewest pixels of the
 * curves [series_count] are, and the numbers of named points next to these; none over another. Shortened
 * where there is no room, and left out where there still is none.
 */
void rm_chart_labels_draw(rm_drawing *drawing, const ropemap_chart *chart, const ropemap_plot *plot,
                          const rm_chart_layout *layout, const rm_chart_curve *curves);

/* Checks a chart and fills a zeroed drawing; free it. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ropemap_status rm_chart_draw(const ropemap_chart *chart, rm_drawing *drawing, ropemap_error *error);

#endif
