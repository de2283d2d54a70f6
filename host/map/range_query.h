/* range_query.h - sums and maxima of a function of i - j over rectangles of pairs */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_RANGE_QUERY_H
#define ROPEMAP_HOST_MAP_RANGE_QUERY_H

#include "host/base/status.h"
#include "host/map/running_sum.h"

/* Pairs (i, j), i in rows [first, end), j in columns [first, end); those with i < j do not count. */
typedef struct rm_rectangle {
    int64_t row_first, row_end, col_first, col_end;
} rm_rectangle;

/* Maxima of ranges of values: of blocks of RM_RANGE_BLOCK, 1, 2, 4, ... of them at a time. */
typedef struct rm_range_max {
    const double *values; /* [count] borrowed */
    double *levels;       /* [level_count, blocks] */
    int64_t blocks;
} rm_range_max;

/* Doubles that the maxima of `count` values take. */
int64_t rm_range_max_room(int64_t count);

/* `levels` holds rm_range_max_room(count) doubles. */
rm_range_max rm_range_max_make(const double *values, int64_t count, double *levels);

int64_t rm_rectangle_pairs(rm_rectangle rectangle); /* fewer than 2^62 */

/* The sum, as two doubles whose sum it is: `twice` from rm_running_twice, differences below its count. */
void rm_rectangle_sum(rm_rectangle rectangle, rm_running twice, double *sum, double *rest);

/* The largest value; the rectangle has a pair that counts. */
double rm_rectangle_max(rm_rectangle rectangle, const rm_range_max *maxima);

#endif
