/* chart.h - a chart as a list of what is drawn */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_H
#define ROPEMAP_HOST_FIGURE_CHART_H

#include "host/figure/chart_layout.h"
#include "host/figure/drawing.h"

/* Checks a chart and fills a zeroed drawing, for any sink; free it. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ropemap_status rm_chart_draw(const ropemap_chart *chart, rm_drawing *drawing, ropemap_error *error);

/* The chart's plot: axes, series and marks, without words around it. */
void rm_chart_plot_draw(rm_drawing *drawing, const ropemap_chart *chart, const rm_chart_layout *layout);

#endif
