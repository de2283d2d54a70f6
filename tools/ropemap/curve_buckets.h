/* curve_buckets.h - a curve of many distances in as many parts as a picture has columns */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_CURVE_BUCKETS_H
#define ROPEMAP_TOOLS_CURVE_BUCKETS_H

#include "tools/ropemap/curve_options.h"

enum { CURVE_BUCKETS = 2000 };

/*
 * The values of a curve in at most CURVE_BUCKETS parts, one after another, which are even on a linear or a
 * logarithmic axis (but for distance 0, which is then a part of its own): an object of arrays `distance` and
 * `last`, the first and the last distance of each part, and `mean`, `low` and `high` of its values. NaN:
 * null. NULL: no memory.
 */
json_t *curve_buckets(const curves *made, const curve *one, bool log_axis);

#endif
