/* chart_ticks.h - the numbers along an axis of a chart */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_TICKS_H
#define ROPEMAP_HOST_FIGURE_CHART_TICKS_H

#include "host/figure/chart_range.h"
#include "host/figure/ticks.h"

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
