/* sheet_colour.h - the one colour scale of a sheet */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SHEET_COLOUR_H
#define ROPEMAP_HOST_FIGURE_SHEET_COLOUR_H

#include "host/figure/colour.h"
#include "host/figure/ticks.h"

/*
 * The scale that a figure with all cells of all panels would have, and whether any of them is NaN. The sheet
 * is checked (sheet_check.h). ROPEMAP_USAGE for limits, a colour map or a norm that a figure cannot have.
 */
ropemap_status rm_sheet_colour_choose(const ropemap_sheet *sheet, rm_colour *colour, bool *has_nan,
                                      ropemap_error *error);

/* At most `most` ticks (2 to RM_TICKS_MAX) of the colour bar, from its lower end up. */
rm_ticks rm_sheet_colour_ticks(const rm_colour *colour, int32_t most);

#endif
