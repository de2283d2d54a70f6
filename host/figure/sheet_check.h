/* sheet_check.h - whether a sheet can be shown at all */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SHEET_CHECK_H
#define ROPEMAP_HOST_FIGURE_SHEET_CHECK_H

#include "host/base/status.h"

enum { RM_SHEET_PANELS_MAX = 100, RM_SHEET_SIDE = 320, RM_SHEET_SIDE_MIN = 64, RM_SHEET_SIDE_MAX = 32767 };

/* ROPEMAP_USAGE, with the panel or the field, its value and the rule. Limits are rm_sheet_colour_choose's to
 * check, the finished size rm_sheet_layout_make's. */
ropemap_status rm_sheet_check(const ropemap_sheet *sheet, ropemap_error *error);

#endif
