/* cells.c - cells in the making, in the device's memory while tiles are taken in */
/* SPDX-License-Identifier: MIT */
#include "cuda/context.h"

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
                               cells->rows * cells->cols, context->processors, context->pooling));
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
