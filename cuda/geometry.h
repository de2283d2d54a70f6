/* geometry.h - where the kernels' strips and the map's cells cut indices, and the scratch memory of the
 * pieces */
/* SPDX-License-Identifier: MIT */
/*
 * Common subset of C17 and C++17. Indices are cut where a strip of `strip` of them ends, counted from the
 * first, and where a cell ends: so each piece lies in one strip and one cell. Strips and cells only grow
 * along the indices, and each cut passes at least one of the two: so strip + cell numbers the pieces, in
 * order, with a gap where both end together.
 */
#ifndef ROPEMAP_CUDA_GEOMETRY_H
#define ROPEMAP_CUDA_GEOMETRY_H

#include "host/map/accumulator.h"
#include "host/map/grid.h"

enum {
    RM_SUM_STRIP = 256,   /* rows that one block of threads adds up */
    RM_PRODUCT_PARTS = 4, /* parts of long rows that are multiplied at once */
    RM_POOL_ROWS = 32,    /* rows of a tile that one thread goes down */
    RM_POOL_COLS =
        1024 /* columns of a tile that one block of threads goes down: 256 threads, 16 bytes each */
};

/* Cells that `count` indices from `first` on touch. */
RM_INLINE int64_t rm_partition_touched(const rm_partition *axis, int64_t first, int64_t count) {
    return rm_partition_cell_of(axis, first + count - 1) - rm_partition_cell_of(axis, first) + 1;
}

/* Room for the pieces of `count` indices from `first` on. */
RM_INLINE int64_t rm_pieces_count(const rm_partition *axis, int64_t first, int64_t count, int64_t strip) {
    return (count + strip - 1) / strip + rm_partition_touched(axis, first, count) - 1;
}

/* What a pool keeps of a piece: an extreme, a sum, or a mean, squared deviations and a number of pairs. */
RM_INLINE int64_t rm_pool_part_bytes(ropemap_pool pool) {
    return rm_pool_is_extreme(pool) ? 4 : pool == ROPEMAP_POOL_STD ? 24 : 8;
}

/* Bytes that the pieces of a tile take, of its rows by its columns. */
RM_INLINE int64_t rm_pool_parts_bytes(const rm_grid *grid, ropemap_pool pool, int64_t row_first, int64_t rows,
                                      int64_t col_first, int64_t cols) {
    return rm_pieces_count(&grid->rows, row_first, rows, RM_POOL_ROWS) *
           rm_pieces_count(&grid->cols, col_first, cols, RM_POOL_COLS) * rm_pool_part_bytes(pool);
}

#endif
