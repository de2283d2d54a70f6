/* chart_lines.h - bands, lines, dots and marks of a chart's series */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_LINES_H
#define ROPEMAP_HOST_FIGURE_CHART_LINES_H

#include "host/figure/chart_layout.h"
#include "host/figure/drawing.h"

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
bool rm_chart_curve_make(const ropemap_chart *chart, int32_t index, const rm_chart_layout *layout,
                         rm_chart_curve *curve);

void rm_chart_curve_free(rm_chart_curve *curve);

/* From least to greatest in every column that holds several points of a line. */
void rm_chart_band_draw(rm_drawing *drawing, const ropemap_chart *chart, int32_t index,
                        const rm_chart_layout *layout, const rm_chart_curve *curve);

/* The line through the means, or a dot at each point: of those at one pixel, at the first. */
void rm_chart_series_draw(rm_drawing *drawing, const ropemap_chart *chart, int32_t index,
                          const rm_chart_layout *layout, const rm_chart_curve *curve);

/* The lines of those marks that are within the plot. */
void rm_chart_marks_draw(rm_drawing *drawing, const ropemap_chart *chart, const rm_chart_layout *layout);

/*
 * Their labels: each beside its line where the fewest pixels of the curves [series_count] are, none over
 * another; shortened where there is no room, and left out where there still is none.
 */
void rm_chart_mark_labels_draw(rm_drawing *drawing, const ropemap_chart *chart, const rm_chart_layout *layout,
                               const rm_chart_curve *curves);

#endif
