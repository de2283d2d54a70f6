/* fused_block.cuh - what the fused kernels share: a block of threads, the keys it streams, its warps' cells
 */
/* SPDX-License-Identifier: MIT */
/*
 * A block keeps its queries in shared memory and streams a run of keys through stages, tile by tile, 64
 * elements of the rows at a time. Both lie in global memory as they do in shared memory (rm_swizzled_at), so
 * that a copy is a copy. Two blocks share a multiprocessor where its shared memory allows it: while one
 * pools, the other multiplies.
 *
 * Rows of floats come as lows and highs of fp16, each with blocks of its own. Lows of keys are multiplied
 * with highs of queries, and then their highs with lows and highs: so most of what is small is added before
 * what is large, and of head_dim up to 64 all of it. The sum is then scaled by the row's and the column's
 * power of two, which is exact (rm_split_kernel): what it is off by is less than 2^-21 of the sum of
 * magnitudes, and what the sum of 2 head_dim - 64 products of floats would be off by.
 */
#ifndef ROPEMAP_CUDA_FUSED_BLOCK_CUH
#define ROPEMAP_CUDA_FUSED_BLOCK_CUH

#include "cuda/fused.cuh"
#include "cuda/instructions.cuh"

enum {
    RM_FUSED_THREADS = 128,                 /* of a block: four warps */
    RM_FUSED_BLOCKS = 2,                    /* on a multiprocessor: 255 registers, most of them products */
    RM_FUSED_RUN_KEYS = 64 * RM_FUSED_TILE, /* that a block goes through for an extreme */
    RM_FUSED_BLOCK_BYTES = RM_SWIZZLE_ROWS * RM_SWIZZLE_ELEMENTS * 2
};

/* What the kernels take. */
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

/* ---- a block's share */

/* The queries of a block of threads. */
template <int32_t QUERIES> struct rm_fused_queries {
    int32_t limits[QUERIES]; /* keys of the run that the query sees: never fewer than the one before */
    int32_t cells[QUERIES];  /* cell row, counted from the task's */
};

/* Keys [first, first + count) of a run, of which `tiles` tiles are seen. */
struct rm_fused_run {
    int64_t first;
    int32_t count, tiles;
};

/* Of block (x, y), which takes queries x and run y of the keys. A query that there is not sees nothing. */
template <int32_t QUERIES, int32_t KEYS>
RM_FUSED rm_fused_run rm_fused_look(const rm_fused_task &task, rm_fused_queries<QUERIES> *queries) {
    const rm_fused_work &work = task.work;
    const int64_t first = (int64_t)blockIdx.x * QUERIES, left = work.query_rows - first;
    const int32_t count = left < QUERIES ? (int32_t)left : QUERIES;
    rm_fused_run run;
    run.first = (int64_t)blockIdx.y * task.run;
    const int64_t keys_left = work.key_rows - run.first;
    run.count = (int32_t)(keys_left < task.run ? keys_left : task.run);
    for (int32_t i = (int32_t)threadIdx.x; i < QUERIES; i += RM_FUSED_THREADS) {
        const int64_t row = work.row_first + first + (i < count ? i : count - 1);
        const int64_t limit = rm_grid_limit(&work.grid, row) - work.col_first - run.first;
        queries->limits[i] = i >= count || limit < 0 ? 0 : limit < run.count ? (int32_t)limit : run.count;
        queries->cells[i] = (int32_t)(rm_partition_cell_of(&work.grid.rows, row) - task.cell_row);
    }
    __syncthreads();
    run.tiles = (queries->limits[count - 1] + KEYS - 1) / KEYS;
    return run;
}

/* ---- copies */

/* Starts the copy of a block of 64 elements, number `elements`, of 64 GROUPS rows from group `first` on. */
template <int32_t GROUPS>
RM_FUSED void rm_fused_copy(const rm_fused_task &task, const void *rows, int64_t first, int32_t elements,
                            rm_shared to) {
    constexpr int CHUNKS = RM_FUSED_BLOCK_BYTES / 16 / RM_FUSED_THREADS; /* of a thread, in a block */
    const char *from = (const char *)rows + first * task.group + elements * RM_FUSED_BLOCK_BYTES;
    RM_UNROLL
    for (int i = 0; i < GROUPS * CHUNKS; i++) {
        const int32_t at = (i % CHUNKS * RM_FUSED_THREADS + (int32_t)threadIdx.x) * 16;
        rm_cp_async(to + i / CHUNKS * RM_FUSED_BLOCK_BYTES + at, from + i / CHUNKS * task.group + at);
    }
}

/* The stages of a run of keys, in the order of their copies: each tile's blocks of elements in turn. */
struct rm_fused_stream {
    int32_t left;         /* stages that are not on their way */
    int32_t block, stage; /* of the next one */
    int64_t group;        /* of its keys, 64 each */
};

RM_FUSED rm_fused_stream rm_fused_stream_of(const rm_fused_task &task, rm_fused_run run) {
    const rm_fused_stream made = {run.tiles * task.blocks, 0, 0, run.first / RM_SWIZZLE_ROWS};
    return made;
}

/* Starts the copy of the next stage, if there is one: a group of copies in any case. */
template <int32_t GROUPS>
RM_FUSED void rm_fused_fetch(const rm_fused_task &task, rm_shared stages, rm_fused_stream *next) {
    if (next->left > 0) {
        rm_fused_copy<GROUPS>(task, task.work.keys, next->group, next->block,
                              stages + next->stage * GROUPS * RM_FUSED_BLOCK_BYTES);
        next->left--;
        next->stage = next->stage + 1 == task.stages ? 0 : next->stage + 1;
        next->block++;
        if (next->block == task.blocks) {
            next->block = 0;
            next->group += GROUPS;
        }
    }
    rm_cp_async_commit();
}

/* ---- products */

/* Elements of a block of keys, and of what it is multiplied with. */
RM_FUSED int32_t rm_fused_elements(const rm_fused_task &task, int32_t block) {
    const int32_t before = (block < task.lows ? block : block - task.lows) * RM_SWIZZLE_ELEMENTS;
    const int32_t left = task.work.head_dim - before;
    return left < RM_SWIZZLE_ELEMENTS ? left : RM_SWIZZLE_ELEMENTS;
}

/* The first block of the queries that a block of keys is multiplied with: lows with highs, highs with lows.
 */
RM_FUSED int32_t rm_fused_first_of(const rm_fused_task &task, int32_t block) {
    return block < task.lows ? block + task.lows : block - task.lows;
}

/* Whether it is the last one: highs come with the queries' highs as well. */
template <ropemap_dtype T>
RM_FUSED bool rm_fused_last_of(const rm_fused_task &task, int32_t block, int32_t of) {
    return T != ROPEMAP_DTYPE_FP16 || block < task.lows || of == block;
}

/* The scales of 64 split rows. */
RM_FUSED const float *rm_fused_scales(const rm_fused_task &task, const void *rows, int64_t group) {
    return (const float *)((const char *)rows + group * task.group + task.blocks * RM_FUSED_BLOCK_BYTES);
}

/* Scales the products of two groups of split rows. */
RM_FUSED void rm_fused_scale(const rm_fused_task &task, int64_t queries, int64_t keys,
                             rm_fused_products &products) {
    const int32_t lane = (int32_t)threadIdx.x % 32;
    const float *down = rm_fused_scales(task, task.work.queries, queries),
                *across = rm_fused_scales(task, task.work.keys, keys);
    float rows[RM_FUSED_ROWS];
    RM_UNROLL
    for (int i = 0; i < RM_FUSED_ROWS; i++) {
        rows[i] = down[8 * i + lane / 4];
    }
    RM_UNROLL
    for (int j = 0; j < RM_FUSED_ACROSS; j++) {
        const float2 cols = *reinterpret_cast<const float2 *>(across + 8 * j + lane % 4 * 2);
        RM_UNROLL
        for (int i = 0; i < RM_FUSED_ROWS; i++) {
            products[i][j][0] = products[i][j][0] * cols.x * rows[i];
            products[i][j][1] = products[i][j][1] * cols.y * rows[i];
        }
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

/* Where the cells of 64 queries, group `down` of the launch, are: the map's own, or parts of them. */
template <ropemap_pool POOL, class PART = typename rm_fused_keep<POOL>::part>
RM_FUSED rm_fused_places<PART> rm_fused_places_of(const rm_fused_task &task, int64_t down, int32_t across) {
    rm_fused_places<PART> places;
    if constexpr (RM_FUSED_EXTREME<POOL>) {
        places.first = task.work.cells.extreme;
        places.down = task.work.cells.cols;
        places.across = 1;
    } else {
        places.first = static_cast<PART *>(task.work.parts) +
                       2 * (down * task.col_pieces + blockIdx.y - task.cell_col) + across;
        places.down = 2 * task.col_pieces;
        places.across = 2;
    }
    return places;
}

/* A warp on its way along the columns: 64 queries, and of each tile 64 keys. */
template <ropemap_pool POOL> struct rm_fused_warp {
    rm_fused_keep<POOL> keep;
    rm_fused_places<typename rm_fused_keep<POOL>::part> places;
    const int32_t *limits;
    rm_fused_cell at;
    int64_t queries; /* number of its 64 in the launch */
    int32_t offset;  /* of its keys in the run */
    bool some, kept; /* there are such queries; something of the cell is kept */

    /* `down`: which 64 queries of the block's; `across`: which 64 keys of a tile's. */
    template <int32_t QUERIES>
    RM_METHOD void start(const rm_fused_task &task, const rm_fused_queries<QUERIES> &block, rm_fused_run run,
                         int32_t down, int32_t across) {
        queries = (int64_t)blockIdx.x * (QUERIES / RM_FUSED_SIDE) + down;
        places = rm_fused_places_of<POOL>(task, queries, across);
        limits = block.limits + down * RM_FUSED_SIDE;
        keep.start(block.cells + down * RM_FUSED_SIDE);
        offset = across * RM_FUSED_SIDE;
        at = rm_fused_cell_at(task.work.grid.cols, task.work.col_first + run.first);
        at.end -= offset;
        some = queries * RM_FUSED_SIDE < task.work.query_rows;
        kept = false;
    }

    /* The products of the next of the run's tiles, of TILE keys, which split rows have before their scale;
     * after the last one what is kept is given. */
    template <int32_t TILE, ropemap_dtype T>
    RM_METHOD void take(const rm_fused_task &task, rm_fused_run run, bool ended,
                        rm_fused_products &products) {
        const int32_t left = ended ? 0 : run.count - offset;
        const int32_t last = left < RM_FUSED_SIDE ? left : RM_FUSED_SIDE;
        if (T == ROPEMAP_DTYPE_FP16 && task.lows > 0 && last > 0 && some) {
            rm_fused_scale(task, queries, (run.first + offset) / RM_FUSED_SIDE, products);
        }
        for (int32_t from = 0;;) {
            const int32_t to = at.end < last ? at.end : last;
            if (to > from && some) {
                rm_fused_take(products, limits, offset, from, to, &keep);
                kept = true;
            }
            if (at.end >= last && !ended) {
                break;
            }
            if (kept) { /* the cell may have ended among the keys of another warp */
                keep.give(places, at.cell);
                kept = false;
            }
            if (ended) {
                return;
            }
            rm_fused_next_cell(task.work.grid.cols, task.least, task.more, &at);
            from = to > 0 ? to : 0;
        }
        offset += TILE;
        at.end -= TILE;
    }
};

/* ---- launch */

typedef void rm_fused_entry(rm_fused_task task);

/* KERNEL<type, pool>::entry; NULL: there is none. */
template <template <ropemap_dtype, ropemap_pool> class KERNEL, ropemap_dtype T>
static rm_fused_entry *rm_fused_of_pool(ropemap_pool pool) {
    switch (pool) {
    case ROPEMAP_POOL_MIN:
        return KERNEL<T, ROPEMAP_POOL_MIN>::entry;
    case ROPEMAP_POOL_MAX:
        return KERNEL<T, ROPEMAP_POOL_MAX>::entry;
    case ROPEMAP_POOL_ABSMAX:
        return KERNEL<T, ROPEMAP_POOL_ABSMAX>::entry;
    case ROPEMAP_POOL_MEAN:
        return KERNEL<T, ROPEMAP_POOL_MEAN>::entry;
    case ROPEMAP_POOL_RMS:
        return KERNEL<T, ROPEMAP_POOL_RMS>::entry;
    case ROPEMAP_POOL_STD:
        return KERNEL<T, ROPEMAP_POOL_STD>::entry;
    case ROPEMAP_POOL_MASS: /* of softmax alone */
        break;
    }
    return nullptr;
}

/* Split floats are multiplied as fp16. */
template <template <ropemap_dtype, ropemap_pool> class KERNEL>
static rm_fused_entry *rm_fused_pick(ropemap_dtype dtype, ropemap_pool pool) {
    return dtype == ROPEMAP_DTYPE_BF16   ? rm_fused_of_pool<KERNEL, ROPEMAP_DTYPE_BF16>(pool)
           : dtype != ROPEMAP_DTYPE_TF32 ? rm_fused_of_pool<KERNEL, ROPEMAP_DTYPE_FP16>(pool)
                                         : nullptr;
}

/* So many queries a block, and bytes of shared memory. */
static inline cudaError_t rm_fused_start(rm_fused_entry *kernel, const rm_fused_task &task, int32_t queries,
                                         size_t shared, cudaStream_t stream) {
    if (kernel == nullptr) {
        return cudaErrorInvalidValue;
    }
    const cudaError_t status = cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                                    cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
    const dim3 grid((unsigned)((task.work.query_rows + queries - 1) / queries),
                    (unsigned)((task.work.key_rows + task.run - 1) / task.run));
    return status != cudaSuccess ? status
                                 : rm_launch(kernel, grid, dim3(RM_FUSED_THREADS), shared, stream, task);
}

/* Each starts its kernel, with no more shared memory than a block may ask for. */
cudaError_t rm_fused_sm80_start(rm_fused_task task, size_t shared_most, cudaStream_t stream);
cudaError_t rm_fused_sm90_start(rm_fused_task task, size_t shared_most, cudaStream_t stream);

#endif
