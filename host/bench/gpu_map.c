/* gpu_map.c - benchmarks: whole maps on a GPU, from vectors in the host's memory, timed as people see them */
/* SPDX-License-Identifier: MIT */
/* Contexts and memory of the GPU are made anew for each map, as for every map; its library stays open. */
#include "host/base/alloc.h"
#include "host/bench/gpu.h"
#include "host/bench/inputs.h"
#include "host/bench/map_check.h"
#include "host/bench/table.h"

static const double MEMORY_TARGET = 256.0 * 1048576.0; /* bytes besides the inputs */

struct state {
    rm_shape shape;
    rm_gpu *gpu;
    rm_reference *reference;
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
        rm_gpu_release(state->gpu, state->tile);
        rm_gpu_release(state->gpu, state->copy);
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
    const rm_shape *shape = &state->shape;
    const uint64_t dim = (uint64_t)shape->head_dim, count = (uint64_t)shape->positions * dim;
    state->queries = rm_alloc_raw(count, sizeof *state->queries);
    state->keys = rm_alloc_raw(count, sizeof *state->keys);
    state->rows = rm_alloc_raw(rm_map_check_rows(shape) * dim, sizeof *state->rows);
    if (state->queries == NULL || state->keys == NULL || state->rows == NULL) {
        return rm_fail_memory(error, "vectors", 2 * count * sizeof(float));
    }
    const double reach = rm_inputs_unit_reach(shape->head_dim);
    rm_inputs_fill(state->queries, (int64_t)count, reach, 8);
    rm_inputs_fill(state->keys, (int64_t)count, reach, 9);
    RM_TRY(ropemap_vectors_memory(state->queries, shape->positions, shape->head_dim, &state->query_vectors,
                                  error));
    return ropemap_vectors_memory(state->keys, shape->positions, shape->head_dim, &state->key_vectors, error);
}

static ropemap_status make_tiles(struct state *state, ropemap_error *error) {
    const int64_t cells = (int64_t)state->gpu->device.block * state->gpu->device.block;
    RM_TRY(rm_gpu_reserve(state->gpu, ROPEMAP_DTYPE_FP32, cells, "tile", &state->tile, error));
    RM_TRY(rm_gpu_reserve(state->gpu, ROPEMAP_DTYPE_FP32, cells, "copied tile", &state->copy, error));
    return rm_gpu_fill(state->gpu, ROPEMAP_DTYPE_FP32, state->tile, cells, 1.0, 7, error);
}

static void make_request(struct state *state, ropemap_method method, ropemap_pool pool) {
    const rm_shape *shape = &state->shape;
    state->request = ropemap_request_default();
    state->request.spec.head_dim = shape->head_dim;
    state->request.spec.layout = shape->layout;
    state->request.queries = state->query_vectors;
    state->request.keys = state->key_vectors;
    state->request.rows = (ropemap_range){.first = 0, .count = shape->positions, .step = 1};
    state->request.cols = state->request.rows;
    state->request.width = shape->width;
    state->request.height = shape->height;
    state->request.pool = pool;
    state->request.method = method;
    state->request.dtype = method == ROPEMAP_METHOD_TILED ? shape->dtype : ROPEMAP_DTYPE_FP32;
    state->request.backend = "cuda";
    state->request.device = shape->gpu->device.index;
    state->request.threads = shape->threads;
}

static ropemap_status map_open(ropemap_method method, ropemap_pool pool, const rm_shape *shape, void **opened,
                               ropemap_error *error) {
    struct state *state = rm_alloc(1, sizeof *state);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", sizeof *state);
    }
    state->shape = *shape;
    state->gpu = shape->gpu;
    state->shape.height = cells_of(shape->height, shape->positions);
    state->shape.width = cells_of(shape->width, shape->positions);
    state->reference = rm_reference_make(shape->head_dim, shape->layout, ROPEMAP_PHASE_EXACT);
    if (state->reference == NULL) {
        return rm_fail_memory(error, "reference", sizeof *state->reference);
    }
    if (method != ROPEMAP_METHOD_DIAGONAL) {
        RM_TRY(make_vectors(state, error));
    }
    if (method == ROPEMAP_METHOD_TILED) {
        RM_TRY(make_tiles(state, error));
    }
    make_request(state, method, pool);
    return ROPEMAP_OK;
}

static ropemap_status open_mean(const rm_shape *shape, void **opened, ropemap_error *error) {
    return map_open(ROPEMAP_METHOD_FACTORED, ROPEMAP_POOL_MEAN, shape, opened, error);
}

static ropemap_status open_max(const rm_shape *shape, void **opened, ropemap_error *error) {
    return map_open(ROPEMAP_METHOD_TILED, ROPEMAP_POOL_MAX, shape, opened, error);
}

static ropemap_status open_std(const rm_shape *shape, void **opened, ropemap_error *error) {
    return map_open(ROPEMAP_METHOD_TILED, ROPEMAP_POOL_STD, shape, opened, error);
}

static ropemap_status open_diagonal(const rm_shape *shape, void **opened, ropemap_error *error) {
    return map_open(ROPEMAP_METHOD_DIAGONAL, ROPEMAP_POOL_MAX, shape, opened, error);
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
    if (state->gpu->probe->memory(state->gpu->context, &free_bytes, &all_bytes, NULL) == ROPEMAP_OK &&
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
        RM_TRY(state->gpu->probe->memory(state->gpu->context, &state->free_before, &all_bytes, error));
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
    return rm_gpu_upload(state->gpu, error);
}

static ropemap_status run_copy(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    const int64_t block = state->gpu->device.block;
    return state->gpu->probe->copy(state->gpu->context, state->tile, state->copy,
                                   block * block * (int64_t)sizeof(float), error);
}

static ropemap_status run_product(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    return rm_gpu_product(state->gpu, state->request.dtype, error);
}

static ropemap_status map_spoil(void *opened, ropemap_error *error) {
    return map_prepare(opened, error); /* a map is made anew, and there is none before */
}

static rm_output no_output(void *opened) {
    (void)opened;
    return (rm_output){.data = NULL};
}

static ropemap_status map_check(void *opened, rm_verdict *verdict, ropemap_error *error) {
    const struct state *state = opened;
    const rm_map_check check = {.reference = state->reference,
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
    rm_map_check_cells(&check, verdict);
    return ROPEMAP_OK;
}

/* ---- work */

/* Both sides, read once. */
static double input_bytes(const rm_shape *shape) {
    return 8.0 * (double)shape->positions * (double)shape->head_dim;
}

static double cell_count(const rm_shape *shape) {
    return (double)cells_of(shape->width, shape->positions) *
           (double)cells_of(shape->height, shape->positions);
}

static double map_bytes(const rm_shape *shape) {
    return input_bytes(shape) + 4.0 * cell_count(shape);
}

static double diagonal_bytes(const rm_shape *shape) {
    return 8.0 * (double)shape->positions + 4.0 * cell_count(shape);
}

/* Products of cells; rotating and adding up both sides. */
static double mean_flops(const rm_shape *shape) {
    const double dim = (double)shape->head_dim;
    return 2.0 * cell_count(shape) * dim + 27.0 * (double)shape->positions * dim;
}

/* Products of positions; rotating both sides. */
static double tiled_flops(const rm_shape *shape) {
    const double n = (double)shape->positions, dim = (double)shape->head_dim;
    return 2.0 * n * n * dim + 25.0 * n * dim;
}

/* A cosine takes 17, adding it 1; FMAs count twice. */
static double diagonal_flops(const rm_shape *shape) {
    return 18.0 * (double)shape->positions * (double)shape->head_dim / 2.0;
}

static double upload_runs(const rm_shape *shape) {
    return input_bytes(shape) / rm_gpu_upload_bytes(shape->gpu);
}

/* Tiles in all, of the side that maps have. */
static double copy_runs(const rm_shape *shape) {
    const double down = (double)shape->positions / (double)shape->gpu->device.block;
    return down * down;
}

static double tiled_runs(const rm_shape *shape) {
    return tiled_flops(shape) / rm_gpu_product_flops(shape->gpu);
}

static double diagonal_runs(const rm_shape *shape) {
    return diagonal_flops(shape) / rm_gpu_product_flops(shape->gpu);
}

static double vectors_target(const rm_shape *shape) {
    return input_bytes(shape) + MEMORY_TARGET;
}

static double ones_target(const rm_shape *shape) {
    (void)shape;
    return MEMORY_TARGET;
}

const rm_benchmark rm_gpu_bench_map_mean = {
    .bench = ROPEMAP_BENCH_MAP,
    .name = "map mean",
    .formula = "FLOP = 2 W H d + 27 n d, bytes = 8 n d + 4 W H",
    .ceiling = "uploading the rows once from pinned memory",
    .uses = RM_USES_PHASE | RM_USES_POSITIONS | RM_USES_HEAD_DIM | RM_USES_SIZE | RM_USES_LAYOUT,
    .usual = {.positions = 1048576, .head_dim = 128, .width = 4096, .height = 4096},
    .by_wall = true,
    .open = open_mean,
    .close = map_close,
    .prepare = map_prepare,
    .run = map_run,
    .run_ceiling = run_upload,
    .ceiling_runs = upload_runs,
    .bytes = map_bytes,
    .flops = mean_flops,
    .memory_target = vectors_target,
    .output = no_output,
    .spoil = map_spoil,
    .check = map_check,
    .device_bytes = map_device_bytes,
};

const rm_benchmark rm_gpu_bench_map_max = {
    .bench = ROPEMAP_BENCH_MAP,
    .name = "map max",
    .formula = "FLOP = 2 n^2 d + 25 n d, bytes = 8 n d + 4 W H",
    .ceiling = "the slower of copying every tile once in cache and as many FLOPs in a large product",
    .uses =
        RM_USES_PHASE | RM_USES_POSITIONS | RM_USES_HEAD_DIM | RM_USES_SIZE | RM_USES_LAYOUT | RM_USES_DTYPE,
    .usual = {.positions = 131072, .head_dim = 128, .width = 1024, .height = 1024},
    .by_flops = true,
    .by_wall = true,
    .open = open_max,
    .close = map_close,
    .prepare = map_prepare,
    .run = map_run,
    .run_ceiling = run_copy,
    .run_other_ceiling = run_product,
    .ceiling_runs = copy_runs,
    .other_ceiling_runs = tiled_runs,
    .bytes = map_bytes,
    .flops = tiled_flops,
    .memory_target = vectors_target,
    .output = no_output,
    .spoil = map_spoil,
    .check = map_check,
    .device_bytes = map_device_bytes,
};

const rm_benchmark rm_gpu_bench_map_std = {
    .bench = ROPEMAP_BENCH_MAP,
    .name = "map std",
    .formula = "FLOP = 2 n^2 d + 25 n d, bytes = 8 n d + 4 W H",
    .ceiling = "the slower of copying every tile once in cache and as many FLOPs in a large product",
    .uses =
        RM_USES_PHASE | RM_USES_POSITIONS | RM_USES_HEAD_DIM | RM_USES_SIZE | RM_USES_LAYOUT | RM_USES_DTYPE,
    .usual = {.positions = 131072, .head_dim = 128, .width = 1024, .height = 1024},
    .by_flops = true,
    .by_wall = true,
    .open = open_std,
    .close = map_close,
    .prepare = map_prepare,
    .run = map_run,
    .run_ceiling = run_copy,
    .run_other_ceiling = run_product,
    .ceiling_runs = copy_runs,
    .other_ceiling_runs = tiled_runs,
    .bytes = map_bytes,
    .flops = tiled_flops,
    .memory_target = vectors_target,
    .output = no_output,
    .spoil = map_spoil,
    .check = map_check,
    .device_bytes = map_device_bytes,
};

const rm_benchmark rm_gpu_bench_map_diagonal = {
    .bench = ROPEMAP_BENCH_MAP,
    .name = "map max of ones",
    .formula = "FLOP = 9 n d, bytes = 8 n + 4 W H",
    .ceiling = "as many FLOPs in a large fp32 product",
    .uses = RM_USES_PHASE | RM_USES_POSITIONS | RM_USES_HEAD_DIM | RM_USES_SIZE,
    .usual = {.positions = 1048576, .head_dim = 128, .width = 2048, .height = 2048},
    .by_flops = true,
    .by_wall = true,
    .open = open_diagonal,
    .close = map_close,
    .prepare = map_prepare,
    .run = map_run,
    .run_ceiling = run_product,
    .ceiling_runs = diagonal_runs,
    .bytes = diagonal_bytes,
    .flops = diagonal_flops,
    .memory_target = ones_target,
    .output = no_output,
    .spoil = map_spoil,
    .check = map_check,
    .device_bytes = map_device_bytes,
};
