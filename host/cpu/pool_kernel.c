/* pool_kernel.c - reduce the rows of a tile, column by column */
/* SPDX-License-Identifier: MIT */
/* Compiled once for each level of x86-64 (kernels.h). Rows are taken four at a time, in their order. */
#include "host/cpu/kernels.h"

#include <math.h>

enum { AT_ONCE = 4 };

/* What is compared: s, -s or |s|; always the larger is kept. */
static inline float measure_of(float value, ropemap_pool pool) {
    return pool == ROPEMAP_POOL_ABSMAX ? fabsf(value) : pool == ROPEMAP_POOL_MIN ? -value : value;
}

static inline void extremes_of(const float *const *rows, int32_t count, int64_t cols, ropemap_pool pool,
                               float *restrict extremes, uint32_t *restrict bad) {
    for (int64_t j = 0; j < cols; j++) {
        float extreme = extremes[j];
        uint32_t any_bad = bad[j];
        for (int32_t i = 0; i < count; i++) {
            const float value = measure_of(rows[i][j], pool);
            extreme = value > extreme ? value : extreme;
            any_bad |= (uint32_t)(value != value);
        }
        extremes[j] = extreme;
        bad[j] = any_bad;
    }
}

static inline void extremes_of_rows(const float *const *rows, int32_t count, int64_t cols, ropemap_pool pool,
                                    float *restrict extremes, uint32_t *restrict bad) {
    if (count == AT_ONCE) { /* a constant count unrolls the loop over rows */
        extremes_of(rows, AT_ONCE, cols, pool, extremes, bad);
    } else {
        extremes_of(rows, count, cols, pool, extremes, bad);
    }
}

/* A constant pool in each call: one loop for each. */
static void fold_extremes(const float *const *rows, int32_t count, int64_t cols, ropemap_pool pool,
                          float *restrict extremes, uint32_t *restrict bad) {
    if (pool == ROPEMAP_POOL_MIN) {
        extremes_of_rows(rows, count, cols, ROPEMAP_POOL_MIN, extremes, bad);
    } else if (pool == ROPEMAP_POOL_ABSMAX) {
        extremes_of_rows(rows, count, cols, ROPEMAP_POOL_ABSMAX, extremes, bad);
    } else {
        extremes_of_rows(rows, count, cols, ROPEMAP_POOL_MAX, extremes, bad);
    }
}

/* Rows [first, first + AT_ONCE) of a view, or as many as are left; returns how many. */
static int32_t take_rows(rm_view part, int64_t first, const float **rows) {
    const int64_t left = part.rows - first;
    const int32_t count = (int32_t)(left < AT_ONCE ? left : AT_ONCE);
    for (int32_t i = 0; i < count; i++) {
        rows[i] = part.data + (first + i) * part.stride;
    }
    return count;
}

void RM_VARIANT_NAME(rm_column_extremes)(rm_view part, ropemap_pool pool, float *extremes, uint32_t *bad) {
    for (int64_t j = 0; j < part.cols; j++) {
        extremes[j] = -INFINITY;
        bad[j] = 0;
    }
    for (int64_t first = 0; first < part.rows; first += AT_ONCE) {
        const float *rows[AT_ONCE];
        const int32_t count = take_rows(part, first, rows);
        fold_extremes(rows, count, part.cols, pool, extremes, bad);
    }
}

static inline void sums_of(const float *const *rows, int32_t count, int64_t cols, bool squares,
                           double *restrict sums) {
    for (int64_t j = 0; j < cols; j++) {
        double sum = sums[j];
        for (int32_t i = 0; i < count; i++) {
            const double value = (double)rows[i][j];
            sum += squares ? value * value : value;
        }
        sums[j] = sum;
    }
}

void RM_VARIANT_NAME(rm_column_sums)(rm_view part, bool squares, double *sums) {
    for (int64_t j = 0; j < part.cols; j++) {
        sums[j] = 0.0;
    }
    for (int64_t first = 0; first < part.rows; first += AT_ONCE) {
        const float *rows[AT_ONCE];
        const int32_t count = take_rows(part, first, rows);
        if (count < AT_ONCE) {
            sums_of(rows, count, part.cols, squares, sums);
        } else if (squares) {
            sums_of(rows, AT_ONCE, part.cols, true, sums);
        } else {
            sums_of(rows, AT_ONCE, part.cols, false, sums);
        }
    }
}

static inline void deviations_of(const float *const *rows, int32_t count, int64_t cols,
                                 const double *restrict means, double *restrict squares) {
    for (int64_t j = 0; j < cols; j++) {
        double square = squares[j];
        for (int32_t i = 0; i < count; i++) {
            const double deviation = (double)rows[i][j] - means[j];
            square += deviation * deviation;
        }
        squares[j] = square;
    }
}

void RM_VARIANT_NAME(rm_column_deviations)(rm_view part, const double *means, double *squares) {
    for (int64_t j = 0; j < part.cols; j++) {
        squares[j] = 0.0;
    }
    for (int64_t first = 0; first < part.rows; first += AT_ONCE) {
        const float *rows[AT_ONCE];
        const int32_t count = take_rows(part, first, rows);
        if (count == AT_ONCE) {
            deviations_of(rows, AT_ONCE, part.cols, means, squares);
        } else {
            deviations_of(rows, count, part.cols, means, squares);
        }
    }
}
