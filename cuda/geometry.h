/* geometry.h - where the kernels' strips and the map's cells cut indices, the scratch memory of the pieces,
 * and where swizzled rows have their elements */
/* SPDX-License-Identifier: MIT */
/*
 * Common subset of C17 and C++17: host/device/gpu_sizes.c plans by it. Indices are cut where a strip of
 * `strip` of them ends, counted from the first, and where a cell ends: so each piece lies in one strip and
 * one cell. Strips and cells only grow along the indices, and each cut passes at least one of the two: so
 * strip + cell numbers the pieces, in order, with a gap where both end together.
 */
#ifndef ROPEMAP_CUDA_GEOMETRY_H
#define ROPEMAP_CUDA_GEOMETRY_H

#include "host/map/cells.h"

enum {
    RM_WORKSPACE_LARGE_MAJOR = 9, /* compute capability from which cuBLAS's workspace is the larger one */
    RM_WORKSPACE_LARGE = 32 * 1048576,
    RM_WORKSPACE_SMALL = 4 * 1048576,
    RM_SUM_STRIP = 256,   /* rows that one block of threads adds up */
    RM_PRODUCT_PARTS = 4, /* parts of long rows that are multiplied at once */
    RM_POOL_ROWS = 32,    /* rows of a tile that one thread goes down */
    RM_POOL_COLS =
        1024 /* columns of a tile that one block of threads goes down: 256 threads, 16 bytes each */
};

/* Of softmax. Rows and strips decide bits, so they are the same on every GPU. */
enum {
    RM_SOFTMAX_ROWS = 2048,      /* queries of a block */
    RM_SOFTMAX_STRIP = 128,      /* of them, that a thread adds up, a divisor */
    RM_SOFTMAX_CHUNK = 512,      /* keys above one reference: tiles have whole chunks but for the last keys */
    RM_SOFTMAX_KEYS_MOST = 2048, /* of a tile */
    RM_SOFTMAX_ROW_BYTES = 320,  /* that a query takes besides its slots, at most */
    RM_SOFTMAX_SPARE = 65536     /* bytes: tables, and what alignment takes */
};

/* Keys of which some query of a block is less than `exact` tokens away: so many at most, of `rows` queries.
 */
RM_INLINE int64_t rm_softmax_kept_most(const rm_grid *grid, int64_t exact, int64_t rows) {
    const ropemap_range cols = grid->cols.range;
    const int64_t sides = grid->mask.causal ? 1 : 2;
    const int64_t most = (sides * exact + rows * grid->rows.range.step) / cols.step + 3;
    return exact == 0 ? 0 : most < cols.count ? most : cols.count;
}

/* Strips of a block's queries, cut where rows of cells end, at most. */
RM_INLINE int64_t rm_softmax_strips_most(const rm_grid *grid, int64_t rows) {
    const int64_t least = rm_partition_least(&grid->rows);
    const int64_t cells = rows / (least > 0 ? least : 1) + 2, strips = rows / RM_SOFTMAX_STRIP;
    return strips + (cells < rows ? cells : rows);
}

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

/*
 * Swizzled rows of 16-bit elements, as tensor cores take them from shared memory. 64 rows are a group; of
 * each 64 elements of its rows (the last may be fewer) a group has a block of 64 rows of 128 bytes, one block
 * after another. Chunk c of 16 bytes of row r lies at place c ^ (r % 8):
 *
 *            place  0   1   2   3   4   5   6   7
 *     row 0       | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
 *     row 1       | 1 | 0 | 3 | 2 | 5 | 4 | 7 | 6 |     the same chunk of 8 rows lies in 8 places:
 *     row 2       | 2 | 3 | 0 | 1 | 6 | 7 | 4 | 5 |     in all the banks of shared memory
 *     ...                                               once, when 8 rows of it are read together
 *     row 7       | 7 | 6 | 5 | 4 | 3 | 2 | 1 | 0 |
 *
 * So a block is copied as it is, byte for byte. A row takes the room of rm_fused_row() floats: of 16-bit
 * types the room that floats would, as elsewhere, which from 32 elements on is enough for whole blocks.
 *
 * Rows of floats are split for them, each into two of fp16: x = scale (high + low), with a power of two for
 * each row that leaves its largest element in [2^14, 2^15). First come the group's blocks of lows, then those
 * of highs, then the scales of its 64 rows, floats.
 */
enum {
    RM_SWIZZLE_ROWS = 64,        /* of a group */
    RM_SWIZZLE_ELEMENTS = 64,    /* of a row in a block: 128 bytes */
    RM_SWIZZLE_CHUNK = 8,        /* elements: 16 bytes */
    RM_SWIZZLE_LEAST = 32,       /* elements of a row, at least */
    RM_FUSED_TILE = 128,         /* queries, and keys, of a tile of the fused kernel */
    RM_FUSED_SIDE = 64,          /* of each, of a warp */
    RM_FUSED_GROUP = 256,        /* queries of a warpgroup, in tiles of RM_FUSED_SIDE keys */
    RM_FUSED_GROUP_STAGES = 3,   /* of keys, at least */
    RM_FUSED_GROUP_ALIGN = 1024, /* of its shared memory: 8 swizzled rows of 128 bytes */
    RM_FUSED_STEP = 16,          /* elements of a row that an instruction of tensor cores multiplies */
    RM_FUSED_DIM_MOST = 256,     /* elements of rows that the fused kernel takes: they are in shared memory */
    RM_SPLIT_TOP = 14,           /* exponent of a split row's largest element, before it is scaled back */
    RM_SPLIT_LEAST = -64, /* exponents of a row's largest element: if it is less the scale is as for this, */
    RM_SPLIT_MOST = 100   /* and if it is more all of the row's products are NaN; see rm_split_kernel */
};

/* Blocks of 64 elements of a row; of split rows there are as many of lows and of highs. */
RM_INLINE int32_t rm_swizzled_blocks(int32_t head_dim) {
    return (head_dim + RM_SWIZZLE_ELEMENTS - 1) / RM_SWIZZLE_ELEMENTS;
}

/* Floats of whose room a row for the fused kernel takes, in whole groups. */
RM_INLINE int64_t rm_fused_row(ropemap_dtype dtype, int32_t head_dim) {
    return dtype == ROPEMAP_DTYPE_FP32 ? rm_swizzled_blocks(head_dim) * RM_SWIZZLE_ELEMENTS + 1 : head_dim;
}

/* Elements from a group to the next, of rows in the room of so many floats. */
RM_INLINE int64_t rm_swizzled_group(int64_t floats) {
    return RM_SWIZZLE_ROWS * floats * (int64_t)(sizeof(float) / sizeof(uint16_t));
}

/* Number of an element, counted from the first of the rows' memory. */
RM_INLINE int64_t rm_swizzled_at(int64_t row, int32_t element, int64_t floats) {
    const int32_t r = (int32_t)(row % RM_SWIZZLE_ROWS);
    const int32_t place = element % RM_SWIZZLE_ELEMENTS / RM_SWIZZLE_CHUNK ^ r % 8;
    const int32_t block = element / RM_SWIZZLE_ELEMENTS * RM_SWIZZLE_ROWS;
    return row / RM_SWIZZLE_ROWS * rm_swizzled_group(floats) + (block + r) * RM_SWIZZLE_ELEMENTS +
           place * RM_SWIZZLE_CHUNK + element % RM_SWIZZLE_CHUNK;
}

/* Blocks of 64 elements of its rows: of split ones twice as many. */
RM_INLINE int32_t rm_fused_blocks(ropemap_dtype dtype, int32_t head_dim) {
    return rm_swizzled_blocks(head_dim) * (dtype == ROPEMAP_DTYPE_FP32 ? 2 : 1);
}

/* Bytes of shared memory that a warpgroup with so many stages takes: its queries, keys, and two numbers a
 * query. */
RM_INLINE int32_t rm_fused_group_bytes(ropemap_dtype dtype, int32_t head_dim, int32_t stages) {
    return RM_FUSED_GROUP_ALIGN + RM_FUSED_GROUP * 2 * (int32_t)sizeof(int32_t) +
           (rm_fused_blocks(dtype, head_dim) * (RM_FUSED_GROUP / RM_SWIZZLE_ROWS) + stages) *
               RM_SWIZZLE_ROWS * RM_SWIZZLE_ELEMENTS * (int32_t)sizeof(uint16_t);
}

/* Bytes of the parts that the fused kernels leave of sums: of each RM_FUSED_SIDE queries and `piece` keys,
 * cut at cells, one of each of two warps. An extreme leaves none. */
RM_INLINE int64_t rm_fused_parts_bytes(const rm_grid *grid, ropemap_pool pool, int64_t row_first,
                                       int64_t rows, int64_t col_first, int64_t cols, int64_t piece) {
    if (rm_pool_is_extreme(pool)) {
        return 0;
    }
    const int64_t down = rm_pieces_count(&grid->rows, row_first, rows, RM_FUSED_SIDE);
    const int64_t across = rm_pieces_count(&grid->cols, col_first, cols, piece);
    return down * across * 2 * rm_pool_part_bytes(pool);
}

#endif
