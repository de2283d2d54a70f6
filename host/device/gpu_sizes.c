/* gpu_sizes.c - the sizes that suit a GPU, and the scratch memory of its stages */
/* SPDX-License-Identifier: MIT */
#include "cuda/geometry.h"
#include "host/device/plugin.h"
#include "host/ropemap_machine.h"

#include <string.h>

enum {
    TILE_WORKERS = 2,  /* while one reads rows and puts cells together the other multiplies and pools */
    WORKERS = 8,       /* threads that read and convert rows for one GPU */
    BLOCK_MOST = 2048, /* positions: two tiles of two workers take 64 MiB */
    TILE_SCRATCH_MOST = 32 * 1048576, /* bytes: the pieces of a tile where cells are small */
    FEATURE_BYTES = 64 * 1048576,     /* of cells, kept at a time */
    FEATURE_BLOCK = 32,               /* cells: a block of fewer is no work for a GPU */
    FUSED_MAJOR = 8,       /* compute capability: tensor cores and copies as the fused kernels need */
    WARPGROUP_MAJOR = 9,   /* the one that has warpgroups, with a minor of 0: Hopper */
    SPLIT_MAJOR_MOST = 10, /* of GPUs for data centres: see fused_row_of_split() */
    FUSED_KEYS = 1048576   /* with a band of queries milliseconds of work: the host can stop it */
};

static const int64_t ROWS_FLOATS = 524288; /* of the rows handed over in one call: 2 MiB */

static const uint64_t TILES_MOST =
    UINT64_C(128) * 1048576; /* bytes of all tiles: half of what a map may take */

static const uint64_t CONTEXT_OWN = 65536; /* frequencies; cuBLAS's workspace comes to it */

static const uint64_t CONTEXT_HOST = UINT64_C(1) * 1048576; /* what the driver and cuBLAS keep of a stream */

/* Three quarters of the second-level cache: rows and pieces take the rest. */
static uint64_t tile_bytes_of(const ropemap_gpu *gpu) {
    const uint64_t share = gpu->cache / 4 * 3;
    return share < TILES_MOST ? share : TILES_MOST;
}

/*
 * The largest tile of which one a worker stays in cache: a launch costs the host some microseconds, in which
 * a GPU makes millions of numbers. A second tile for each worker, or a batch, takes what is left of the cache
 * then; where one worker has all the work, the other's share.
 */
static int32_t block_of(const ropemap_gpu *gpu) {
    int32_t block = BLOCK_MOST;
    while (block > RM_BLOCK_LEAST &&
           (uint64_t)block * (uint64_t)block * sizeof(float) * TILE_WORKERS > tile_bytes_of(gpu)) {
        block /= 2;
    }
    return block;
}

/* As wide as a block, as far as chunks of keys allow. */
static int32_t softmax_keys_of(const ropemap_gpu *gpu) {
    const int32_t block = block_of(gpu);
    return block > RM_SOFTMAX_CHUNK ? block : RM_SOFTMAX_CHUNK;
}

/* As they come, twice, and rotated. */
static int64_t rows_bytes(int64_t rows, int64_t head_dim) {
    return 3 * rows * head_dim * (int64_t)sizeof(float);
}

/* Rows less their centre and their products, in double; on the host what is copied back. */
static int64_t moment_bytes(int64_t rows, int64_t head_dim) {
    return (rows + head_dim) * head_dim * (int64_t)sizeof(double);
}

static int64_t product_bytes(int64_t block) {
    return block * block * (int64_t)sizeof(double);
}

/* The most that the pieces of a tile take, wherever it lies. */
static int64_t tile_bytes(const rm_grid *grid, ropemap_pool pool, int64_t block) {
    const int64_t row_count = grid->rows.range.count, col_count = grid->cols.range.count;
    const int64_t rows = block < row_count ? block : row_count, cols = block < col_count ? block : col_count;
    return (rm_pieces_count(&grid->rows, 0, rows, RM_POOL_ROWS) + 1) *
           (rm_pieces_count(&grid->cols, 0, cols, RM_POOL_COLS) + 1) * rm_pool_part_bytes(pool);
}

/* Of a band and so many keys, wherever they lie: rows and columns may be cut once more. */
static int64_t parts_bytes(const rm_grid *grid, ropemap_pool pool, int64_t band, int64_t keys,
                           int64_t block) {
    const int64_t row_count = grid->rows.range.count, col_count = grid->cols.range.count;
    const int64_t rows = band < row_count ? band : row_count, cols = keys < col_count ? keys : col_count;
    const int64_t down = rm_pieces_count(&grid->rows, 0, rows, RM_FUSED_SIDE) + 1;
    const int64_t across = rm_pieces_count(&grid->cols, 0, cols, block) + 1;
    return rm_pool_is_extreme(pool) ? 0 : down * across * 2 * rm_pool_part_bytes(pool);
}

/* Keys are taken so many at a time that their parts have room, one block at least. */
static int64_t fused_bytes(const rm_grid *grid, ropemap_pool pool, int64_t band, int64_t block) {
    const int64_t all = parts_bytes(grid, pool, band, FUSED_KEYS, block);
    const int64_t least = parts_bytes(grid, pool, band, block, block);
    return all <= TILE_SCRATCH_MOST ? all : least > TILE_SCRATCH_MOST ? least : TILE_SCRATCH_MOST;
}

static int64_t cells_bytes(int64_t bytes) {
    return bytes;
}

static int64_t distance_bytes(int64_t count) {
    return count * (int64_t)sizeof(double);
}

/* Of the largest block and tile. */
static int64_t softmax_bytes(const rm_softmax *softmax, int64_t head_dim) {
    (void)head_dim;
    const rm_grid *grid = &softmax->grid;
    const int64_t count = grid->rows.range.count, keys = grid->cols.range.count;
    const int64_t rows = count < RM_SOFTMAX_ROWS ? count : RM_SOFTMAX_ROWS;
    const int64_t strips = rm_softmax_strips_most(grid, rows), cells = softmax->shown.cells;
    const int64_t slots = (softmax->cells ? cells : 0) + softmax->bins;
    const int64_t floats = rows * (RM_SOFTMAX_KEYS_MOST + rm_softmax_kept_most(grid, softmax->exact, rows));
    const int64_t doubles = strips * (slots + softmax->exact) + softmax->exact + softmax->bins + cells;
    return rows * (RM_SOFTMAX_ROW_BYTES + slots * 12) + floats * 4 + doubles * 8 +
           keys / RM_SOFTMAX_CHUNK * 4 + RM_SOFTMAX_SPARE;
}

static const rm_scratch scratch = {.rows_scratch_bytes = rows_bytes,
                                   .moment_scratch_bytes = moment_bytes,
                                   .product_scratch_bytes = product_bytes,
                                   .tile_scratch_bytes = tile_bytes,
                                   .fused_scratch_bytes = fused_bytes,
                                   .cells_scratch_bytes = cells_bytes,
                                   .distance_scratch_bytes = distance_bytes,
                                   .softmax_scratch_bytes = softmax_bytes};

/* What cuda/fused_launch.cu takes. */
static int64_t fused_row_of_split(ropemap_dtype dtype, int64_t head_dim, ropemap_pool pool) {
    const bool serves = dtype != ROPEMAP_DTYPE_TF32 && pool != ROPEMAP_POOL_MASS &&
                        head_dim >= RM_SWIZZLE_LEAST && head_dim <= RM_FUSED_DIM_MOST &&
                        head_dim % RM_FUSED_STEP == 0;
    return serves ? rm_fused_row(dtype, (int32_t)head_dim) : 0;
}

static int64_t fused_row_of_halves(ropemap_dtype dtype, int64_t head_dim, ropemap_pool pool) {
    return dtype == ROPEMAP_DTYPE_FP32 ? 0 : fused_row_of_split(dtype, head_dim, pool);
}

/* Split floats take three products of fp16, and at 256 elements 161 KiB of shared memory. Compute
 * capabilities 8.0, 9.x and 10.x have that, and multiply fp16 from 15 times as fast as floats; 8.6, 8.9
 * and 12.0 have less memory and multiply it twice as fast, with sums in float. */
static int64_t (*fused_row_of(const ropemap_gpu *gpu))(ropemap_dtype, int64_t, ropemap_pool) {
    const bool splits = gpu->major > FUSED_MAJOR ? gpu->major <= SPLIT_MAJOR_MOST : gpu->minor == 0;
    return gpu->major < FUSED_MAJOR ? NULL : splits ? fused_row_of_split : fused_row_of_halves;
}

rm_device rm_gpu_device(const ropemap_gpu *gpu, int64_t head_dim) {
    rm_device device = {
        .backend = "cuda",
        .index = gpu->index,
        .block = block_of(gpu),
        .workers = WORKERS,
        .tile_workers = TILE_WORKERS,
        .tile_bytes = tile_bytes_of(gpu),
        .tile_scratch_most = TILE_SCRATCH_MOST,
        .rows_at_once = ROWS_FLOATS / head_dim,
        .feature_bytes = FEATURE_BYTES,
        .feature_block = FEATURE_BLOCK,
        .product_parts = RM_PRODUCT_PARTS,
        .softmax_rows = RM_SOFTMAX_ROWS,
        .softmax_keys = softmax_keys_of(gpu),
        .fused_row = fused_row_of(gpu),
        .fused_keys = FUSED_KEYS,
        .warpgroups = gpu->major == WARPGROUP_MAJOR && gpu->minor == 0,
        .scratch = &scratch,
        .memory = gpu->memory / 10 * 9,
        .context_host = CONTEXT_HOST,
        .context_own =
            CONTEXT_OWN + (gpu->major >= RM_WORKSPACE_LARGE_MAJOR ? RM_WORKSPACE_LARGE : RM_WORKSPACE_SMALL)};
    memcpy(device.name, gpu->name, sizeof device.name);
    return device;
}
