/* pool.cu - reduce a tile of similarities to the cells it touches */
/* SPDX-License-Identifier: MIT */
/*
 * The first kernel reads the tile once and leaves one part for each piece of rows and of columns
 * (cuda/geometry.h), the second takes the parts of each cell into it. Every order is fixed by the tile's
 * place and size: no atomics. Where no pair counts, a part is neutral.
 */
#include "cuda/pool.cuh"

enum {
    RM_POOL_THREADS = 256,
    RM_POOL_WIDE = RM_POOL_COLS / RM_POOL_THREADS, /* adjacent columns of a thread: 16 bytes of a row */
    RM_POOL_FLIGHT = 8,        /* rows taken at a time, most of them on their way at once */
    RM_POOL_FLIGHT_SINGLE = 4, /* the same where single columns do not count */
    RM_POOL_BLOCKS = 3, /* at least, on a multiprocessor: 80 registers hold all of the above, and 768 threads
                           have up to 96 KiB on their way, several times what hides the latency of memory */
    RM_POOL_SKEW = 8,   /* puts the four columns of a thread into different banks of shared memory */
    RM_POOL_SLOTS = RM_POOL_WIDE * (RM_POOL_THREADS + RM_POOL_SKEW),
    RM_WARP = 32
};

/* What both kernels take. */
typedef struct rm_pool_task {
    rm_pool_work work;
    int64_t cell_row, cell_col;   /* the cell that holds the tile's corner */
    int64_t cell_rows, cell_cols; /* cells that the tile touches */
    int64_t col_pieces;           /* parts are [row pieces, col_pieces] */
} rm_pool_task;

/* ---- tile to parts */

/* The rows of a block. */
typedef struct rm_pool_strip {
    int32_t cells[RM_POOL_ROWS]; /* the row's cell row, counted from the tile's first */
    int32_t
        limits[RM_POOL_ROWS]; /* columns of the window before it count: never fewer than in the row before */
    int32_t firsts[RM_POOL_ROWS]; /* but for those from the next on before it: none where the mask is plain */
    int32_t sinks[RM_POOL_ROWS];
} rm_pool_strip;

/* The columns of a block: firsts[i] to firsts[i + 1] lie in one cell column. */
typedef struct rm_pool_window {
    int32_t firsts[RM_POOL_COLS + 1];
} rm_pool_window;

/* A column index as one of the window. */
RM_DEVICE int32_t rm_pool_clip(int64_t index, int64_t first, int32_t cols) {
    const int64_t col = index - first;
    return col < 0 ? 0 : col < cols ? (int32_t)col : cols;
}

RM_DEVICE void rm_pool_cut_rows(const rm_pool_task &task, int64_t row_first, int32_t rows, int64_t col_first,
                                int32_t cols, rm_pool_strip *strip) {
    const int32_t i = (int32_t)threadIdx.x;
    if (i < rows) {
        const int64_t row = task.work.row_first + row_first + i;
        const int64_t first = task.work.col_first + col_first;
        const rm_sight sight = rm_grid_sight(&task.work.grid, row);
        strip->cells[i] = (int32_t)(rm_partition_cell_of(&task.work.grid.rows, row) - task.cell_row);
        strip->limits[i] = rm_pool_clip(sight.near.end, first, cols);
        strip->firsts[i] = rm_pool_clip(sight.near.first, first, cols);
        strip->sinks[i] = rm_pool_clip(sight.sinks.end, first, cols);
    }
}

/* Returns the number of cell columns; first_cell is counted from the tile's first. */
RM_DEVICE int32_t rm_pool_cut_cols(const rm_pool_task &task, int64_t col_first, int32_t cols,
                                   int64_t *first_cell, rm_pool_window *window) {
    const rm_partition &axis = task.work.grid.cols;
    const int64_t index = task.work.col_first + col_first;
    const int64_t first = rm_partition_cell_of(&axis, index);
    const int32_t count = (int32_t)(rm_partition_cell_of(&axis, index + cols - 1) - first) + 1;
    for (int32_t i = (int32_t)threadIdx.x; i < count; i += RM_POOL_THREADS) {
        window->firsts[i] = i == 0 ? 0 : (int32_t)(rm_partition_cell(&axis, first + i).first - index);
    }
    if (threadIdx.x == 0) {
        window->firsts[count] = cols;
    }
    *first_cell = first - task.cell_col;
    return count;
}

/* Where a column of the window is kept: neither writing four adjacent ones a thread nor reading one a thread
 * meets a bank twice. */
RM_DEVICE int32_t rm_pool_slot(int32_t col) {
    return col % RM_POOL_WIDE * (RM_POOL_THREADS + RM_POOL_SKEW) + col / RM_POOL_WIDE;
}

template <bool ALIGNED> RM_DEVICE float4 rm_pool_load(const float *from) {
    if (ALIGNED) {
        return *reinterpret_cast<const float4 *>(from);
    }
    return make_float4(from[0], from[1], from[2], from[3]);
}

/* Rows [row, end) as far as not all four columns of the thread count in them, and rows to a multiple of
 * RM_POOL_FLIGHT_SINGLE beyond; `at` is column `col` of the strip. Returns the row that comes next. */
template <class KEEP>
RM_DEVICE int32_t rm_pool_take_single(KEEP *columns, const float *at, int64_t stride, const int32_t *limits,
                                      int32_t row, int32_t end, int32_t col) {
    while (row < end && limits[row] <= col) {
        row++;
    }
    for (; row < end && limits[row] < col + RM_POOL_WIDE; row += RM_POOL_FLIGHT_SINGLE) {
        float values[RM_POOL_FLIGHT_SINGLE][RM_POOL_WIDE];
        for (int32_t i = 0; i < RM_POOL_FLIGHT_SINGLE; i++) {
            const int32_t limit = row + i < end ? limits[row + i] : 0;
            for (int32_t k = 0; k < RM_POOL_WIDE; k++) {
                values[i][k] = col + k < limit ? at[(row + i) * stride + k] : 0.0f;
            }
        }
        for (int32_t i = 0; i < RM_POOL_FLIGHT_SINGLE; i++) {
            const int32_t limit = row + i < end ? limits[row + i] : 0;
            for (int32_t k = 0; k < RM_POOL_WIDE; k++) {
                if (col + k < limit) {
                    columns[k].take(values[i][k]);
                }
            }
        }
    }
    return row;
}

/* Rows [row, end) under a mask whose rows see two spans. */
template <class KEEP>
RM_DEVICE void rm_pool_take_masked(KEEP *columns, const float *at, int64_t stride, const rm_pool_strip *strip,
                                   int32_t row, int32_t end, int32_t col) {
    for (; row < end; row++) {
        const int32_t sinks = strip->sinks[row], first = strip->firsts[row], limit = strip->limits[row];
        for (int32_t k = 0; k < RM_POOL_WIDE; k++) {
            if (col + k < sinks || (col + k >= first && col + k < limit)) {
                columns[k].take(at[row * stride + k]);
            }
        }
    }
}

/* RM_POOL_FLIGHT rows from `at` on, or the first `rows` of them where not all are there. */
template <class KEEP, bool ALIGNED, bool ALL>
RM_DEVICE void rm_pool_take_batch(KEEP *columns, const float *at, int64_t stride, int32_t rows) {
    float4 values[RM_POOL_FLIGHT];
    for (int32_t i = 0; i < RM_POOL_FLIGHT; i++) {
        values[i] = ALL || i < rows ? rm_pool_load<ALIGNED>(at) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        at += stride;
    }
    for (int32_t i = 0; i < RM_POOL_FLIGHT; i++) {
        if (ALL || i < rows) {
            columns[0].take(values[i].x);
            columns[1].take(values[i].y);
            columns[2].take(values[i].z);
            columns[3].take(values[i].w);
        }
    }
}

/* Rows [row, end), in all of which the four columns of the thread count. */
template <class KEEP, bool ALIGNED>
RM_DEVICE void rm_pool_take_whole(KEEP *columns, const float *at, int64_t stride, int32_t row, int32_t end) {
    at += row * stride;
    for (; row + RM_POOL_FLIGHT <= end; row += RM_POOL_FLIGHT, at += RM_POOL_FLIGHT * stride) {
        rm_pool_take_batch<KEEP, ALIGNED, true>(columns, at, stride, RM_POOL_FLIGHT);
    }
    if (row < end) {
        rm_pool_take_batch<KEEP, ALIGNED, false>(columns, at, stride, end - row);
    }
}

/* The kept columns of `count` cell columns become one part each. The more cells, the fewer lanes for each. */
template <class KEEP>
RM_DEVICE void rm_pool_store_parts(const typename KEEP::part *kept, const int32_t *firsts, int32_t count,
                                   typename KEEP::part *parts) {
    int32_t shift = 5;
    while (shift > 0 && count << shift > RM_POOL_THREADS) {
        shift--;
    }
    const int32_t thread = (int32_t)threadIdx.x;
    const rm_lanes lanes = {thread & ((1 << shift) - 1), 1 << shift};
    const auto column = [kept](int32_t col) { return kept[rm_pool_slot(col)]; };
    for (int32_t base = 0; base < count; base += RM_POOL_THREADS >> shift) {
        const int32_t cell = base + (thread >> shift);
        const int32_t first = cell < count ? firsts[cell] : 0, end = cell < count ? firsts[cell + 1] : 0;
        const typename KEEP::part part = KEEP::merged(column, first, end, lanes);
        if (cell < count && lanes.mine == 0) {
            parts[cell] = part;
        }
    }
}

/* Block (x, y) takes window x of RM_POOL_COLS columns and strip y of RM_POOL_ROWS rows. */
template <class KEEP, bool ALIGNED>
__global__ void __launch_bounds__(RM_POOL_THREADS, RM_POOL_BLOCKS)
    rm_pool_tile_kernel(const rm_pool_task task) {
    __shared__ rm_pool_strip strip;
    __shared__ rm_pool_window window;
    __shared__ typename KEEP::part kept[RM_POOL_SLOTS];
    const rm_view tile = task.work.tile;
    const int64_t row_first = (int64_t)blockIdx.y * RM_POOL_ROWS;
    const int64_t col_first = (int64_t)blockIdx.x * RM_POOL_COLS;
    const int64_t rows_left = tile.rows - row_first, cols_left = tile.cols - col_first;
    const int32_t rows = rows_left < RM_POOL_ROWS ? (int32_t)rows_left : RM_POOL_ROWS;
    const int32_t cols = cols_left < RM_POOL_COLS ? (int32_t)cols_left : RM_POOL_COLS;
    rm_pool_cut_rows(task, row_first, rows, col_first, cols, &strip);
    int64_t first_cell = 0;
    const int32_t cells = rm_pool_cut_cols(task, col_first, cols, &first_cell, &window);
    __syncthreads();

    const int32_t col = (int32_t)threadIdx.x * RM_POOL_WIDE;
    const float *at = tile.data + row_first * tile.stride + col_first + col;
    typename KEEP::part *parts =
        static_cast<typename KEEP::part *>(task.work.parts) + blockIdx.x + first_cell;
    for (int32_t first = 0, end = 0; first < rows; first = end) {
        for (end = first + 1; end < rows && strip.cells[end] == strip.cells[first];) {
            end++;
        }
        KEEP columns[RM_POOL_WIDE];
        for (int32_t k = 0; k < RM_POOL_WIDE; k++) {
            columns[k].start();
        }
        if (rm_mask_is_plain(&task.work.grid.mask)) {
            const int32_t next =
                rm_pool_take_single<KEEP>(columns, at, tile.stride, strip.limits, first, end, col);
            rm_pool_take_whole<KEEP, ALIGNED>(columns, at, tile.stride, next, end);
        } else {
            rm_pool_take_masked<KEEP>(columns, at, tile.stride, &strip, first, end, col);
        }
        for (int32_t k = 0; k < RM_POOL_WIDE; k++) {
            kept[rm_pool_slot(col + k)] = columns[k].end();
        }
        __syncthreads();
        const int64_t row_piece = (int64_t)blockIdx.y + strip.cells[first];
        rm_pool_store_parts<KEEP>(kept, window.firsts, cells, parts + row_piece * task.col_pieces);
        __syncthreads(); /* before `kept` is written again */
    }
}

/* ---- parts to cells */

/* The pieces of one cell of an axis, of those that `count` indices from `first` are cut into. */
RM_DEVICE rm_span rm_pool_pieces(const rm_partition *axis, int64_t cell, int64_t first, int64_t count,
                                 int64_t first_cell, int32_t strip) {
    const rm_span cut = rm_partition_cell(axis, cell);
    const int64_t begin = cut.first < first ? 0 : cut.first - first;
    const int64_t last = (cut.end - first < count ? cut.end - first : count) - 1;
    rm_span pieces;
    pieces.first = begin / strip + cell - first_cell;
    pieces.end = last / strip + cell - first_cell + 1;
    return pieces;
}

/* Block (x, y) takes 256 / LANES cell columns of cell row y, LANES threads for each cell. */
template <class KEEP, int32_t LANES>
__global__ void __launch_bounds__(RM_POOL_THREADS) rm_pool_merge_kernel(rm_pool_task task) {
    rm_pool_work &work = task.work; /* no copy of its cells: GCC 12 loses stores through a copy's pointers */
    const int32_t thread = (int32_t)threadIdx.x;
    const rm_lanes lanes = {thread % LANES, LANES};
    const int64_t col = (int64_t)blockIdx.x * (RM_POOL_THREADS / LANES) + thread / LANES;
    if (col >= task.cell_cols) {
        return; /* all LANES of a cell together: they are one thread or one warp */
    }
    const int64_t cell_row = task.cell_row + blockIdx.y, cell_col = task.cell_col + col;
    const rm_span down = rm_pool_pieces(&work.grid.rows, cell_row, work.row_first, work.tile.rows,
                                        task.cell_row, RM_POOL_ROWS);
    const rm_span across = rm_pool_pieces(&work.grid.cols, cell_col, work.col_first, work.tile.cols,
                                          task.cell_col, RM_POOL_COLS);
    const int32_t width = (int32_t)(across.end - across.first);
    const int32_t count = (int32_t)(down.end - down.first) * width;
    const int64_t stride = task.col_pieces;
    const typename KEEP::part *corner =
        static_cast<const typename KEEP::part *>(work.parts) + down.first * stride + across.first;
    const auto piece = [=](int32_t i) { return corner[i / width * stride + i % width]; };
    const typename KEEP::part part = KEEP::merged(piece, 0, count, lanes);
    if (lanes.mine == 0) {
        KEEP::add(&work.cells, (cell_row - work.cells.first_row) * work.cells.cols + cell_col, part);
    }
}

/* ---- launch */

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
        return pool<rm_keep<ROPEMAP_POOL_MEAN>>(task, stream);
    case ROPEMAP_POOL_MIN:
        return pool<rm_keep<ROPEMAP_POOL_MIN>>(task, stream);
    case ROPEMAP_POOL_MAX:
        return pool<rm_keep<ROPEMAP_POOL_MAX>>(task, stream);
    case ROPEMAP_POOL_ABSMAX:
        return pool<rm_keep<ROPEMAP_POOL_ABSMAX>>(task, stream);
    case ROPEMAP_POOL_RMS:
        return pool<rm_keep<ROPEMAP_POOL_RMS>>(task, stream);
    case ROPEMAP_POOL_STD:
        return pool<rm_keep<ROPEMAP_POOL_STD>>(task, stream);
    case ROPEMAP_POOL_MASS: /* of softmax alone */
        break;
    }
    return cudaErrorInvalidValue;
}
