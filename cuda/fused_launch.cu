/* fused_launch.cu - launches of the fused kernels, and the merge of what they leave of sums */
/* SPDX-License-Identifier: MIT */
#include "cuda/fused_block.cuh"

enum {
    RM_FUSED_PIECE_MOST =
        65536 /* keys: a lane's pairs of a row, a quarter of them at most, are counted in 16 bits */
};

/* ---- parts to cells */

enum {
    RM_FUSED_MERGE_THREADS = 256,
    RM_FUSED_FEW = 8 /* up to so many parts of a cell, of a piece, one thread merges, else a warp */
};

/*
 * Block (x, y) takes 256 / LANES cell columns of cell row y, LANES threads for each cell. The parts of one
 * piece of keys are numbered from the cell's first row on, wherever the launch begins, and merged as their
 * numbers have it: what the launch does not have adds nothing. Then come the pieces in order.
 */
template <ropemap_pool POOL, int32_t LANES>
__global__ void __launch_bounds__(RM_FUSED_MERGE_THREADS) rm_fused_merge_kernel(rm_fused_task task) {
    typedef typename rm_keep<POOL>::part part;
    rm_fused_work &work = task.work; /* no copy of its cells: GCC 12 loses stores through a copy's pointers */
    const int32_t thread = (int32_t)threadIdx.x;
    const rm_lanes lanes = {thread % LANES, LANES};
    const int64_t row = blockIdx.y;
    const int64_t col = (int64_t)blockIdx.x * (RM_FUSED_MERGE_THREADS / LANES) + thread / LANES;
    if (col >= task.cell_cols) {
        return; /* all LANES of a cell together: they are one thread or one warp */
    }
    const rm_span down = rm_partition_cell(&work.grid.rows, task.cell_row + row);
    const rm_span across = rm_partition_cell(&work.grid.cols, task.cell_col + col);
    const int64_t row_end = work.row_first + work.query_rows, col_end = work.col_first + work.key_rows;
    const int64_t row_last = (down.end < row_end ? down.end : row_end) - 1;
    const int64_t col_last = (across.end < col_end ? across.end : col_end) - 1;
    const int64_t strip = work.row_first / RM_FUSED_SIDE,
                  own = down.first / RM_FUSED_SIDE; /* the first ones */
    const int32_t begin = (int32_t)(own < strip ? strip - own : 0) * 2,
                  end = (int32_t)(row_last / RM_FUSED_SIDE - own + 1) * 2;
    const int64_t stride = 2 * task.col_pieces, cell_row = task.cell_row + row - work.cells.first_row,
                  cell = cell_row * work.cells.cols + task.cell_col + col;
    const int64_t piece = across.first > work.col_first ? (across.first - work.col_first) / work.piece : 0;
    for (int64_t i = piece; i <= (col_last - work.col_first) / work.piece; i++) {
        const part *parts =
            static_cast<const part *>(work.parts) + (own - strip + row) * stride + 2 * (i + col);
        const auto one = [=](int32_t number) {
            return number < begin ? part() : parts[number / 2 * stride + number % 2];
        };
        const part merged = rm_keep<POOL>::merged(one, begin / LANES * LANES, end, lanes);
        if (lanes.mine == 0) {
            rm_keep<POOL>::add(&work.cells, cell, merged);
        }
    }
}

template <ropemap_pool POOL> static cudaError_t merge(const rm_fused_task &task, cudaStream_t stream) {
    const int64_t strips = (rm_partition_most(&task.work.grid.rows) + RM_FUSED_SIDE - 2) / RM_FUSED_SIDE + 1;
    const bool few = 2 * strips <= RM_FUSED_FEW; /* it decides bits: of the whole map alone */
    const int64_t at_once = RM_FUSED_MERGE_THREADS / (few ? 1 : 32); /* cells of a block */
    const dim3 blocks((unsigned)((task.cell_cols + at_once - 1) / at_once), (unsigned)task.cell_rows);
    return rm_launch(few ? rm_fused_merge_kernel<POOL, 1> : rm_fused_merge_kernel<POOL, 32>, blocks,
                     dim3(RM_FUSED_MERGE_THREADS), 0, stream, task);
}

/* Extremes leave nothing to merge. */
static cudaError_t merge_parts(const rm_fused_task &task, cudaStream_t stream) {
    switch (task.work.cells.pool) {
    case ROPEMAP_POOL_MEAN:
        return merge<ROPEMAP_POOL_MEAN>(task, stream);
    case ROPEMAP_POOL_RMS:
        return merge<ROPEMAP_POOL_RMS>(task, stream);
    case ROPEMAP_POOL_STD:
        return merge<ROPEMAP_POOL_STD>(task, stream);
    default:
        return cudaSuccess;
    }
}

/* ---- launch */

/* What the kernels need to know of the cells. */
static bool place(rm_fused_task *task) {
    const rm_fused_work *work = &task->work;
    const rm_grid *grid = &work->grid;
    const int64_t least = rm_partition_least(&grid->cols);
    if (grid->cols.cells > INT32_MAX) {
        return false;
    }
    task->least = least < RM_FUSED_CELL_MOST ? (int32_t)least : RM_FUSED_CELL_MOST;
    task->more = (int32_t)(grid->cols.range.count % grid->cols.cells);
    if (rm_pool_is_extreme(work->cells.pool)) {
        task->run = RM_FUSED_RUN_KEYS;
        task->cell_row = work->cells.first_row;
        return true;
    }
    if (work->piece <= 0 || work->piece > RM_FUSED_PIECE_MOST || work->piece % RM_FUSED_TILE != 0 ||
        work->col_first % work->piece != 0 || work->row_first % RM_FUSED_SIDE != 0) {
        return false;
    }
    task->run = work->piece;
    task->cell_row = rm_partition_cell_of(&grid->rows, work->row_first);
    task->cell_col = rm_partition_cell_of(&grid->cols, work->col_first);
    task->cell_rows = rm_partition_touched(&grid->rows, work->row_first, work->query_rows);
    task->cell_cols = rm_partition_touched(&grid->cols, work->col_first, work->key_rows);
    task->col_pieces = rm_pieces_count(&grid->cols, work->col_first, work->key_rows, work->piece);
    return true;
}

extern "C" cudaError_t rm_fused_launch(const rm_fused_work *work, int32_t shared_most, cudaStream_t stream) {
    if (work->query_rows <= 0 || work->key_rows <= 0) {
        return cudaSuccess;
    }
    rm_fused_task task = {};
    task.work = *work;
    if (work->head_dim < RM_SWIZZLE_LEAST || work->head_dim > RM_FUSED_DIM_MOST ||
        work->head_dim % RM_FUSED_STEP != 0 || !place(&task)) {
        return cudaErrorInvalidValue;
    }
    task.blocks = rm_fused_blocks(work->dtype, work->head_dim);
    task.lows = work->dtype == ROPEMAP_DTYPE_FP32 ? task.blocks / 2 : 0;
    task.group = rm_swizzled_group(rm_fused_row(work->dtype, work->head_dim)) * (int64_t)sizeof(uint16_t);
    const size_t most = shared_most < 0 ? 0 : (size_t)shared_most;
    const cudaError_t started =
        work->warpgroups ? rm_fused_sm90_start(task, most, stream) : rm_fused_sm80_start(task, most, stream);
    return started != cudaSuccess ? started : merge_parts(task, stream);
}
