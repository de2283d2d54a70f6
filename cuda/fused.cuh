/* fused.cuh - what a warp keeps of the products in its registers: extremes of rows, until a cell of the map
 * ends */
/* SPDX-License-Identifier: MIT */
/*
 * A block of threads holds RM_FUSED_TILE queries and goes through tiles of as many keys. A warp has half of
 * either: 64 queries by 64 keys of each tile, as 4 x 8 products of 16 x 8, in which a lane has two columns of
 * the rows g = lane / 4 and g + 8:
 *
 *                 8 keys: columns 2 t, 2 t + 1 of lane 4 g + t
 *               +------------------------+
 *     row g     | . . c0 c1 . . . .      |  x 8 across (64 keys)
 *     row g + 8 | . . c2 c3 . . . .      |  x 4 down (64 queries)
 *               +------------------------+
 *
 * So a lane keeps one extreme for each of its 8 rows, across columns and tiles, until the cell column ends;
 * only then do lanes meet, and the cell's number in memory is raised by an atomic maximum. The largest does
 * not depend on the order, so neither do the bytes.
 */
#ifndef ROPEMAP_CUDA_FUSED_CUH
#define ROPEMAP_CUDA_FUSED_CUH

#include "cuda/arith.h"
#include "cuda/kernels.h"

#define RM_FUSED static __device__ __forceinline__

/* Before a loop over what must stay in registers. */
#ifdef __CUDACC__
#define RM_UNROLL _Pragma("unroll")
#else
#define RM_UNROLL
#endif

enum {
    RM_FUSED_TILE = 128, /* queries, and keys, of a tile */
    RM_FUSED_SIDE = 64,  /* of each, of a warp */
    RM_FUSED_DOWN = RM_FUSED_SIDE / 16,
    RM_FUSED_ACROSS = RM_FUSED_SIDE / 8,
    RM_FUSED_ROWS = 2 * RM_FUSED_DOWN, /* of a lane */
    RM_FUSED_RUN = 64,                 /* tiles of keys that a block of threads goes through */
    RM_FUSED_RUN_KEYS = RM_FUSED_RUN * RM_FUSED_TILE
};

/* The products of a warp in one tile. */
typedef float rm_fused_products[RM_FUSED_DOWN][RM_FUSED_ACROSS][4];

/* The queries of a block of threads. */
typedef struct rm_fused_queries {
    int32_t limits[RM_FUSED_TILE]; /* keys of the run that the query sees: never fewer than the one before */
    int32_t cells[RM_FUSED_TILE];  /* cell row, counted from the first of the accumulator */
} rm_fused_queries;

/* Filled by as many threads; one that has no query sees nothing. */
RM_FUSED void rm_fused_look(const rm_fused_work &work, int64_t query_first, int64_t key_first, int32_t keys,
                            rm_fused_queries *queries) {
    const int32_t i = (int32_t)threadIdx.x;
    const int64_t left = work.query_rows - query_first, last = left < RM_FUSED_TILE ? left - 1 : i;
    const int64_t row = work.row_first + query_first + (i < left ? i : last);
    const int64_t limit = rm_grid_limit(&work.grid, row) - work.col_first - key_first;
    queries->limits[i] = i >= left || limit < 0 ? 0 : limit < keys ? (int32_t)limit : keys;
    queries->cells[i] = (int32_t)(rm_partition_cell_of(&work.grid.rows, row) - work.cells.first_row);
}

/* ---- cells across: where they end, without a division a cell */

/* The cell column that a warp is in. `end`: columns from the warp's first one in this tile to the cell's end,
 * floor((cell + 1) * count / cells); `rest`: what that division leaves. */
typedef struct rm_fused_cell {
    int64_t cell, end, rest;
} rm_fused_cell;

RM_FUSED rm_fused_cell rm_fused_cell_at(const rm_partition &axis, int64_t index) {
    rm_fused_cell at;
    at.cell = rm_partition_cell_of(&axis, index);
    const int64_t product = (at.cell + 1) * axis.range.count;
    at.end = product / axis.cells - index;
    at.rest = product % axis.cells;
    return at;
}

/* `least`: positions of the smallest cell; `more`: what count / cells leaves. */
RM_FUSED void rm_fused_next_cell(const rm_partition &axis, int64_t least, int64_t more, rm_fused_cell *at) {
    at->cell++;
    at->end += least;
    at->rest += more;
    if (at->rest >= axis.cells) {
        at->rest -= axis.cells;
        at->end++;
    }
}

/* ---- extremes */

/* What a product makes of an extreme. */
template <ropemap_pool POOL> RM_FUSED float rm_fused_more(float extreme, float product) {
    return rm_more_extreme(POOL, extreme, POOL == ROPEMAP_POOL_ABSMAX ? fabsf(product) : product);
}

/*
 * Raises a cell to `value`, or lowers it to a minimum. As integers, floats without a sign rise with their
 * bits and those with a sign fall; each is compared with either as it should: a cell without a sign is more
 * than every value with one, as signed and as unsigned numbers have it. NaN is beyond all of them.
 */
template <ropemap_pool POOL> RM_FUSED void rm_fused_raise(float *cell, float value) {
    constexpr bool MIN = POOL == ROPEMAP_POOL_MIN;
    const uint32_t bits = value != value ? (MIN ? 0xffffffffu : 0x7fffffffu) : rm_bits_from_float(value);
    const bool sign = bits >> 31 != 0;
    if (sign == MIN) {
        MIN ? atomicMax((unsigned *)cell, bits) : (unsigned)atomicMax((int *)cell, (int)bits);
    } else {
        MIN ? (unsigned)atomicMin((int *)cell, (int)bits) : atomicMin((unsigned *)cell, bits);
    }
}

/* What a warp keeps. */
template <ropemap_pool POOL> struct rm_fused_keep {
    float extremes[RM_FUSED_ROWS]; /* of the lane's rows: i is row 8 i + lane / 4 of the warp's */
    const int32_t *cells;          /* of the warp's rows */
    bool one;                      /* all of them lie in one cell row */

    __device__ __forceinline__ void start(const int32_t *rows) {
        cells = rows;
        one = rows[0] == rows[RM_FUSED_SIDE - 1];
        clear();
    }

    __device__ __forceinline__ void clear() {
        for (int i = 0; i < RM_FUSED_ROWS; i++) {
            extremes[i] = rm_pool_neutral(POOL);
        }
    }

    /* Every product. */
    __device__ __forceinline__ void take_all(const rm_fused_products &products) {
        RM_UNROLL
        for (int i = 0; i < RM_FUSED_DOWN; i++) {
            RM_UNROLL
            for (int j = 0; j < RM_FUSED_ACROSS; j++) {
                RM_UNROLL
                for (int k = 0; k < 4; k++) {
                    extremes[2 * i + k / 2] = rm_fused_more<POOL>(extremes[2 * i + k / 2], products[i][j][k]);
                }
            }
        }
    }

    /* Those of columns [from, to) of the warp's 64, as far as a row sees: `limits` of its rows, counted from
     * `offset` columns before. */
    __device__ __forceinline__ void take_some(const rm_fused_products &products, int32_t from, int32_t to,
                                              const int32_t *limits, int32_t offset) {
        const int32_t lane = (int32_t)threadIdx.x % 32;
        int32_t ends[RM_FUSED_ROWS];
        RM_UNROLL
        for (int i = 0; i < RM_FUSED_ROWS; i++) {
            const int32_t limit = limits[8 * i + lane / 4] - offset;
            ends[i] = limit < to ? limit : to;
        }
        RM_UNROLL
        for (int j = 0; j < RM_FUSED_ACROSS; j++) {
            if (8 * j + 8 <= from || 8 * j >= to) {
                continue; /* the whole warp does */
            }
            RM_UNROLL
            for (int i = 0; i < RM_FUSED_DOWN; i++) {
                RM_UNROLL
                for (int k = 0; k < 4; k++) {
                    const int32_t col = 8 * j + lane % 4 * 2 + k % 2, row = 2 * i + k / 2;
                    const bool counts = col >= from && col < ends[row];
                    extremes[row] =
                        counts ? rm_fused_more<POOL>(extremes[row], products[i][j][k]) : extremes[row];
                }
            }
        }
    }

    /* Puts what is kept into the cells of one cell column, whose first is `column`; the whole warp calls it.
     */
    __device__ __forceinline__ void give(float *column, int64_t cols) {
        const int32_t lane = (int32_t)threadIdx.x % 32;
        RM_UNROLL
        for (int i = 0; i < RM_FUSED_ROWS; i++) {
            extremes[i] = rm_more_extreme(POOL, extremes[i], __shfl_xor_sync(0xffffffffu, extremes[i], 1));
            extremes[i] = rm_more_extreme(POOL, extremes[i], __shfl_xor_sync(0xffffffffu, extremes[i], 2));
        }
        if (one) {
            float extreme = extremes[0];
            RM_UNROLL
            for (int i = 1; i < RM_FUSED_ROWS; i++) {
                extreme = rm_more_extreme(POOL, extreme, extremes[i]);
            }
            RM_UNROLL
            for (int apart = 4; apart < 32; apart *= 2) {
                extreme = rm_more_extreme(POOL, extreme, __shfl_xor_sync(0xffffffffu, extreme, apart));
            }
            if (lane == 0) {
                rm_fused_raise<POOL>(column + cells[0] * cols, extreme);
            }
        } else {
            RM_UNROLL
            for (int i = 0; i < RM_FUSED_ROWS; i++) {
                give_eight(column, cols, 8 * i, extremes[i]);
            }
        }
        clear();
    }

    /* Of 8 neighbouring rows, one in each 4 lanes: the first row of each cell gets the extreme of all that
     * follow in it. Cells only grow down the rows, so what lies between two rows of a cell belongs to it. */
    __device__ __forceinline__ void give_eight(float *column, int64_t cols, int32_t first, float extreme) {
        const int32_t lane = (int32_t)threadIdx.x % 32, row = lane / 4, cell = cells[first + row];
        RM_UNROLL
        for (int apart = 1; apart < 8; apart *= 2) {
            const float other = __shfl_down_sync(0xffffffffu, extreme, 4 * apart);
            const bool same = row + apart < 8 && cells[first + (row + apart) % 8] == cell;
            extreme = same ? rm_more_extreme(POOL, extreme, other) : extreme;
        }
        if (lane % 4 == 0 && (row == 0 || cells[first + row - 1] != cell)) {
            rm_fused_raise<POOL>(column + cell * cols, extreme);
        }
    }
};

#endif
