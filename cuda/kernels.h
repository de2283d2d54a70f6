/* kernels.h - what kernels take, plain values passed whole, and the functions that launch them */
/* SPDX-License-Identifier: MIT */
/*
 * Common subset of C17 and C++17. All pointers are to device memory. Rows have head_dim elements; in device
 * memory a row of 16-bit elements has the stride of its view counted in elements, as a row of floats has.
 */
#ifndef ROPEMAP_CUDA_KERNELS_H
#define ROPEMAP_CUDA_KERNELS_H

#include "cuda/geometry.h"
#include "cuda/softmax_row.h"
#include "host/base/view.h"
#include "host/map/cells.h"

#include <cuda_runtime_api.h>

/* Rows of some heads at each of the positions: element d of head h at position index i is number
 * i * position_stride + h * head_stride + d. */
typedef struct rm_heads {
    const void *from;
    void *to; /* may be `from` where the types are equal */
    int64_t from_position_stride, from_head_stride, to_position_stride, to_head_stride; /* elements */
    int32_t heads;
} rm_heads;

/* to = from, pairs rotated by the phase of their position. */
typedef struct rm_rotate_work {
    rm_heads sides[2]; /* queries and keys of the same positions; heads = 0: there is no second side */
    ropemap_range positions;
    const ropemap_freqs *freqs;
    ropemap_dtype from_type, to_type; /* fp32 to any, fp16 to fp16, bf16 to bf16 */
    int32_t head_dim;
    int32_t pairs; /* that rotate, freqs->pairs; 0: rows are only converted */
    ropemap_layout layout;
    bool swizzled; /* fp32 to a 16-bit type, one head: rows lie as rm_swizzled_at() has them */
} rm_rotate_work;

/* to[i] = from[i] divided by its length, [from.rows, from.cols]; a row of zeros becomes NaN. */
typedef struct rm_normalise_work {
    rm_view from;
    void *to;          /* may be from.data where to_type is fp32 or tf32 */
    int64_t to_stride; /* elements */
    ropemap_dtype to_type;
    bool swizzled; /* a 16-bit type: rows lie as rm_swizzled_at() has them */
} rm_normalise_work;

/* Rows of floats, [from.rows, from.cols] aligned to 16 bytes, cols a multiple of 8, as split rows of the
 * fused kernel; one that has no such form, with NaN or infinities, becomes NaN. */
typedef struct rm_split_work {
    rm_view from;
    void *to; /* whole groups */
} rm_split_work;

/*
 * sums[c] = sum over the rows of cell first_cell + c of rotated rows, for each of the cells that the rows
 * touch; row i of `from` has index first + i on the axis.
 */
typedef struct rm_rotate_sum_work {
    rm_view from; /* [rows, head_dim] fp32 */
    rm_partition axis;
    int64_t first; /* index of the first row; first_cell is the cell that holds it */
    const ropemap_freqs *freqs;
    int32_t pairs; /* that rotate; 0: rows are added as they are */
    ropemap_layout layout;
    double *parts; /* [rm_pieces_count(&axis, first, from.rows, RM_SUM_STRIP), head_dim] scratch */
    double *sums;  /* [cells touched, head_dim] */
} rm_rotate_sum_work;

/* Pools a tile whose corner is position index (row_first, col_first) into the cells it touches. */
typedef struct rm_pool_work {
    rm_view tile;
    rm_grid grid;
    int64_t row_first, col_first;
    rm_accumulator cells; /* device memory */
    void *parts;          /* rm_pool_parts_bytes() of scratch, aligned to 16 */
} rm_pool_work;

/*
 * Takes the products of all queries with all keys into the cells they touch. Both have memory for whole tiles
 * of RM_FUSED_TILE rows; what lies there beyond their rows plays no part. Sums depend on what the cells hold,
 * on `piece`, and on nothing else of how a map's keys are shared among launches.
 */
typedef struct rm_fused_work {
    const void *queries, *keys; /* swizzled rows, of floats split ones */
    int64_t query_rows, key_rows;
    int32_t head_dim;    /* RM_SWIZZLE_LEAST to 256, a multiple of 16 */
    ropemap_dtype dtype; /* fp16, bf16 or fp32 */
    rm_grid grid;
    int64_t row_first, col_first; /* position indices of the first query and key; for sums multiples of
                                     RM_FUSED_SIDE and of `piece` */
    rm_accumulator cells;         /* device memory */
    void *parts;                  /* of sums: rm_fused_parts_bytes() of zeros, aligned to 16 */
    int64_t piece;                /* of sums: keys of a part, a multiple of RM_FUSED_TILE */
    bool warpgroups;              /* by their instructions, which are loaded, and for which the rows fit */
} rm_fused_work;

/* A query of softmax, while its keys come in and at the end. */
typedef struct rm_softmax_query {
    rm_sight sight; /* indices of keys, as the next two */
    rm_span recent; /* of the statistics */
    rm_span near;   /* less than `exact` tokens away */
    rm_softmax_sums sums;
    rm_softmax_share share;
} rm_softmax_query;

/* What the host takes of it. */
typedef struct rm_softmax_result {
    ropemap_attention_row row; /* where statistics are wanted */
    double excess;             /* as rm_softmax_results has it */
    int32_t bad, empty;        /* 1 or 0: the host reads them of any bytes that a device gives */
} rm_softmax_result;

/*
 * Softmax of a block of queries (host/device/backend.h). A query has a slot for each cell column, then for
 * each bin of distances. All memory is the context's own.
 */
typedef struct rm_softmax_work {
    rm_grid grid; /* rows, all keys, and which of them a query sees */
    rm_partition shown;
    int64_t shown_first;
    ropemap_pool pool;
    bool cells, statistics;
    float factor, scale, softcap; /* of a score's exponent; softcap 0: none */
    double sink_logit;
    int64_t sinks_end; /* of the statistics' first keys */
    int64_t recent, exact;
    int32_t bins;
    int64_t *edges; /* [bins + 1] */
    rm_span rows;   /* indices of the block's queries */
    int64_t slots;
    rm_span kept; /* keys of which `scores` has the scores */

    int64_t *cuts;         /* [cells + 3] where pieces of keys begin: what has no cell, each cell, the rest */
    int32_t *chunk_pieces; /* [chunks + 1] the piece of each chunk's first key, and of the last key */
    rm_softmax_query *queries;  /* [rows] */
    double *value;              /* [rows, slots] weight; at the end probability */
    float *held;                /* [rows, slots] its reference; of cells of max the largest score */
    float *scores;              /* [rows, kept] of the nearest keys */
    double *parts;              /* [strips cut at cells, slots] probability of their queries */
    double *distances;          /* [strips, exact] */
    double *mass;               /* [exact] */
    rm_softmax_result *results; /* [rows] */

    rm_view tile; /* of a tile's launch: scores of the queries with keys col_first on, before their scale */
    int64_t col_first; /* a multiple of RM_SOFTMAX_CHUNK */
} rm_softmax_work;

/*
 * Each launches its kernels on a stream and returns without waiting: cudaSuccess, or why a kernel could not
 * start. `sm_count` is the device's number of multiprocessors: grids are persistent where the work comes in
 * many small pieces.
 */
#ifdef __cplusplus

/* Starts a kernel with arguments of its own types. */
template <class... P>
static inline cudaError_t rm_launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                                    cudaStream_t stream, P... arguments) {
    void *list[] = {&arguments...};
    return cudaLaunchKernel(kernel, grid, block, list, shared, stream);
}

extern "C" {
#endif

cudaError_t rm_rotate_launch(const rm_rotate_work *work, int32_t sm_count, cudaStream_t stream);
cudaError_t rm_normalise_launch(const rm_normalise_work *work, int32_t sm_count, cudaStream_t stream);
cudaError_t rm_split_launch(const rm_split_work *work, int32_t sm_count, cudaStream_t stream);
cudaError_t rm_rotate_sum_launch(const rm_rotate_sum_work *work, int32_t sm_count, cudaStream_t stream);
cudaError_t rm_pool_launch(const rm_pool_work *work, cudaStream_t stream);
/* `shared_most`: bytes of shared memory that a block may ask for. */
cudaError_t rm_fused_launch(const rm_fused_work *work, int32_t shared_most, cudaStream_t stream);
/* Loads what `warpgroups` needs, if this library has it for the current device, else fails. */
cudaError_t rm_fused_warpgroups_load(void);

/* In this order: one, then one for each tile, then one. `value` is zeros before, `held` -infinity. */
cudaError_t rm_softmax_begin_launch(const rm_softmax_work *work, cudaStream_t stream);
cudaError_t rm_softmax_tile_launch(const rm_softmax_work *work, cudaStream_t stream);
cudaError_t rm_softmax_end_launch(const rm_softmax_work *work, cudaStream_t stream);

/* values[t] = weight * sum over pairs of cos(phase(|distances.first + t * distances.step|)). */
cudaError_t rm_distances_launch(const ropemap_freqs *freqs, double weight, ropemap_range distances,
                                double *values, int32_t sm_count, cudaStream_t stream);

/* wide[i, d] = rows[i, d] - mean[d], in double; wide is dense, `mean` [rows.cols] or NULL for 0. */
cudaError_t rm_subtract_mean_launch(rm_view rows, const double *mean, double *wide, int32_t sm_count,
                                    cudaStream_t stream);

/* total[i, j] += tile[i, j] for each of `count` tiles in order, one below the other; total is dense. */
cudaError_t rm_accumulate_launch(rm_view tiles, int64_t count, double *total, int32_t sm_count,
                                 cudaStream_t stream);

/* Reads `count` floats, all of them NaN, a multiple of 4: what was in the cache is there no more. */
cudaError_t rm_read_launch(float *memory, int64_t count, int32_t sm_count, cudaStream_t stream);

/* memory[i] = value for i < count. */
cudaError_t rm_fill_launch(float *memory, float value, int64_t count, int32_t sm_count, cudaStream_t stream);

#ifdef __cplusplus
}
#endif

#endif
