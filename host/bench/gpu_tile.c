/* gpu_tile.c - benchmarks: a tile that lies in a GPU's cache, multiplied, pooled, and both */
/* SPDX-License-Identifier: MIT */
#include "host/bench/gpu_tile.h"

#include "host/base/alloc.h"
#include "host/bench/inputs.h"
#include "host/bench/table.h"

static void tile_close(void *opened) {
    rm_gpu_tile *state = opened;
    if (state != NULL) {
        float *const device[] = {state->queries, state->keys, state->tile, state->copy, state->other_tile};
        for (size_t i = 0; i < sizeof device / sizeof device[0]; i++) {
            rm_gpu_release(state->gpu, device[i]);
        }
        rm_accumulator_free(&state->cells);
        rm_free(state->host_queries);
        rm_free(state->host_keys);
        rm_free(state->host_tile);
        rm_free(state->values);
        rm_free(state);
    }
}

static int64_t side_of(const rm_shape *shape) {
    return shape->block < shape->positions ? shape->block : shape->positions;
}

static int64_t cells_of(int64_t asked, int64_t positions) {
    return asked < positions ? asked : positions;
}

static ropemap_status make_factors(rm_gpu_tile *state, ropemap_error *error) {
    const rm_shape *shape = &state->shape;
    const int64_t count = state->side * shape->head_dim;
    const double reach = rm_inputs_unit_reach(shape->head_dim);
    state->host_queries = rm_alloc((uint64_t)count, sizeof *state->host_queries);
    state->host_keys = rm_alloc((uint64_t)count, sizeof *state->host_keys);
    if (state->host_queries == NULL || state->host_keys == NULL) {
        return rm_fail_memory(error, "queries and keys", 2 * (uint64_t)count * sizeof(float));
    }
    RM_TRY(rm_gpu_reserve(state->gpu, shape->dtype, count, "queries", &state->queries, error));
    RM_TRY(rm_gpu_reserve(state->gpu, shape->dtype, count, "keys", &state->keys, error));
    RM_TRY(rm_gpu_fill(state->gpu, shape->dtype, state->queries, count, reach, 4, error));
    RM_TRY(rm_gpu_fill(state->gpu, shape->dtype, state->keys, count, reach, 5, error));
    RM_TRY(rm_gpu_read(state->gpu, shape->dtype, state->queries, 0, count, state->host_queries, error));
    return rm_gpu_read(state->gpu, shape->dtype, state->keys, 0, count, state->host_keys, error);
}

static ropemap_status make_tile(rm_gpu_tile *state, ropemap_error *error) {
    const int64_t count = state->side * state->side;
    state->host_tile = rm_alloc((uint64_t)count, sizeof *state->host_tile);
    if (state->host_tile == NULL) {
        return rm_fail_memory(error, "tile", (uint64_t)count * sizeof *state->host_tile);
    }
    RM_TRY(rm_gpu_reserve(state->gpu, ROPEMAP_DTYPE_FP32, count, "tile", &state->tile, error));
    RM_TRY(rm_gpu_reserve(state->gpu, ROPEMAP_DTYPE_FP32, count, "copied tile", &state->copy, error));
    if (state->work == RM_TILE_BOTH) {
        return rm_gpu_reserve(state->gpu, ROPEMAP_DTYPE_FP32, count, "tile", &state->other_tile, error);
    }
    if (state->work != RM_TILE_POOL) {
        return ROPEMAP_OK;
    }
    rm_inputs_fill(state->host_tile, count, 1.0, 6);
    return state->gpu->backend->write(state->gpu->context,
                                      rm_view_dense(state->host_tile, state->side, state->side),
                                      rm_view_dense(state->tile, state->side, state->side), error);
}

/* The first tile of a map of all positions. */
static ropemap_status make_cells(rm_gpu_tile *state, ropemap_error *error) {
    const int64_t n = state->shape.positions;
    const ropemap_range range = {.first = 0, .count = n, .step = 1};
    state->grid = (rm_grid){.rows = {.range = range, .cells = cells_of(state->shape.height, n)},
                            .cols = {.range = range, .cells = cells_of(state->shape.width, n)}};
    const uint64_t most =
        (uint64_t)rm_partition_most(&state->grid.rows) * (uint64_t)rm_partition_most(&state->grid.cols);
    state->values = rm_alloc(most, sizeof *state->values);
    if (state->values == NULL) {
        return rm_fail_memory(error, "cell", most * sizeof *state->values);
    }
    return rm_accumulator_make(&state->cells, state->pool,
                               rm_partition_cell_of(&state->grid.rows, state->side - 1) + 1,
                               state->grid.cols.cells, error);
}

static ropemap_status tile_open(rm_tile_work work, ropemap_pool pool, const rm_shape *shape, void **opened,
                                ropemap_error *error) {
    rm_gpu_tile *state = rm_alloc(1, sizeof *state);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", sizeof *state);
    }
    state->shape = *shape;
    state->gpu = shape->gpu;
    state->work = work;
    state->pool = pool;
    state->side = side_of(shape);
    RM_TRY(make_tile(state, error));
    if (work != RM_TILE_POOL) {
        RM_TRY(make_factors(state, error));
    }
    return work != RM_TILE_SIMILARITY ? make_cells(state, error) : ROPEMAP_OK;
}

static ropemap_status open_similarity(const rm_shape *shape, void **opened, ropemap_error *error) {
    return tile_open(RM_TILE_SIMILARITY, ROPEMAP_POOL_MEAN, shape, opened, error);
}

static ropemap_status open_pool_mean(const rm_shape *shape, void **opened, ropemap_error *error) {
    return tile_open(RM_TILE_POOL, ROPEMAP_POOL_MEAN, shape, opened, error);
}

static ropemap_status open_pool_max(const rm_shape *shape, void **opened, ropemap_error *error) {
    return tile_open(RM_TILE_POOL, ROPEMAP_POOL_MAX, shape, opened, error);
}

static ropemap_status open_pool_std(const rm_shape *shape, void **opened, ropemap_error *error) {
    return tile_open(RM_TILE_POOL, ROPEMAP_POOL_STD, shape, opened, error);
}

static ropemap_status open_tile_max(const rm_shape *shape, void **opened, ropemap_error *error) {
    return tile_open(RM_TILE_BOTH, ROPEMAP_POOL_MAX, shape, opened, error);
}

static ropemap_status open_tile_std(const rm_shape *shape, void **opened, ropemap_error *error) {
    return tile_open(RM_TILE_BOTH, ROPEMAP_POOL_STD, shape, opened, error);
}

static ropemap_status tile_prepare(void *opened, ropemap_error *error) {
    rm_gpu_tile *state = opened;
    state->pooled = 0;
    return state->work != RM_TILE_SIMILARITY
               ? state->gpu->backend->cells_begin(state->gpu->context, &state->cells, error)
               : ROPEMAP_OK;
}

static ropemap_status tile_run(void *opened, ropemap_error *error) {
    rm_gpu_tile *state = opened;
    const rm_backend *backend = state->gpu->backend;
    float *memory = state->other ? state->other_tile : state->tile;
    const rm_view tile = rm_view_dense(memory, state->side, state->side);
    state->other = state->work == RM_TILE_BOTH && !state->other;
    if (state->work != RM_TILE_POOL) {
        RM_TRY(backend->similarity(state->gpu->context, state->shape.dtype, 1,
                                   rm_view_dense(state->queries, state->side, state->shape.head_dim),
                                   rm_view_dense(state->keys, state->side, state->shape.head_dim), tile,
                                   error));
    }
    if (state->work != RM_TILE_SIMILARITY) {
        RM_TRY(backend->pool(state->gpu->context, &state->grid, tile, 0, 0, &state->cells, error));
        state->pooled++;
    }
    return ROPEMAP_OK;
}

/* Writes and reads the tile once, at the level of the cache that it fits in. */
static ropemap_status run_copy(void *opened, ropemap_error *error) {
    const rm_gpu_tile *state = opened;
    return state->gpu->probe->copy(state->gpu->context, state->tile, state->copy,
                                   state->side * state->side * (int64_t)sizeof(float), error);
}

/* Reads half of the tile and writes as much: as many bytes as pooling reads. */
static ropemap_status run_half_copy(void *opened, ropemap_error *error) {
    const rm_gpu_tile *state = opened;
    return state->gpu->probe->copy(state->gpu->context, state->tile, state->copy,
                                   (state->side * state->side + 1) / 2 * (int64_t)sizeof(float), error);
}

static ropemap_status run_product(void *opened, ropemap_error *error) {
    const rm_gpu_tile *state = opened;
    return rm_gpu_product(state->gpu, state->shape.dtype, error);
}

static double tile_cells(const rm_shape *shape) {
    return (double)side_of(shape) * (double)side_of(shape);
}

static double similarity_flops(const rm_shape *shape) {
    return 2.0 * tile_cells(shape) * (double)shape->head_dim;
}

static double product_runs(const rm_shape *shape) {
    return similarity_flops(shape) / rm_gpu_product_flops(shape->gpu);
}

static double similarity_bytes(const rm_shape *shape) {
    const double rows = 2.0 * (double)side_of(shape) * (double)shape->head_dim;
    return rows * (double)rm_gpu_element(shape->dtype) + 4.0 * tile_cells(shape);
}

static double pool_bytes(const rm_shape *shape) {
    return 4.0 * tile_cells(shape);
}

static double both_bytes(const rm_shape *shape) {
    return similarity_bytes(shape) + pool_bytes(shape);
}

static rm_output no_output(void *opened) {
    (void)opened;
    return (rm_output){.data = NULL};
}

/* What the next run writes: the tile, and cells that hold nothing yet. */
static ropemap_status tile_spoil(void *opened, ropemap_error *error) {
    rm_gpu_tile *state = opened;
    const int64_t bytes = state->side * state->side * (int64_t)sizeof(float);
    RM_TRY(tile_prepare(state, error));
    if (state->other_tile != NULL) {
        RM_TRY(rm_gpu_spoil(state->gpu, state->other_tile, bytes, error));
    }
    return state->work != RM_TILE_POOL ? rm_gpu_spoil(state->gpu, state->tile, bytes, error) : ROPEMAP_OK;
}

const rm_benchmark rm_gpu_bench_similarity = {
    .bench = ROPEMAP_BENCH_SIMILARITY,
    .name = "similarity",
    .formula = "FLOP = 2 b^2 d, bytes = 2 e b d + 4 b^2 for elements of e bytes",
    .ceiling = "as many FLOPs in a large product of the same type",
    .uses = RM_USES_POSITIONS | RM_USES_HEAD_DIM | RM_USES_HEAD_DIMS | RM_USES_DTYPE | RM_USES_BLOCKS,
    .usual = {.positions = 131072, .head_dim = 128},
    .by_flops = true,
    .open = open_similarity,
    .close = tile_close,
    .run = tile_run,
    .run_ceiling = run_product,
    .ceiling_runs = product_runs,
    .bytes = similarity_bytes,
    .flops = similarity_flops,
    .output = no_output,
    .spoil = tile_spoil,
    .check = rm_gpu_tile_check,
};

const rm_benchmark rm_gpu_bench_pool_mean = {
    .bench = ROPEMAP_BENCH_POOL,
    .name = "pool mean",
    .formula = "bytes = 4 b^2",
    .ceiling = "device copy that moves as many bytes of the same tile",
    .uses = RM_USES_POSITIONS | RM_USES_SIZE | RM_USES_BLOCK,
    .usual = {.positions = 131072, .width = 4096, .height = 4096},
    .open = open_pool_mean,
    .close = tile_close,
    .prepare = tile_prepare,
    .run = tile_run,
    .run_ceiling = run_half_copy,
    .bytes = pool_bytes,
    .output = no_output,
    .spoil = tile_spoil,
    .check = rm_gpu_tile_check,
};

const rm_benchmark rm_gpu_bench_pool_max = {
    .bench = ROPEMAP_BENCH_POOL,
    .name = "pool max",
    .formula = "bytes = 4 b^2",
    .ceiling = "device copy that moves as many bytes of the same tile",
    .uses = RM_USES_POSITIONS | RM_USES_SIZE | RM_USES_BLOCK,
    .usual = {.positions = 131072, .width = 4096, .height = 4096},
    .open = open_pool_max,
    .close = tile_close,
    .prepare = tile_prepare,
    .run = tile_run,
    .run_ceiling = run_half_copy,
    .bytes = pool_bytes,
    .output = no_output,
    .spoil = tile_spoil,
    .check = rm_gpu_tile_check,
};

const rm_benchmark rm_gpu_bench_pool_std = {
    .bench = ROPEMAP_BENCH_POOL,
    .name = "pool std",
    .formula = "bytes = 4 b^2",
    .ceiling = "device copy that moves as many bytes of the same tile",
    .uses = RM_USES_POSITIONS | RM_USES_SIZE | RM_USES_BLOCK,
    .usual = {.positions = 131072, .width = 4096, .height = 4096},
    .open = open_pool_std,
    .close = tile_close,
    .prepare = tile_prepare,
    .run = tile_run,
    .run_ceiling = run_half_copy,
    .bytes = pool_bytes,
    .output = no_output,
    .spoil = tile_spoil,
    .check = rm_gpu_tile_check,
};

/* No tile is faster than its own way out and back, nor than its FLOPs; while one is pooled the next is made.
 */
const rm_benchmark rm_gpu_bench_tile_max = {
    .bench = ROPEMAP_BENCH_TILE,
    .name = "tile max",
    .formula = "FLOP = 2 b^2 d, bytes = 2 e b d + 8 b^2",
    .ceiling = "the slower of a device copy of the tile and as many FLOPs in a large product",
    .uses = RM_USES_POSITIONS | RM_USES_HEAD_DIM | RM_USES_SIZE | RM_USES_DTYPE | RM_USES_BLOCK,
    .usual = {.positions = 131072, .head_dim = 128, .width = 4096, .height = 4096},
    .by_flops = true,
    .targets = {{.against = ROPEMAP_BENCH_TARGET_SHARE, .value = 0.85}},
    .open = open_tile_max,
    .close = tile_close,
    .prepare = tile_prepare,
    .run = tile_run,
    .run_ceiling = run_copy,
    .run_other_ceiling = run_product,
    .other_ceiling_runs = product_runs,
    .bytes = both_bytes,
    .flops = similarity_flops,
    .output = no_output,
    .spoil = tile_spoil,
    .check = rm_gpu_tile_check,
};

const rm_benchmark rm_gpu_bench_tile_std = {
    .bench = ROPEMAP_BENCH_TILE,
    .name = "tile std",
    .formula = "FLOP = 2 b^2 d, bytes = 2 e b d + 8 b^2",
    .ceiling = "the slower of a device copy of the tile and as many FLOPs in a large product",
    .uses = RM_USES_POSITIONS | RM_USES_HEAD_DIM | RM_USES_SIZE | RM_USES_DTYPE | RM_USES_BLOCK,
    .usual = {.positions = 131072, .head_dim = 128, .width = 4096, .height = 4096},
    .by_flops = true,
    .targets = {{.against = ROPEMAP_BENCH_TARGET_SHARE, .value = 0.85}},
    .open = open_tile_std,
    .close = tile_close,
    .prepare = tile_prepare,
    .run = tile_run,
    .run_ceiling = run_copy,
    .run_other_ceiling = run_product,
    .other_ceiling_runs = product_runs,
    .bytes = both_bytes,
    .flops = similarity_flops,
    .output = no_output,
    .spoil = tile_spoil,
    .check = rm_gpu_tile_check,
};
