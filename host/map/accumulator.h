/* accumulator.h - what each pool keeps of a cell's pairs so far, and the number it becomes */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_ACCUMULATOR_H
#define ROPEMAP_HOST_MAP_ACCUMULATOR_H

#include "cuda/arith.h"
#include "host/map/grid.h"

/* Common subset of C17 and C++17: kernels keep the same and merge by the same arithmetic. */

/*
 * Cells of a map while pairs come in, [rows of cells, cols of cells]. What a cell holds: min, max, absmax:
 * `extreme` so far; mean, mass: sum; rms: sum of squares; std: `sum` is the mean so far, `square` the sum of
 * squared deviations from it, `pairs` their number. Arrays a pool does not use are NULL. A NaN that went in
 * stays.
 */
typedef struct rm_accumulator {
    ropemap_pool pool;
    int64_t first_row;  /* cell row of the arrays' first row */
    int64_t rows, cols; /* cell rows held, and all cell columns */
    float *extreme;     /* [rows, cols], starts at the pool's neutral value */
    double *sum;        /* [rows, cols], starts at 0 */
    double *square;     /* [rows, cols], starts at 0 */
    double *pairs;      /* [rows, cols], starts at 0 */
} rm_accumulator;

RM_INLINE bool rm_pool_is_extreme(ropemap_pool pool) {
    return pool == ROPEMAP_POOL_MIN || pool == ROPEMAP_POOL_MAX || pool == ROPEMAP_POOL_ABSMAX;
}

/* What an extreme starts from. */
RM_INLINE float rm_pool_neutral(ropemap_pool pool) {
    return rm_float_from_bits(pool == ROPEMAP_POOL_MIN ? 0x7f800000u : 0xff800000u);
}

/*
 * The smaller (min) or the larger, with -0 below +0; a NaN on either side stays. So the order in which values
 * are taken plays no part. GPUs order zeros so, and since Ampere they keep a NaN as well.
 */
RM_INLINE float rm_more_extreme(ropemap_pool pool, float a, float b) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    float extreme;
    if (pool == ROPEMAP_POOL_MIN) {
        asm("min.NaN.f32 %0, %1, %2;" : "=f"(extreme) : "f"(a), "f"(b));
    } else {
        asm("max.NaN.f32 %0, %1, %2;" : "=f"(extreme) : "f"(a), "f"(b));
    }
    return extreme;
#elif defined(__CUDA_ARCH__)
    const float extreme = pool == ROPEMAP_POOL_MIN ? fminf(a, b) : fmaxf(a, b);
    return a != a || b != b ? a + b : extreme;
#else
    if (a != a || b != b) {
        return a != a ? a : b;
    }
    if (a == b) { /* the same bits, or zeros of which one may have a sign */
        const uint32_t x = rm_bits_from_float(a), y = rm_bits_from_float(b);
        return rm_float_from_bits(pool == ROPEMAP_POOL_MIN ? x | y : x & y);
    }
    return (pool == ROPEMAP_POOL_MIN) == (a < b) ? a : b;
#endif
}

/* Empties row `row` of the arrays. */
RM_INLINE void rm_accumulator_clear_row(rm_accumulator *cells, int64_t row) {
    const float neutral = rm_pool_neutral(cells->pool);
    for (int64_t i = row * cells->cols; i < (row + 1) * cells->cols; i++) {
        if (cells->extreme != NULL) {
            cells->extreme[i] = neutral;
        } else {
            cells->sum[i] = 0.0;
        }
        if (cells->pairs != NULL) {
            cells->square[i] = 0.0;
            cells->pairs[i] = 0.0;
        }
    }
}

/* Takes `pairs` values of a mean and a sum of squared deviations into a cell's (Chan, Golub, LeVeque 1979).
 */
RM_INLINE void rm_accumulator_merge(rm_accumulator *cells, int64_t cell, double pairs, double mean,
                                    double square) {
    const double before = cells->pairs[cell], all = before + pairs;
    const double change = mean - cells->sum[cell];
    cells->sum[cell] += change * (pairs / all);
    cells->square[cell] += square + change * change * (before * pairs / all);
    cells->pairs[cell] = all;
}

/* ---- of the host */

/* What a pool is made from. */
enum {
    RM_NEEDS_EXTREME = 1, /* the largest value, or the smallest */
    RM_NEEDS_SUM = 2,     /* the sum of the values */
    RM_NEEDS_SQUARES = 4  /* the sum of their squares */
};

typedef struct rm_pool {
    const char *name;  /* on the command line: "absmax" */
    const char *words; /* in titles: "largest magnitude" */
    uint32_t needs;    /* of RM_NEEDS_ */
    int32_t bytes;     /* that an accumulator takes for a cell */
} rm_pool;

/* NULL where there is no such pool. */
const rm_pool *rm_pool_find(ropemap_pool pool);

bool rm_pool_needs(ropemap_pool pool, uint32_t needs);

/* A value, so that the pool's extreme is the largest of them; and that extreme from the largest. */
double rm_pool_upward(ropemap_pool pool, double value);
double rm_pool_extreme(ropemap_pool pool, double largest);

/* Sums over a cell's values and over their squares, each as two doubles whose sum it is. */
typedef struct rm_sums {
    double sum, sum_rest, square, square_rest;
} rm_sums;

/* The number of a cell with that many pairs, of a pool that is no extreme; what it does not need is 0. */
double rm_pool_from_sums(ropemap_pool pool, double pairs, const rm_sums *sums);

/* Room for [rows, cols] cells; free it also after a failure. */
ropemap_status rm_accumulator_make(rm_accumulator *cells, ropemap_pool pool, int64_t rows, int64_t cols,
                                   ropemap_error *error);
void rm_accumulator_free(rm_accumulator *cells);

/* Takes what row `from_row` of `from` holds into row `to_row` of `to`. */
void rm_accumulator_merge_row(rm_accumulator *to, int64_t to_row, const rm_accumulator *from,
                              int64_t from_row);

/* The final numbers of row `row`, times `scale`: out[col] for cell columns [col_first, col_end); cells
 * without a pair are NaN. */
void rm_accumulator_finish_row(const rm_accumulator *cells, int64_t row, const rm_grid *grid, double scale,
                               int64_t col_first, int64_t col_end, float *out);

#endif
