/* range_query.h - sums and maxima over ranges of values, and over rectangles of a function of i - j */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_RANGE_QUERY_H
#define ROPEMAP_HOST_MAP_RANGE_QUERY_H

#include "host/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * sums[t] + rests[t] = values[0] + ... + values[t - 1], t <= count, with an error near 2^-100 of the sum of
 * magnitudes. Differences of two entries lose nothing that a float could show.
 */
typedef struct rm_running {
    double *sums, *rests; /* [count + 1] */
} rm_running;

/* Room for `entries`; *whole becomes false where there is none. Free it also then. */
rm_running rm_running_make(int64_t entries, bool *whole);
void rm_running_free(rm_running running);

/* `squares`: of values^2. */
void rm_running_sum(rm_running running, const double *values, int64_t count, int squares);

/* The running sum of a running sum: entry t is the sum over u < t of (values[0] + ... + values[u - 1]), for
 * t <= count + 1; `twice` holds count + 2 entries. */
void rm_running_twice(rm_running twice, const double *values, int64_t count, int squares);

/* sum + rest += value + small, with the rounding of the larger part kept. */
void rm_running_add(double *sum, double *rest, double value, double small);

/* Entry `end` less entry `first`, as two doubles whose sum it is. */
void rm_running_difference(rm_running running, int64_t first, int64_t end, double *sum, double *rest);

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
