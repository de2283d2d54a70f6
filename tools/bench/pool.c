/* pool.c - benchmark: tiles that lie in cache reduced to cells, next to memcpy of the same tiles */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/accumulator.h"
#include "tools/bench/ceiling.h"
#include "tools/bench/check.h"

#include <math.h>
#include <string.h>

/* One random tile stands for all of them, so that memory plays no part: value (i, j) is tile (i mod b, j mod
 * b). */

enum { CHECKED = 1024 };

struct state {
    bench_shape shape;
    bench_workers workers;
    rm_grid grid;
    ropemap_pool pool;
    int64_t block, tasks;  /* positions; blocks of rows */
    float *tile;           /* [block, block] */
    rm_accumulator *cells; /* [tasks] cell rows that a block of rows touches */
    float *copies;         /* [threads, block, block] what the ceiling writes */
};

static void pool_close(void *opened) {
    struct state *state = opened;
    if (state == NULL) {
        return;
    }
    for (int64_t task = 0; state->cells != NULL && task < state->tasks; task++) {
        rm_accumulator_free(&state->cells[task]);
    }
    rm_free(state->cells);
    rm_free(state->tile);
    rm_free(state->copies);
    workers_close(&state->workers);
    rm_free(state);
}

static rm_span rows_of(const struct state *state, int64_t task) {
    const int64_t first = task * state->block, end = first + state->block;
    return (rm_span){.first = first, .end = end < state->shape.positions ? end : state->shape.positions};
}

static ropemap_status make_cells(struct state *state, ropemap_error *error) {
    state->cells = rm_alloc((uint64_t)state->tasks, sizeof *state->cells);
    if (state->cells == NULL) {
        return rm_fail_memory(error, "cells", (uint64_t)state->tasks * sizeof *state->cells);
    }
    for (int64_t task = 0; task < state->tasks; task++) {
        const rm_span rows = rows_of(state, task);
        const int64_t first = rm_partition_cell_of(&state->grid.rows, rows.first);
        const int64_t last = rm_partition_cell_of(&state->grid.rows, rows.end - 1);
        RM_TRY(rm_accumulator_make(&state->cells[task], state->pool, last - first + 1, state->grid.cols.cells,
                                   error));
        state->cells[task].first_row = first;
    }
    return ROPEMAP_OK;
}

static ropemap_status pool_open(const bench_shape *shape, void **opened, ropemap_error *error) {
    struct state *state = rm_alloc(1, sizeof *state);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", sizeof *state);
    }
    const int64_t n = shape->positions, block = rm_cpu_device().block;
    const ropemap_range range = {.first = 0, .count = n, .step = 1};
    state->shape = *shape;
    state->pool = shape->pool;
    state->block = block;
    state->tasks = (n + block - 1) / block;
    state->grid = (rm_grid){.rows = {.range = range, .cells = shape->height < n ? shape->height : n},
                            .cols = {.range = range, .cells = shape->width < n ? shape->width : n}};
    RM_TRY(workers_open(&state->workers, shape->threads, error));
    const uint64_t floats = (uint64_t)(block * block), copies = floats * (uint64_t)shape->threads;
    state->tile = rm_alloc_raw(floats, sizeof *state->tile);
    state->copies = rm_alloc(copies, sizeof *state->copies);
    if (state->tile == NULL || state->copies == NULL) {
        return rm_fail_memory(error, "tiles", (floats + copies) * sizeof(float));
    }
    inputs_fill(state->tile, block * block, 1.0, 6);
    return make_cells(state, error);
}

static ropemap_status pool_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    const struct state *state = work;
    const rm_span rows = rows_of(state, task);
    rm_accumulator *cells = &state->cells[task];
    for (int64_t row = 0; row < cells->rows; row++) {
        rm_accumulator_clear_row(cells, row);
    }
    for (int64_t col = 0; col < state->shape.positions; col += state->block) {
        const int64_t left = state->shape.positions - col;
        rm_view tile = rm_view_dense(state->tile, state->block, state->block);
        tile.rows = rows.end - rows.first;
        tile.cols = left < state->block ? left : state->block;
        RM_TRY(state->workers.backend->pool(state->workers.contexts[worker], &state->grid, tile, rows.first,
                                            col, cells, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status pool_run(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return workers_run(&state->workers, state->tasks, pool_task, state, error);
}

static ropemap_status copy_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)error;
    const struct state *state = work;
    const rm_span rows = rows_of(state, task);
    float *to = state->copies + worker * state->block * state->block;
    for (int64_t col = 0; col < state->shape.positions; col += state->block) {
        const int64_t left = state->shape.positions - col, cols = left < state->block ? left : state->block;
        memcpy(to, state->tile, (size_t)((rows.end - rows.first) * cols) * sizeof *to);
    }
    return ROPEMAP_OK;
}

static ropemap_status run_copy(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return workers_run(&state->workers, state->tasks, copy_task, state, error);
}

static double pool_bytes(const bench_shape *shape) {
    return 4.0 * (double)shape->positions * (double)shape->positions;
}

static ropemap_bytes pool_output(void *opened) {
    const struct state *state = opened;
    const rm_accumulator *cells = &state->cells[0];
    const size_t count = (size_t)(cells->rows * cells->cols);
    if (cells->extreme != NULL) {
        return (ropemap_bytes){.data = (uint8_t *)cells->extreme, .size = count * sizeof *cells->extreme};
    }
    double *data = cells->square != NULL ? cells->square : cells->sum;
    return (ropemap_bytes){.data = (uint8_t *)data, .size = count * sizeof *data};
}

/* What a cell should have taken from the rows and columns given. */
static void check_cell(const struct state *state, const rm_accumulator *cells, int64_t cell, rm_span rows,
                       rm_span cols, check_result *result) {
    double sum = 0.0, magnitude = 0.0, square = 0.0, largest = -INFINITY;
    const double count = (double)(rows.end - rows.first) * (double)(cols.end - cols.first);
    for (int pass = 0; pass < 2; pass++) {
        const double centre = pass == 0 ? 0.0 : sum / count;
        for (int64_t i = rows.first; i < rows.end; i++) {
            for (int64_t j = cols.first; j < cols.end; j++) {
                const float *row = state->tile + i % state->block * state->block;
                const double value = (double)row[j % state->block];
                sum += pass == 0 ? value : 0.0;
                magnitude += pass == 0 ? fabs(value) : 0.0;
                square += pass == 0 ? 0.0 : (value - centre) * (value - centre);
                largest = fmax(largest, value);
            }
        }
    }
    if (state->pool == ROPEMAP_POOL_MAX) {
        check_value(result, (double)cells->extreme[cell], largest, 0.0);
    } else if (state->pool == ROPEMAP_POOL_MEAN) {
        check_value(result, cells->sum[cell], sum, 2.0 * count * 0x1p-53 * magnitude);
    } else {
        /* both sides: count roundings of terms that are at most 1, and those of the mean, squared */
        check_value(result, cells->square[cell], square, 4.0 * count * 0x1p-53 * (square + magnitude));
    }
}

static ropemap_status pool_check(void *opened, check_result *result, ropemap_error *error) {
    (void)error;
    const struct state *state = opened;
    const int64_t most = CHECKED / state->tasks > 2 ? CHECKED / state->tasks : 2;
    for (int64_t task = 0; task < state->tasks; task++) {
        const rm_accumulator *cells = &state->cells[task];
        const rm_span block = rows_of(state, task);
        const int64_t total = cells->rows * cells->cols;
        for (int64_t i = 0; i < picks_count(total, most); i++) {
            const int64_t cell = pick_at(total, most, i);
            rm_span rows = rm_partition_cell(&state->grid.rows, cells->first_row + cell / cells->cols);
            rows.first = rows.first > block.first ? rows.first : block.first;
            rows.end = rows.end < block.end ? rows.end : block.end;
            check_cell(state, cells, cell, rows, rm_partition_cell(&state->grid.cols, cell % cells->cols),
                       result);
        }
    }
    return ROPEMAP_OK;
}

const bench_case cpu_pool_benchmarks[] = {
    {.kind = BENCH_POOL,
     .name = "pool",
     .formula = "bytes = 4 n^2",
     .ceiling = "memcpy of the same tiles",
     .pools = 1u << ROPEMAP_POOL_MEAN | 1u << ROPEMAP_POOL_MAX | 1u << ROPEMAP_POOL_STD,
     .uses = BENCH_USES_POSITIONS | BENCH_USES_SIZE,
     .usual = {.positions = 16384, .width = 1024, .height = 1024},
     .open = pool_open,
     .close = pool_close,
     .run = pool_run,
     .ceilings = {{.run = run_copy}},
     .bytes = pool_bytes,
     .output = pool_output,
     .check = pool_check},
    {.name = NULL},
};
