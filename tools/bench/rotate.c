/* rotate.c - benchmark: rows rotated by the phase of their position, next to memcpy and libm; exactly, or as
 * a stack in use does */
/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sincosf */

#include "host/base/alloc.h"
#include "host/map/job.h"
#include "tools/bench/ceiling.h"
#include "tools/bench/check.h"

#include <math.h>

static void libm_rotate(const float *frequencies, ropemap_layout layout, int64_t first, rm_view from,
                        rm_view to) {
    const int64_t pairs = from.cols / 2;
    const bool half = layout == ROPEMAP_LAYOUT_HALF;
    for (int64_t row = 0; row < from.rows; row++) {
        const float *x = from.data + row * from.stride;
        float *y = to.data + row * to.stride;
        const float position = (float)(first + row);
        for (int64_t pair = 0; pair < pairs; pair++) {
            const int64_t a = half ? pair : 2 * pair, b = half ? pair + pairs : 2 * pair + 1;
            float s = 0.0f, c = 0.0f;
            sincosf(position * frequencies[pair], &s, &c);
            y[a] = x[a] * c - x[b] * s;
            y[b] = x[a] * s + x[b] * c;
        }
    }
}

enum { CHECKED_ROWS = 256 };

struct state {
    bench_shape shape;
    bench_workers workers;
    ropemap_freqs freqs;
    check_reference *reference;
    float *frequencies; /* [head_dim / 2] radians a token, as libm users have them */
    float *from, *to;   /* [positions, head_dim] */
    float *other;       /* [positions, head_dim] what the ceiling writes */
    double *rotated;    /* [head_dim] */

    ropemap_vectors *rows, *as_read; /* `from` as vectors, and rotated as they are read; exact: NULL */
};

static void rotate_close(void *opened) {
    struct state *state = opened;
    if (state != NULL) {
        workers_close(&state->workers);
        ropemap_vectors_free(state->as_read);
        ropemap_vectors_free(state->rows);
        rm_free(state->reference);
        rm_free(state->frequencies);
        rm_free(state->from);
        rm_free(state->to);
        rm_free(state->other);
        rm_free(state->rotated);
        rm_free(state);
    }
}

static ropemap_status reserve(struct state *state, ropemap_error *error) {
    const uint64_t dim = (uint64_t)state->shape.head_dim, count = (uint64_t)state->shape.positions * dim;
    state->reference = reference_make(state->shape.head_dim, state->shape.layout, state->shape.phase);
    state->frequencies = rm_alloc(dim, sizeof *state->frequencies);
    state->from = rm_alloc_raw(count, sizeof *state->from);
    state->to = rm_alloc_raw(count, sizeof *state->to);
    state->other = rm_alloc(count, sizeof *state->other);
    state->rotated = rm_alloc(dim, sizeof *state->rotated);
    const bool whole = state->reference != NULL && state->frequencies != NULL && state->from != NULL &&
                       state->to != NULL && state->other != NULL && state->rotated != NULL;
    return whole ? ROPEMAP_OK : rm_fail_memory(error, "rows", 3 * count * sizeof(float));
}

static ropemap_status rotate_open(const bench_shape *shape, void **opened, ropemap_error *error) {
    struct state *state = rm_alloc(1, sizeof *state);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", sizeof *state);
    }
    state->shape = *shape;
    ropemap_spec spec = ropemap_spec_default();
    spec.head_dim = shape->head_dim;
    spec.layout = shape->layout;
    RM_TRY(ropemap_freqs_make(&spec, &state->freqs, error));
    RM_TRY(workers_open(&state->workers, shape->threads, error));
    RM_TRY(reserve(state, error));
    if (shape->phase != ROPEMAP_PHASE_EXACT) {
        const ropemap_prerotation rotation = {.spec = spec, .phase = shape->phase};
        RM_TRY(ropemap_vectors_memory(state->from, shape->positions, shape->head_dim, &state->rows, error));
        RM_TRY(ropemap_vectors_rotated(state->rows, &rotation, &state->as_read, error));
    }
    for (int32_t pair = 0; pair < shape->head_dim / 2; pair++) {
        state->frequencies[pair] = (float)state->reference->frequency[pair];
    }
    inputs_fill(state->from, shape->positions * shape->head_dim, inputs_unit_reach(shape->head_dim), 1);
    return ROPEMAP_OK;
}

static rm_view rows_of(const struct state *state, float *data, rm_span share) {
    const rm_view all = rm_view_dense(data, state->shape.positions, state->shape.head_dim);
    return rm_view_rows(all, share.first, share.end - share.first);
}

static ropemap_status rotate_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    const struct state *state = work;
    const rm_span share = workers_share(state->shape.positions, state->workers.threads, task);
    const rm_rotation rotation = {.freqs = &state->freqs, .layout = state->shape.layout, .rotate = true};
    const ropemap_range positions = {.first = share.first, .count = share.end - share.first, .step = 1};
    return state->workers.backend->rotate(state->workers.contexts[worker], &rotation, positions,
                                          rows_of(state, state->from, share),
                                          rows_of(state, state->to, share), error);
}

static ropemap_status rotate_run(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return workers_run(&state->workers, state->workers.threads, rotate_task, state, error);
}

static ropemap_status read_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)worker;
    const struct state *state = work;
    const rm_span share = workers_share(state->shape.positions, state->workers.threads, task);
    return state->as_read->read(state->as_read, share.first, share.end - share.first, 1,
                                state->to + share.first * state->shape.head_dim, error);
}

static ropemap_status read_run(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return workers_run(&state->workers, state->workers.threads, read_task, state, error);
}

static ropemap_status run_copy(void *opened, ropemap_error *error) {
    struct state *state = opened;
    const int64_t bytes = state->shape.positions * state->shape.head_dim * (int64_t)sizeof(float);
    return ceiling_copy(&state->workers, state->from, state->other, bytes, error);
}

static ropemap_status libm_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)worker;
    (void)error;
    const struct state *state = work;
    const rm_span share = workers_share(state->shape.positions, state->workers.threads, task);
    libm_rotate(state->frequencies, state->shape.layout, share.first, rows_of(state, state->from, share),
                rows_of(state, state->other, share));
    return ROPEMAP_OK;
}

static ropemap_status run_libm(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return workers_run(&state->workers, state->workers.threads, libm_task, state, error);
}

/* Rows read and rows written. */
static double rotate_bytes(const bench_shape *shape) {
    return 8.0 * (double)shape->positions * (double)shape->head_dim;
}

/* A pair: 17 for sine and cosine, 2 for the attention factor, 6 for the rotation; an FMA counts twice. */
static double rotate_flops(const bench_shape *shape) {
    return 25.0 * (double)shape->positions * (double)shape->head_dim / 2.0;
}

static ropemap_bytes rotate_output(void *opened) {
    const struct state *state = opened;
    const size_t floats = (size_t)state->shape.positions * (size_t)state->shape.head_dim;
    return (ropemap_bytes){.data = (uint8_t *)state->to, .size = floats * sizeof *state->to};
}

static ropemap_status rotate_check(void *opened, check_result *result, ropemap_error *error) {
    (void)error;
    const struct state *state = opened;
    const int64_t rows = state->shape.positions;
    const int32_t dim = state->shape.head_dim;
    const double off = reference_element_error(state->reference);
    for (int64_t i = 0; i < picks_count(rows, CHECKED_ROWS); i++) {
        const int64_t row = pick_at(rows, CHECKED_ROWS, i);
        const float *from = state->from + row * dim, *to = state->to + row * dim;
        reference_rotate(state->reference, from, row, state->rotated);
        for (int32_t d = 0; d < dim; d++) {
            const int32_t partner = reference_partner(state->reference, d);
            const double length = hypot((double)from[d], (double)from[partner]);
            check_value(result, (double)to[d], state->rotated[d], off * length);
        }
    }
    return ROPEMAP_OK;
}

enum {
    USES = BENCH_USES_POSITIONS | BENCH_USES_HEAD_DIM | BENCH_USES_LAYOUT | BENCH_USES_BOTH_LAYOUTS |
           BENCH_USES_PHASE
};

const bench_case cpu_rotate_benchmarks[] = {
    {.kind = BENCH_ROTATE,
     .name = "rotate",
     .formula = "bytes = 8 n d, FLOP = 12.5 n d",
     .ceiling = "memcpy of the same bytes",
     .uses = USES | BENCH_USES_ONE_THREAD,
     .usual = {.positions = 131072, .head_dim = 128},
     .targets = {{.against = BENCH_TARGET_SHARE, .value = 0.85, .simd = "v4"},
                 {.against = BENCH_TARGET_SHARE, .value = 0.5, .simd = "v3"}},
     .open = rotate_open,
     .close = rotate_close,
     .run = rotate_run,
     .ceilings = {{.run = run_copy}},
     .bytes = rotate_bytes,
     .flops = rotate_flops,
     .output = rotate_output,
     .check = rotate_check},
    {.kind = BENCH_ROTATE,
     .name = "rotate / libm",
     .formula = "bytes = 8 n d, FLOP = 12.5 n d",
     .ceiling = "the same with libm's sincosf",
     .uses = USES,
     .usual = {.positions = 131072, .head_dim = 128},
     .targets = {{.against = BENCH_TARGET_SHARE, .value = 7.0, .simd = "v4"},
                 {.against = BENCH_TARGET_SHARE, .value = 7.0, .simd = "v3"}},
     .open = rotate_open,
     .close = rotate_close,
     .run = rotate_run,
     .ceilings = {{.run = run_libm}},
     .bytes = rotate_bytes,
     .flops = rotate_flops,
     .output = rotate_output,
     .check = rotate_check},
    /* The cost of a cosine is libm's, so only bytes count. */
    {.kind = BENCH_ROTATE,
     .name = "rotate as read",
     .formula = "bytes = 8 n d",
     .ceiling = "memcpy of the same bytes",
     .uses = USES | BENCH_USES_ONE_THREAD,
     .usual = {.positions = 131072, .head_dim = 128},
     .as_read = true,
     .open = rotate_open,
     .close = rotate_close,
     .run = read_run,
     .ceilings = {{.run = run_copy}},
     .bytes = rotate_bytes,
     .output = rotate_output,
     .check = rotate_check},
    {.name = NULL},
};
