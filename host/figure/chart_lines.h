/* chart_lines.h - bands, lines and dots of a chart's series */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_LINES_H
#define ROPEMAP_HOST_FIGURE_CHART_LINES_H

#include "host/figure/chart_curve.h"
#include "host/figure/drawing.h"

/* From least to greatest in every column that holds several points of a line. */
void rm_chart_band_draw(rm_drawing *drawing, const ropemap_chart *chart, int32_t index,
                        const rm_chart_layout *layout, const rm_chart_curve *curve);

/* The line through the means, or a dot at each point: of those at one pixel, at the first. */
void rm_chart_series_draw(rm_drawing *drawing, const ropemap_chart *chart, int32_t index,
                          const rm_chart_layout *layout, const rm_chart_curve *curve);

#endif
