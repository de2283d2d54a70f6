/* chart_marks.h - lines across a chart at one number, and their names along them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_MARKS_H
#define ROPEMAP_HOST_FIGURE_CHART_MARKS_H

#include "host/figure/chart_curve.h"
#include "host/figure/drawing.h"

/* The lines of those marks that are within the plot. */
void rm_chart_marks_draw(rm_drawing *drawing, const ropemap_chart *chart, const rm_chart_layout *layout);

/*
 * Their labels: each beside its line where the fewest pixels of the curves [series_count] are, none over
 * another; shortened where there is no room, and left out where there still is none.
 */
void rm_chart_mark_labels_draw(rm_drawing *drawing, const ropemap_chart *chart, const rm_chart_layout *layout,
                               const rm_chart_curve *curves);

#endif
