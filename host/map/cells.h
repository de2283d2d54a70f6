/* cells.h - the cells of a map: the positions each holds, the pairs that its mask counts, and what a pool
 * keeps of them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_CELLS_H
#define ROPEMAP_HOST_MAP_CELLS_H

#include "cuda/arith.h"
#include "host/ropemap.h"

/* Common subset of C17 and C++17: kernels cut tiles by the same lines. */

/* One side of a map: cell c covers position indices [floor(c * count / cells), floor((c + 1) * count /
 * cells)). */
typedef struct rm_partition {
    ropemap_range range; /* positions */
    int64_t cells;
} rm_partition;

typedef struct rm_grid {
    rm_partition rows, cols;
    ropemap_mask mask; /* which pairs count */
    bool symmetric;    /* both sides are the same: cells above the diagonal are left to their mirror images */
} rm_grid;

/* Position indices [first, end) of an axis. */
typedef struct rm_span {
    int64_t first, end;
} rm_span;

/* floor(cell * count / cells) and the next: needs count * cells < 2^63, which the limits ensure. */
RM_INLINE rm_span rm_partition_cell(const rm_partition *axis, int64_t cell) {
    const int64_t count = axis->range.count;
    rm_span span;
    span.first = cell * count / axis->cells;
    span.end = (cell + 1) * count / axis->cells;
    return span;
}

/* Positions of the smallest and of the largest cell: they differ by one at most. */
RM_INLINE int64_t rm_partition_least(const rm_partition *axis) {
    return axis->range.count / axis->cells;
}

RM_INLINE int64_t rm_partition_most(const rm_partition *axis) {
    return (axis->range.count + axis->cells - 1) / axis->cells;
}

/* The cell that holds position index `index`. */
RM_INLINE int64_t rm_partition_cell_of(const rm_partition *axis, int64_t index) {
    return ((index + 1) * axis->cells - 1) / axis->range.count;
}

RM_INLINE int64_t rm_position(ropemap_range range, int64_t index) {
    return range.first + index * range.step;
}

/* The first index of an axis whose position is not below `position`; its count where there is none. */
RM_INLINE int64_t rm_index_from(ropemap_range range, int64_t position) {
    if (position <= range.first) {
        return 0;
    }
    const int64_t index = (position - range.first + range.step - 1) / range.step;
    return index < range.count ? index : range.count;
}

/* ROPEMAP_USAGE where a range has no element or leaves [0, 2^40); `both_ways`: (-2^40, 2^40). `name` is what
 * messages call it. */
ropemap_status rm_range_check(const char *name, ropemap_range range, bool both_ways, ropemap_error *error);

/* Common subset of C17 and C++17, as kernels pool by the same lines. */

/* Whether a mask has no more than the diagonal, which every method can cut along; else rows see two spans. */
RM_INLINE bool rm_mask_is_plain(const ropemap_mask *mask) {
    return mask->window == 0 && mask->chunk == 0;
}

/* Number of columns of the whole range that count for row index `row`: those with a position not beyond it.
 */
RM_INLINE int64_t rm_grid_limit(const rm_grid *grid, int64_t row) {
    const ropemap_range cols = grid->cols.range;
    if (grid->symmetric) {
        return rm_partition_cell(&grid->cols, rm_partition_cell_of(&grid->rows, row)).end;
    }
    if (!grid->mask.causal) {
        return cols.count;
    }
    const int64_t reach = rm_position(grid->rows.range, row) - cols.first;
    if (reach < 0) {
        return 0;
    }
    const int64_t limit = reach / cols.step + 1;
    return limit < cols.count ? limit : cols.count;
}

/* What a query sees: two spans of column indices, apart and in order; either may be empty. */
typedef struct rm_sight {
    rm_span sinks, near;
} rm_sight;

/* The columns that count for row index `row`, under any mask. */
RM_INLINE rm_sight rm_grid_sight(const rm_grid *grid, int64_t row) {
    const ropemap_mask mask = grid->mask;
    if (grid->symmetric) {
        rm_sight all;
        all.sinks.first = all.sinks.end = all.near.first = 0;
        all.near.end = rm_grid_limit(grid, row);
        return all;
    }
    const int64_t at = rm_position(grid->rows.range, row);
    int64_t low = 0, high = ROPEMAP_POSITION_END;
    if (mask.window != 0) {
        low = at - mask.window + 1;
        high = at + mask.window;
    }
    if (mask.chunk != 0) {
        low = at / mask.chunk * mask.chunk;
        high = low + mask.chunk;
    }
    int64_t sinks = mask.sink_tokens;
    if (mask.causal) {
        high = high < at + 1 ? high : at + 1;
        sinks = sinks < at + 1 ? sinks : at + 1;
    }
    if (sinks >= low) { /* they meet */
        low = sinks > 0 ? 0 : low;
        high = high > sinks ? high : sinks;
        sinks = 0;
    }
    rm_sight sight;
    sight.sinks.first = 0;
    sight.sinks.end = rm_index_from(grid->cols.range, sinks);
    sight.near.first = rm_index_from(grid->cols.range, low);
    sight.near.end = rm_index_from(grid->cols.range, high);
    return sight;
}

/* What some row of a span of rows sees: what the first and the last see, as both spans only move on. */
RM_INLINE rm_sight rm_grid_sight_of(const rm_grid *grid, rm_span rows) {
    const rm_sight first = rm_grid_sight(grid, rows.first), last = rm_grid_sight(grid, rows.end - 1);
    rm_sight all;
    all.sinks.first = 0;
    all.sinks.end = last.sinks.end;
    all.near.first = first.near.first;
    all.near.end = last.near.end;
    return all;
}

/* Whether columns [first, first + count) are among them. */
RM_INLINE bool rm_sight_meets(rm_sight sight, int64_t first, int64_t count) {
    return (sight.sinks.first < first + count && sight.sinks.end > first) ||
           (sight.near.first < first + count && sight.near.end > first);
}

/* How a cell lies to the diagonal. */
typedef enum rm_coverage { RM_COVERAGE_NONE, RM_COVERAGE_PART, RM_COVERAGE_FULL } rm_coverage;

RM_INLINE rm_coverage rm_grid_coverage(const rm_grid *grid, rm_span rows, rm_span cols) {
    if (rm_grid_limit(grid, rows.end - 1) <= cols.first) {
        return RM_COVERAGE_NONE;
    }
    return rm_grid_limit(grid, rows.first) >= cols.end ? RM_COVERAGE_FULL : RM_COVERAGE_PART;
}

/* The first row index, possibly past the last row, whose position is not before that of column index `col`.
 */
int64_t rm_grid_first_row(const rm_grid *grid, int64_t col);

/* Whether any pair of rows x cols counts; `seen` is rm_grid_sight_of the rows. Between rows that are steps
 * apart may lie what none of them sees. */
bool rm_grid_any(const rm_grid *grid, rm_sight seen, rm_span rows, rm_span cols);

/* Pairs that count in rows x cols, as a double: exact below 2^53, else rounded. */
double rm_grid_pairs(const rm_grid *grid, rm_span rows, rm_span cols);

bool rm_mask_is_none(const ropemap_mask *mask);

/* ROPEMAP_USAGE where a mask's numbers are out of range, or do not go together. */
ropemap_status rm_mask_check(const ropemap_mask *mask, ropemap_error *error);

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
