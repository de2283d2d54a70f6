/* judged.h - a map of a case held against brute force, cell by cell, within the bound of what computed it */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_JUDGED_H
#define ROPEMAP_TESTS_JUDGED_H

#include "tests/cases.h"
#include "tests/error_bound.h"

/* A map, the truth, and everything that a bound or a message needs. */
typedef struct judged {
    const map_case *test;
    const ropemap_request *request;
    const bound_table *bounds;
    const double *wanted; /* [height, width] */
    const ropemap_map *map;
} judged;

/* What a cell may be off by: as bound_of_cell, and what types of rows and kernels add. */
double judged_bound(const judged *one, int64_t row, int64_t col, double wanted);

/* Whether `got` is within `bound` of `wanted`, which may be another map's cell, or NaN and infinite as it is.
 */
bool judged_agrees(const judged *one, double wanted, double got, double bound);

/* Fails where a cell is not what it should be. */
void judged_check(const judged *one);

/* Makes the truth for every pool from `first` on, `stride` apart, of a case with its measure, and calls
 * `check`. */
void judged_pools(const map_case *test, case_data *data, int first, int stride,
                  void (*check)(const map_case *test, case_data *data, const bound_table *bounds,
                                const double *wanted));

#endif
