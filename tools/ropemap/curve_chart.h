/* curve_chart.h - a curve's figure */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_CURVE_CHART_H
#define ROPEMAP_TOOLS_ROPEMAP_CURVE_CHART_H

#include "tools/ropemap/curve_options.h"

enum { CURVE_MARKS_MOST = 4 };

/* Height of a chart by its width. */
#define CURVE_SHAPE 0.625

/* A chart and what it borrows, besides the curves; it stays where it is made. */
typedef struct curve_chart {
    ropemap_chart chart;
    ropemap_series series[CURVES_MOST];
    ropemap_mark marks[CURVE_MARKS_MOST];
    char words[CURVE_MARKS_MOST][80], subtitle[200];
} curve_chart;

void curve_chart_make(const curve_options *options, const curves *made, curve_chart *to);

/* Gives a chart the size that it has in a PNG or on a page; returns its size in print. `shape`, height by
 * width, is that of a chart without --size; 0: from what it shows. */
ropemap_page curve_chart_size(const curve_options *options, bool png, double shape, ropemap_chart *chart);

/* "base 10000, d = 128": what the rules of all curves of `count` charts have in common. */
void curve_chart_common(const curve_options *options, const curves *made, int count, char *text, size_t size);

#endif
