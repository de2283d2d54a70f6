/* chart_check.h - whether a chart can be drawn at all */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_CHECK_H
#define ROPEMAP_HOST_FIGURE_CHART_CHECK_H

#include "host/base/status.h"

enum { RM_CHART_WIDTH = 1600, RM_CHART_HEIGHT = 1000, RM_CHART_SIDE_MIN = 120, RM_CHART_SIDE_MAX = 8192 };
enum { RM_CHART_SERIES_MAX = 24, RM_CHART_MARKS_MAX = 16 };

/* Numbers beyond this leave no room for what is computed with them. */
#define RM_CHART_NUMBER_MAX 1e300

/* Whether a point of a checked chart has a place on both axes; where it has none there is a gap. */
bool rm_chart_shows(const ropemap_chart *chart, const ropemap_series *series, int64_t point);

/* ROPEMAP_USAGE, naming the series or the mark, its value and the rule. */
ropemap_status rm_chart_check(const ropemap_chart *chart, ropemap_error *error);

#endif
