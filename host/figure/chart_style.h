/* chart_style.h - the colours of a chart, and what tells its series apart */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_STYLE_H
#define ROPEMAP_HOST_FIGURE_CHART_STYLE_H

#include "host/figure/drawing.h"

#define RM_CHART_INK      ((rm_rgb){0x1c, 0x1c, 0x1c})
#define RM_CHART_SOFT_INK ((rm_rgb){0x5a, 0x5a, 0x5a})
#define RM_CHART_LINE_INK ((rm_rgb){0x40, 0x40, 0x40})
#define RM_CHART_ZERO_INK ((rm_rgb){0x9a, 0x9a, 0x9a})
#define RM_CHART_GRID_INK ((rm_rgb){0xe4, 0xe4, 0xe4})
#define RM_CHART_WHITE    ((rm_rgb){0xff, 0xff, 0xff})

/* A polyline or dots, as `points` says, `thickness` wide, in the series' colour, dashes and kind of dot. */
rm_item rm_chart_style(int32_t index, bool points, bool dashed, double thickness);

#endif
