/* rotate.c - benchmark: rows turned by the phase of their position, beside memcpy and beside libm; exactly,
 * or as a stack in use does */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/bench/ceiling.h"
#include "host/bench/crew.h"
#include "host/bench/inputs.h"
#include "host/bench/libm_rotate.h"
#include "host/bench/reference.h"
#include "host/bench/table.h"
#include "host/map/execution.h"

#include <math.h>

enum { CHECKED_ROWS = 256 };

struct state {
    rm_shape shape;
    rm_crew crew;
    ropemap_freqs freqs;
    rm_reference *reference;
    float *frequencies; /* [head_dim / 2] radians a token, as libm users have them */
    float *from, *to;   /* [positions, head_dim] */
    float *other;       /* [positions, head_dim] what the ceiling writes */
    double *turned;     /* [head_dim] */

    ropemap_vectors *rows, *turning; /* `from` as vectors, and turned as they are read; exact: NULL */
};

static void rotate_close(void *opened) {
    struct state *state = opened;
    if (state != NULL) {
        rm_crew_close(&state->crew);
        ropemap_vectors_free(state->turning);
        ropemap_vectors_free(state->rows);
        rm_free(state->reference);
        rm_free(state->frequencies);
        rm_free(state->from);
        rm_free(state->to);
        rm_free(state->other);
        rm_free(state->turned);
        rm_free(state);
    }
}

static ropemap_status reserve(struct state *state, ropemap_error *error) {
    const uint64_t dim = (uint64_t)state->shape.head_dim, count = (uint64_t)state->shape.positions * dim;
    state->reference = rm_reference_make(state->shape.head_dim, state->shape.layout, state->shape.phase);
    state->frequencies = rm_alloc(dim, sizeof *state->frequencies);
    state->from = rm_alloc_raw(count, sizeof *state->from);
    state->to = rm_alloc_raw(count, sizeof *state->to);
    state->other = rm_alloc(count, sizeof *state->other);
    state->turned = rm_alloc(dim, sizeof *state->turned);
    const bool whole = state->reference != NULL && state->frequencies != NULL && state->from != NULL &&
                       state->to != NULL && state->other != NULL && state->turned != NULL;
    return whole ? ROPEMAP_OK : rm_fail_memory(error, "rows", 3 * count * sizeof(float));
}

static ropemap_status rotate_open(const rm_shape *shape, void **opened, ropemap_error *error) {
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
    RM_TRY(rm_crew_open(&state->crew, shape->threads, error));
    RM_TRY(reserve(state, error));
    if (shape->phase != ROPEMAP_PHASE_EXACT) {
        const ropemap_prerotation turning = {.spec = spec, .phase = shape->phase};
        RM_TRY(ropemap_vectors_memory(state->from, shape->positions, shape->head_dim, &state->rows, error));
        RM_TRY(ropemap_vectors_rotated(state->rows, &turning, &state->turning, error));
    }
    for (int32_t pair = 0; pair < shape->head_dim / 2; pair++) {
        state->frequencies[pair] = (float)state->reference->frequency[pair];
    }
    rm_inputs_fill(state->from, shape->positions * shape->head_dim, rm_inputs_unit_reach(shape->head_dim), 1);
    return ROPEMAP_OK;
}

static rm_view rows_of(const struct state *state, float *data, rm_span share) {
    const rm_view all = rm_view_dense(data, state->shape.positions, state->shape.head_dim);
    return rm_view_rows(all, share.first, share.end - share.first);
}

static ropemap_status rotate_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    const struct state *state = work;
    const rm_span share = rm_crew_share(state->shape.positions, state->crew.threads, task);
    const rm_rotation rotation = {.freqs = &state->freqs, .layout = state->shape.layout, .rotate = true};
    const ropemap_range positions = {.first = share.first, .count = share.end - share.first, .step = 1};
    return state->crew.backend->rotate(state->crew.contexts[worker], &rotation, positions,
                                       rows_of(state, state->from, share), rows_of(state, state->to, share),
                                       error);
}

static ropemap_status rotate_run(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return rm_crew_run(&state->crew, state->crew.threads, rotate_task, state, error);
}

static ropemap_status turned_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)worker;
    const struct state *state = work;
    const rm_span share = rm_crew_share(state->shape.positions, state->crew.threads, task);
    return state->turning->read(state->turning, share.first, share.end - share.first, 1,
                                state->to + share.first * state->shape.head_dim, error);
}

static ropemap_status turned_run(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return rm_crew_run(&state->crew, state->crew.threads, turned_task, state, error);
}

static ropemap_status run_copy(void *opened, ropemap_error *error) {
    struct state *state = opened;
    const int64_t bytes = state->shape.positions * state->shape.head_dim * (int64_t)sizeof(float);
    return rm_ceiling_copy(&state->crew, state->from, state->other, bytes, error);
}

static ropemap_status libm_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)worker;
    (void)error;
    const struct state *state = work;
    const rm_span share = rm_crew_share(state->shape.positions, state->crew.threads, task);
    rm_libm_rotate(state->frequencies, state->shape.layout, share.first, rows_of(state, state->from, share),
                   rows_of(state, state->other, share));
    return ROPEMAP_OK;
}

static ropemap_status run_libm(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return rm_crew_run(&state->crew, state->crew.threads, libm_task, state, error);
}

/* Rows read and rows written. */
static double rotate_bytes(const rm_shape *shape) {
    return 8.0 * (double)shape->positions * (double)shape->head_dim;
}

/* A pair: 17 for sine and cosine, 2 for the attention factor, 6 for the rotation; FMAs count twice. */
static double rotate_flops(const rm_shape *shape) {
    return 25.0 * (double)shape->positions * (double)shape->head_dim / 2.0;
}

static rm_output rotate_output(void *opened) {
    const struct state *state = opened;
    const size_t floats = (size_t)state->shape.positions * (size_t)state->shape.head_dim;
    return (rm_output){.data = state->to, .size = floats * sizeof *state->to};
}

static ropemap_status rotate_check(void *opened, rm_verdict *verdict, ropemap_error *error) {
    (void)error;
    const struct state *state = opened;
    const int64_t rows = state->shape.positions;
    const int32_t dim = state->shape.head_dim;
    const double off = rm_reference_element_error(state->reference);
    for (int64_t i = 0; i < rm_sample_count(rows, CHECKED_ROWS); i++) {
        const int64_t row = rm_sample_at(rows, CHECKED_ROWS, i);
        const float *from = state->from + row * dim, *to = state->to + row * dim;
        rm_reference_rotate(state->reference, from, row, state->turned);
        for (int32_t d = 0; d < dim; d++) {
            const int32_t partner = rm_reference_partner(state->reference, d);
            const double length = hypot((double)from[d], (double)from[partner]);
            rm_verdict_take(verdict, (double)to[d], state->turned[d], off * length);
        }
    }
    return ROPEMAP_OK;
}

const rm_benchmark rm_bench_rotate = {
    .bench = ROPEMAP_BENCH_ROTATE,
    .name = "rotate",
    .formula = "bytes = 8 n d, FLOP = 12.5 n d",
    .ceiling = "memcpy of the same bytes",
    .uses = RM_USES_POSITIONS | RM_USES_HEAD_DIM | RM_USES_LAYOUT | RM_USES_BOTH_LAYOUTS | RM_USES_PHASE |
            RM_USES_ONE_THREAD,
    .usual = {.positions = 131072, .head_dim = 128},
    .targets = {{.against = ROPEMAP_BENCH_TARGET_SHARE, .value = 0.85, .simd = "v4"},
                {.against = ROPEMAP_BENCH_TARGET_SHARE, .value = 0.5, .simd = "v3"}},
    .open = rotate_open,
    .close = rotate_close,
    .run = rotate_run,
    .run_ceiling = run_copy,
    .bytes = rotate_bytes,
    .flops = rotate_flops,
    .output = rotate_output,
    .check = rotate_check,
};

const rm_benchmark rm_bench_rotate_libm = {
    .bench = ROPEMAP_BENCH_ROTATE,
    .name = "rotate / libm",
    .formula = "bytes = 8 n d, FLOP = 12.5 n d",
    .ceiling = "the same with libm's sincosf",
    .uses = RM_USES_POSITIONS | RM_USES_HEAD_DIM | RM_USES_LAYOUT | RM_USES_BOTH_LAYOUTS | RM_USES_PHASE,
    .usual = {.positions = 131072, .head_dim = 128},
    .targets = {{.against = ROPEMAP_BENCH_TARGET_SHARE, .value = 7.0, .simd = "v4"},
                {.against = ROPEMAP_BENCH_TARGET_SHARE, .value = 7.0, .simd = "v3"}},
    .open = rotate_open,
    .close = rotate_close,
    .run = rotate_run,
    .run_ceiling = run_libm,
    .bytes = rotate_bytes,
    .flops = rotate_flops,
    .output = rotate_output,
    .check = rotate_check,
};

/* What a cosine costs is libm's, so that only bytes count. */
const rm_benchmark rm_bench_rotate_turned = {
    .bench = ROPEMAP_BENCH_ROTATE,
    .name = "rotate as read",
    .formula = "bytes = 8 n d",
    .ceiling = "memcpy of the same bytes",
    .uses = RM_USES_POSITIONS | RM_USES_HEAD_DIM | RM_USES_LAYOUT | RM_USES_BOTH_LAYOUTS | RM_USES_PHASE |
            RM_USES_ONE_THREAD,
    .usual = {.positions = 131072, .head_dim = 128},
    .turned = true,
    .open = rotate_open,
    .close = rotate_close,
    .run = turned_run,
    .run_ceiling = run_copy,
    .bytes = rotate_bytes,
    .output = rotate_output,
    .check = rotate_check,
};
