/* tile.c - benchmarks: tiles of similarities that lie in cache, multiplied, pooled, both, and both in one */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/job.h"
#include "tools/bench/check.h"
#include "tools/bench/gpu.h"

#include <math.h>
#include <string.h>

/*
 * The CPU goes through all tiles of a map, each thread in a tile of its own; for pooling one random tile
 * stands for all of them, so that memory plays no part: value (i, j) is tile (i mod side, j mod side). A GPU
 * works on the first tile of a map again and again; where it multiplies and pools, on two in turn, as maps
 * do. Where both are one kernel, a run is a band of a map past all keys, as in maps.
 */

enum { CHECKED_ELEMENTS = 1024, CHECKED_CELLS = 1024, CHECKED_CELLS_OF_GPU = 64 };

/* A unit of double's last place of 1, halved. */
static const double DOUBLE_ROUNDING = 0x1p-53;

struct one_tile {
    float *memory;    /* [side, side] */
    int64_t row, col; /* tiles before its latest product */
    bool filled;
};

struct tile {
    bench_state base;
    bool multiplies, pools, fused;
    int64_t side;          /* of a tile: a block, or all positions where a GPU's are fewer */
    int64_t rows, cols;    /* what a run goes through: queries and keys */
    int64_t down, across;  /* tiles */
    float *queries, *keys; /* [down * side, head_dim], [across * side, head_dim] of the shape's type */
    float *memory;         /* [count, pitch] of the tiles */
    int64_t pitch, count, next;
    struct one_tile *tiles; /* [count]: one a thread, or the GPU's, which it takes in turn */
    rm_grid grid;
    rm_accumulator *cells; /* [tasks] those that a row of tiles touches */
    int64_t tasks;
    int64_t pooled; /* how often a tile went into them since they were emptied */

    float *host_queries, *host_keys, *host_tile; /* the host's, for the check */
};

static void tile_teardown(void *opened) {
    const struct tile *state = opened;
    for (int64_t task = 0; state->cells != NULL && task < state->tasks; task++) {
        rm_accumulator_free(&state->cells[task]);
    }
}

static bool on_gpu(const struct tile *state) {
    return state->base.shape.gpu != NULL;
}

/* ---- setting up */

static ropemap_status make_tiles(struct tile *state, ropemap_error *error) {
    bench_state *base = &state->base;
    const int64_t floats = state->side * state->side;
    state->pitch = (floats + 63) / 64 * 64; /* a tile begins where any load is aligned */
    state->tiles = bench_room(base, state->count, sizeof *state->tiles);
    state->host_tile = bench_room(base, floats, sizeof *state->host_tile);
    RM_TRY(bench_whole(base, error));
    RM_TRY(
        bench_reserve(base, ROPEMAP_DTYPE_FP32, state->count * state->pitch, "tiles", &state->memory, error));
    for (int64_t i = 0; i < state->count; i++) {
        state->tiles[i] = (struct one_tile){.memory = state->memory + i * state->pitch};
    }
    return ROPEMAP_OK;
}

static ropemap_status make_factors(struct tile *state, ropemap_error *error) {
    bench_state *base = &state->base;
    const ropemap_dtype dtype = base->shape.dtype;
    const int64_t dim = base->shape.head_dim;
    const int64_t rows = state->down * state->side * dim, cols = state->across * state->side * dim;
    const double reach = inputs_unit_reach(base->shape.head_dim);
    state->host_queries = bench_room(base, rows, sizeof *state->host_queries);
    state->host_keys = bench_room(base, cols, sizeof *state->host_keys);
    RM_TRY(bench_whole(base, error));
    RM_TRY(bench_reserve(base, dtype, rows, "queries", &state->queries, error));
    RM_TRY(bench_reserve(base, dtype, cols, "keys", &state->keys, error));
    RM_TRY(bench_fill(base, dtype, state->queries, rows, reach, 4, error));
    RM_TRY(bench_fill(base, dtype, state->keys, cols, reach, 5, error));
    RM_TRY(bench_read(base, dtype, state->queries, 0, rows, state->host_queries, error));
    return bench_read(base, dtype, state->keys, 0, cols, state->host_keys, error);
}

static int64_t row_of(const struct tile *state) {
    const bench_shape *shape = &state->base.shape;
    return shape->gpu->device.fused_row(shape->dtype, shape->head_dim, shape->pool);
}

static rm_view packed_rows(const struct tile *state, float *packed, int64_t first, int64_t count) {
    const int64_t row = row_of(state);
    return (rm_view){
        .data = packed + first * row, .rows = count, .cols = state->base.shape.head_dim, .stride = row};
}

/* Rows for the fused kernel, block by block: of 16-bit types multiples of 1/128 up to 1, which both have. */
static ropemap_status pack(struct tile *state, float *rows, int64_t count, float *packed,
                           ropemap_error *error) {
    const bench_workers *workers = &state->base.workers;
    const rm_rotation as_they_are = {.dtype = state->base.shape.dtype, .fused = true};
    const int64_t dim = state->base.shape.head_dim, block = workers->device.block;
    for (int64_t i = 0; state->base.shape.dtype != ROPEMAP_DTYPE_FP32 && i < count * dim; i++) {
        rows[i] = nearbyintf(128.0f * rows[i]) / 128.0f;
    }
    for (int64_t row = 0; row < count; row += block) {
        const int64_t some = row + block < count ? block : count - row;
        const ropemap_range positions = {.first = row, .count = some, .step = 1};
        RM_TRY(workers->backend->rotate(workers->contexts[0], &as_they_are, positions,
                                        rm_view_dense(rows + row * dim, some, dim),
                                        packed_rows(state, packed, row, block), error));
    }
    return ROPEMAP_OK;
}

static ropemap_status make_packed(struct tile *state, ropemap_error *error) {
    bench_state *base = &state->base;
    const int64_t dim = base->shape.head_dim, block = base->workers.device.block;
    const int64_t down = (state->rows + block - 1) / block, across = (state->cols + block - 1) / block;
    state->host_queries = bench_room(base, state->rows * dim, sizeof *state->host_queries);
    state->host_keys = bench_room(base, state->cols * dim, sizeof *state->host_keys);
    RM_TRY(bench_whole(base, error));
    const int64_t row = row_of(state);
    RM_TRY(bench_reserve(base, ROPEMAP_DTYPE_FP32, down * block * row, "queries", &state->queries, error));
    RM_TRY(bench_reserve(base, ROPEMAP_DTYPE_FP32, across * block * row, "keys", &state->keys, error));
    RM_TRY(bench_reserve(base, ROPEMAP_DTYPE_FP32, block * block, "tile", &state->memory, error));
    inputs_fill(state->host_queries, state->rows * dim, 1.0, 4);
    inputs_fill(state->host_keys, state->cols * dim, 1.0, 5);
    RM_TRY(pack(state, state->host_queries, state->rows, state->queries, error));
    return pack(state, state->host_keys, state->cols, state->keys, error);
}

/* The random tile that is pooled. */
static ropemap_status write_tile(struct tile *state, ropemap_error *error) {
    const bench_workers *workers = &state->base.workers;
    inputs_fill(state->host_tile, state->side * state->side, 1.0, 6);
    return workers->backend->write(workers->contexts[0],
                                   rm_view_dense(state->host_tile, state->side, state->side),
                                   rm_view_dense(state->memory, state->side, state->side), error);
}

/* What the ceiling copies: as many bytes as pooling reads, or a tile out and back in. */
static ropemap_status make_copy(struct tile *state, ropemap_error *error) {
    bench_state *base = &state->base;
    const int64_t floats = state->side * state->side;
    RM_TRY(bench_reserve(base, ROPEMAP_DTYPE_FP32, floats * base->workers.threads, "copied tiles",
                         &base->copied.to, error));
    base->copied.from = state->memory;
    base->copied.bytes = (state->multiplies ? floats : (floats + 1) / 2) * (int64_t)sizeof(float);
    return ROPEMAP_OK;
}

/* Rows, or columns, of the tiles that a task, or a column of tiles, takes. */
static rm_span rows_of(const struct tile *state, int64_t task) {
    const int64_t first = task * state->side, end = first + state->side;
    return (rm_span){.first = first, .end = end < state->rows ? end : state->rows};
}

static ropemap_status make_cells(struct tile *state, ropemap_error *error) {
    const bench_shape *shape = &state->base.shape;
    const ropemap_range range = {.first = 0, .count = shape->positions, .step = 1};
    state->grid = (rm_grid){.rows = {.range = range, .cells = shape->height},
                            .cols = {.range = range, .cells = shape->width}};
    rm_accumulator *cells = bench_room(&state->base, state->down, sizeof *cells);
    RM_TRY(bench_whole(&state->base, error));
    memset(cells, 0, (size_t)state->down * sizeof *cells);
    state->cells = cells;
    state->tasks = state->down;
    for (int64_t task = 0; task < state->tasks; task++) {
        const rm_span rows = rows_of(state, task);
        const int64_t first = rm_partition_cell_of(&state->grid.rows, rows.first);
        const int64_t last = rm_partition_cell_of(&state->grid.rows, rows.end - 1);
        RM_TRY(
            rm_accumulator_make(&cells[task], shape->pool, last - first + 1, state->grid.cols.cells, error));
        cells[task].first_row = first;
    }
    return ROPEMAP_OK;
}

/* Side of what a run goes through: all positions on the CPU, a tile on a GPU. Of a fused one: its queries. */
static int64_t side_of(const bench_shape *shape) {
    return shape->gpu != NULL && shape->block < shape->positions ? shape->block : shape->positions;
}

static ropemap_status tile_setup(void *opened, ropemap_error *error) {
    struct tile *state = opened;
    const bench_shape *shape = &state->base.shape;
    const int64_t side = side_of(shape);
    state->multiplies = state->base.benchmark->kind != BENCH_POOL;
    state->pools = state->base.benchmark->kind != BENCH_SIMILARITY;
    state->rows = state->cols = side;
    state->side = on_gpu(state) ? side : state->base.workers.device.block;
    state->down = state->across = (side + state->side - 1) / state->side;
    state->count = on_gpu(state)       ? (state->multiplies && state->pools ? 2 : 1)
                   : state->multiplies ? shape->threads
                                       : 1;
    state->base.flops = state->base.benchmark->flops != NULL ? state->base.benchmark->flops(shape) : 0.0;
    RM_TRY(make_tiles(state, error));
    RM_TRY(state->multiplies ? make_factors(state, error) : write_tile(state, error));
    if (!state->pools) {
        return ROPEMAP_OK;
    }
    RM_TRY(make_copy(state, error));
    return make_cells(state, error);
}

static int64_t band_of(const bench_shape *shape) {
    const int64_t band = RM_TILED_BAND_BLOCKS * (int64_t)shape->gpu->device.block;
    return band < shape->positions ? band : shape->positions;
}

static ropemap_status fused_setup(void *opened, ropemap_error *error) {
    struct tile *state = opened;
    const bench_shape *shape = &state->base.shape;
    state->multiplies = state->pools = state->fused = true;
    state->rows = state->side = band_of(shape);
    state->cols = shape->positions;
    state->down = 1;
    RM_TRY(make_packed(state, error));
    return make_cells(state, error);
}

/* The kernel of warps on a GPU that has warpgroups, until the row is done. */
static ropemap_status warps_setup(void *opened, ropemap_error *error) {
    const timed_gpu *gpu = ((struct tile *)opened)->base.shape.gpu;
    gpu->timing->by_warps(gpu->context, true);
    return fused_setup(opened, error);
}

static void warps_teardown(void *opened) {
    const timed_gpu *gpu = ((struct tile *)opened)->base.shape.gpu;
    gpu->timing->by_warps(gpu->context, false);
    tile_teardown(opened);
}

/* ---- runs */

/* As many keys at a time as maps take. */
static ropemap_status run_fused(struct tile *state, ropemap_error *error) {
    const bench_workers *workers = &state->base.workers;
    const int64_t most = workers->device.fused_keys, block = workers->device.block;
    for (int64_t col = 0; col < state->cols; col += most) {
        const int64_t cols = col + most < state->cols ? most : state->cols - col;
        RM_TRY(workers->backend->similarity_pool(
            workers->contexts[0], state->base.shape.dtype, packed_rows(state, state->queries, 0, state->rows),
            packed_rows(state, state->keys, col, cols), rm_view_dense(state->memory, block, block),
            &state->grid, 0, col, state->cells, error));
    }
    state->pooled++;
    return ROPEMAP_OK;
}

static ropemap_status multiply(const struct tile *state, int32_t worker, struct one_tile *to, int64_t row,
                               int64_t col, ropemap_error *error) {
    const bench_workers *workers = &state->base.workers;
    const int64_t dim = state->base.shape.head_dim, side = state->side;
    to->row = row;
    to->col = col;
    to->filled = true;
    return workers->backend->similarity(workers->contexts[worker], state->base.shape.dtype, 1,
                                        rm_view_dense(state->queries + row * side * dim, side, dim),
                                        rm_view_dense(state->keys + col * side * dim, side, dim),
                                        rm_view_dense(to->memory, side, side), error);
}

/* A band of tiles past all keys, as a map of every pair does it. */
static ropemap_status band_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    const struct tile *state = work;
    const int64_t first = task * RM_TILED_BAND_BLOCKS, end = first + RM_TILED_BAND_BLOCKS;
    for (int64_t col = 0; col < state->across; col++) {
        for (int64_t row = first; row < end && row < state->down; row++) {
            RM_TRY(multiply(state, worker, &state->tiles[worker], row, col, error));
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status pool_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    const struct tile *state = work;
    const bench_workers *workers = &state->base.workers;
    const rm_span rows = rows_of(state, task);
    rm_accumulator *cells = &state->cells[task];
    for (int64_t row = 0; row < cells->rows; row++) {
        rm_accumulator_clear_row(cells, row);
    }
    for (int64_t col = 0; col < state->across; col++) {
        const rm_span cols = rows_of(state, col);
        rm_view tile = rm_view_dense(state->memory, state->side, state->side);
        tile.rows = rows.end - rows.first;
        tile.cols = cols.end - cols.first;
        RM_TRY(workers->backend->pool(workers->contexts[worker], &state->grid, tile, rows.first, cols.first,
                                      cells, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status run_on_gpu(struct tile *state, ropemap_error *error) {
    const bench_workers *workers = &state->base.workers;
    struct one_tile *tile = &state->tiles[state->next];
    state->next = (state->next + 1) % state->count;
    if (state->multiplies) {
        RM_TRY(multiply(state, 0, tile, 0, 0, error));
    }
    if (state->pools) {
        RM_TRY(workers->backend->pool(workers->contexts[0], &state->grid,
                                      rm_view_dense(tile->memory, state->side, state->side), 0, 0,
                                      state->cells, error));
        state->pooled++;
    }
    return ROPEMAP_OK;
}

static ropemap_status tile_run(void *opened, ropemap_error *error) {
    struct tile *state = opened;
    const bench_workers *workers = &state->base.workers;
    if (on_gpu(state)) {
        return state->fused ? run_fused(state, error) : run_on_gpu(state, error);
    }
    if (state->pools) {
        state->pooled = 1;
        return workers_run(workers, state->tasks, pool_task, state, error);
    }
    for (int64_t i = 0; i < state->count; i++) {
        state->tiles[i].filled = false; /* a thread may come too late for a tile of its own */
    }
    return workers_run(workers, (state->down + RM_TILED_BAND_BLOCKS - 1) / RM_TILED_BAND_BLOCKS, band_task,
                       state, error);
}

/* The cells of a GPU hold nothing yet. */
static ropemap_status tile_prepare(void *opened, ropemap_error *error) {
    struct tile *state = opened;
    const bench_workers *workers = &state->base.workers;
    state->pooled = 0;
    return on_gpu(state) && state->pools
               ? workers->backend->cells_begin(workers->contexts[0], state->cells, error)
               : ROPEMAP_OK;
}

static ropemap_status copy_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)error;
    const struct tile *state = work;
    const rm_span rows = rows_of(state, task);
    float *to = state->base.copied.to + worker * state->side * state->side;
    for (int64_t col = 0; col < state->across; col++) {
        const rm_span cols = rows_of(state, col);
        memcpy(to, state->memory, (size_t)((rows.end - rows.first) * (cols.end - cols.first)) * sizeof *to);
    }
    return ROPEMAP_OK;
}

static ropemap_status run_copies(void *opened, ropemap_error *error) {
    const struct tile *state = opened;
    return workers_run(&state->base.workers, state->tasks, copy_task, opened, error);
}

/* ---- work */

static double similarity_flops(const bench_shape *shape) {
    return bench_products(shape, side_of(shape), side_of(shape));
}

/* Each tile reads a block of queries and one of keys and is written. */
static double similarity_bytes(const bench_shape *shape) {
    const double side = shape->gpu != NULL ? (double)side_of(shape) : (double)rm_cpu_device().block;
    const double dim = (double)shape->head_dim, tiles = similarity_flops(shape) / (2.0 * side * side * dim);
    return tiles * (2.0 * side * dim * (double)gpu_element(shape->dtype) + 4.0 * side * side);
}

static double pool_bytes(const bench_shape *shape) {
    return 4.0 * (double)side_of(shape) * (double)side_of(shape);
}

static double both_bytes(const bench_shape *shape) {
    return similarity_bytes(shape) + pool_bytes(shape);
}

/* Every key once for the band's queries. */
static double fused_flops(const bench_shape *shape) {
    return bench_products(shape, band_of(shape), shape->positions);
}

/* Rows are read once, and cells are kept where they are. */
static double fused_bytes(const bench_shape *shape) {
    return (double)(band_of(shape) + shape->positions) * (double)shape->head_dim *
           (double)gpu_element(shape->dtype);
}

/* ---- check */

static bench_output tile_output(void *opened) {
    const struct tile *state = opened;
    const int64_t bytes = state->count * state->pitch * (int64_t)sizeof(float);
    if (state->multiplies || on_gpu(state)) { /* cells of a GPU are emptied before each run */
        return (bench_output){state->multiplies && !state->fused ? state->memory : NULL, bytes,
                              on_gpu(state)};
    }
    const rm_accumulator *cells = &state->cells[0];
    const int64_t count = cells->rows * cells->cols;
    if (cells->extreme != NULL) {
        return (bench_output){cells->extreme, count * (int64_t)sizeof *cells->extreme, false};
    }
    return (bench_output){cells->square != NULL ? cells->square : cells->sum,
                          count * (int64_t)sizeof *cells->sum, false};
}

/*
 * An element as it should be, and by how much it may be off: products are exact or rounded once, and head_dim
 * of them are added in float; where tensor cores add, they cut what lies below the last place of the largest
 * term instead of rounding it, which takes twice as much. Split floats lose 2^-21 besides, and add up to
 * twice as many large terms (cuda/fused_sm80.cu).
 */
static double element(const struct tile *state, int64_t row, int64_t col, double *allowed) {
    const int64_t dim = state->base.shape.head_dim, side = state->side;
    if (!state->multiplies) {
        *allowed = 0.0;
        return (double)state->host_tile[row % side * side + col % side];
    }
    const float *q = state->host_queries + row * dim, *k = state->host_keys + col * dim;
    double dot = 0.0, sizes = 0.0;
    for (int64_t d = 0; d < dim; d++) {
        const double product = (double)q[d] * (double)k[d];
        dot += product;
        sizes += fabs(product);
    }
    const double terms =
        state->fused && state->base.shape.dtype == ROPEMAP_DTYPE_FP32 ? 2.0 * (double)dim + 8.0 : (double)dim;
    *allowed = (on_gpu(state) ? 2.0 * (terms + 1.0) : terms) * FLOAT_ROUNDING * sizes;
    return dot;
}

static ropemap_status check_elements(const struct tile *state, check_result *result, ropemap_error *error) {
    const int64_t side = state->side, all = side * side;
    for (int64_t t = 0; t < state->count; t++) {
        const struct one_tile *tile = &state->tiles[t];
        RM_TRY(bench_read(&state->base, ROPEMAP_DTYPE_FP32, tile->memory, 0, all, state->host_tile, error));
        for (int64_t i = 0; tile->filled && i < picks_count(all, CHECKED_ELEMENTS); i++) {
            const int64_t at = pick_at(all, CHECKED_ELEMENTS, i);
            double allowed = 0.0;
            const double wanted =
                element(state, tile->row * side + at / side, tile->col * side + at % side, &allowed);
            check_value(result, (double)state->host_tile[at], wanted, allowed);
        }
    }
    return ROPEMAP_OK;
}

/* What a cell is made of, as it should be. */
struct cell {
    double pairs, mean, magnitude, square, largest;
    double off; /* the most that any value may be off */
};

static struct cell measure_cell(const struct tile *state, rm_span rows, rm_span cols) {
    struct cell cell = {.largest = -INFINITY};
    double allowed = 0.0, sum = 0.0;
    cell.pairs = (double)(rows.end - rows.first) * (double)(cols.end - cols.first);
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t row = rows.first; row < rows.end; row++) {
            for (int64_t col = cols.first; col < cols.end; col++) {
                const double value = element(state, row, col, &allowed), apart = value - cell.mean;
                if (pass == 1) {
                    cell.square += apart * apart;
                    continue;
                }
                sum += value;
                cell.magnitude += fabs(value);
                cell.largest = fmax(cell.largest, value);
                cell.off = fmax(cell.off, allowed);
            }
        }
        cell.mean = sum / cell.pairs;
    }
    return cell;
}

/*
 * The same values went in `pooled` times: sums and squares are as many times as large, extremes the same.
 * Means and deviations follow values that are off by at most `off` with no more than that. Sums in double
 * take a rounding a value and one each time; squares besides grow 32 roundings of 32 values by 32 at most,
 * before they are merged (cuda/pool.cuh); what the fused kernel adds in float is off by less than the
 * products are. Where a square is off by r, its root is by r over the sum of both roots, and by sqrt(r) at
 * most.
 */
static void check_cell(const struct tile *state, const rm_accumulator *cells, int64_t at,
                       const struct cell *cell, check_result *result) {
    const double times = (double)state->pooled, all = times * cell->pairs;
    if (cells->pool == ROPEMAP_POOL_MAX) {
        check_value(result, (double)cells->extreme[at], cell->largest, cell->off);
    } else if (cells->pool == ROPEMAP_POOL_MEAN) {
        const double rounding = (2.0 * cell->pairs + times + 2.0) * DOUBLE_ROUNDING;
        check_value(result, cells->sum[at] / all, cell->mean,
                    cell->off + rounding * cell->magnitude / cell->pairs);
    } else {
        const double deviation = sqrt(cell->square / cell->pairs);
        const double off = (4.0 * (cell->pairs + times) + (on_gpu(state) ? 2048.0 : 0.0)) * DOUBLE_ROUNDING *
                           (cell->square + cell->magnitude) / cell->pairs;
        check_value(result, sqrt(cells->square[at] / all), deviation,
                    cell->off + (deviation > sqrt(off) ? off / deviation : sqrt(off)));
    }
}

static rm_span clipped(rm_span span, rm_span to) {
    return (rm_span){.first = span.first > to.first ? span.first : to.first,
                     .end = span.end < to.end ? span.end : to.end};
}

static void check_cells(const struct tile *state, int64_t task, int64_t most, check_result *result) {
    const rm_accumulator *cells = &state->cells[task];
    const rm_span all_cols = {.first = 0, .end = state->cols};
    const int64_t across = rm_partition_cell_of(&state->grid.cols, all_cols.end - 1) + 1;
    const int64_t total = cells->rows * across;
    for (int64_t i = 0; i < picks_count(total, most); i++) {
        const int64_t number = pick_at(total, most, i), row = number / across, col = number % across;
        const rm_span rows =
            clipped(rm_partition_cell(&state->grid.rows, cells->first_row + row), rows_of(state, task));
        const rm_span cols = clipped(rm_partition_cell(&state->grid.cols, col), all_cols);
        const struct cell cell = measure_cell(state, rows, cols);
        check_cell(state, cells, row * cells->cols + col, &cell, result);
    }
}

static ropemap_status tile_check(void *opened, check_result *result, ropemap_error *error) {
    const struct tile *state = opened;
    const bench_workers *workers = &state->base.workers;
    if (!state->pools) {
        return check_elements(state, result, error);
    }
    if (on_gpu(state)) {
        RM_TRY(workers->backend->cells_end(workers->contexts[0], state->cells, error));
    }
    const int64_t each = CHECKED_CELLS / state->tasks > 2 ? CHECKED_CELLS / state->tasks : 2;
    for (int64_t task = 0; task < state->tasks; task++) {
        check_cells(state, task, on_gpu(state) ? CHECKED_CELLS_OF_GPU : each, result);
    }
    return ROPEMAP_OK;
}

static const bench_stage tile_stage = {.size = sizeof(struct tile),
                                       .setup = tile_setup,
                                       .teardown = tile_teardown,
                                       .prepare = tile_prepare,
                                       .run = tile_run,
                                       .output = tile_output,
                                       .check = tile_check};

static const bench_stage fused_stage = {.size = sizeof(struct tile),
                                        .setup = fused_setup,
                                        .teardown = tile_teardown,
                                        .prepare = tile_prepare,
                                        .run = tile_run,
                                        .output = tile_output,
                                        .check = tile_check};

static const bench_stage warps_stage = {.size = sizeof(struct tile),
                                        .setup = warps_setup,
                                        .teardown = warps_teardown,
                                        .prepare = tile_prepare,
                                        .run = tile_run,
                                        .output = tile_output,
                                        .check = tile_check};

static bool fuses_by_warps(const bench_shape *shape) {
    return shape->gpu->device.warpgroups && bench_fuses(shape);
}

enum { POOLS = 1u << ROPEMAP_POOL_MEAN | 1u << ROPEMAP_POOL_MAX | 1u << ROPEMAP_POOL_STD };

const bench_case cpu_tile_benchmarks[] = {
    {.kind = BENCH_SIMILARITY,
     .name = "similarity",
     .formula = "FLOP = 2 n^2 d, bytes = 4 (2 b d + b^2) for each tile of b x b",
     .ceiling = "as many FLOPs of multiply-adds in registers",
     .uses = BENCH_USES_ONE_THREAD,
     .usual = {.positions = 4096, .head_dim = 128},
     .by_flops = true,
     .targets = {{BENCH_TARGET_SHARE, 0.88, "v4", 0}, {BENCH_TARGET_SHARE, 0.88, "v3", 0}},
     .stage = &tile_stage,
     .ceilings = {{.run = ceiling_adds}},
     .bytes = similarity_bytes,
     .flops = similarity_flops},
    {.kind = BENCH_POOL,
     .name = "pool",
     .formula = "bytes = 4 n^2",
     .ceiling = "memcpy of the same tiles",
     .pools = POOLS,
     .usual = {.positions = 16384, .width = 1024, .height = 1024},
     .stage = &tile_stage,
     .ceilings = {{.run = run_copies}},
     .bytes = pool_bytes},
    {.name = NULL},
};

const bench_case gpu_tile_benchmarks[] = {
    {.kind = BENCH_SIMILARITY,
     .name = "similarity",
     .formula = "FLOP = 2 b^2 d, bytes = 2 e b d + 4 b^2 for elements of e bytes",
     .ceiling = "as many FLOPs in a large product of the same type",
     .uses = BENCH_USES_HEAD_DIMS | BENCH_USES_DTYPE | BENCH_USES_BLOCKS,
     .usual = {.positions = 131072, .head_dim = 128},
     .by_flops = true,
     .one_stream = true,
     .stage = &tile_stage,
     .ceilings = {{.run = ceiling_product, .runs = ceiling_product_runs}},
     .bytes = similarity_bytes,
     .flops = similarity_flops},
    {.kind = BENCH_POOL,
     .name = "pool",
     .formula = "bytes = 4 b^2",
     .ceiling = "device copy that moves as many bytes of the same tile",
     .pools = POOLS,
     .uses = BENCH_USES_BLOCK,
     .usual = {.positions = 131072, .width = 4096, .height = 4096},
     .stage = &tile_stage,
     .ceilings = {{.run = ceiling_copy}},
     .bytes = pool_bytes},
    /* No tile is faster than its own way out and back, nor than its FLOPs; while one is pooled the next is
     * made. */
    {.kind = BENCH_TILE,
     .name = "tile",
     .formula = "FLOP = 2 b^2 d, bytes = 2 e b d + 8 b^2",
     .ceiling = "the slower of a device copy of the tile and as many FLOPs in a large product",
     .pools = 1u << ROPEMAP_POOL_MAX | 1u << ROPEMAP_POOL_STD,
     .uses = BENCH_USES_DTYPE | BENCH_USES_BLOCKS,
     .usual = {.positions = 131072, .head_dim = 128, .width = 4096, .height = 4096},
     .by_flops = true,
     .targets = {{BENCH_TARGET_SHARE, 0.85, NULL, 0}},
     .stage = &tile_stage,
     .ceilings = {{.run = ceiling_copy}, {.run = ceiling_product, .runs = ceiling_product_runs}},
     .bytes = both_bytes,
     .flops = similarity_flops},
    {.kind = BENCH_TILE,
     .name = "fused",
     .formula = "FLOP = 2 q n d, bytes = 2 (q + n) d for a band of q queries, 4 blocks",
     .ceiling = "as many FLOPs in a large product of the same type; of fp32 in three of fp16",
     .pools = 1u << ROPEMAP_POOL_MAX | 1u << ROPEMAP_POOL_STD,
     .uses = BENCH_USES_DTYPE | BENCH_USES_HEAD_DIMS,
     .usual = {.positions = 131072, .head_dim = 128, .width = 4096, .height = 4096},
     .by_flops = true,
     .targets = {{BENCH_TARGET_SHARE, 0.6, NULL, 0}},
     /* 0.75 of 788 TFLOP/s: what the operands of warpgroups' products take of shared memory leaves 0.89 of
      * the tensor cores' own rate, and the last of two rounds of blocks is 3 % short. */
     .predicted = 0.00047,
     .stage = &fused_stage,
     .serves = bench_fuses,
     .ceilings = {{.run = ceiling_fused, .runs = ceiling_fused_runs}},
     .bytes = fused_bytes,
     .flops = fused_flops},
    {.kind = BENCH_TILE,
     .name = "fused by warps",
     .formula = "as of fused, by the instructions of GPUs before Hopper",
     .ceiling = "as of fused",
     .pools = 1u << ROPEMAP_POOL_MAX | 1u << ROPEMAP_POOL_STD,
     .uses = BENCH_USES_DTYPE | BENCH_USES_HEAD_DIMS,
     .usual = {.positions = 131072, .head_dim = 128, .width = 4096, .height = 4096},
     .by_flops = true,
     .predicted = 0.00079, /* 350 TFLOP/s, which is what they reach elsewhere on Hopper */
     .stage = &warps_stage,
     .serves = fuses_by_warps,
     .ceilings = {{.run = ceiling_fused, .runs = ceiling_fused_runs}},
     .bytes = fused_bytes,
     .flops = fused_flops},
    {.name = NULL},
};
