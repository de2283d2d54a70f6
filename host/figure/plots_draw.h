/* plots_draw.h - charts side by side as a list of what is drawn */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_PLOTS_DRAW_H
#define ROPEMAP_HOST_FIGURE_PLOTS_DRAW_H

#include "host/figure/drawing.h"

enum { RM_PLOTS_MAX = 100 };

/* Checks plots and fills a zeroed drawing, for any sink; free it. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ropemap_status rm_plots_draw(const ropemap_plots *plots, rm_drawing *drawing, ropemap_error *error);

#endif
