/* figure.h - a map as a figure */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_FIGURE_H
#define ROPEMAP_HOST_FIGURE_FIGURE_H

#include "host/base/status.h"

/* ROPEMAP_USAGE for a map without cells. */
ropemap_status rm_check_map(const ropemap_map *map, ropemap_error *error);

/* ROPEMAP_USAGE, with the field, its value and the rule. Limits are rm_colour_choose's to check. */
ropemap_status rm_check_figure(const ropemap_figure *figure, const ropemap_map *map, ropemap_error *error);

/* The finished width that a figure or a sheet, as `what` says, is asked for; 0 for none. ROPEMAP_USAGE. */
ropemap_status rm_check_width(int64_t width, const char *what, ropemap_error *error);

#endif
