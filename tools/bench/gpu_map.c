/* gpu_map.c - benchmarks: whole maps on a GPU, from vectors in host memory, timed as users see them */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "tools/bench/check.h"
#include "tools/bench/gpu.h"

/* Contexts and memory of the GPU are made anew for each map, as for every map; its library stays open. */

static const double MEMORY_TARGET = 256.0 * 1048576.0; /* bytes besides the inputs */

struct state {
    bench_shape shape;
    timed_gpu *gpu;
    check_reference *reference;
    float *queries, *keys; /* [positions, head_dim]; NULL: ones */
    float *tile, *copy;    /* the device's [block, block]: what ceilings of tiles copy */
    double *rows;          /* for the check */
    ropemap_vectors *query_vectors, *key_vectors;
    ropemap_request request;
    ropemap_map map;
    bool watched;                     /* whether a map has been computed */
    uint64_t free_before, free_least; /* bytes of the device, around the first map */
};

static void map_close(void *opened) {
    struct state *state = opened;
    if (state != NULL) {
        ropemap_map_free(&state->map);
        ropemap_vectors_free(state->query_vectors);
        ropemap_vectors_free(state->key_vectors);
        gpu_release(state->gpu, state->tile);
        gpu_release(state->gpu, state->copy);
        rm_free(state->reference);
        rm_free(state->queries);
        rm_free(state->keys);
        rm_free(state->rows);
        rm_free(state);
    }
}

static int64_t cells_of(int64_t asked, int64_t positions) {
    return asked < positions ? asked : positions;
}

static ropemap_status make_vectors(struct state *state, ropemap_error *error) {
    const bench_shape *shape = &state->shape;
    const uint64_t dim = (uint64_t)shape->head_dim, count = (uint64_t)shape->positions * dim;
    state->queries = rm_alloc_raw(count, sizeof *state->queries);
    state->keys = rm_alloc_raw(count, sizeof *state->keys);
    state->rows = rm_alloc_raw(map_check_rows(shape) * dim, sizeof *state->rows);
    if (state->queries == NULL || state->keys == NULL || state->rows == NULL) {
        return rm_fail_memory(error, "vectors", 2 * count * sizeof(float));
    }
    const double reach = inputs_unit_reach(shape->head_dim);
    inputs_fill(state->queries, (int64_t)count, reach, 8);
    inputs_fill(state->keys, (int64_t)count, reach, 9);
    RM_TRY(ropemap_vectors_memory(state->queries, shape->positions, shape->head_dim, &state->query_vectors,
                                  error));
    return ropemap_vectors_memory(state->keys, shape->positions, shape->head_dim, &state->key_vectors, error);
}

static ropemap_status make_tiles(struct state *state, ropemap_error *error) {
    const int64_t cells = (int64_t)state->gpu->device.block * state->gpu->device.block;
    RM_TRY(gpu_reserve(state->gpu, ROPEMAP_DTYPE_FP32, cells, "tile", &state->tile, error));
    RM_TRY(gpu_reserve(state->gpu, ROPEMAP_DTYPE_FP32, cells, "copied tile", &state->copy, error));
    return gpu_fill(state->gpu, ROPEMAP_DTYPE_FP32, state->tile, cells, 1.0, 7, error);
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
    state->request.method = shape->method;
    state->request.dtype = shape->method == ROPEMAP_METHOD_TILED ? shape->dtype : ROPEMAP_DTYPE_FP32;
    state->request.backend = "cuda";
    state->request.device = shape->gpu->device.index;
    state->request.threads = shape->threads;
}

static ropemap_status map_open(const bench_shape *shape, void **opened, ropemap_error *error) {
    struct state *state = rm_alloc(1, sizeof *state);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", sizeof *state);
    }
    state->shape = *shape;
    state->gpu = shape->gpu;
    state->shape.height = cells_of(shape->height, shape->positions);
    state->shape.width = cells_of(shape->width, shape->positions);
    state->reference = reference_make(shape->head_dim, shape->layout, ROPEMAP_PHASE_EXACT);
    if (state->reference == NULL) {
        return rm_fail_memory(error, "reference", sizeof *state->reference);
    }
    if (shape->method != ROPEMAP_METHOD_DIAGONAL) {
        RM_TRY(make_vectors(state, error));
    }
    if (shape->method == ROPEMAP_METHOD_TILED) {
        RM_TRY(make_tiles(state, error));
    }
    make_request(state);
    return ROPEMAP_OK;
}

/* ---- runs */

static ropemap_status map_prepare(void *opened, ropemap_error *error) {
    struct state *state = opened;
    (void)error;
    ropemap_map_free(&state->map);
    return ROPEMAP_OK;
}

/* Called all along a map: what a worker has taken it keeps until the end, so the last look sees the most. */
static int watch(void *user, const char *stage, double done, double total) {
    struct state *state = user;
    uint64_t free_bytes = 0, all_bytes = 0;
    (void)stage;
    (void)done;
    (void)total;
    if (state->gpu->timing->memory(state->gpu->context, &free_bytes, &all_bytes, NULL) == ROPEMAP_OK &&
        free_bytes < state->free_least) {
        state->free_least = free_bytes;
    }
    return 0;
}

/* The first one is watched and not timed: looking takes time. */
static ropemap_status map_run(void *opened, ropemap_error *error) {
    struct state *state = opened;
    uint64_t all_bytes = 0;
    state->request.progress = NULL;
    if (!state->watched) {
        RM_TRY(state->gpu->timing->memory(state->gpu->context, &state->free_before, &all_bytes, error));
        state->free_least = state->free_before;
        state->request.progress = watch;
        state->request.progress_user = state;
        state->watched = true;
    }
    return ropemap_map_compute(&state->request, &state->map, error);
}

static int64_t map_device_bytes(void *opened) {
    const struct state *state = opened;
    return (int64_t)(state->free_before - state->free_least);
}

static ropemap_status run_upload(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    return gpu_upload(state->gpu, error);
}

static ropemap_status run_copy(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    const int64_t block = state->gpu->device.block;
    return state->gpu->timing->copy(state->gpu->context, state->tile, state->copy,
                                    block * block * (int64_t)sizeof(float), error);
}

static ropemap_status run_product(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    return gpu_product(state->gpu, state->request.dtype, error);
}

static ropemap_status map_check_run(void *opened, check_result *result, ropemap_error *error) {
    const struct state *state = opened;
    const map_check check = {.reference = state->reference,
                             .queries = state->queries,
                             .keys = state->keys,
                             .positions = state->shape.positions,
                             .map = &state->map,
                             .pool = state->request.pool,
                             .on_gpu = true,
                             .rows = state->rows};
    if (state->map.plan.fell_back) {
        return rm_fail(error, ROPEMAP_RESOURCES, "bench: not what was to be timed: %.300s",
                       state->map.plan.backend_reason);
    }
    map_check_cells(&check, result);
    return ROPEMAP_OK;
}

/* ---- work */

/* Both sides, read once. */
static double input_bytes(const bench_shape *shape) {
    return 8.0 * (double)shape->positions * (double)shape->head_dim;
}

static double cell_count(const bench_shape *shape) {
    return (double)cells_of(shape->width, shape->positions) *
           (double)cells_of(shape->height, shape->positions);
}

static double map_bytes(const bench_shape *shape) {
    return input_bytes(shape) + 4.0 * cell_count(shape);
}

static double diagonal_bytes(const bench_shape *shape) {
    return 8.0 * (double)shape->positions + 4.0 * cell_count(shape);
}

/* Products of cells; rotating and adding up both sides. */
static double mean_flops(const bench_shape *shape) {
    const double dim = (double)shape->head_dim;
    return 2.0 * cell_count(shape) * dim + 27.0 * (double)shape->positions * dim;
}

/* Products of positions; rotating both sides. */
static double tiled_flops(const bench_shape *shape) {
    const double n = (double)shape->positions, dim = (double)shape->head_dim;
    return 2.0 * n * n * dim + 25.0 * n * dim;
}

/* A cosine takes 17, adding it 1; FMAs count twice. */
static double diagonal_flops(const bench_shape *shape) {
    return 18.0 * (double)shape->positions * (double)shape->head_dim / 2.0;
}

static double upload_runs(const bench_shape *shape) {
    return input_bytes(shape) / gpu_upload_bytes(shape->gpu);
}

/* Tiles in all, of the side that maps have. */
static double copy_runs(const bench_shape *shape) {
    const double down = (double)shape->positions / (double)shape->gpu->device.block;
    return down * down;
}

static double tiled_runs(const bench_shape *shape) {
    return tiled_flops(shape) / gpu_product_flops(shape->gpu);
}

static double diagonal_runs(const bench_shape *shape) {
    return diagonal_flops(shape) / gpu_product_flops(shape->gpu);
}

static double vectors_target(const bench_shape *shape) {
    return input_bytes(shape) + MEMORY_TARGET;
}

static double ones_target(const bench_shape *shape) {
    (void)shape;
    return MEMORY_TARGET;
}

enum { USES = BENCH_USES_PHASE | BENCH_USES_POSITIONS | BENCH_USES_HEAD_DIM | BENCH_USES_SIZE };

const bench_case gpu_map_benchmarks[] = {
    {.kind = BENCH_MAP,
     .name = "map mean",
     .formula = "FLOP = 2 W H d + 27 n d, bytes = 8 n d + 4 W H",
     .ceiling = "uploading the rows once from pinned memory",
     .uses = USES | BENCH_USES_LAYOUT,
     .usual = {.positions = 1048576,
               .head_dim = 128,
               .width = 4096,
               .height = 4096,
               .pool = ROPEMAP_POOL_MEAN,
               .method = ROPEMAP_METHOD_FACTORED},
     .by_wall = true,
     .open = map_open,
     .close = map_close,
     .prepare = map_prepare,
     .run = map_run,
     .ceilings = {{.run = run_upload, .runs = upload_runs}},
     .bytes = map_bytes,
     .flops = mean_flops,
     .memory_target = vectors_target,
     .spoil = map_prepare,
     .check = map_check_run,
     .device_bytes = map_device_bytes},
    {.kind = BENCH_MAP,
     .name = "map",
     .formula = "FLOP = 2 n^2 d + 25 n d, bytes = 8 n d + 4 W H",
     .ceiling = "the slower of copying every tile once in cache and as many FLOPs in a large product",
     .pools = 1u << ROPEMAP_POOL_MAX | 1u << ROPEMAP_POOL_STD,
     .uses = USES | BENCH_USES_LAYOUT | BENCH_USES_DTYPE,
     .usual = {.positions = 131072,
               .head_dim = 128,
               .width = 1024,
               .height = 1024,
               .method = ROPEMAP_METHOD_TILED},
     .by_flops = true,
     .by_wall = true,
     .open = map_open,
     .close = map_close,
     .prepare = map_prepare,
     .run = map_run,
     .ceilings = {{.run = run_copy, .runs = copy_runs}, {.run = run_product, .runs = tiled_runs}},
     .bytes = map_bytes,
     .flops = tiled_flops,
     .memory_target = vectors_target,
     .spoil = map_prepare,
     .check = map_check_run,
     .device_bytes = map_device_bytes},
    {.kind = BENCH_MAP,
     .name = "map max of ones",
     .formula = "FLOP = 9 n d, bytes = 8 n + 4 W H",
     .ceiling = "as many FLOPs in a large fp32 product",
     .uses = USES,
     .usual = {.positions = 1048576,
               .head_dim = 128,
               .width = 2048,
               .height = 2048,
               .pool = ROPEMAP_POOL_MAX,
               .method = ROPEMAP_METHOD_DIAGONAL},
     .by_flops = true,
     .by_wall = true,
     .open = map_open,
     .close = map_close,
     .prepare = map_prepare,
     .run = map_run,
     .ceilings = {{.run = run_product, .runs = diagonal_runs}},
     .bytes = diagonal_bytes,
     .flops = diagonal_flops,
     .memory_target = ones_target,
     .spoil = map_prepare,
     .check = map_check_run,
     .device_bytes = map_device_bytes},
    {.name = NULL},
};
