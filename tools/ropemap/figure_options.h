/* figure_options.h - options of a figure: colours, limits, frame */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_FIGURE_OPTIONS_H
#define ROPEMAP_TOOLS_ROPEMAP_FIGURE_OPTIONS_H

#include "tools/ropemap/map_table.h"

/* Names of norms, NULL past the last. */
const char *norm_choice(int index);

/* Setters; `into` is a map_options. */
ropemap_status set_norm(void *into, const cli_option *option, const char *text, ropemap_error *error);

ropemap_status set_percentile(void *into, const cli_option *option, const char *text, ropemap_error *error);

ropemap_status set_contours(void *into, const cli_option *option, const char *text, ropemap_error *error);

/* ROPEMAP_USAGE for options of this kind that do not go together. */
ropemap_status figure_options_check(const map_options *options, ropemap_error *error);

/* Puts them into a figure of a PNG or a page, with the length that the model was trained on. */
void figure_options_apply(const map_options *options, bool png, ropemap_figure *figure);

#endif
