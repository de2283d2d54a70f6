/* fused.c - products that are pooled where they are made, once it is known that this GPU makes them right */
/* SPDX-License-Identifier: MIT */
#include "cuda/context.h"

#include "host/base/alloc.h"

#include <string.h>

/* ---- the check: a few small whole numbers, whose products are exact, against plain loops */

enum {
    QUERIES = 272, /* of a block of a warpgroup, and of a second one, not whole */
    KEYS = 160,    /* two tiles, the second one not whole */
    ROOM = 384,    /* rows of whole tiles, for either */
    DOWN = 5,      /* cells, which end within tiles */
    ACROSS = 7,
    CELLS = DOWN * ACROSS,
    LARGEST = 3, /* of the numbers */
    LARGE = 2731 /* times as large, and two bits more than fp16 has, is every second one of split rows */
};

/* Sums of floats are as near as their roundings leave them, which a part that is lost or doubled is not. */
static const double NEAR = 0x1p-14;

static const rm_grid check_grid = {
    .rows = {.range = {.count = QUERIES, .step = 1}, .cells = DOWN},
    .cols = {.range = {.count = KEYS, .step = 1}, .cells = ACROSS},
};

/* What cells need, whatever their pool. */
struct arrays {
    double sum[CELLS], square[CELLS], pairs[CELLS];
    float extreme[CELLS];
};

static rm_accumulator cells_in(struct arrays *arrays, ropemap_pool pool) {
    rm_accumulator cells = {.pool = pool, .rows = DOWN, .cols = ACROSS};
    cells.extreme = rm_pool_is_extreme(pool) ? arrays->extreme : NULL;
    cells.sum = rm_pool_is_extreme(pool) ? NULL : arrays->sum;
    cells.square = pool == ROPEMAP_POOL_STD ? arrays->square : NULL;
    cells.pairs = pool == ROPEMAP_POOL_STD ? arrays->pairs : NULL;
    return cells;
}

static double number_of(const rm_accumulator *cells, int i) {
    return cells->extreme != NULL  ? (double)cells->extreme[i]
           : cells->square != NULL ? cells->square[i]
                                   : cells->sum[i];
}

/* Numbers that look like chance, the same each time. Where they are split, a large one of a query meets a
 * small one of a key, or the other way round, and rows are powers of two apart. */
static void fill(float *numbers, int64_t dim, bool split) {
    uint32_t state = 1;
    for (int64_t i = 0; i < (QUERIES + KEYS) * dim; i++) {
        const int64_t row = i / dim;
        const bool large = split && (i % dim % 2 == 0) == (row < QUERIES);
        state = state * 1664525u + 1013904223u;
        numbers[i] = (float)((int32_t)((state >> 16) % (2 * LARGEST + 1)) - LARGEST);
        numbers[i] *= (large ? (float)LARGE : 1.0f) * (float)(split ? 1 << row % 3 : 1);
    }
}

static float dot(const float *a, const float *b, int64_t dim) {
    float sum = 0.0f; /* exact: at most 9 * 256, of split rows times LARGE, and powers of two */
    for (int64_t d = 0; d < dim; d++) {
        sum += a[d] * b[d];
    }
    return sum;
}

static void take(rm_accumulator *cells, int64_t cell, float product) {
    if (cells->extreme != NULL) {
        const float value = cells->pool == ROPEMAP_POOL_ABSMAX && product < 0 ? -product : product;
        cells->extreme[cell] = rm_more_extreme(cells->pool, cells->extreme[cell], value);
    } else if (cells->pool == ROPEMAP_POOL_STD) {
        rm_accumulator_merge(cells, cell, 1.0, (double)product, 0.0);
    } else {
        cells->sum[cell] +=
            cells->pool == ROPEMAP_POOL_RMS ? (double)product * (double)product : (double)product;
    }
}

static void pool_plainly(const float *queries, const float *keys, int64_t dim, rm_accumulator *cells) {
    for (int64_t row = 0; row < DOWN; row++) {
        rm_accumulator_clear_row(cells, row);
    }
    for (int64_t i = 0; i < QUERIES; i++) {
        for (int64_t j = 0; j < KEYS; j++) {
            take(cells,
                 rm_partition_cell_of(&check_grid.rows, i) * ACROSS +
                     rm_partition_cell_of(&check_grid.cols, j),
                 dot(queries + i * dim, keys + j * dim, dim));
        }
    }
}

static int64_t parts_bytes(ropemap_pool pool) {
    return rm_fused_parts_bytes(&check_grid, pool, 0, QUERIES, 0, KEYS, RM_FUSED_TILE);
}

/* The same by the kernel, from rows in `memory` [2 * ROOM, row] of the device; parts follow them, then cells.
 */
static ropemap_status pool_fused(rm_context *context, float *numbers, rm_fused_work work, float *memory,
                                 struct arrays *cells, ropemap_error *error) {
    const int64_t dim = work.head_dim, row = rm_fused_row(work.dtype, work.head_dim);
    const rm_view queries = {.data = memory, .rows = ROOM, .cols = dim, .stride = row};
    const rm_view keys = {.data = memory + ROOM * row, .rows = ROOM, .cols = dim, .stride = row};
    const rm_rotation as_they_are = {.dtype = work.dtype, .fused = true};
    const ropemap_pool pool = work.cells.pool;
    const size_t parts = (size_t)parts_bytes(pool);
    char *own = (char *)(memory + 2 * ROOM * row);
    work.parts = own;
    work.cells = cells_in((struct arrays *)(void *)(own + parts), pool);
    work.piece = RM_FUSED_TILE;
    work.queries = queries.data;
    work.keys = keys.data;
    RM_TRY(rm_cuda_rotate(context, &as_they_are, check_grid.rows.range, rm_view_dense(numbers, QUERIES, dim),
                          queries, error));
    RM_TRY(rm_cuda_rotate(context, &as_they_are, check_grid.cols.range,
                          rm_view_dense(numbers + QUERIES * dim, KEYS, dim), keys, error));
    RM_CUDA(context, error, cudaMemsetAsync(own, 0, parts + sizeof *cells, context->compute));
    if (rm_pool_is_extreme(pool)) {
        RM_CUDA(context, error,
                rm_fill_launch(work.cells.extreme, rm_pool_neutral(pool), CELLS, context->sm_count,
                               context->compute));
    }
    RM_CUDA(context, error, rm_fused_launch(&work, context->shared_most, context->compute));
    RM_CUDA(context, error,
            cudaMemcpyAsync(cells, own + parts, sizeof *cells, cudaMemcpyDeviceToHost, context->compute));
    return rm_cuda_wait(context, error);
}

/* Rows that are too long for the shared memory of a warpgroup go without. */
static bool by_warpgroups(const rm_context *context, ropemap_dtype dtype, int64_t dim) {
    return context->device.warpgroups && !context->by_warps &&
           rm_fused_group_bytes(dtype, (int32_t)dim, RM_FUSED_GROUP_STAGES) <= context->shared_most;
}

static ropemap_status check(rm_context *context, ropemap_dtype dtype, ropemap_pool pool, int64_t dim,
                            float *numbers, ropemap_error *error) {
    struct arrays wanted_arrays, got_arrays;
    rm_accumulator wanted = cells_in(&wanted_arrays, pool);
    const rm_accumulator got = cells_in(&got_arrays, pool);
    const uint64_t bytes = (uint64_t)(2 * ROOM * rm_fused_row(dtype, (int32_t)dim)) * sizeof(float) +
                           (uint64_t)parts_bytes(pool) + sizeof got_arrays;
    const rm_fused_work work = {.query_rows = QUERIES,
                                .key_rows = KEYS,
                                .head_dim = (int32_t)dim,
                                .dtype = dtype,
                                .grid = check_grid,
                                .cells = {.pool = pool},
                                .warpgroups = by_warpgroups(context, dtype, dim)};
    fill(numbers, dim, dtype == ROPEMAP_DTYPE_FP32);
    pool_plainly(numbers, numbers + QUERIES * dim, dim, &wanted);
    RM_TRY(rm_buffer_reserve(context, &context->trial, bytes, error));
    RM_TRY(pool_fused(context, numbers, work, context->trial.memory, &got_arrays, error));
    for (int i = 0; i < CELLS; i++) {
        const double a = number_of(&got, i), b = number_of(&wanted, i);
        const double near = rm_pool_is_extreme(pool) || pool == ROPEMAP_POOL_MEAN ? 0.0 : NEAR * b;
        if (!(a >= b - near && a <= b + near)) {
            return rm_fail(error, ROPEMAP_RESOURCES,
                           "cuda: the fused kernel%s is wrong on GPU %d, %.60s: %g where %g is right",
                           work.warpgroups ? " of warpgroups" : "", context->device.index,
                           context->device.name, a, b);
        }
    }
    return ROPEMAP_OK;
}

/* Once a pool and a type of a context, some milliseconds. */
static ropemap_status check_once(rm_context *context, ropemap_dtype dtype, ropemap_pool pool, int64_t dim,
                                 ropemap_error *error) {
    const uint32_t bit = 1u << (8 * (int)dtype + (int)pool);
    uint32_t *right = &context->fused_right[by_warpgroups(context, dtype, dim) ? 1 : 0];
    if ((*right & bit) != 0) {
        return ROPEMAP_OK;
    }
    float *numbers = rm_alloc_raw((uint64_t)((QUERIES + KEYS) * dim), sizeof *numbers);
    if (numbers == NULL) {
        return rm_fail_memory(error, "check", (uint64_t)((QUERIES + KEYS) * dim) * sizeof *numbers);
    }
    const ropemap_status status = check(context, dtype, pool, dim, numbers, error);
    rm_free(numbers);
    *right |= status == ROPEMAP_OK ? bit : 0;
    return status;
}

/* ---- the stage */

/* Keys of one launch, whole pieces: as many as leave parts that there is room for, one piece at least. */
static int64_t keys_at_once(const rm_context *context, const rm_fused_work *work) {
    int64_t keys = work->key_rows;
    while (keys > work->piece &&
           rm_fused_parts_bytes(&work->grid, work->cells.pool, work->row_first, work->query_rows,
                                work->col_first, keys, work->piece) > context->device.tile_scratch_most) {
        keys = (keys / 2 + work->piece - 1) / work->piece * work->piece;
    }
    return keys;
}

static ropemap_status launch(rm_context *context, rm_fused_work *work, ropemap_error *error) {
    const uint64_t bytes =
        (uint64_t)rm_fused_parts_bytes(&work->grid, work->cells.pool, work->row_first, work->query_rows,
                                       work->col_first, work->key_rows, work->piece);
    if (bytes > 0) {
        RM_TRY(rm_buffer_reserve(context, &context->pieces, bytes, error));
        work->parts = context->pieces.memory;
        RM_CUDA(context, error, cudaMemsetAsync(work->parts, 0, bytes, context->compute));
    }
    RM_CUDA(context, error, rm_fused_launch(work, context->shared_most, context->compute));
    return ROPEMAP_OK;
}

/* On `compute`, as what made the rows; cells belong to `pooling`, so each waits for the other. */
ropemap_status rm_cuda_similarity_pool(rm_context *context, ropemap_dtype dtype, rm_view queries,
                                       rm_view keys, rm_view tile, const rm_grid *grid, int64_t row_first,
                                       int64_t col_first, rm_accumulator *cells, ropemap_error *error) {
    (void)cells; /* they are filled at the end */
    rm_fused_work work = {.queries = queries.data,
                          .query_rows = queries.rows,
                          .key_rows = keys.rows,
                          .head_dim = (int32_t)keys.cols,
                          .dtype = dtype,
                          .grid = *grid,
                          .row_first = row_first,
                          .col_first = col_first,
                          .cells = context->cells,
                          .piece = tile.cols,
                          .warpgroups = by_warpgroups(context, dtype, keys.cols)};
    RM_TRY(rm_cuda_begin(context, "fused", error));
    RM_TRY(check_once(context, dtype, context->cells.pool, keys.cols, error));
    RM_TRY(rm_cuda_begin(context, "fused", error));
    context->tile_row = row_first;
    context->tile_col = col_first;
    context->tile_rows = queries.rows;
    context->tile_cols = keys.rows;
    RM_TRY(rm_tile_pause(context, error));
    const int64_t most = keys_at_once(context, &work);
    for (int64_t first = 0; first < keys.rows; first += most) {
        work.keys = keys.data + first * keys.stride;
        work.key_rows = keys.rows - first < most ? keys.rows - first : most;
        work.col_first = col_first + first;
        RM_TRY(launch(context, &work, error));
    }
    return rm_tile_go_on(context, error);
}
