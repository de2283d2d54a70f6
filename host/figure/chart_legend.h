/* chart_legend.h - the names of a chart's series, beside its plot */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_LEGEND_H
#define ROPEMAP_HOST_FIGURE_CHART_LEGEND_H

#include "host/figure/chart_check.h"
#include "host/figure/drawing.h"

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

/* Names in `size`, in as many columns as `height` asks for, cut so that all is at most `room` wide. */
rm_chart_legend rm_chart_legend_lay(const ropemap_chart *chart, double size, double height, double room);

/* The pieces of line are `thickness` wide, dots `dot`. */
void rm_chart_legend_draw(rm_drawing *drawing, const rm_chart_legend *legend, const ropemap_chart *chart,
                          double x, double y, double thickness, double dot);

#endif
