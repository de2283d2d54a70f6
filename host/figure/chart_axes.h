/* chart_axes.h - frame, grid, numbers and words of a chart */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_AXES_H
#define ROPEMAP_HOST_FIGURE_CHART_AXES_H

#include "host/figure/chart_layout.h"
#include "host/figure/drawing.h"

/* All that stands behind and around the series of a plot. */
void rm_chart_axes_draw(rm_drawing *drawing, const rm_chart_layout *layout);

/* Title, subtitle and the labels of the axes. */
void rm_chart_words_draw(rm_drawing *drawing, const rm_chart_layout *layout);

#endif
