/* fused.c - products that are pooled where they are made, once it is known that this GPU makes them right */
/* SPDX-License-Identifier: MIT */
#include "cuda/context.h"

#include "host/base/alloc.h"

#include <string.h>

/* ---- the check: a few small whole numbers, whose products are exact, against plain loops */

enum {
    QUERIES = 96,
    KEYS = 160, /* two tiles, the second one not whole */
    ROOM = 256, /* rows of whole tiles, for either */
    DOWN = 5,   /* cells, which end within tiles */
    ACROSS = 7,
    LARGEST = 3 /* of the numbers */
};

static const rm_grid check_grid = {
    .rows = {.range = {.count = QUERIES, .step = 1}, .cells = DOWN},
    .cols = {.range = {.count = KEYS, .step = 1}, .cells = ACROSS},
};

/* Numbers that look like chance, the same each time. */
static void fill(float *numbers, int64_t count) {
    uint32_t state = 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        numbers[i] = (float)((int32_t)((state >> 16) % (2 * LARGEST + 1)) - LARGEST);
    }
}

static float dot(const float *a, const float *b, int64_t dim) {
    float sum = 0.0f; /* exact: at most 9 * 256 */
    for (int64_t d = 0; d < dim; d++) {
        sum += a[d] * b[d];
    }
    return sum;
}

static void pool_plainly(const float *queries, const float *keys, int64_t dim, ropemap_pool pool,
                         float cells[DOWN * ACROSS]) {
    for (int64_t i = 0; i < DOWN * ACROSS; i++) {
        cells[i] = rm_pool_neutral(pool);
    }
    for (int64_t i = 0; i < QUERIES; i++) {
        for (int64_t j = 0; j < KEYS; j++) {
            float *cell = &cells[rm_partition_cell_of(&check_grid.rows, i) * ACROSS +
                                 rm_partition_cell_of(&check_grid.cols, j)];
            const float product = dot(queries + i * dim, keys + j * dim, dim);
            *cell =
                rm_more_extreme(pool, *cell, pool == ROPEMAP_POOL_ABSMAX && product < 0 ? -product : product);
        }
    }
}

/* The same by the kernel, from rows in `memory` [2 * ROOM, dim] of the device; cells follow them. */
static ropemap_status pool_fused(rm_context *context, float *numbers, rm_fused_work work, float *memory,
                                 float cells[DOWN * ACROSS], ropemap_error *error) {
    const int64_t dim = work.head_dim;
    const rm_rotation as_they_are = {.dtype = work.dtype, .fused = true};
    const ropemap_pool pool = work.cells.pool;
    work.cells =
        (rm_accumulator){.pool = pool, .rows = DOWN, .cols = ACROSS, .extreme = memory + 2 * ROOM * dim};
    work.queries = memory;
    work.keys = memory + ROOM * dim;
    RM_TRY(rm_cuda_rotate(context, &as_they_are, check_grid.rows.range, rm_view_dense(numbers, QUERIES, dim),
                          rm_view_dense(memory, ROOM, dim), error));
    RM_TRY(rm_cuda_rotate(context, &as_they_are, check_grid.cols.range,
                          rm_view_dense(numbers + QUERIES * dim, KEYS, dim),
                          rm_view_dense(memory + ROOM * dim, ROOM, dim), error));
    RM_CUDA(context, error,
            rm_fill_launch(work.cells.extreme, rm_pool_neutral(pool), DOWN * ACROSS, context->sm_count,
                           context->compute));
    RM_CUDA(context, error, rm_fused_launch(&work, context->shared_most, context->compute));
    RM_CUDA(context, error,
            cudaMemcpyAsync(cells, work.cells.extreme, DOWN * ACROSS * sizeof *cells, cudaMemcpyDeviceToHost,
                            context->compute));
    return rm_cuda_wait(context, error);
}

static ropemap_status check(rm_context *context, ropemap_dtype dtype, ropemap_pool pool, int64_t dim,
                            float *numbers, ropemap_error *error) {
    const uint64_t bytes = (uint64_t)(2 * ROOM * dim + DOWN * ACROSS) * sizeof(float);
    float wanted[DOWN * ACROSS], got[DOWN * ACROSS];
    const rm_fused_work work = {.query_rows = QUERIES,
                                .key_rows = KEYS,
                                .head_dim = (int32_t)dim,
                                .dtype = dtype,
                                .grid = check_grid,
                                .cells = {.pool = pool}};
    fill(numbers, (QUERIES + KEYS) * dim);
    pool_plainly(numbers, numbers + QUERIES * dim, dim, pool, wanted);
    RM_TRY(rm_buffer_reserve(context, &context->trial, bytes, error));
    RM_TRY(pool_fused(context, numbers, work, context->trial.memory, got, error));
    for (int i = 0; i < DOWN * ACROSS; i++) {
        if (wanted[i] != got[i]) {
            return rm_fail(error, ROPEMAP_RESOURCES,
                           "cuda: the fused kernel is wrong on GPU %d, %.60s: %g where %g is right",
                           context->device.index, context->device.name, (double)got[i], (double)wanted[i]);
        }
    }
    return ROPEMAP_OK;
}

/* Once a context, some milliseconds. */
static ropemap_status check_once(rm_context *context, ropemap_dtype dtype, ropemap_pool pool, int64_t dim,
                                 ropemap_error *error) {
    if (context->fused_is_right) {
        return ROPEMAP_OK;
    }
    float *numbers = rm_alloc_raw((uint64_t)((QUERIES + KEYS) * dim), sizeof *numbers);
    if (numbers == NULL) {
        return rm_fail_memory(error, "check", (uint64_t)((QUERIES + KEYS) * dim) * sizeof *numbers);
    }
    const ropemap_status status = check(context, dtype, pool, dim, numbers, error);
    rm_free(numbers);
    context->fused_is_right = status == ROPEMAP_OK;
    return status;
}

/* ---- the stage */

/* On `compute`, as what made the rows; cells belong to `pooling`, so each waits for the other. */
ropemap_status rm_cuda_similarity_pool(rm_context *context, ropemap_dtype dtype, rm_view queries,
                                       rm_view keys, rm_view tile, const rm_grid *grid, int64_t row_first,
                                       int64_t col_first, rm_accumulator *cells, ropemap_error *error) {
    (void)tile;
    (void)cells; /* they are filled at the end */
    RM_TRY(rm_cuda_begin(context, "fused", error));
    RM_TRY(check_once(context, dtype, context->cells.pool, keys.cols, error));
    RM_TRY(rm_cuda_begin(context, "fused", error));
    context->tile_row = row_first;
    context->tile_col = col_first;
    context->tile_rows = queries.rows;
    context->tile_cols = keys.rows;
    const rm_fused_work work = {.queries = queries.data,
                                .keys = keys.data,
                                .query_rows = queries.rows,
                                .key_rows = keys.rows,
                                .head_dim = (int32_t)keys.cols,
                                .dtype = dtype,
                                .grid = *grid,
                                .row_first = row_first,
                                .col_first = col_first,
                                .cells = context->cells};
    RM_TRY(rm_tile_pause(context, error));
    RM_CUDA(context, error, rm_fused_launch(&work, context->shared_most, context->compute));
    return rm_tile_go_on(context, error);
}
