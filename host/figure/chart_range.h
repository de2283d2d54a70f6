/* chart_range.h - what the axes of a chart reach from and to */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_RANGE_H
#define ROPEMAP_HOST_FIGURE_CHART_RANGE_H

#include "host/ropemap.h"

typedef struct rm_chart_axis {
    bool log;
    bool binary;      /* its numbers are positions, best told by powers of two */
    double low, high; /* at its ends, low < high; decimal logarithms where `log` */
} rm_chart_axis;

/* Both axes of a checked chart: all that has a place is within, and every mark, but for y limits given. */
rm_chart_axis rm_chart_range_x(const ropemap_chart *chart);
rm_chart_axis rm_chart_range_y(const ropemap_chart *chart);

/* 0 at the low end, 1 at the high one, and at most a million beyond; value > 0 where the axis is logarithmic.
 */
double rm_chart_place(const rm_chart_axis *axis, double value);

#endif
