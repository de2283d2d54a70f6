/* map.c - benchmarks: whole maps from vectors in memory, next to the passes and products they cannot avoid */
/* SPDX-License-Identifier: MIT */
#include "tools/bench/check.h"
#include "tools/bench/gpu.h"

#include <string.h>

/*
 * A GPU's are timed as users see them: contexts and memory are made anew for each map, while the library
 * stays open; and as programs that make many see them, in a session that keeps both.
 */

static const double MEMORY_TARGET = 256.0 * 1048576.0; /* bytes of a GPU besides the inputs */

struct map {
    bench_state base;
    bench_vectors vectors;                           /* of the diagonal method: none */
    float *sums;                                     /* [threads, head_dim] what the ceiling adds up */
    double *rows;                                    /* [map_check_rows(), head_dim] for the check */
    ropemap_vectors *rotated_queries, *rotated_keys; /* as they are read; exact: NULL */
    ropemap_session *session;                        /* NULL: none */
    ropemap_request request;
    ropemap_map map;
    bool watched;                     /* whether a map has been computed */
    uint64_t free_before, free_least; /* bytes of the device, around the first map */
};

static void map_teardown(void *opened) {
    struct map *state = opened;
    ropemap_map_free(&state->map);
    ropemap_vectors_free(state->rotated_queries);
    ropemap_vectors_free(state->rotated_keys);
    bench_vectors_close(&state->vectors);
    ropemap_session_close(state->session);
}

/* ---- setting up */

static void make_request(struct map *state) {
    const bench_shape *shape = &state->base.shape;
    ropemap_request *request = &state->request;
    *request = ropemap_request_default();
    request->spec.head_dim = shape->head_dim;
    request->spec.layout = shape->layout;
    request->rows = request->cols = (ropemap_range){.first = 0, .count = shape->positions, .step = 1};
    request->width = shape->width;
    request->height = shape->height;
    request->pool = shape->pool;
    request->method = shape->method;
    request->dtype = shape->dtype;
    request->backend = shape->gpu != NULL ? "cuda" : "cpu";
    request->device = shape->gpu != NULL ? shape->gpu->device.index : 0;
    request->threads = shape->threads;
}

/* Random vectors; in a phase other than the exact one rotated before the map sees them, as `ropemap map`
 * does. */
static ropemap_status make_vectors(struct map *state, ropemap_error *error) {
    bench_state *base = &state->base;
    const bench_shape *shape = &base->shape;
    const int64_t dim = shape->head_dim;
    state->sums = bench_room(base, shape->threads * dim, sizeof *state->sums);
    state->rows = bench_room(base, map_check_rows(shape) * dim, sizeof *state->rows);
    RM_TRY(bench_vectors_open(base, inputs_unit_reach(shape->head_dim), &state->vectors, error));
    state->request.queries = state->vectors.of_queries;
    state->request.keys = state->vectors.of_keys;
    if (shape->phase != ROPEMAP_PHASE_EXACT) {
        const ropemap_prerotation rotation = {.spec = state->request.spec, .phase = shape->phase};
        RM_TRY(ropemap_vectors_rotated(state->vectors.of_queries, &rotation, &state->rotated_queries, error));
        RM_TRY(ropemap_vectors_rotated(state->vectors.of_keys, &rotation, &state->rotated_keys, error));
        state->request.queries = state->rotated_queries;
        state->request.keys = state->rotated_keys;
        state->request.already_rotated = true;
    }
    return ROPEMAP_OK;
}

/* A tile of a GPU's maps and a copy of it, which the ceiling makes. */
static ropemap_status make_tiles(struct map *state, ropemap_error *error) {
    bench_state *base = &state->base;
    const int64_t cells = (int64_t)base->workers.device.block * base->workers.device.block;
    float *tile = NULL;
    RM_TRY(bench_reserve(base, ROPEMAP_DTYPE_FP32, cells, "tile", &tile, error));
    RM_TRY(bench_reserve(base, ROPEMAP_DTYPE_FP32, cells, "copied tile", &base->copied.to, error));
    base->copied.from = tile;
    base->copied.bytes = cells * (int64_t)sizeof *tile;
    return bench_fill(base, ROPEMAP_DTYPE_FP32, tile, cells, 1.0, 7, error);
}

static ropemap_status map_setup(void *opened, ropemap_error *error) {
    struct map *state = opened;
    const bench_shape *shape = &state->base.shape;
    const bool mean = shape->method == ROPEMAP_METHOD_FACTORED;
    make_request(state);
    state->base.flops = bench_products(shape, mean ? shape->height : shape->positions,
                                       mean ? shape->width : shape->positions);
    RM_TRY(shape->method != ROPEMAP_METHOD_DIAGONAL ? make_vectors(state, error) : ROPEMAP_OK);
    return shape->gpu != NULL && shape->method == ROPEMAP_METHOD_TILED ? make_tiles(state, error)
                                                                       : ROPEMAP_OK;
}

static ropemap_status session_setup(void *opened, ropemap_error *error) {
    struct map *state = opened;
    RM_TRY(map_setup(opened, error));
    RM_TRY(ropemap_session_open(&state->session, error));
    state->request.session = state->session;
    return ROPEMAP_OK;
}

/* ---- runs */

static ropemap_status map_prepare(void *opened, ropemap_error *error) {
    struct map *state = opened;
    (void)error;
    ropemap_map_free(&state->map);
    return ROPEMAP_OK;
}

/* Called all along a map: what a worker has taken it keeps until the end, so the last look sees the most. */
static int watch(void *user, const char *stage, double done, double total) {
    struct map *state = user;
    const timed_gpu *gpu = state->base.shape.gpu;
    uint64_t free_bytes = 0, all_bytes = 0;
    (void)stage;
    (void)done;
    (void)total;
    if (gpu->timing->memory(gpu->context, &free_bytes, &all_bytes, NULL) == ROPEMAP_OK &&
        free_bytes < state->free_least) {
        state->free_least = free_bytes;
    }
    return 0;
}

/* The first map of a GPU is watched and not timed: looking takes time. */
static ropemap_status map_run(void *opened, ropemap_error *error) {
    struct map *state = opened;
    const timed_gpu *gpu = state->base.shape.gpu;
    uint64_t all_bytes = 0;
    state->request.progress = NULL;
    if (gpu == NULL || state->watched) {
        return ropemap_map_compute(&state->request, &state->map, error);
    }
    RM_TRY(gpu->timing->memory(gpu->context, &state->free_before, &all_bytes, error));
    state->free_least = state->free_before;
    state->request.progress = watch;
    state->request.progress_user = state;
    state->watched = true;
    RM_TRY(ropemap_map_compute(&state->request, &state->map, error));
    state->base.device_bytes = (int64_t)(state->free_before - state->free_least);
    return ROPEMAP_OK;
}

/* Four rows at a time, so that the sums are loaded and stored seldom. */
static void add_rows(const float *restrict rows, int64_t count, int32_t head_dim, float *restrict sums) {
    int64_t row = 0;
    for (; row + 4 <= count; row += 4) {
        const float *a = rows + row * head_dim, *b = a + head_dim, *c = b + head_dim, *d = c + head_dim;
        for (int32_t i = 0; i < head_dim; i++) {
            sums[i] += (a[i] + b[i]) + (c[i] + d[i]);
        }
    }
    for (; row < count; row++) {
        for (int32_t i = 0; i < head_dim; i++) {
            sums[i] += rows[row * head_dim + i];
        }
    }
}

/* A piece of both sides, added up; the sums are kept, so that no compiler leaves them out. */
static ropemap_status read_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)worker;
    (void)error;
    const struct map *state = work;
    const int32_t dim = state->base.shape.head_dim;
    const rm_span share = workers_share(state->base.shape.positions, state->base.workers.threads, task);
    float *sums = state->sums + task * dim;
    memset(sums, 0, (size_t)dim * sizeof *sums);
    add_rows(state->vectors.queries + share.first * dim, share.end - share.first, dim, sums);
    add_rows(state->vectors.keys + share.first * dim, share.end - share.first, dim, sums);
    return ROPEMAP_OK;
}

/* Reading all rows, and products of all pairs of cells. */
static ropemap_status run_pass_and_adds(void *opened, ropemap_error *error) {
    const struct map *state = opened;
    RM_TRY(workers_run(&state->base.workers, state->base.workers.threads, read_task, opened, error));
    return ceiling_adds(opened, error);
}

static ropemap_status run_upload(void *opened, ropemap_error *error) {
    return gpu_upload(((const bench_state *)opened)->shape.gpu, error);
}

/* ---- work */

/* Both sides are read once. */
static double input_bytes(const bench_shape *shape) {
    return 8.0 * (double)shape->positions * (double)shape->head_dim;
}

/* And the map is written. */
static double map_bytes(const bench_shape *shape) {
    return input_bytes(shape) + 4.0 * bench_cells(shape);
}

static double diagonal_bytes(const bench_shape *shape) {
    return 8.0 * (double)shape->positions + 4.0 * bench_cells(shape);
}

/* Rotating both sides: 25 a pair. Rows that are rotated as they are read do not count: the cost of a cosine
 * is libm's. */
static double rotation_flops(const bench_shape *shape) {
    return shape->phase == ROPEMAP_PHASE_EXACT ? 25.0 * (double)shape->positions * (double)shape->head_dim
                                               : 0.0;
}

/* Products of cells; rotating and adding up both sides. */
static double mean_flops(const bench_shape *shape) {
    const int64_t n = shape->positions;
    return bench_products(shape, shape->height < n ? shape->height : n, shape->width < n ? shape->width : n) +
           rotation_flops(shape) + 2.0 * (double)n * (double)shape->head_dim;
}

/* Products of positions; rotating both sides. */
static double tiled_flops(const bench_shape *shape) {
    return bench_products(shape, shape->positions, shape->positions) + rotation_flops(shape);
}

/* A cosine takes 17, adding it 1; FMAs count twice. */
static double diagonal_flops(const bench_shape *shape) {
    return 18.0 * (double)shape->positions * (double)shape->head_dim / 2.0;
}

static double upload_runs(const bench_case *benchmark, const bench_shape *shape) {
    (void)benchmark;
    return input_bytes(shape) / gpu_upload_bytes(shape->gpu);
}

/* Tiles in all, of the side that maps have; none where the device fuses products and pool. */
static double copy_runs(const bench_case *benchmark, const bench_shape *shape) {
    (void)benchmark;
    if (bench_fuses(shape)) {
        return 0.0;
    }
    const double down = (double)shape->positions / (double)shape->gpu->device.block;
    return down * down;
}

static double vectors_target(const bench_shape *shape) {
    return input_bytes(shape) + MEMORY_TARGET;
}

static double ones_target(const bench_shape *shape) {
    (void)shape;
    return MEMORY_TARGET;
}

/* ---- check */

static bench_output map_output(void *opened) {
    const struct map *state = opened;
    const int64_t cells = state->map.height * state->map.width;
    return (bench_output){state->map.cells, cells * (int64_t)sizeof *state->map.cells, false};
}

static ropemap_status map_check_run(void *opened, check_result *result, ropemap_error *error) {
    const struct map *state = opened;
    const map_check check = {.reference = state->base.reference,
                             .queries = state->vectors.queries,
                             .keys = state->vectors.keys,
                             .positions = state->base.shape.positions,
                             .map = &state->map,
                             .pool = state->request.pool,
                             .on_gpu = state->base.shape.gpu != NULL,
                             .rows = state->rows};
    if (state->map.plan.fell_back) {
        return rm_fail(error, ROPEMAP_RESOURCES, "bench: not what was to be timed: %.300s",
                       state->map.plan.backend_reason);
    }
    map_check_cells(&check, result);
    return ROPEMAP_OK;
}

static const bench_stage map_stage = {.size = sizeof(struct map),
                                      .setup = map_setup,
                                      .teardown = map_teardown,
                                      .prepare = map_prepare,
                                      .run = map_run,
                                      .output = map_output,
                                      .check = map_check_run};

static const bench_stage session_stage = {.size = sizeof(struct map),
                                          .setup = session_setup,
                                          .teardown = map_teardown,
                                          .prepare = map_prepare,
                                          .run = map_run,
                                          .output = map_output,
                                          .check = map_check_run};

enum { USES = BENCH_USES_LAYOUT | BENCH_USES_PHASE };

#define LARGE                                                                                                \
    {                                                                                                        \
        .positions = 1048576, .head_dim = 128, .width = 4096, .height = 4096, .pool = ROPEMAP_POOL_MEAN,     \
        .method = ROPEMAP_METHOD_FACTORED                                                                    \
    }

const bench_case cpu_map_benchmarks[] = {
    {.kind = BENCH_MAP,
     .name = "map mean",
     .formula = "FLOP = 2 W H d + 27 n d, bytes = 8 n d + 4 W H",
     .formula_as_read = "FLOP = 2 W H d + 2 n d, bytes = 8 n d + 4 W H",
     .ceiling = "adding up the rows once, then multiply-adds in registers",
     .uses = USES,
     .usual = LARGE,
     .targets = {{BENCH_TARGET_SHARE, 1.0 / 1.3, "v4", 2}, {BENCH_TARGET_SHARE, 1.0 / 1.3, "v3", 2}},
     .stage = &map_stage,
     .ceilings = {{.run = run_pass_and_adds}},
     .bytes = map_bytes,
     .flops = mean_flops},
    {.kind = BENCH_MAP,
     .name = "map max",
     .formula = "FLOP = 2 n^2 d + 25 n d, bytes = 8 n d + 4 W H",
     .formula_as_read = "FLOP = 2 n^2 d, bytes = 8 n d + 4 W H",
     .ceiling = "as many FLOPs of multiply-adds in registers",
     .uses = USES,
     .usual = {.positions = 16384,
               .head_dim = 128,
               .width = 1024,
               .height = 1024,
               .pool = ROPEMAP_POOL_MAX,
               .method = ROPEMAP_METHOD_TILED},
     .by_flops = true,
     .targets = {{BENCH_TARGET_SHARE, 0.8, "v4", 0}, {BENCH_TARGET_SHARE, 0.8, "v3", 0}},
     .stage = &map_stage,
     .ceilings = {{.run = ceiling_adds}},
     .bytes = map_bytes,
     .flops = tiled_flops},
    {.name = NULL},
};

#define TILED                                                                                                \
    { .positions = 131072, .head_dim = 128, .width = 1024, .height = 1024, .method = ROPEMAP_METHOD_TILED }
#define TILED_CEILING                                                                                        \
    "the slower of copying every tile once in cache, where it is not fused, and as many FLOPs in a large "   \
    "product; of fused fp32 three of fp16"

const bench_case gpu_map_benchmarks[] = {
    {.kind = BENCH_MAP,
     .name = "map mean",
     .formula = "FLOP = 2 W H d + 27 n d, bytes = 8 n d + 4 W H",
     .ceiling = "uploading the rows once from pinned memory",
     .uses = USES,
     .usual = LARGE,
     .by_wall = true,
     .stage = &map_stage,
     .ceilings = {{.run = run_upload, .runs = upload_runs}},
     .bytes = map_bytes,
     .flops = mean_flops,
     .memory_target = vectors_target},
    {.kind = BENCH_MAP,
     .name = "map",
     .formula = "FLOP = 2 n^2 d + 25 n d, bytes = 8 n d + 4 W H",
     .ceiling = TILED_CEILING,
     .pools = 1u << ROPEMAP_POOL_MAX | 1u << ROPEMAP_POOL_STD,
     .uses = USES | BENCH_USES_DTYPE,
     .usual = TILED,
     .by_flops = true,
     .by_wall = true,
     .stage = &map_stage,
     .ceilings = {{.run = ceiling_copy, .runs = copy_runs},
                  {.run = ceiling_fused, .runs = ceiling_fused_runs}},
     .bytes = map_bytes,
     .flops = tiled_flops,
     .memory_target = vectors_target},
    {.kind = BENCH_MAP,
     .name = "map in a session",
     .formula = "FLOP = 2 n^2 d + 25 n d, bytes = 8 n d + 4 W H",
     .ceiling = TILED_CEILING,
     .pools = 1u << ROPEMAP_POOL_MAX,
     .uses = USES | BENCH_USES_DTYPE,
     .usual = TILED,
     .by_flops = true,
     .by_wall = true,
     .stage = &session_stage,
     .ceilings = {{.run = ceiling_copy, .runs = copy_runs},
                  {.run = ceiling_fused, .runs = ceiling_fused_runs}},
     .bytes = map_bytes,
     .flops = tiled_flops,
     .memory_target = vectors_target},
    {.kind = BENCH_MAP,
     .name = "map max of ones",
     .formula = "FLOP = 9 n d, bytes = 8 n + 4 W H",
     .ceiling = "as many FLOPs in a large fp32 product",
     .uses = BENCH_USES_PHASE,
     .usual = {.positions = 1048576,
               .head_dim = 128,
               .width = 2048,
               .height = 2048,
               .pool = ROPEMAP_POOL_MAX,
               .method = ROPEMAP_METHOD_DIAGONAL},
     .by_flops = true,
     .by_wall = true,
     .stage = &map_stage,
     .ceilings = {{.run = ceiling_product, .runs = ceiling_product_runs}},
     .bytes = diagonal_bytes,
     .flops = diagonal_flops,
     .memory_target = ones_target},
    {.name = NULL},
};
