/* grid.h - the cells of a map: which positions each holds, and which of their pairs the mask counts */
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

#endif
