/* work.h - what kernels are asked: plain values, passed whole */
/* SPDX-License-Identifier: MIT */
/*
 * Common subset of C17 and C++17. All pointers are to device memory. Rows have head_dim elements; in device
 * memory a row of 16-bit elements has the stride of its view counted in elements, as a row of floats has.
 */
#ifndef ROPEMAP_CUDA_WORK_H
#define ROPEMAP_CUDA_WORK_H

#include "host/base/view.h"
#include "host/map/grid.h"
#include "host/map/pieces.h"

/* Rows of some heads at each of the positions: element d of head h at position index i is number
 * i * position_stride + h * head_stride + d. */
typedef struct rm_heads {
    const void *from;
    void *to; /* may be `from` where the types are equal */
    int64_t from_position_stride, from_head_stride, to_position_stride, to_head_stride; /* elements */
    int32_t heads;
} rm_heads;

/* to = from, pairs turned by the phase of their position. */
typedef struct rm_rotate_work {
    rm_heads sides[2]; /* queries and keys of the same positions; heads = 0: there is no second side */
    ropemap_range positions;
    const ropemap_freqs *freqs;
    ropemap_dtype from_type, to_type; /* fp32 to any, fp16 to fp16, bf16 to bf16 */
    int32_t head_dim;
    int32_t pairs; /* that turn, freqs->pairs; 0: rows are converted, nothing turns */
    ropemap_layout layout;
} rm_rotate_work;

/* to[i] = from[i] divided by its length, [from.rows, from.cols]; a row of zeros becomes NaN. */
typedef struct rm_normalise_work {
    rm_view from;
    void *to;          /* may be from.data where to_type is fp32 or tf32 */
    int64_t to_stride; /* elements */
    ropemap_dtype to_type;
} rm_normalise_work;

/*
 * sums[c] = sum over the rows of cell first_cell + c of rotated rows, for each of the cells that the rows
 * touch; row i of `from` has index first + i on the axis.
 */
typedef struct rm_rotate_sum_work {
    rm_view from; /* [rows, head_dim] fp32 */
    rm_partition axis;
    int64_t first; /* index of the first row; first_cell is the cell that holds it */
    const ropemap_freqs *freqs;
    int32_t pairs; /* that turn; 0: rows are added as they are */
    ropemap_layout layout;
    double *parts; /* [rm_pieces_count(&axis, first, from.rows, RM_SUM_STRIP), head_dim] scratch */
    double *sums;  /* [cells touched, head_dim] */
} rm_rotate_sum_work;

/* Takes a tile whose corner is position index (row_first, col_first) into the cells it touches. */
typedef struct rm_pool_work {
    rm_view tile;
    rm_grid grid;
    int64_t row_first, col_first;
    rm_accumulator cells; /* device memory */
    void *parts;          /* rm_pool_parts_bytes() of scratch, aligned to 16 */
} rm_pool_work;

#endif
