/* grid.h - the cells of a map: which positions each holds */
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

#endif
