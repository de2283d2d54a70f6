/* map.c - benchmarks: whole maps from vectors in memory, next to the passes and products they cannot avoid */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "tools/bench/ceiling.h"
#include "tools/bench/check.h"

struct state {
    bench_shape shape;
    bench_workers workers;
    check_reference *reference;
    float *queries, *keys; /* [positions, head_dim] */
    float *sums;           /* [threads, head_dim] what the ceiling adds up */
    ropemap_vectors *query_vectors, *key_vectors;
    ropemap_vectors *rotated_queries, *rotated_keys; /* as they are read; exact: NULL */
    ropemap_request request;
    ropemap_map map;
    double *rows; /* [2, rows of a cell, head_dim] rotated, for the check */
};

static void map_close(void *opened) {
    struct state *state = opened;
    if (state != NULL) {
        ropemap_map_free(&state->map);
        ropemap_vectors_free(state->rotated_queries);
        ropemap_vectors_free(state->rotated_keys);
        ropemap_vectors_free(state->query_vectors);
        ropemap_vectors_free(state->key_vectors);
        workers_close(&state->workers);
        rm_free(state->reference);
        rm_free(state->queries);
        rm_free(state->keys);
        rm_free(state->sums);
        rm_free(state->rows);
        rm_free(state);
    }
}

static ropemap_status make_vectors(struct state *state, ropemap_error *error) {
    const bench_shape *shape = &state->shape;
    const uint64_t dim = (uint64_t)shape->head_dim, count = (uint64_t)shape->positions * dim;
    state->reference = reference_make(shape->head_dim, shape->layout, shape->phase);
    state->queries = rm_alloc_raw(count, sizeof *state->queries);
    state->keys = rm_alloc_raw(count, sizeof *state->keys);
    state->sums = rm_alloc((uint64_t)shape->threads * dim, sizeof *state->sums);
    state->rows = rm_alloc_raw(map_check_rows(shape) * dim, sizeof *state->rows);
    if (state->reference == NULL || state->queries == NULL || state->keys == NULL || state->sums == NULL ||
        state->rows == NULL) {
        return rm_fail_memory(error, "vectors", 2 * count * sizeof(float));
    }
    const double reach = inputs_unit_reach(shape->head_dim);
    inputs_fill(state->queries, (int64_t)count, reach, 8);
    inputs_fill(state->keys, (int64_t)count, reach, 9);
    RM_TRY(ropemap_vectors_memory(state->queries, shape->positions, shape->head_dim, &state->query_vectors,
                                  error));
    return ropemap_vectors_memory(state->keys, shape->positions, shape->head_dim, &state->key_vectors, error);
}

static void make_request(struct state *state) {
    const bench_shape *shape = &state->shape;
    state->request = ropemap_request_default();
    state->request.spec.head_dim = shape->head_dim;
    state->request.spec.layout = shape->layout;
    state->request.queries = state->query_vectors;
    state->request.keys = state->key_vectors;
    state->request.rows = (ropemap_range){.first = 0, .count = shape->positions, .step = 1};
    state->request.cols = state->request.rows;
    state->request.width = shape->width;
    state->request.height = shape->height;
    state->request.pool = shape->pool;
    state->request.method = shape->pool == ROPEMAP_POOL_MEAN ? ROPEMAP_METHOD_FACTORED : ROPEMAP_METHOD_TILED;
    state->request.backend = "cpu";
    state->request.threads = shape->threads;
}

/* What `ropemap map` does with a phase other than the exact one: rows are rotated before the map sees them.
 */
static ropemap_status rotate_vectors(struct state *state, ropemap_error *error) {
    if (state->shape.phase == ROPEMAP_PHASE_EXACT) {
        return ROPEMAP_OK;
    }
    const ropemap_prerotation rotation = {.spec = state->request.spec, .phase = state->shape.phase};
    RM_TRY(ropemap_vectors_rotated(state->query_vectors, &rotation, &state->rotated_queries, error));
    RM_TRY(ropemap_vectors_rotated(state->key_vectors, &rotation, &state->rotated_keys, error));
    state->request.queries = state->rotated_queries;
    state->request.keys = state->rotated_keys;
    state->request.already_rotated = true;
    return ROPEMAP_OK;
}

/* A side never has more cells than positions. */
static int64_t cells_of(int64_t asked, int64_t positions) {
    return asked < positions ? asked : positions;
}

static ropemap_status map_open(const bench_shape *shape, void **opened, ropemap_error *error) {
    struct state *state = rm_alloc(1, sizeof *state);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", sizeof *state);
    }
    const int64_t n = shape->positions;
    state->shape = *shape;
    state->shape.height = cells_of(shape->height, n);
    state->shape.width = cells_of(shape->width, n);
    RM_TRY(workers_open(&state->workers, shape->threads, error));
    RM_TRY(make_vectors(state, error));
    make_request(state);
    return rotate_vectors(state, error);
}

static ropemap_status map_prepare(void *opened, ropemap_error *error) {
    struct state *state = opened;
    (void)error;
    ropemap_map_free(&state->map);
    return ROPEMAP_OK;
}

static ropemap_status map_run(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return ropemap_map_compute(&state->request, &state->map, error);
}

/* Products of all pairs of positions. */
static ropemap_status run_adds(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    const bench_shape *shape = &state->shape;
    return ceiling_adds(&state->workers, tiles_flops(shape->positions, shape->positions, shape->head_dim),
                        error);
}

/* Reading all rows, and products of all pairs of cells. */
static ropemap_status run_pass_and_adds(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    const bench_shape *shape = &state->shape;
    RM_TRY(ceiling_read(&state->workers, state->queries, state->keys, shape->positions, shape->head_dim,
                        state->sums, error));
    return ceiling_adds(&state->workers, tiles_flops(shape->height, shape->width, shape->head_dim), error);
}

/* Both sides are read once, and the map is written. */
static double map_bytes(const bench_shape *shape) {
    return 8.0 * (double)shape->positions * (double)shape->head_dim +
           4.0 * (double)cells_of(shape->width, shape->positions) *
               (double)cells_of(shape->height, shape->positions);
}

/* Tiles of cells; rotating and adding up both sides. */
static double mean_flops(const bench_shape *shape) {
    const int64_t n = shape->positions;
    return tiles_flops(cells_of(shape->height, n), cells_of(shape->width, n), shape->head_dim) +
           27.0 * (double)n * (double)shape->head_dim;
}

/* Tiles of positions; rotating both sides. */
static double max_flops(const bench_shape *shape) {
    const int64_t n = shape->positions;
    return tiles_flops(n, n, shape->head_dim) + 25.0 * (double)n * (double)shape->head_dim;
}

/* The same without rotating: the cost of a cosine is libm's. */
static double mean_as_read_flops(const bench_shape *shape) {
    return mean_flops(shape) - 25.0 * (double)shape->positions * (double)shape->head_dim;
}

static double max_as_read_flops(const bench_shape *shape) {
    return max_flops(shape) - 25.0 * (double)shape->positions * (double)shape->head_dim;
}

static ropemap_bytes map_output(void *opened) {
    const struct state *state = opened;
    const size_t cells = (size_t)(state->map.height * state->map.width);
    return (ropemap_bytes){.data = (uint8_t *)state->map.cells, .size = cells * sizeof *state->map.cells};
}

static ropemap_status map_check_run(void *opened, check_result *result, ropemap_error *error) {
    (void)error;
    const struct state *state = opened;
    const map_check check = {.reference = state->reference,
                             .queries = state->queries,
                             .keys = state->keys,
                             .positions = state->shape.positions,
                             .map = &state->map,
                             .pool = state->request.pool,
                             .rows = state->rows};
    map_check_cells(&check, result);
    return ROPEMAP_OK;
}

enum {
    USES = BENCH_USES_POSITIONS | BENCH_USES_HEAD_DIM | BENCH_USES_SIZE | BENCH_USES_LAYOUT | BENCH_USES_PHASE
};

const bench_case cpu_map_benchmarks[] = {
    {.kind = BENCH_MAP,
     .name = "map mean",
     .formula = "FLOP = 2 W H d + 27 n d, bytes = 8 n d + 4 W H",
     .ceiling = "adding up the rows once, then multiply-adds in registers",
     .uses = USES,
     .usual =
         {.positions = 1048576, .head_dim = 128, .width = 4096, .height = 4096, .pool = ROPEMAP_POOL_MEAN},
     .targets = {{.against = BENCH_TARGET_SHARE, .value = 1.0 / 1.3, .simd = "v4", .threads = 2},
                 {.against = BENCH_TARGET_SHARE, .value = 1.0 / 1.3, .simd = "v3", .threads = 2}},
     .open = map_open,
     .close = map_close,
     .prepare = map_prepare,
     .run = map_run,
     .ceilings = {{.run = run_pass_and_adds}},
     .bytes = map_bytes,
     .flops = mean_flops,
     .output = map_output,
     .check = map_check_run},
    {.kind = BENCH_MAP,
     .name = "map max",
     .formula = "FLOP = 2 n^2 d + 25 n d, bytes = 8 n d + 4 W H",
     .ceiling = "as many FLOPs of multiply-adds in registers",
     .uses = USES,
     .usual = {.positions = 16384, .head_dim = 128, .width = 1024, .height = 1024, .pool = ROPEMAP_POOL_MAX},
     .by_flops = true,
     .targets = {{.against = BENCH_TARGET_SHARE, .value = 0.8, .simd = "v4"},
                 {.against = BENCH_TARGET_SHARE, .value = 0.8, .simd = "v3"}},
     .open = map_open,
     .close = map_close,
     .prepare = map_prepare,
     .run = map_run,
     .ceilings = {{.run = run_adds}},
     .bytes = map_bytes,
     .flops = max_flops,
     .output = map_output,
     .check = map_check_run},
    {.kind = BENCH_MAP,
     .name = "map mean as read",
     .formula = "FLOP = 2 W H d + 2 n d, bytes = 8 n d + 4 W H",
     .ceiling = "adding up the rows once, then multiply-adds in registers",
     .uses = USES,
     .usual =
         {.positions = 1048576, .head_dim = 128, .width = 4096, .height = 4096, .pool = ROPEMAP_POOL_MEAN},
     .as_read = true,
     .open = map_open,
     .close = map_close,
     .prepare = map_prepare,
     .run = map_run,
     .ceilings = {{.run = run_pass_and_adds}},
     .bytes = map_bytes,
     .flops = mean_as_read_flops,
     .output = map_output,
     .check = map_check_run},
    {.kind = BENCH_MAP,
     .name = "map max as read",
     .formula = "FLOP = 2 n^2 d, bytes = 8 n d + 4 W H",
     .ceiling = "as many FLOPs of multiply-adds in registers",
     .uses = USES,
     .usual = {.positions = 16384, .head_dim = 128, .width = 1024, .height = 1024, .pool = ROPEMAP_POOL_MAX},
     .as_read = true,
     .by_flops = true,
     .open = map_open,
     .close = map_close,
     .prepare = map_prepare,
     .run = map_run,
     .ceilings = {{.run = run_adds}},
     .bytes = map_bytes,
     .flops = max_as_read_flops,
     .output = map_output,
     .check = map_check_run},
    {.name = NULL},
};
