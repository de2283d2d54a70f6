/* chart_ticks.h - whether a chart can be drawn, what its axes cover, and the numbers along them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_TICKS_H
#define ROPEMAP_HOST_FIGURE_CHART_TICKS_H

#include "host/base/status.h"
#include "host/figure/ticks.h"
#include "host/ropemap.h"

enum { RM_CHART_WIDTH = 1600, RM_CHART_HEIGHT = 1000, RM_CHART_SIDE_MIN = 120, RM_CHART_SIDE_MAX = 8192 };

enum { RM_CHART_SERIES_MAX = 24, RM_CHART_MARKS_MAX = 16 };

/* Whether a point of a checked chart has a place on both axes; where it has none there is a gap. */
bool rm_chart_shows(const ropemap_chart *chart, const ropemap_series *series, int64_t point);

/* ROPEMAP_USAGE, naming the series or the mark, its value and the rule. */
ropemap_status rm_chart_check(const ropemap_chart *chart, ropemap_error *error);

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

enum { RM_CHART_TICKS_MAX = 16, RM_CHART_MINOR_MAX = 256 };

typedef struct rm_chart_ticks {
    int32_t count; /* with a label; 1 at least */
    rm_tick tick[RM_CHART_TICKS_MAX];
    int32_t minor_count; /* between them, without */
    double minor[RM_CHART_MINOR_MAX];
    double widest; /* of the labels, pixels */
} rm_chart_ticks;

/*
 * As many as keep apart on `length` pixels in labels of `size`: multiples of 1, 2 or 5 times a power of ten,
 * or of a power of two where the axis is binary; on a logarithmic axis powers, every so many of them, and in
 * a range of less than two of them 1, 2 and 5 times a power. `along`: labels lie along the axis. The font is
 * ready.
 */
rm_chart_ticks rm_chart_ticks_make(const rm_chart_axis *axis, double length, double size, bool along);

#endif
