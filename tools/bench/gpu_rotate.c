/* gpu_rotate.c - benchmark: heads of queries and keys rotated on a GPU, next to a copy of the same bytes */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "tools/bench/check.h"
#include "tools/bench/gpu.h"

#include <math.h>

/*
 * What the phase costs of the rotation needs no clock of its own: what a share of the copy's rate leaves is
 * an upper bound of all that is not moving bytes, phase, cosine, sine and products together. With many heads
 * a position's phase is computed once for all of them, with few for one or two.
 */

enum {
    CHECKED_ROWS = 256, /* of either side */
    UNIT_ROWS = 64,     /* of rows that show the phase itself */
    BOUNDARY = 256      /* bytes: where keys begin, as memory of their own would */
};

static const int64_t POSITION_END = INT64_C(1) << 40;
static const double PHASE_ERROR = 2e-7;

struct state {
    bench_shape shape;
    timed_gpu *gpu;
    bool far;
    ropemap_freqs freqs;
    check_reference *reference;
    int64_t first;       /* position of the first row */
    int64_t keys_at;     /* element at which keys begin, in each of the following */
    float *from, *to;    /* the device's: queries [positions, heads, head_dim], then keys */
    float *other;        /* the device's: what the ceiling writes */
    float *source, *got; /* [head_dim] */
    double *rotated;     /* [head_dim] */
};

static void rotate_close(void *opened) {
    struct state *state = opened;
    if (state != NULL) {
        gpu_release(state->gpu, state->from);
        gpu_release(state->gpu, state->to);
        gpu_release(state->gpu, state->other);
        rm_free(state->reference);
        rm_free(state->source);
        rm_free(state->got);
        rm_free(state->rotated);
        rm_free(state);
    }
}

static int64_t elements_of(const bench_shape *shape, int32_t heads) {
    return shape->positions * heads * shape->head_dim;
}

/* Elements of both sides, with what lies between them. */
static int64_t all_elements(const struct state *state) {
    return state->keys_at + elements_of(&state->shape, state->shape.heads.keys);
}

static ropemap_status reserve(struct state *state, ropemap_error *error) {
    const bench_shape *shape = &state->shape;
    const int64_t element = gpu_element(shape->dtype), boundary = BOUNDARY / element;
    const uint64_t dim = (uint64_t)shape->head_dim;
    state->keys_at = (elements_of(shape, shape->heads.queries) + boundary - 1) / boundary * boundary;
    state->reference = reference_make(shape->head_dim, shape->layout, ROPEMAP_PHASE_EXACT);
    state->source = rm_alloc(dim, sizeof *state->source);
    state->got = rm_alloc(dim, sizeof *state->got);
    state->rotated = rm_alloc(dim, sizeof *state->rotated);
    if (state->reference == NULL || state->source == NULL || state->got == NULL || state->rotated == NULL) {
        return rm_fail_memory(error, "rows", 4 * dim * sizeof(double));
    }
    const int64_t count = all_elements(state);
    RM_TRY(gpu_reserve(state->gpu, shape->dtype, count, "rows", &state->from, error));
    RM_TRY(gpu_reserve(state->gpu, shape->dtype, count, "rotated rows", &state->to, error));
    return gpu_reserve(state->gpu, shape->dtype, count, "copied rows", &state->other, error);
}

/* The first row of queries that is made of pairs (1, 0). */
static int64_t unit_first(const struct state *state) {
    return state->shape.positions > UNIT_ROWS ? state->shape.positions - UNIT_ROWS : 0;
}

/* A pair (1, 0) becomes cosine and sine as they are, with no rounding after them. */
static ropemap_status write_unit_rows(const struct state *state, ropemap_error *error) {
    const int64_t dim = state->shape.head_dim, queries = state->shape.heads.queries;
    for (int32_t pair = 0; pair < dim / 2; pair++) {
        const bool half = state->shape.layout == ROPEMAP_LAYOUT_HALF;
        const int32_t a = half ? pair : 2 * pair;
        state->source[a] = 1.0f;
        state->source[reference_partner(state->reference, a)] = 0.0f;
    }
    for (int64_t row = unit_first(state); row < state->shape.positions; row++) {
        RM_TRY(state->gpu->backend->write(state->gpu->context, rm_view_dense(state->source, 1, dim),
                                          rm_view_dense(state->from + row * queries * dim, 1, dim), error));
    }
    return ROPEMAP_OK;
}

static ropemap_status open_at(bool far, const bench_shape *shape, void **opened, ropemap_error *error) {
    struct state *state = rm_alloc(1, sizeof *state);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", sizeof *state);
    }
    state->shape = *shape;
    state->gpu = shape->gpu;
    state->far = far;
    state->first = far ? POSITION_END - shape->positions : 0;
    ropemap_spec spec = ropemap_spec_default();
    spec.head_dim = shape->head_dim;
    spec.layout = shape->layout;
    RM_TRY(ropemap_freqs_make(&spec, &state->freqs, error));
    RM_TRY(reserve(state, error));
    RM_TRY(gpu_fill(state->gpu, shape->dtype, state->from, all_elements(state),
                    inputs_unit_reach(shape->head_dim), 1, error));
    return far ? write_unit_rows(state, error) : ROPEMAP_OK;
}

static ropemap_status open_near(const bench_shape *shape, void **opened, ropemap_error *error) {
    return open_at(false, shape, opened, error);
}

static ropemap_status open_far(const bench_shape *shape, void **opened, ropemap_error *error) {
    bench_shape far = *shape;
    far.dtype = ROPEMAP_DTYPE_FP32;
    far.heads = (bench_heads){.queries = 1, .keys = 1};
    return open_at(true, &far, opened, error);
}

static float *keys_of(const struct state *state, float *memory) {
    return memory + state->keys_at * gpu_element(state->shape.dtype) / 4;
}

static ropemap_status rotate_run(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    const bench_shape *shape = &state->shape;
    const rm_gpu_timing_rows rows = {
        .freqs = &state->freqs,
        .layout = shape->layout,
        .dtype = shape->dtype,
        .positions = {.first = state->first, .count = shape->positions, .step = 1},
        .head_dim = shape->head_dim,
        .query_heads = shape->heads.queries,
        .key_heads = shape->heads.keys,
        .queries_from = state->from,
        .keys_from = keys_of(state, state->from),
        .queries_to = state->to,
        .keys_to = keys_of(state, state->to),
    };
    return state->gpu->timing->rotate(state->gpu->context, &rows, error);
}

static int64_t row_bytes(const bench_shape *shape, int32_t heads) {
    return elements_of(shape, heads) * gpu_element(shape->dtype);
}

static ropemap_status run_copy(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    const bench_shape *shape = &state->shape;
    return state->gpu->timing->copy(state->gpu->context, state->from, state->other,
                                    row_bytes(shape, shape->heads.queries + shape->heads.keys), error);
}

static double near_bytes(const bench_shape *shape) {
    return 2.0 * (double)row_bytes(shape, shape->heads.queries + shape->heads.keys);
}

static double far_bytes(const bench_shape *shape) {
    return 16.0 * (double)shape->positions * (double)shape->head_dim;
}

/* A pair of a position: 17 for sine and cosine, 2 for the attention factor; of each head: 6; FMAs count
 * twice. */
static double flops_of(const bench_shape *shape, int32_t heads) {
    return (19.0 + 6.0 * (double)heads) * (double)shape->positions * (double)shape->head_dim / 2.0;
}

static double near_flops(const bench_shape *shape) {
    return flops_of(shape, shape->heads.queries + shape->heads.keys);
}

static double far_flops(const bench_shape *shape) {
    return flops_of(shape, 2);
}

/* Rows, rotated rows, copied rows, each of the widest type. */
static double rotate_room(const bench_shape *shape) {
    return 3.0 * 4.0 * (double)elements_of(shape, shape->heads.queries + shape->heads.keys);
}

static ropemap_status rotate_spoil(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    return gpu_spoil(state->gpu, state->to, all_elements(state) * gpu_element(state->shape.dtype), error);
}

/* ---- check */

static ropemap_status read_row(const struct state *state, int64_t first, ropemap_error *error) {
    const bench_shape *shape = &state->shape;
    RM_TRY(gpu_read(state->gpu, shape->dtype, state->from, first, shape->head_dim, state->source, error));
    return gpu_read(state->gpu, shape->dtype, state->to, first, shape->head_dim, state->got, error);
}

/* A row that begins at element `first`: each element within the rotation's error, rounded to the type. */
static ropemap_status check_row(const struct state *state, int64_t first, int64_t position,
                                check_result *result, ropemap_error *error) {
    RM_TRY(read_row(state, first, error));
    reference_rotate(state->reference, state->source, position, state->rotated);
    for (int32_t d = 0; d < state->shape.head_dim; d++) {
        const int32_t partner = reference_partner(state->reference, d);
        const double length = hypot((double)state->source[d], (double)state->source[partner]);
        const double off = ROTATION_ERROR * length;
        const double rounding = state->shape.dtype == ROPEMAP_DTYPE_FP32
                                    ? 0.0 /* in ROTATION_ERROR */
                                    : check_rounding(state->shape.dtype, fabs(state->rotated[d]) + off);
        check_value(result, (double)state->got[d], state->rotated[d], off + rounding);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_side(const struct state *state, int32_t heads, int64_t begin,
                                 check_result *result, ropemap_error *error) {
    const int64_t rows = state->shape.positions * heads;
    for (int64_t i = 0; i < picks_count(rows, CHECKED_ROWS); i++) {
        const int64_t row = pick_at(rows, CHECKED_ROWS, i);
        RM_TRY(
            check_row(state, begin + row * state->shape.head_dim, state->first + row / heads, result, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status near_check(void *opened, check_result *result, ropemap_error *error) {
    const struct state *state = opened;
    RM_TRY(check_side(state, state->shape.heads.queries, 0, result, error));
    return state->shape.heads.keys > 0
               ? check_side(state, state->shape.heads.keys, state->keys_at, result, error)
               : ROPEMAP_OK;
}

/* Cosine and sine against those of the exact phase: the error of the row is the phase's alone. */
static ropemap_status check_unit_rows(const struct state *state, check_result *result, ropemap_error *error) {
    const bench_shape *shape = &state->shape;
    for (int64_t row = unit_first(state); row < shape->positions; row++) {
        RM_TRY(read_row(state, row * shape->heads.queries * shape->head_dim, error));
        for (int32_t pair = 0; pair < shape->head_dim / 2; pair++) {
            const int32_t a = shape->layout == ROPEMAP_LAYOUT_HALF ? pair : 2 * pair;
            double c = 0.0, s = 0.0;
            reference_turn(state->reference, pair, state->first + row, &c, &s);
            check_value(result, (double)state->got[a], c, PHASE_ERROR);
            check_value(result, (double)state->got[reference_partner(state->reference, a)], s, PHASE_ERROR);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status far_check(void *opened, check_result *result, ropemap_error *error) {
    const struct state *state = opened;
    check_result others = {0};
    RM_TRY(near_check(opened, &others, error));
    RM_TRY(check_unit_rows(state, result, error));
    result->checked += others.checked;
    result->wrong += others.wrong;
    return ROPEMAP_OK;
}

const bench_case gpu_rotate_benchmarks[] = {
    {.kind = BENCH_ROTATE,
     .name = "rotate",
     .formula = "bytes = 2 e n h d for h heads of queries and keys of e bytes, FLOP = (9.5 + 3 h) n d",
     .ceiling = "device copy of the same bytes",
     .uses = BENCH_USES_PHASE | BENCH_USES_POSITIONS | BENCH_USES_HEAD_DIM | BENCH_USES_LAYOUT |
             BENCH_USES_BOTH_LAYOUTS | BENCH_USES_DTYPE | BENCH_USES_NO_TF32 | BENCH_USES_HEADS,
     .usual = {.positions = 131072, .head_dim = 128},
     .targets = {{.against = BENCH_TARGET_SHARE, .value = 0.95}},
     .open = open_near,
     .close = rotate_close,
     .run = rotate_run,
     .ceilings = {{.run = run_copy}},
     .bytes = near_bytes,
     .flops = near_flops,
     .room = rotate_room,
     .spoil = rotate_spoil,
     .check = near_check},
    {.kind = BENCH_ROTATE,
     .name = "rotate far",
     .formula = "one fp32 head of queries and of keys at the last n positions below 2^40: bytes = 16 n d, "
                "FLOP = 15.5 n d; error is the phase's",
     .ceiling = "device copy of the same bytes",
     .uses = BENCH_USES_PHASE | BENCH_USES_POSITIONS | BENCH_USES_HEAD_DIM | BENCH_USES_LAYOUT,
     .usual = {.positions = 131072, .head_dim = 128},
     .targets = {{.against = BENCH_TARGET_ERROR, .value = 2e-7}},
     .open = open_far,
     .close = rotate_close,
     .run = rotate_run,
     .ceilings = {{.run = run_copy}},
     .bytes = far_bytes,
     .flops = far_flops,
     .spoil = rotate_spoil,
     .check = far_check},
    {.name = NULL},
};
