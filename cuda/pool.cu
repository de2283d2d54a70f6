/* pool.cu - start the kernels that reduce a tile of similarities into the cells it touches */
/* SPDX-License-Identifier: MIT */
#include "cuda/pool.cuh"

#include "cuda/launch.h"

enum { FEW_PARTS = 8 }; /* up to so many parts of a cell one thread merges, else a warp */

/* Most pieces that one cell of an axis has among `count` indices. */
static int64_t most_pieces(const rm_partition *axis, int64_t count, int64_t strip) {
    const int64_t most = rm_partition_most(axis);
    return ((most < count ? most : count) + strip - 2) / strip + 1;
}

template <class KEEP> static cudaError_t pool(const rm_pool_task &task, cudaStream_t stream) {
    const rm_view tile = task.work.tile;
    const bool aligned = reinterpret_cast<uintptr_t>(tile.data) % 16 == 0 && tile.stride % 4 == 0;
    const dim3 blocks((unsigned)((tile.cols + RM_POOL_COLS - 1) / RM_POOL_COLS),
                      (unsigned)((tile.rows + RM_POOL_ROWS - 1) / RM_POOL_ROWS));
    const cudaError_t status =
        rm_launch(aligned ? rm_pool_tile_kernel<KEEP, true> : rm_pool_tile_kernel<KEEP, false>, blocks,
                  dim3(RM_POOL_THREADS), 0, stream, task);
    if (status != cudaSuccess) {
        return status;
    }
    const bool few = most_pieces(&task.work.grid.rows, tile.rows, RM_POOL_ROWS) *
                         most_pieces(&task.work.grid.cols, tile.cols, RM_POOL_COLS) <=
                     FEW_PARTS;
    const int64_t at_once = few ? RM_POOL_THREADS : RM_POOL_THREADS / RM_WARP; /* cells of a block */
    const dim3 merges((unsigned)((task.cell_cols + at_once - 1) / at_once), (unsigned)task.cell_rows);
    return rm_launch(few ? rm_pool_merge_kernel<KEEP, 1> : rm_pool_merge_kernel<KEEP, RM_WARP>, merges,
                     dim3(RM_POOL_THREADS), 0, stream, task);
}

extern "C" cudaError_t rm_pool_launch(const rm_pool_work *work, cudaStream_t stream) {
    const rm_grid *grid = &work->grid;
    if (work->tile.rows <= 0 || work->tile.cols <= 0) {
        return cudaSuccess;
    }
    rm_pool_task task;
    task.work = *work;
    task.cell_row = rm_partition_cell_of(&grid->rows, work->row_first);
    task.cell_col = rm_partition_cell_of(&grid->cols, work->col_first);
    task.cell_rows = rm_partition_touched(&grid->rows, work->row_first, work->tile.rows);
    task.cell_cols = rm_partition_touched(&grid->cols, work->col_first, work->tile.cols);
    task.col_pieces = rm_pieces_count(&grid->cols, work->col_first, work->tile.cols, RM_POOL_COLS);
    switch (work->cells.pool) {
    case ROPEMAP_POOL_MEAN:
        return pool<rm_keep_sum<false>>(task, stream);
    case ROPEMAP_POOL_MIN:
        return pool<rm_keep_extreme<ROPEMAP_POOL_MIN>>(task, stream);
    case ROPEMAP_POOL_MAX:
        return pool<rm_keep_extreme<ROPEMAP_POOL_MAX>>(task, stream);
    case ROPEMAP_POOL_ABSMAX:
        return pool<rm_keep_extreme<ROPEMAP_POOL_ABSMAX>>(task, stream);
    case ROPEMAP_POOL_RMS:
        return pool<rm_keep_sum<true>>(task, stream);
    case ROPEMAP_POOL_STD:
        return pool<rm_keep_moments>(task, stream);
    }
    return cudaErrorInvalidValue;
}
