/* stages.c - the stages of the CUDA backend, from copied rows to cells; products are in similarity.c */
/* SPDX-License-Identifier: MIT */
#include "cuda/context.h"

#include <string.h>

/* ---- rows */

ropemap_status rm_cuda_upload(rm_context *context, rm_view from, rm_view *rows, ropemap_error *error) {
    const int32_t slot = context->slot;
    const size_t width = (size_t)from.cols * sizeof *from.data;
    RM_TRY(rm_buffer_reserve(context, &context->rows[slot], (uint64_t)from.rows * width, error));
    *rows = rm_view_dense(context->rows[slot].memory, from.rows, from.cols);
    RM_CUDA(context, error, cudaStreamWaitEvent(context->copy, context->used[slot], 0));
    RM_TRY(rm_cuda_copy(context, from, *rows, cudaMemcpyHostToDevice, context->copy, error));
    RM_CUDA(context, error, cudaEventRecord(context->copied[slot], context->copy));
    RM_CUDA(context, error, cudaStreamWaitEvent(context->compute, context->copied[slot], 0));
    RM_CUDA(context, error, cudaEventSynchronize(context->copied[slot]));
    return ROPEMAP_OK;
}

ropemap_status rm_cuda_uploaded_used(rm_context *context, ropemap_error *error) {
    RM_CUDA(context, error, cudaEventRecord(context->used[context->slot], context->compute));
    context->slot = (context->slot + 1) % RM_SLOTS;
    return ROPEMAP_OK;
}

static bool same(const ropemap_freqs *a, const ropemap_freqs *b) {
    const size_t pairs = (size_t)b->pairs;
    return a->pairs == b->pairs &&
           memcmp(&a->attention_factor, &b->attention_factor, sizeof a->attention_factor) == 0 &&
           memcmp(a->step, b->step, pairs * sizeof *a->step) == 0 &&
           memcmp(a->fine, b->fine, pairs * sizeof *a->fine) == 0;
}

ropemap_status rm_cuda_freqs(rm_context *context, const ropemap_freqs *freqs, const ropemap_freqs **device,
                             ropemap_error *error) {
    RM_TRY(rm_buffer_reserve(context, &context->device_freqs, sizeof *freqs, error));
    *device = context->device_freqs.memory;
    if (same(context->freqs, freqs)) {
        return ROPEMAP_OK;
    }
    context->freqs->pairs = 0; /* none, should the copy fail */
    RM_CUDA(context, error,
            cudaMemcpyAsync(context->device_freqs.memory, freqs, sizeof *freqs, cudaMemcpyHostToDevice,
                            context->compute));
    RM_TRY(rm_cuda_wait(context, error));
    *context->freqs = *freqs;
    return ROPEMAP_OK;
}

static int64_t element_bytes(ropemap_dtype type) {
    return type == ROPEMAP_DTYPE_BF16 || type == ROPEMAP_DTYPE_FP16 ? 2 : 4;
}

/* Rows beyond `count` become zero. */
static ropemap_status clear_rest(rm_context *context, ropemap_dtype type, int64_t count, rm_view to,
                                 ropemap_error *error) {
    const int64_t row = to.cols * element_bytes(type);
    if (to.stride != to.cols) {
        return rm_fail(error, ROPEMAP_INTERNAL, "rotate: rows %lld elements apart; they must be %lld apart",
                       (long long)to.stride, (long long)to.cols);
    }
    if (count < to.rows) {
        RM_CUDA(context, error,
                cudaMemsetAsync((char *)to.data + count * row, 0, (size_t)((to.rows - count) * row),
                                context->compute));
    }
    return ROPEMAP_OK;
}

ropemap_status rm_cuda_rotate_rows(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                                   rm_view from, rm_view to, ropemap_error *error) {
    const ropemap_freqs *freqs = NULL;
    if (rotation->rotate) {
        RM_TRY(rm_cuda_freqs(context, rotation->freqs, &freqs, error));
    }
    const bool split = rotation->fused && rotation->dtype == ROPEMAP_DTYPE_FP32;
    rm_view rotated = to;
    if (rotation->normalise || split) {
        const uint64_t bytes = (uint64_t)positions.count * (uint64_t)from.cols * sizeof(float);
        RM_TRY(rm_buffer_reserve(context, &context->rotated, bytes, error));
        rotated = rm_view_dense(context->rotated.memory, positions.count, from.cols);
    }
    const rm_rotate_work work = {
        .sides = {{.from = from.data,
                   .to = rotated.data,
                   .from_position_stride = from.stride,
                   .to_position_stride = rotated.stride,
                   .heads = 1}},
        .positions = positions,
        .freqs = freqs,
        .from_type = ROPEMAP_DTYPE_FP32,
        .to_type = rotation->normalise ? ROPEMAP_DTYPE_FP32 : rotation->dtype,
        .head_dim = (int32_t)from.cols,
        .pairs = rotation->rotate ? rotation->freqs->pairs : 0,
        .layout = rotation->layout,
        .swizzled = rotation->fused && !rotation->normalise && !split,
    };
    RM_CUDA(context, error, rm_rotate_launch(&work, context->sm_count, context->compute));
    if (rotation->normalise) {
        const rm_normalise_work normalise = {.from = rotated,
                                             .to = split ? rotated.data : to.data,
                                             .to_stride = split ? rotated.stride : to.stride,
                                             .to_type = rotation->dtype,
                                             .swizzled = rotation->fused && !split};
        RM_CUDA(context, error, rm_normalise_launch(&normalise, context->sm_count, context->compute));
    }
    if (split) {
        const rm_split_work halves = {.from = rotated, .to = to.data};
        RM_CUDA(context, error, rm_split_launch(&halves, context->sm_count, context->compute));
    }
    return rotation->fused ? ROPEMAP_OK /* what lies beyond its rows plays no part there */
                           : clear_rest(context, rotation->dtype, positions.count, to, error);
}

ropemap_status rm_cuda_rotate(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                              rm_view from, rm_view to, ropemap_error *error) {
    rm_view rows = {0};
    RM_TRY(rm_cuda_begin(context, "rotate", error));
    RM_TRY(rm_tile_overwrite(context, to, error));
    RM_TRY(rm_cuda_upload(context, from, &rows, error));
    RM_TRY(rm_cuda_rotate_rows(context, rotation, positions, rows, to, error));
    return rm_cuda_uploaded_used(context, error);
}

/* ---- sums of rotated rows */

/* Rows of length 1 are made first and added up as they are. */
static ropemap_status prepare(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                              rm_rotate_sum_work *work, ropemap_error *error) {
    if (!rotation->normalise) {
        work->pairs = rotation->rotate ? rotation->freqs->pairs : 0;
        return rotation->rotate ? rm_cuda_freqs(context, rotation->freqs, &work->freqs, error) : ROPEMAP_OK;
    }
    work->pairs = 0;
    /* over the rows as they came: each is read whole before it is written */
    return rm_cuda_rotate_rows(context, rotation, positions, work->from, work->from, error);
}

ropemap_status rm_cuda_rotate_sum(rm_context *context, const rm_rotation *rotation, const rm_partition *axis,
                                  int64_t first, rm_view from, double *sums, ropemap_error *error) {
    const int64_t cells = rm_partition_touched(axis, first, from.rows);
    const uint64_t row = (uint64_t)from.cols * sizeof(double), bytes = (uint64_t)cells * row;
    const uint64_t pieces = (uint64_t)rm_pieces_count(axis, first, from.rows, RM_SUM_STRIP);
    rm_rotate_sum_work work = {.axis = *axis, .first = first, .layout = rotation->layout};
    RM_TRY(rm_cuda_begin(context, "rotate and pool", error));
    RM_TRY(rm_buffer_reserve(context, &context->parts, pieces * row, error));
    RM_TRY(rm_buffer_reserve(context, &context->sums, bytes, error));
    RM_TRY(rm_pinned_reserve(context, bytes, error));
    work.parts = context->parts.memory;
    work.sums = context->sums.memory;
    RM_TRY(rm_cuda_upload(context, from, &work.from, error));
    const ropemap_range positions = {
        .first = rm_position(axis->range, first), .count = from.rows, .step = axis->range.step};
    RM_TRY(prepare(context, rotation, positions, &work, error));
    RM_CUDA(context, error, rm_rotate_sum_launch(&work, context->sm_count, context->compute));
    RM_TRY(rm_cuda_uploaded_used(context, error));
    RM_CUDA(
        context, error,
        cudaMemcpyAsync(context->pinned.memory, work.sums, bytes, cudaMemcpyDeviceToHost, context->compute));
    RM_TRY(rm_cuda_wait(context, error));
    const double *made = context->pinned.memory;
    for (int64_t i = 0; i < cells * from.cols; i++) {
        sums[i] += made[i];
    }
    return ROPEMAP_OK;
}

/* ---- second moments */

/* In double from the subtraction on: squares of any float stay in its range. */

static ropemap_status make_room(rm_context *context, uint64_t rows, uint64_t dim, ropemap_error *error) {
    RM_TRY(rm_buffer_reserve(context, &context->centre, dim * sizeof(double), error));
    RM_TRY(rm_buffer_reserve(context, &context->wide, rows * dim * sizeof(double), error));
    RM_TRY(rm_buffer_reserve(context, &context->gram, dim * dim * sizeof(double), error));
    return rm_pinned_reserve(context, dim * dim * sizeof(double), error);
}

/* gram = x^T x of x [rows, dim]: in cuBLAS's order of columns x x^T of [dim, rows]. */
static ropemap_status multiply(rm_context *context, int64_t rows, int64_t dim, ropemap_error *error) {
    const double one = 1.0, zero = 0.0;
    const double *wide = context->wide.memory;
    RM_TRY(rm_cuda_blas(context, error));
    RM_BLAS(context, error,
            cublasDgemm(context->blas, CUBLAS_OP_N, CUBLAS_OP_T, (int)dim, (int)dim, (int)rows, &one, wide,
                        (int)dim, wide, (int)dim, &zero, context->gram.memory, (int)dim));
    return ROPEMAP_OK;
}

ropemap_status rm_cuda_moment(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                              rm_view from, const double *centre, double *moment, ropemap_error *error) {
    const int64_t dim = from.cols;
    const size_t bytes = (size_t)(dim * dim) * sizeof(double);
    rm_view rows = {0};
    RM_TRY(rm_cuda_begin(context, "second moments", error));
    RM_TRY(make_room(context, (uint64_t)from.rows, (uint64_t)dim, error));
    RM_TRY(rm_cuda_upload(context, from, &rows, error));
    /* over the rows as they came: each is read whole before it is written */
    RM_TRY(rm_cuda_rotate_rows(context, rotation, positions, rows, rows, error));
    if (centre != NULL) {
        RM_CUDA(context, error,
                cudaMemcpyAsync(context->centre.memory, centre, (size_t)dim * sizeof *centre,
                                cudaMemcpyHostToDevice, context->compute));
    }
    RM_CUDA(context, error,
            rm_subtract_mean_launch(rows, centre != NULL ? context->centre.memory : NULL,
                                    context->wide.memory, context->sm_count, context->compute));
    RM_TRY(rm_cuda_uploaded_used(context, error));
    RM_TRY(multiply(context, from.rows, dim, error));
    RM_CUDA(context, error,
            cudaMemcpyAsync(context->pinned.memory, context->gram.memory, bytes, cudaMemcpyDeviceToHost,
                            context->compute));
    RM_TRY(rm_cuda_wait(context, error));
    const double *made = context->pinned.memory;
    for (int64_t i = 0; i < dim * dim; i++) {
        moment[i] += made[i];
    }
    return ROPEMAP_OK;
}

/* ---- cells */

/* One array of the cells: the host's, and the device's own in `to`. */
struct array {
    void *host;
    void **to;
    rm_buffer *buffer;
    uint64_t bytes; /* 0: the pool does not use it */
};

enum { ARRAYS = 4 };

static void list_arrays(rm_context *context, const rm_accumulator *cells, struct array arrays[ARRAYS]) {
    const uint64_t count = (uint64_t)cells->rows * (uint64_t)cells->cols;
    const struct array all[ARRAYS] = {
        {cells->extreme, (void **)&context->cells.extreme, &context->cell_arrays[0], count * sizeof(float)},
        {cells->sum, (void **)&context->cells.sum, &context->cell_arrays[1], count * sizeof(double)},
        {cells->square, (void **)&context->cells.square, &context->cell_arrays[2], count * sizeof(double)},
        {cells->pairs, (void **)&context->cells.pairs, &context->cell_arrays[3], count * sizeof(double)},
    };
    for (int i = 0; i < ARRAYS; i++) {
        arrays[i] = all[i];
        arrays[i].bytes = all[i].host != NULL ? all[i].bytes : 0;
    }
}

ropemap_status rm_cuda_cells_begin(rm_context *context, rm_accumulator *cells, ropemap_error *error) {
    struct array arrays[ARRAYS];
    RM_TRY(rm_cuda_begin(context, "cells", error));
    context->cells = (rm_accumulator){
        .pool = cells->pool, .first_row = cells->first_row, .rows = cells->rows, .cols = cells->cols};
    list_arrays(context, cells, arrays);
    for (int i = 0; i < ARRAYS; i++) {
        if (arrays[i].bytes > 0) {
            RM_TRY(rm_buffer_reserve(context, arrays[i].buffer, arrays[i].bytes, error));
            *arrays[i].to = arrays[i].buffer->memory;
            RM_CUDA(context, error, cudaMemsetAsync(*arrays[i].to, 0, arrays[i].bytes, context->pooling));
        }
    }
    if (context->cells.extreme != NULL) {
        RM_CUDA(context, error,
                rm_fill_launch(context->cells.extreme, rm_pool_neutral(cells->pool),
                               cells->rows * cells->cols, context->sm_count, context->pooling));
    }
    return ROPEMAP_OK;
}

ropemap_status rm_cuda_pool(rm_context *context, const rm_grid *grid, rm_view tile, int64_t row_first,
                            int64_t col_first, rm_accumulator *cells, ropemap_error *error) {
    (void)cells; /* they are filled at the end */
    RM_TRY(rm_cuda_begin(context, "pool", error));
    context->tile_row = row_first;
    context->tile_col = col_first;
    context->tile_rows = tile.rows;
    context->tile_cols = tile.cols;
    const int64_t bytes =
        rm_pool_parts_bytes(grid, context->cells.pool, row_first, tile.rows, col_first, tile.cols);
    RM_TRY(rm_buffer_reserve(context, &context->pieces, (uint64_t)bytes, error));
    const rm_pool_work work = {.tile = tile,
                               .grid = *grid,
                               .row_first = row_first,
                               .col_first = col_first,
                               .cells = context->cells,
                               .parts = context->pieces.memory};
    rm_tile *read = NULL;
    RM_TRY(rm_tile_read(context, tile, &read, error));
    RM_CUDA(context, error, rm_pool_launch(&work, context->pooling));
    return rm_tile_pooled(context, read, error);
}

ropemap_status rm_cuda_cells_end(rm_context *context, rm_accumulator *cells, ropemap_error *error) {
    struct array arrays[ARRAYS];
    RM_TRY(rm_cuda_begin(context, "cells", error));
    list_arrays(context, cells, arrays);
    for (int i = 0; i < ARRAYS; i++) {
        if (arrays[i].bytes > 0) {
            RM_CUDA(context, error,
                    cudaMemcpyAsync(arrays[i].host, *arrays[i].to, arrays[i].bytes, cudaMemcpyDeviceToHost,
                                    context->pooling));
        }
    }
    return rm_tile_wait(context, error);
}

/* ---- distances */

ropemap_status rm_cuda_distances(rm_context *context, const ropemap_freqs *freqs, double weight,
                                 ropemap_range distances, double *values, ropemap_error *error) {
    const size_t bytes = (size_t)distances.count * sizeof *values;
    const ropemap_freqs *device = NULL;
    RM_TRY(rm_cuda_begin(context, "distances", error));
    RM_TRY(rm_cuda_freqs(context, freqs, &device, error));
    RM_TRY(rm_buffer_reserve(context, &context->values, bytes, error));
    RM_CUDA(context, error,
            rm_distances_launch(device, weight, distances, context->values.memory, context->sm_count,
                                context->compute));
    RM_CUDA(context, error,
            cudaMemcpyAsync(values, context->values.memory, bytes, cudaMemcpyDeviceToHost, context->compute));
    return rm_cuda_wait(context, error);
}
