/* state.c - a benchmark that is open: its backend, its memory, and what the hardware does at most */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/cpu/kernels.h"
#include "tools/bench/check.h"
#include "tools/bench/gpu.h"

#include <string.h>

/* ---- workers */

static ropemap_status open_workers(bench_state *state, ropemap_error *error) {
    bench_workers *workers = &state->workers;
    const timed_gpu *gpu = state->shape.gpu;
    *workers = gpu != NULL ? (bench_workers){gpu->backend, gpu->device, 1, NULL}
                           : (bench_workers){rm_cpu_backend(), rm_cpu_device(), state->shape.threads, NULL};
    workers->contexts = rm_alloc((uint64_t)workers->threads, sizeof *workers->contexts);
    if (workers->contexts == NULL) {
        return rm_fail_memory(error, "workers", (uint64_t)workers->threads * sizeof *workers->contexts);
    }
    if (gpu != NULL) {
        workers->contexts[0] = gpu->context;
        return ROPEMAP_OK;
    }
    for (int32_t i = 0; i < workers->threads; i++) {
        RM_TRY(workers->backend->open(&workers->contexts[i], &workers->device, error));
    }
    return ROPEMAP_OK;
}

static void close_workers(bench_state *state) {
    const bench_workers *workers = &state->workers;
    const bool own = state->shape.gpu == NULL && workers->contexts != NULL;
    for (int32_t i = 0; own && i < workers->threads; i++) {
        workers->backend->close(workers->contexts[i]);
    }
    rm_free(workers->contexts);
}

ropemap_status workers_run(const bench_workers *workers, int64_t count, rm_task task, void *work,
                           ropemap_error *error) {
    rm_team team = {.threads = workers->threads};
    return rm_team_run(&team, "bench", count, task, work, error);
}

rm_span workers_share(int64_t count, int64_t parts, int64_t part) {
    return (rm_span){.first = count * part / parts, .end = count * (part + 1) / parts};
}

/* ---- opening */

static int64_t at_most(int64_t cells, int64_t positions) {
    return positions != 0 && positions < cells ? positions : cells;
}

static ropemap_status make_rule(bench_state *state, ropemap_error *error) {
    const bench_shape *shape = &state->shape;
    ropemap_spec spec = ropemap_spec_default();
    spec.head_dim = shape->head_dim;
    spec.layout = shape->layout;
    RM_TRY(ropemap_freqs_make(&spec, &state->freqs, error));
    state->reference = reference_make(shape->head_dim, shape->layout, shape->phase);
    return state->reference != NULL ? ROPEMAP_OK
                                    : rm_fail_memory(error, "reference", sizeof *state->reference);
}

ropemap_status bench_open(const bench_case *benchmark, const bench_shape *shape, void **opened,
                          ropemap_error *error) {
    bench_state *state = rm_alloc(1, benchmark->stage->size);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", benchmark->stage->size);
    }
    state->benchmark = benchmark;
    state->shape = *shape;
    state->shape.width = at_most(shape->width, shape->positions);
    state->shape.height = at_most(shape->height, shape->positions);
    RM_TRY(open_workers(state, error));
    RM_TRY(shape->head_dim != 0 ? make_rule(state, error) : ROPEMAP_OK);
    return benchmark->stage->setup(state, error);
}

void bench_close(void *opened) {
    bench_state *state = opened;
    if (state == NULL) {
        return;
    }
    if (state->shape.gpu != NULL) { /* after a failure the next row's work need not wait for this one's */
        (void)state->shape.gpu->backend->finish(state->shape.gpu->context, NULL);
    }
    if (state->benchmark->stage->teardown != NULL) {
        state->benchmark->stage->teardown(state);
    }
    for (int i = 0; i < state->reserved_count; i++) {
        state->workers.backend->release(state->workers.contexts[0], state->reserved[i]);
    }
    for (int i = 0; i < state->room_count; i++) {
        rm_free(state->rooms[i]);
    }
    rm_free(state->reference);
    close_workers(state);
    rm_free(state);
}

ropemap_status bench_prepare(void *opened, ropemap_error *error) {
    const bench_stage *stage = ((bench_state *)opened)->benchmark->stage;
    return stage->prepare != NULL ? stage->prepare(opened, error) : ROPEMAP_OK;
}

ropemap_status bench_spoil(void *opened, ropemap_error *error) {
    const bench_state *state = opened;
    RM_TRY(bench_prepare(opened, error));
    const bench_output output = state->benchmark->stage->output(opened);
    if (output.data != NULL && output.on_gpu) {
        return gpu_spoil(state->shape.gpu, output.data, output.bytes, error);
    }
    if (output.data != NULL) {
        memset(output.data, 0xff, (size_t)output.bytes);
    }
    return ROPEMAP_OK;
}

/* ---- memory */

ropemap_status bench_reserve(bench_state *state, ropemap_dtype dtype, int64_t count, const char *what,
                             float **memory, ropemap_error *error) {
    const int64_t floats = gpu_element(dtype) == 2 ? (count + 1) / 2 : count;
    RM_TRY(state->workers.backend->reserve(state->workers.contexts[0], floats, what, memory, error));
    state->reserved[state->reserved_count++] = *memory;
    return ROPEMAP_OK;
}

ropemap_status bench_fill(const bench_state *state, ropemap_dtype dtype, float *memory, int64_t count,
                          double reach, uint64_t seed, ropemap_error *error) {
    if (state->shape.gpu != NULL) {
        return gpu_fill(state->shape.gpu, dtype, memory, count, reach, seed, error);
    }
    inputs_fill(memory, count, reach, seed);
    return ROPEMAP_OK;
}

ropemap_status bench_read(const bench_state *state, ropemap_dtype dtype, float *memory, int64_t first,
                          int64_t count, float *floats, ropemap_error *error) {
    if (state->shape.gpu != NULL) {
        return gpu_read(state->shape.gpu, dtype, memory, first, count, floats, error);
    }
    memcpy(floats, memory + first, (size_t)count * sizeof *floats);
    return ROPEMAP_OK;
}

void *bench_room(bench_state *state, int64_t count, size_t size) {
    void *made = rm_alloc_raw((uint64_t)count, size);
    state->missing = made == NULL ? (uint64_t)count * size : state->missing;
    state->rooms[state->room_count++] = made;
    return made;
}

ropemap_status bench_whole(const bench_state *state, ropemap_error *error) {
    return state->missing == 0 ? ROPEMAP_OK : rm_fail_memory(error, "benchmark", state->missing);
}

ropemap_status bench_vectors_open(bench_state *state, double reach, bench_vectors *vectors,
                                  ropemap_error *error) {
    const int64_t n = state->shape.positions, count = n * state->shape.head_dim;
    const int32_t dim = state->shape.head_dim;
    vectors->queries = bench_room(state, count, sizeof *vectors->queries);
    vectors->keys = bench_room(state, count, sizeof *vectors->keys);
    RM_TRY(bench_whole(state, error));
    inputs_fill(vectors->queries, count, reach, 8);
    inputs_fill(vectors->keys, count, reach, 9);
    RM_TRY(ropemap_vectors_memory(vectors->queries, n, dim, &vectors->of_queries, error));
    return ropemap_vectors_memory(vectors->keys, n, dim, &vectors->of_keys, error);
}

void bench_vectors_close(bench_vectors *vectors) {
    ropemap_vectors_free(vectors->of_queries);
    ropemap_vectors_free(vectors->of_keys);
}

/* ---- counts */

double bench_cells(const bench_shape *shape) {
    return (double)at_most(shape->width, shape->positions) * (double)at_most(shape->height, shape->positions);
}

double bench_products(const bench_shape *shape, int64_t rows, int64_t cols) {
    const int64_t block = shape->gpu != NULL ? 1 : rm_cpu_device().block;
    const double down = (double)((rows + block - 1) / block), across = (double)((cols + block - 1) / block);
    return 2.0 * down * across * (double)(block * block) * (double)shape->head_dim;
}

/* ---- ceilings */

static ropemap_status copy_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)worker;
    (void)error;
    const bench_state *state = work;
    const rm_span share = workers_share(state->copied.bytes, state->workers.threads, task);
    memcpy((char *)state->copied.to + share.first, (const char *)state->copied.from + share.first,
           (size_t)(share.end - share.first));
    return ROPEMAP_OK;
}

ropemap_status ceiling_copy(void *opened, ropemap_error *error) {
    bench_state *state = opened;
    const timed_gpu *gpu = state->shape.gpu;
    return gpu != NULL ? gpu->timing->copy(gpu->context, state->copied.from, state->copied.to,
                                           state->copied.bytes, error)
                       : workers_run(&state->workers, state->workers.threads, copy_task, state, error);
}

struct adds {
    const rm_kernels *kernels;
    int64_t rounds; /* of each thread */
};

static ropemap_status adds_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)task;
    (void)worker;
    (void)error;
    const struct adds *adds = work;
    float sum = 0.5f;
    (void)adds->kernels->multiply_adds(adds->rounds, &sum);
    return ROPEMAP_OK;
}

ropemap_status ceiling_adds(void *opened, ropemap_error *error) {
    const bench_state *state = opened;
    const bench_workers *workers = &state->workers;
    struct adds adds = {.kernels = NULL};
    float sum = 0.5f;
    RM_TRY(rm_kernels_pick(&adds.kernels, error));
    const double round = (double)adds.kernels->multiply_adds(1, &sum);
    adds.rounds = (int64_t)(state->flops / (double)workers->threads / round) + 1;
    return workers_run(workers, workers->threads, adds_task, &adds, error);
}

ropemap_status ceiling_product(void *opened, ropemap_error *error) {
    const bench_state *state = opened;
    return gpu_product(state->shape.gpu, state->shape.dtype, error);
}

double ceiling_product_runs(const bench_case *benchmark, const bench_shape *shape) {
    return benchmark->flops(shape) / gpu_product_flops(shape->gpu);
}

bool bench_fuses(const bench_shape *shape) {
    const rm_device *device = &shape->gpu->device;
    return device->fused_row != NULL && device->fused_row(shape->dtype, shape->head_dim, shape->pool) > 0;
}

bool bench_splits(const bench_shape *shape) {
    return shape->dtype == ROPEMAP_DTYPE_FP32 && bench_fuses(shape);
}

ropemap_status ceiling_fused(void *opened, ropemap_error *error) {
    const bench_shape *shape = &((const bench_state *)opened)->shape;
    return gpu_product(shape->gpu, bench_splits(shape) ? ROPEMAP_DTYPE_FP16 : shape->dtype, error);
}

double ceiling_fused_runs(const bench_case *benchmark, const bench_shape *shape) {
    return (bench_splits(shape) ? 3.0 : 1.0) * ceiling_product_runs(benchmark, shape);
}
