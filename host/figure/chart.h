/* chart.h - series against an axis, alone or in a grid of plots */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_H
#define ROPEMAP_HOST_FIGURE_CHART_H

#include "host/figure/chart_layout.h"
#include "host/figure/drawing.h"

/* Checks plots and fills a zeroed drawing, for any sink; free it. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ropemap_status rm_plots_draw(const ropemap_plots *plots, rm_drawing *drawing, ropemap_error *error);

#endif
