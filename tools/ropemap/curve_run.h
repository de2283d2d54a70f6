/* curve_run.h - curves from options */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_CURVE_RUN_H
#define ROPEMAP_TOOLS_ROPEMAP_CURVE_RUN_H

#include "tools/ropemap/curve_options.h"

/*
 * The values of a curve in at most CURVE_BUCKETS parts, one after another, which are even on a linear or a
 * logarithmic axis (but for distance 0, which is then a part of its own): an object of arrays `distance` and
 * `last`, the first and the last distance of each part, and `mean`, `low` and `high` of its values. NaN:
 * null. NULL: no memory.
 */
json_t *curve_buckets(const curves *made, const curve *one, bool log_axis);

#endif
