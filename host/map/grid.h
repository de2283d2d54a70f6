/* grid.h - which pairs of positions a cell holds, and how many */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_GRID_H
#define ROPEMAP_HOST_MAP_GRID_H

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
    bool causal;    /* a pair counts only where the key's position <= the query's */
    bool symmetric; /* both sides are the same: cells above the diagonal are left to their mirror images */
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

/* Number of columns of the whole range that count for row index `row`: those with a position not beyond it.
 */
RM_INLINE int64_t rm_grid_limit(const rm_grid *grid, int64_t row) {
    const ropemap_range cols = grid->cols.range;
    if (grid->symmetric) {
        return rm_partition_cell(&grid->cols, rm_partition_cell_of(&grid->rows, row)).end;
    }
    if (!grid->causal) {
        return cols.count;
    }
    const int64_t reach = rm_position(grid->rows.range, row) - cols.first;
    if (reach < 0) {
        return 0;
    }
    const int64_t limit = reach / cols.step + 1;
    return limit < cols.count ? limit : cols.count;
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

/* Pairs that count in rows x cols, as a double: exact below 2^53, else rounded. */
double rm_grid_pairs(const rm_grid *grid, rm_span rows, rm_span cols);

/* ROPEMAP_USAGE where a range has no element or leaves [0, 2^40); `both_ways`: (-2^40, 2^40). `name` is what
 * messages call it. */
ropemap_status rm_range_check(const char *name, ropemap_range range, bool both_ways, ropemap_error *error);

#endif
