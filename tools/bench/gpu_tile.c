/* gpu_tile.c - benchmarks: a tile that lies in a GPU's cache, multiplied, pooled, and both */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/accumulator.h"
#include "tools/bench/check.h"
#include "tools/bench/gpu.h"

#include <math.h>

/* What is done to the tile. */
typedef enum tile_work { TILE_SIMILARITY, TILE_POOL, TILE_BOTH } tile_work;

typedef struct gpu_tile {
    bench_shape shape;
    timed_gpu *gpu;
    tile_work work;
    ropemap_pool pool;
    int64_t side;          /* of the tile: a block, or all positions where they are fewer */
    float *queries, *keys; /* the device's [side, head_dim] of shape.dtype */
    float *tile, *copy;    /* the device's [side, side]; what the ceiling writes */
    float *other_tile;     /* that every other run of both takes, as maps do: NULL else */
    bool other;            /* the next run takes it */
    rm_grid grid;
    rm_accumulator cells; /* those that the tile touches */
    int64_t pooled;       /* how often the tile went into them since they were emptied */

    /* the host's, for the check */
    float *host_queries, *host_keys, *host_tile;
    double *values; /* of a cell */
} gpu_tile;

enum { CHECKED_ELEMENTS = 1024, CHECKED_CELLS = 64 };

/* A unit of double's last place of 1, halved. */
static const double DOUBLE_ROUNDING = 0x1p-53;

/*
 * An element of the tile as it should be, and by how much it may be off: products are exact or rounded once,
 * and head_dim of them are added in float; where tensor cores add, they cut what lies below the last place of
 * the largest term instead of rounding it, which takes twice as much.
 */
static double element(const gpu_tile *state, int64_t row, int64_t col, double *allowed) {
    const int64_t dim = state->shape.head_dim;
    if (state->work == TILE_POOL) {
        *allowed = 0.0;
        return (double)state->host_tile[row * state->side + col];
    }
    const float *q = state->host_queries + row * dim, *k = state->host_keys + col * dim;
    double dot = 0.0, sizes = 0.0;
    for (int64_t d = 0; d < dim; d++) {
        const double product = (double)q[d] * (double)k[d];
        dot += product;
        sizes += fabs(product);
    }
    *allowed = 2.0 * ((double)dim + 1.0) * FLOAT_ROUNDING * sizes;
    return dot;
}

static ropemap_status check_elements(gpu_tile *state, check_result *result, ropemap_error *error) {
    const int64_t side = state->side, all = side * side;
    RM_TRY(state->gpu->backend->read(state->gpu->context, rm_view_dense(state->tile, side, side),
                                     rm_view_dense(state->host_tile, side, side), error));
    for (int64_t i = 0; i < picks_count(all, CHECKED_ELEMENTS); i++) {
        const int64_t at = pick_at(all, CHECKED_ELEMENTS, i);
        double allowed = 0.0;
        const double wanted = element(state, at / side, at % side, &allowed);
        check_value(result, (double)state->host_tile[at], wanted, allowed);
    }
    return ROPEMAP_OK;
}

/* What a cell is made of, as it should be. */
struct cell {
    double pairs, mean, magnitude, square, largest;
    double off; /* the most that any value may be off */
};

static struct cell measure_cell(const gpu_tile *state, rm_span rows, rm_span cols) {
    struct cell cell = {.largest = -INFINITY};
    int64_t count = 0;
    for (int64_t row = rows.first; row < rows.end; row++) {
        for (int64_t col = cols.first; col < cols.end; col++) {
            double allowed = 0.0;
            const double value = element(state, row, col, &allowed);
            state->values[count++] = value;
            cell.mean += value;
            cell.magnitude += fabs(value);
            cell.largest = fmax(cell.largest, value);
            cell.off = fmax(cell.off, allowed);
        }
    }
    cell.pairs = (double)count;
    cell.mean /= cell.pairs;
    for (int64_t i = 0; i < count; i++) {
        cell.square += (state->values[i] - cell.mean) * (state->values[i] - cell.mean);
    }
    return cell;
}

/*
 * The same tile went in `pooled` times: sums and squares are as many times as large, extremes the same. Means
 * and deviations follow values that are off by at most `off` with no more than that. Sums in double take a
 * rounding a value and one each time; squares besides grow 32 roundings of 32 values by 32 at most, before
 * they are merged (cuda/pool.cu). Where a square is off by r, its root is by r over the sum of both roots,
 * and by sqrt(r) at most.
 */
static void check_cell(const gpu_tile *state, int64_t at, const struct cell *cell, check_result *result) {
    const double times = (double)state->pooled, all = times * cell->pairs;
    if (state->pool == ROPEMAP_POOL_MAX) {
        check_value(result, (double)state->cells.extreme[at], cell->largest, cell->off);
    } else if (state->pool == ROPEMAP_POOL_MEAN) {
        const double rounding = (2.0 * cell->pairs + times + 2.0) * DOUBLE_ROUNDING;
        check_value(result, state->cells.sum[at] / all, cell->mean,
                    cell->off + rounding * cell->magnitude / cell->pairs);
    } else {
        const double deviation = sqrt(cell->square / cell->pairs);
        const double off = (4.0 * (cell->pairs + times) + 2048.0) * DOUBLE_ROUNDING *
                           (cell->square + cell->magnitude) / cell->pairs;
        check_value(result, sqrt(state->cells.square[at] / all), deviation,
                    cell->off + (deviation > sqrt(off) ? off / deviation : sqrt(off)));
    }
}

static rm_span clipped(rm_span span, int64_t end) {
    return (rm_span){.first = span.first, .end = span.end < end ? span.end : end};
}

static ropemap_status check_cells(gpu_tile *state, check_result *result, ropemap_error *error) {
    const rm_backend *backend = state->gpu->backend;
    const int64_t across = rm_partition_cell_of(&state->grid.cols, state->side - 1) + 1;
    const int64_t total = state->cells.rows * across;
    RM_TRY(backend->cells_end(state->gpu->context, &state->cells, error));
    for (int64_t i = 0; i < picks_count(total, CHECKED_CELLS); i++) {
        const int64_t number = pick_at(total, CHECKED_CELLS, i);
        const int64_t row = number / across, col = number % across;
        const struct cell cell =
            measure_cell(state, clipped(rm_partition_cell(&state->grid.rows, row), state->side),
                         clipped(rm_partition_cell(&state->grid.cols, col), state->side));
        check_cell(state, row * state->cells.cols + col, &cell, result);
    }
    return ROPEMAP_OK;
}

static ropemap_status tile_check(void *opened, check_result *result, ropemap_error *error) {
    gpu_tile *state = opened;
    return state->work == TILE_SIMILARITY ? check_elements(state, result, error)
                                          : check_cells(state, result, error);
}

static void tile_close(void *opened) {
    gpu_tile *state = opened;
    if (state != NULL) {
        float *const device[] = {state->queries, state->keys, state->tile, state->copy, state->other_tile};
        for (size_t i = 0; i < sizeof device / sizeof device[0]; i++) {
            gpu_release(state->gpu, device[i]);
        }
        rm_accumulator_free(&state->cells);
        rm_free(state->host_queries);
        rm_free(state->host_keys);
        rm_free(state->host_tile);
        rm_free(state->values);
        rm_free(state);
    }
}

static int64_t side_of(const bench_shape *shape) {
    return shape->block < shape->positions ? shape->block : shape->positions;
}

static int64_t cells_of(int64_t asked, int64_t positions) {
    return asked < positions ? asked : positions;
}

static ropemap_status make_factors(gpu_tile *state, ropemap_error *error) {
    const bench_shape *shape = &state->shape;
    const int64_t count = state->side * shape->head_dim;
    const double reach = inputs_unit_reach(shape->head_dim);
    state->host_queries = rm_alloc((uint64_t)count, sizeof *state->host_queries);
    state->host_keys = rm_alloc((uint64_t)count, sizeof *state->host_keys);
    if (state->host_queries == NULL || state->host_keys == NULL) {
        return rm_fail_memory(error, "queries and keys", 2 * (uint64_t)count * sizeof(float));
    }
    RM_TRY(gpu_reserve(state->gpu, shape->dtype, count, "queries", &state->queries, error));
    RM_TRY(gpu_reserve(state->gpu, shape->dtype, count, "keys", &state->keys, error));
    RM_TRY(gpu_fill(state->gpu, shape->dtype, state->queries, count, reach, 4, error));
    RM_TRY(gpu_fill(state->gpu, shape->dtype, state->keys, count, reach, 5, error));
    RM_TRY(gpu_read(state->gpu, shape->dtype, state->queries, 0, count, state->host_queries, error));
    return gpu_read(state->gpu, shape->dtype, state->keys, 0, count, state->host_keys, error);
}

static ropemap_status make_tile(gpu_tile *state, ropemap_error *error) {
    const int64_t count = state->side * state->side;
    state->host_tile = rm_alloc((uint64_t)count, sizeof *state->host_tile);
    if (state->host_tile == NULL) {
        return rm_fail_memory(error, "tile", (uint64_t)count * sizeof *state->host_tile);
    }
    RM_TRY(gpu_reserve(state->gpu, ROPEMAP_DTYPE_FP32, count, "tile", &state->tile, error));
    RM_TRY(gpu_reserve(state->gpu, ROPEMAP_DTYPE_FP32, count, "copied tile", &state->copy, error));
    if (state->work == TILE_BOTH) {
        return gpu_reserve(state->gpu, ROPEMAP_DTYPE_FP32, count, "tile", &state->other_tile, error);
    }
    if (state->work != TILE_POOL) {
        return ROPEMAP_OK;
    }
    inputs_fill(state->host_tile, count, 1.0, 6);
    return state->gpu->backend->write(state->gpu->context,
                                      rm_view_dense(state->host_tile, state->side, state->side),
                                      rm_view_dense(state->tile, state->side, state->side), error);
}

/* The first tile of a map of all positions. */
static ropemap_status make_cells(gpu_tile *state, ropemap_error *error) {
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

static ropemap_status tile_open(tile_work work, const bench_shape *shape, void **opened,
                                ropemap_error *error) {
    gpu_tile *state = rm_alloc(1, sizeof *state);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", sizeof *state);
    }
    state->shape = *shape;
    state->gpu = shape->gpu;
    state->work = work;
    state->pool = shape->pool;
    state->side = side_of(shape);
    RM_TRY(make_tile(state, error));
    if (work != TILE_POOL) {
        RM_TRY(make_factors(state, error));
    }
    return work != TILE_SIMILARITY ? make_cells(state, error) : ROPEMAP_OK;
}

static ropemap_status open_similarity(const bench_shape *shape, void **opened, ropemap_error *error) {
    return tile_open(TILE_SIMILARITY, shape, opened, error);
}

static ropemap_status open_pool(const bench_shape *shape, void **opened, ropemap_error *error) {
    return tile_open(TILE_POOL, shape, opened, error);
}

static ropemap_status open_both(const bench_shape *shape, void **opened, ropemap_error *error) {
    return tile_open(TILE_BOTH, shape, opened, error);
}

static ropemap_status tile_prepare(void *opened, ropemap_error *error) {
    gpu_tile *state = opened;
    state->pooled = 0;
    return state->work != TILE_SIMILARITY
               ? state->gpu->backend->cells_begin(state->gpu->context, &state->cells, error)
               : ROPEMAP_OK;
}

static ropemap_status tile_run(void *opened, ropemap_error *error) {
    gpu_tile *state = opened;
    const rm_backend *backend = state->gpu->backend;
    float *memory = state->other ? state->other_tile : state->tile;
    const rm_view tile = rm_view_dense(memory, state->side, state->side);
    state->other = state->work == TILE_BOTH && !state->other;
    if (state->work != TILE_POOL) {
        RM_TRY(backend->similarity(state->gpu->context, state->shape.dtype, 1,
                                   rm_view_dense(state->queries, state->side, state->shape.head_dim),
                                   rm_view_dense(state->keys, state->side, state->shape.head_dim), tile,
                                   error));
    }
    if (state->work != TILE_SIMILARITY) {
        RM_TRY(backend->pool(state->gpu->context, &state->grid, tile, 0, 0, &state->cells, error));
        state->pooled++;
    }
    return ROPEMAP_OK;
}

/* Writes and reads the tile once, at the level of the cache that it fits in. */
static ropemap_status run_copy(void *opened, ropemap_error *error) {
    const gpu_tile *state = opened;
    return state->gpu->timing->copy(state->gpu->context, state->tile, state->copy,
                                    state->side * state->side * (int64_t)sizeof(float), error);
}

/* Reads half of the tile and writes as much: as many bytes as pooling reads. */
static ropemap_status run_half_copy(void *opened, ropemap_error *error) {
    const gpu_tile *state = opened;
    return state->gpu->timing->copy(state->gpu->context, state->tile, state->copy,
                                    (state->side * state->side + 1) / 2 * (int64_t)sizeof(float), error);
}

static ropemap_status run_product(void *opened, ropemap_error *error) {
    const gpu_tile *state = opened;
    return gpu_product(state->gpu, state->shape.dtype, error);
}

static double tile_cells(const bench_shape *shape) {
    return (double)side_of(shape) * (double)side_of(shape);
}

static double similarity_flops(const bench_shape *shape) {
    return 2.0 * tile_cells(shape) * (double)shape->head_dim;
}

static double product_runs(const bench_shape *shape) {
    return similarity_flops(shape) / gpu_product_flops(shape->gpu);
}

static double similarity_bytes(const bench_shape *shape) {
    const double rows = 2.0 * (double)side_of(shape) * (double)shape->head_dim;
    return rows * (double)gpu_element(shape->dtype) + 4.0 * tile_cells(shape);
}

static double pool_bytes(const bench_shape *shape) {
    return 4.0 * tile_cells(shape);
}

static double both_bytes(const bench_shape *shape) {
    return similarity_bytes(shape) + pool_bytes(shape);
}

/* What the next run writes: the tile, and cells that hold nothing yet. */
static ropemap_status tile_spoil(void *opened, ropemap_error *error) {
    gpu_tile *state = opened;
    const int64_t bytes = state->side * state->side * (int64_t)sizeof(float);
    RM_TRY(tile_prepare(state, error));
    if (state->other_tile != NULL) {
        RM_TRY(gpu_spoil(state->gpu, state->other_tile, bytes, error));
    }
    return state->work != TILE_POOL ? gpu_spoil(state->gpu, state->tile, bytes, error) : ROPEMAP_OK;
}

const bench_case gpu_tile_benchmarks[] = {
    {.kind = BENCH_SIMILARITY,
     .name = "similarity",
     .formula = "FLOP = 2 b^2 d, bytes = 2 e b d + 4 b^2 for elements of e bytes",
     .ceiling = "as many FLOPs in a large product of the same type",
     .uses = BENCH_USES_POSITIONS | BENCH_USES_HEAD_DIM | BENCH_USES_HEAD_DIMS | BENCH_USES_DTYPE |
             BENCH_USES_BLOCKS,
     .usual = {.positions = 131072, .head_dim = 128},
     .by_flops = true,
     .open = open_similarity,
     .close = tile_close,
     .run = tile_run,
     .ceilings = {{.run = run_product, .runs = product_runs}},
     .bytes = similarity_bytes,
     .flops = similarity_flops,
     .spoil = tile_spoil,
     .check = tile_check},
    {.kind = BENCH_POOL,
     .name = "pool",
     .formula = "bytes = 4 b^2",
     .ceiling = "device copy that moves as many bytes of the same tile",
     .pools = 1u << ROPEMAP_POOL_MEAN | 1u << ROPEMAP_POOL_MAX | 1u << ROPEMAP_POOL_STD,
     .uses = BENCH_USES_POSITIONS | BENCH_USES_SIZE | BENCH_USES_BLOCK,
     .usual = {.positions = 131072, .width = 4096, .height = 4096},
     .open = open_pool,
     .close = tile_close,
     .prepare = tile_prepare,
     .run = tile_run,
     .ceilings = {{.run = run_half_copy}},
     .bytes = pool_bytes,
     .spoil = tile_spoil,
     .check = tile_check},
    /* No tile is faster than its own way out and back, nor than its FLOPs; while one is pooled the next is
     * made.
     */
    {.kind = BENCH_TILE,
     .name = "tile",
     .formula = "FLOP = 2 b^2 d, bytes = 2 e b d + 8 b^2",
     .ceiling = "the slower of a device copy of the tile and as many FLOPs in a large product",
     .pools = 1u << ROPEMAP_POOL_MAX | 1u << ROPEMAP_POOL_STD,
     .uses =
         BENCH_USES_POSITIONS | BENCH_USES_HEAD_DIM | BENCH_USES_SIZE | BENCH_USES_DTYPE | BENCH_USES_BLOCK,
     .usual = {.positions = 131072, .head_dim = 128, .width = 4096, .height = 4096},
     .by_flops = true,
     .targets = {{.against = BENCH_TARGET_SHARE, .value = 0.85}},
     .open = open_both,
     .close = tile_close,
     .prepare = tile_prepare,
     .run = tile_run,
     .ceilings = {{.run = run_copy}, {.run = run_product, .runs = product_runs}},
     .bytes = both_bytes,
     .flops = similarity_flops,
     .spoil = tile_spoil,
     .check = tile_check},
    {.name = NULL},
};
