/* fused_sm80.cu - products by tensor cores that are pooled where they are made: no tile is written */
/* SPDX-License-Identifier: MIT */
/*
 * For GPUs since Ampere: mma.sync, ldmatrix and cp.async. A block of 4 warps keeps 128 queries in shared
 * memory and streams a run of keys through STAGES stages of 128 keys by 64 elements; both lie in global
 * memory as they do in shared memory (rm_swizzled_at), so that a copy is a copy. Two blocks share a
 * multiprocessor where its shared memory allows it: while one pools, the other multiplies.
 *
 *        keys     |  warp 0  |  warp 1  |         shared memory: blocks of 64 rows x 128 bytes
 *     queries     +----------+----------+         queries  [elements / 64][2]
 *       0 -  63   | 64 x 64  | 64 x 64  |         stages   [STAGES][2]
 *      64 - 127   |  warp 2  |  warp 3  |
 *                 +----------+----------+
 *
 * Rows of floats come as lows and highs of fp16, each with blocks of its own. Lows of keys are multiplied
 * with highs of queries, and then their highs with lows and highs: so most of what is small is added before
 * what is large, and of head_dim up to 64 all of it. The sum is then scaled by the row's and the column's
 * power of two, which is exact (rm_split_kernel): what it is off by is less than 2^-21 of the sum of
 * magnitudes, and what the sum of 2 head_dim - 64 products of floats would be off by.
 */
#include "cuda/fused.cuh"
#include "cuda/instructions.cuh"

enum {
    RM_FUSED_THREADS = 128,
    RM_FUSED_BLOCKS = 2, /* on a multiprocessor: 255 registers, most of them products */
    RM_FUSED_PIECE_MOST =
        65536,           /* keys: a lane's pairs of a row, an eighth of them, are counted in 16 bits */
    RM_FUSED_STAGES = 3, /* of keys: two on their way while one is multiplied; 2 where memory is short */
    RM_FUSED_BLOCK_BYTES = RM_SWIZZLE_ROWS * RM_SWIZZLE_ELEMENTS * 2,
    RM_FUSED_STAGE_BYTES = 2 * RM_FUSED_BLOCK_BYTES /* a tile's rows of 64 elements */
};

/* What the kernel takes. */
typedef struct rm_fused_task {
    rm_fused_work work;
    int32_t least, more;          /* of the columns' cells: rm_fused_next_cell() */
    int64_t run;                  /* keys that a block of threads goes through: of sums, a piece */
    int64_t cell_row, cell_col;   /* the first ones touched; for an extreme, those of the accumulator */
    int64_t cell_rows, cell_cols; /* that are touched */
    int64_t col_pieces;           /* parts are [row pieces, col_pieces, 2] */
    int64_t group;                /* bytes from 64 rows to the next 64 */
    int32_t blocks;               /* of 64 elements of a row: of split ones all, lows first */
    int32_t lows;                 /* of them, blocks of lows: half of the blocks or none */
    int32_t stages;
} rm_fused_task;

/* ---- copies */

/* Starts the copy of both blocks of 64 rows of a tile: of `elements` (a block's number) of its rows. */
RM_FUSED void rm_fused_copy(const void *rows, int64_t group, int64_t tile, int32_t elements, rm_shared to) {
    constexpr int CHUNKS = RM_FUSED_BLOCK_BYTES / 16 / RM_FUSED_THREADS; /* of a thread, in a block */
    const char *from = (const char *)rows + 2 * tile * group + elements * RM_FUSED_BLOCK_BYTES;
    RM_UNROLL
    for (int i = 0; i < 2 * CHUNKS; i++) {
        const int32_t at = (i % CHUNKS * RM_FUSED_THREADS + (int32_t)threadIdx.x) * 16;
        rm_cp_async(to + i / CHUNKS * RM_FUSED_BLOCK_BYTES + at, from + i / CHUNKS * group + at);
    }
}

/* The stages of a run of keys, in the order of their copies: each tile's blocks of elements in turn. */
struct rm_fused_stream {
    int32_t left;         /* stages that are not on their way */
    int32_t block, stage; /* of the next one */
    int32_t tile;
};

/* Starts the copy of the next stage, if there is one: a group of copies in any case. */
RM_FUSED void rm_fused_fetch(const rm_fused_task &task, rm_shared stages, rm_fused_stream *next) {
    if (next->left > 0) {
        rm_fused_copy(task.work.keys, task.group, next->tile, next->block,
                      stages + next->stage * RM_FUSED_STAGE_BYTES);
        next->left--;
        next->stage = next->stage + 1 == task.stages ? 0 : next->stage + 1;
        next->block++;
        if (next->block == task.blocks) {
            next->block = 0;
            next->tile++;
        }
    }
    rm_cp_async_commit();
}

/* Waits for the oldest of the stages that are on their way. */
RM_FUSED void rm_fused_wait(const rm_fused_task &task) {
    if (task.stages == RM_FUSED_STAGES) {
        rm_cp_async_wait<RM_FUSED_STAGES - 2>();
    } else {
        rm_cp_async_wait<0>();
    }
    __syncthreads(); /* for the others' copies; and all have read the stage before, which is filled again now
                      */
}

/* ---- products */

template <ropemap_dtype T>
RM_FUSED void rm_fused_multiply_one(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    if constexpr (T == ROPEMAP_DTYPE_FP16) {
        rm_mma_fp16(d, a, b0, b1);
    } else {
        rm_mma_bf16(d, a, b0, b1);
    }
}

/*
 * Adds the products of 16 elements, number `step` of a block of 64, of the warp's queries and keys. ldmatrix
 * takes 8 x 8 elements at each 8 lanes' addresses: of 16 queries
 *     matrix 0: rows 0-7, elements 0-7    1: rows 8-15    2: rows 0-7, elements 8-15    3: rows 8-15
 * and of 16 keys, which are the columns of b, two instructions' worth,
 *     matrix 0: rows 0-7, elements 0-7    1: elements 8-15    2: rows 8-15, elements 0-7    3: elements 8-15
 */
template <ropemap_dtype T>
RM_FUSED void rm_fused_multiply(rm_shared queries, rm_shared keys, int32_t step,
                                rm_fused_products &products) {
    const int32_t lane = (int32_t)threadIdx.x % 32, turn = lane % 8;
    const rm_shared a_at = queries + lane % 16 * 128 + ((2 * step + lane / 16) ^ turn) * 16;
    const rm_shared b_at = keys + (turn + lane / 16 * 8) * 128 + ((2 * step + lane / 8 % 2) ^ turn) * 16;
    uint32_t a[RM_FUSED_DOWN][4], b[RM_FUSED_ACROSS / 2][4];
    RM_UNROLL
    for (int i = 0; i < RM_FUSED_DOWN; i++) {
        rm_ldmatrix(a[i], a_at + i * 16 * 128);
    }
    RM_UNROLL
    for (int j = 0; j < RM_FUSED_ACROSS / 2; j++) {
        rm_ldmatrix(b[j], b_at + j * 16 * 128);
    }
    RM_UNROLL
    for (int i = 0; i < RM_FUSED_DOWN; i++) {
        RM_UNROLL
        for (int j = 0; j < RM_FUSED_ACROSS; j++) {
            rm_fused_multiply_one<T>(products[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
        }
    }
}

/* The same of a whole block of elements, or of what the last one has. For standard deviations, of which most
 * is kept, there are registers for two steps at a time. */
template <ropemap_dtype T, ropemap_pool POOL>
RM_FUSED void rm_fused_multiply_block(rm_shared queries, rm_shared keys, int32_t elements,
                                      rm_fused_products &products) {
    constexpr int TURNS = POOL == ROPEMAP_POOL_STD ? 2 : RM_SWIZZLE_ELEMENTS / RM_FUSED_STEP;
    (void)TURNS; /* not every compiler takes the hint */
    if (elements >= RM_SWIZZLE_ELEMENTS) {
        RM_UNROLL_TURNS
        for (int step = 0; step < RM_SWIZZLE_ELEMENTS / RM_FUSED_STEP; step++) {
            rm_fused_multiply<T>(queries, keys, step, products);
        }
    } else {
        for (int step = 0; step < elements / RM_FUSED_STEP; step++) {
            rm_fused_multiply<T>(queries, keys, step, products);
        }
    }
}

/* The products of a block of keys: of highs with the queries' lows as well, of lows with their highs alone.
 */
template <ropemap_dtype T, ropemap_pool POOL>
RM_FUSED void rm_fused_multiply_parts(const rm_fused_task &task, rm_shared queries, rm_shared keys,
                                      int32_t block, rm_fused_products &products) {
    const bool low = block < task.lows;
    const int32_t elements = task.work.head_dim - (block - (low ? 0 : task.lows)) * RM_SWIZZLE_ELEMENTS;
    int32_t of = low ? block + task.lows : block - task.lows; /* the queries' */
    for (;;) {
        rm_fused_multiply_block<T, POOL>(queries + of * RM_FUSED_STAGE_BYTES, keys, elements, products);
        if (T != ROPEMAP_DTYPE_FP16 || low || of == block) {
            return;
        }
        of = block;
    }
}

/* The scales of 64 split rows. */
RM_FUSED const float *rm_fused_scales(const rm_fused_task &task, const void *rows, int64_t number) {
    return (const float *)((const char *)rows + number * task.group + task.blocks * RM_FUSED_BLOCK_BYTES);
}

RM_FUSED void rm_fused_scale(const float *down, const float *across, rm_fused_products &products) {
    const int32_t lane = (int32_t)threadIdx.x % 32;
    float rows[RM_FUSED_ROWS];
    RM_UNROLL
    for (int i = 0; i < RM_FUSED_ROWS; i++) {
        rows[i] = down[8 * i + lane / 4];
    }
    RM_UNROLL
    for (int j = 0; j < RM_FUSED_ACROSS; j++) {
        const float2 cols = *reinterpret_cast<const float2 *>(across + 8 * j + lane % 4 * 2);
        RM_UNROLL
        for (int i = 0; i < 4 * RM_FUSED_DOWN; i++) {
            float &product = products[i / 4][j][i % 4];
            product = product * (i % 2 == 0 ? cols.x : cols.y) * rows[i / 2];
        }
    }
}

RM_FUSED void rm_fused_clear(rm_fused_products &products) {
    RM_UNROLL
    for (int i = 0; i < RM_FUSED_DOWN * RM_FUSED_ACROSS * 4; i++) {
        products[i / 4 / RM_FUSED_ACROSS][i / 4 % RM_FUSED_ACROSS][i % 4] = 0.0f;
    }
}

/* ---- cells */

/* Takes what the tile has of the cell, from column `from` on of the warp's, up to `to`. */
template <class KEEP>
RM_FUSED void rm_fused_take(const rm_fused_products &products, const int32_t *limits, int32_t offset,
                            int32_t from, int32_t to, KEEP *keep) {
    const bool all =
        to - from == RM_FUSED_SIDE && limits[0] >= offset + RM_FUSED_SIDE && limits[RM_FUSED_SIDE - 1] > 0;
    const uint32_t left =
        all ? keep->take_all(products) : keep->take_some(products, rm_fused_window(from, to, limits, offset));
    if (left != 0) {
        keep->take_scaled(products, rm_fused_window(from, to, limits, offset), left);
    }
}

/* Where a warp's cells are: the map's own, or its parts of them. */
template <ropemap_pool POOL, class PART = typename rm_fused_keep<POOL>::part>
RM_FUSED rm_fused_places<PART> rm_fused_places_of(const rm_fused_task &task, int32_t down, int32_t across) {
    rm_fused_places<PART> places;
    if constexpr (RM_FUSED_EXTREME<POOL>) {
        places.first = task.work.cells.extreme;
        places.down = task.work.cells.cols;
        places.across = 1;
    } else {
        const int64_t strip = (int64_t)blockIdx.x * (RM_FUSED_TILE / RM_FUSED_SIDE) + down;
        places.first = static_cast<PART *>(task.work.parts) +
                       2 * (strip * task.col_pieces + blockIdx.y - task.cell_col) + across;
        places.down = 2 * task.col_pieces;
        places.across = 2;
    }
    return places;
}

/* ---- the kernel */

/* Keys [first, first + count) of a run, of which `tiles` tiles are seen, and 128 queries on their way to
 * shared memory. */
struct rm_fused_run {
    int64_t first;
    int32_t count, tiles;
};

template <ropemap_dtype T, ropemap_pool POOL>
RM_FUSED void rm_fused_go(const rm_fused_task &task, const rm_fused_queries &queries, rm_fused_run run) {
    typedef rm_fused_keep<POOL> KEEP;
    const int32_t warp = (int32_t)threadIdx.x / 32, down = warp / 2, across = warp % 2;
    const rm_shared memory = rm_shared_address(rm_shared_memory());
    const rm_shared stages = memory + task.blocks * RM_FUSED_STAGE_BYTES;
    rm_fused_stream next = {run.tiles * task.blocks, 0, 0, (int32_t)(run.first / RM_FUSED_TILE)};
    for (int32_t i = 0; i < task.stages - 1; i++) {
        rm_fused_fetch(task, stages, &next);
    }
    const int32_t *limits = queries.limits + down * RM_FUSED_SIDE;
    const rm_fused_places<typename KEEP::part> places = rm_fused_places_of<POOL>(task, down, across);
    KEEP keep;
    keep.start(queries.cells + down * RM_FUSED_SIDE);
    int32_t offset = across * RM_FUSED_SIDE, stage = 0; /* of the warp's keys in the run */
    rm_fused_cell at = rm_fused_cell_at(task.work.grid.cols, task.work.col_first + run.first);
    at.end -= offset;
    bool kept = false; /* something of the cell */
    for (int32_t tile = 0;; tile++) {
        rm_fused_products products;
        rm_fused_clear(products);
        for (int32_t block = 0; tile < run.tiles && block < task.blocks; block++) {
            rm_fused_wait(task);
            rm_fused_fetch(task, stages, &next);
            rm_fused_multiply_parts<T, POOL>(
                task, memory + down * RM_FUSED_BLOCK_BYTES,
                stages + stage * RM_FUSED_STAGE_BYTES + across * RM_FUSED_BLOCK_BYTES, block, products);
            stage = stage + 1 == task.stages ? 0 : stage + 1;
        }
        const int32_t left = tile < run.tiles ? run.count - offset : 0;
        const int32_t last = left < RM_FUSED_SIDE ? left : RM_FUSED_SIDE;
        if (T == ROPEMAP_DTYPE_FP16 && task.lows > 0 && last > 0) {
            rm_fused_scale(rm_fused_scales(task, task.work.queries, 2 * (int64_t)blockIdx.x + down),
                           rm_fused_scales(task, task.work.keys, (run.first + offset) / RM_FUSED_SIDE),
                           products);
        }
        for (int32_t from = 0;;) {
            const int32_t to = at.end < last ? (int32_t)at.end : last;
            if (to > from) {
                rm_fused_take(products, limits, offset, from, to, &keep);
                kept = true;
            }
            if (at.end >= last && tile < run.tiles) {
                break;
            }
            if (kept || tile == run.tiles) { /* it may have ended among the keys of the other warps */
                keep.give(places, at.cell);
                kept = false;
            }
            if (tile == run.tiles) {
                return;
            }
            rm_fused_next_cell(task.work.grid.cols, task.least, task.more, &at);
            from = to > 0 ? to : 0;
        }
        offset += RM_FUSED_TILE;
        at.end -= RM_FUSED_TILE;
    }
}

/* Block (x, y) takes tile x of the queries and run y of the keys. */
template <ropemap_dtype T, ropemap_pool POOL>
__global__ void __launch_bounds__(RM_FUSED_THREADS, RM_FUSED_BLOCKS)
    rm_fused_kernel(const rm_fused_task task) {
    __shared__ rm_fused_queries queries;
    if (!RM_HAS_INSTRUCTIONS) {
        __trap();
        return;
    }
    const rm_fused_work &work = task.work;
    const int64_t query_first = (int64_t)blockIdx.x * RM_FUSED_TILE,
                  queries_left = work.query_rows - query_first;
    rm_fused_run run;
    run.first = (int64_t)blockIdx.y * task.run;
    const int64_t keys_left = work.key_rows - run.first;
    run.count = (int32_t)(keys_left < task.run ? keys_left : task.run);
    rm_fused_look(work, query_first, run.first, run.count, task.cell_row, &queries);
    __syncthreads();
    const int32_t last = queries_left < RM_FUSED_TILE ? (int32_t)queries_left - 1 : RM_FUSED_TILE - 1;
    run.tiles = (queries.limits[last] + RM_FUSED_TILE - 1) / RM_FUSED_TILE;
    if (run.tiles == 0) {
        return; /* all threads do */
    }
    for (int32_t block = 0; block < task.blocks; block++) {
        rm_fused_copy(work.queries, task.group, blockIdx.x, block,
                      rm_shared_address(rm_shared_memory()) + block * RM_FUSED_STAGE_BYTES);
    }
    rm_fused_go<T, POOL>(task, queries, run);
}

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

/* ---- launch */

template <ropemap_dtype T, ropemap_pool POOL>
static cudaError_t start(const rm_fused_task &task, size_t shared, cudaStream_t stream) {
    void (*kernel)(rm_fused_task) = rm_fused_kernel<T, POOL>;
    const cudaError_t status = cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                                    cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
    if (status != cudaSuccess) {
        return status;
    }
    const dim3 grid((unsigned)((task.work.query_rows + RM_FUSED_TILE - 1) / RM_FUSED_TILE),
                    (unsigned)((task.work.key_rows + task.run - 1) / task.run));
    const cudaError_t started = rm_launch(kernel, grid, dim3(RM_FUSED_THREADS), shared, stream, task);
    if constexpr (RM_FUSED_EXTREME<POOL>) {
        return started;
    } else {
        return started != cudaSuccess ? started : merge<POOL>(task, stream);
    }
}

template <ropemap_dtype T>
static cudaError_t pick(const rm_fused_task &task, size_t shared, cudaStream_t stream) {
    switch (task.work.cells.pool) {
    case ROPEMAP_POOL_MIN:
        return start<T, ROPEMAP_POOL_MIN>(task, shared, stream);
    case ROPEMAP_POOL_MAX:
        return start<T, ROPEMAP_POOL_MAX>(task, shared, stream);
    case ROPEMAP_POOL_ABSMAX:
        return start<T, ROPEMAP_POOL_ABSMAX>(task, shared, stream);
    case ROPEMAP_POOL_MEAN:
        return start<T, ROPEMAP_POOL_MEAN>(task, shared, stream);
    case ROPEMAP_POOL_RMS:
        return start<T, ROPEMAP_POOL_RMS>(task, shared, stream);
    case ROPEMAP_POOL_STD:
        return start<T, ROPEMAP_POOL_STD>(task, shared, stream);
    case ROPEMAP_POOL_MASS: /* of softmax alone */
        break;
    }
    return cudaErrorInvalidValue;
}

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
    task.blocks = rm_swizzled_blocks(work->head_dim);
    task.group = rm_swizzled_group(rm_fused_row(work->dtype, work->head_dim)) * (int64_t)sizeof(uint16_t);
    if (work->dtype == ROPEMAP_DTYPE_FP32) {
        task.lows = task.blocks;
        task.blocks *= 2;
    }
    task.stages = RM_FUSED_STAGES;
    const size_t room = shared_most < 0 ? 0 : (size_t)shared_most;
    const size_t own = sizeof(rm_fused_queries);
    while (task.stages > 2 && (size_t)(task.blocks + task.stages) * RM_FUSED_STAGE_BYTES + own > room) {
        task.stages--;
    }
    const size_t shared = (size_t)(task.blocks + task.stages) * RM_FUSED_STAGE_BYTES;
    switch (work->dtype) {
    case ROPEMAP_DTYPE_FP32: /* split */
    case ROPEMAP_DTYPE_FP16:
        return pick<ROPEMAP_DTYPE_FP16>(task, shared, stream);
    case ROPEMAP_DTYPE_BF16:
        return pick<ROPEMAP_DTYPE_BF16>(task, shared, stream);
    default:
        return cudaErrorInvalidValue;
    }
}
