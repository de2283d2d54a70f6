/* error_bound.h - how far from the true value a cell may be, derived from the roundings that a method makes
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_ERROR_BOUND_H
#define ROPEMAP_TESTS_ERROR_BOUND_H

#include "tests/oracle.h"

/* What bounds need to know of the vectors of one row or column of cells; vectors that are not finite are left
 * out. */
typedef struct bound_extent {
    double norm;   /* the largest */
    double spread; /* mean squared deviation from the mean vector */
    double rows;   /* how many */
} bound_extent;

typedef struct bound_table {
    bound_extent *rows, *cols; /* [height], [width] */
} bound_table;

/* Aborts where memory is short. Serves every pool and method of the request. */
void bound_table_make(const ropemap_request *request, const oracle_scores *scores, bound_table *table);
void bound_table_free(bound_table *table);

/*
 * The largest |computed - true| that cell (row, col) may have when `method` computed it; `value` is the true
 * one. The derivation is in error_bound.c.
 */
double bound_of_cell(const ropemap_request *request, const bound_table *table, ropemap_method method,
                     int64_t row, int64_t col, double value);

#endif
