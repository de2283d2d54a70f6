/* rotate.c - benchmarks: rows rotated by the phase of their position, next to a copy of them and to libm */
/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sincosf */

#include "host/map/job.h"
#include "tools/bench/check.h"
#include "tools/bench/gpu.h"

#include <math.h>

/*
 * The CPU rotates one head, exactly or as a stack in use does, a GPU several heads of queries and of keys.
 * What the phase costs needs no clock of its own: what a share of the copy's rate leaves is an upper bound of
 * all that is not moving bytes, phase, cosine, sine and products together. With many heads a position's phase
 * is computed once for all of them, with few for one or two.
 */

enum {
    CHECKED_ROWS = 256, /* of either side */
    UNIT_ROWS = 64,     /* of rows that show the phase itself */
    BOUNDARY = 256      /* bytes: where keys begin, as memory of their own would */
};

static const int64_t POSITION_END = INT64_C(1) << 40;
static const double PHASE_ERROR = 2e-7;

struct rotate {
    bench_state base;
    bench_heads heads;
    int64_t first;             /* position of the first row */
    int64_t keys_at;           /* element at which keys begin, in each of the following */
    float *from, *to;          /* queries [positions, heads, head_dim], then keys */
    float *other;              /* what the ceiling writes */
    float *frequencies;        /* [head_dim / 2] radians a token, as libm users have them */
    float *source, *got;       /* [head_dim] */
    double *rotated;           /* [head_dim] */
    ropemap_vectors *as_given; /* `from`, and rotated as it is read; exact: NULL */
    ropemap_vectors *as_read;
};

static void rotate_teardown(void *opened) {
    struct rotate *state = opened;
    ropemap_vectors_free(state->as_read);
    ropemap_vectors_free(state->as_given);
}

/* Those of the shape; without any, as on the CPU or far away, one, and one of keys on a GPU. */
static bench_heads heads_of(const bench_shape *shape) {
    return shape->heads.queries != 0 ? shape->heads
                                     : (bench_heads){.queries = 1, .keys = shape->gpu != NULL ? 1 : 0};
}

static int64_t all_heads(const bench_shape *shape) {
    const bench_heads heads = heads_of(shape);
    return heads.queries + heads.keys;
}

static int64_t elements_of(const bench_shape *shape, int64_t heads) {
    return shape->positions * heads * shape->head_dim;
}

static ropemap_status make_rows(struct rotate *state, ropemap_error *error) {
    bench_state *base = &state->base;
    const bench_shape *shape = &base->shape;
    const int64_t boundary = BOUNDARY / gpu_element(shape->dtype), dim = shape->head_dim;
    const int64_t queries = elements_of(shape, state->heads.queries);
    state->keys_at = state->heads.keys == 0 ? queries : (queries + boundary - 1) / boundary * boundary;
    const int64_t count = state->keys_at + elements_of(shape, state->heads.keys);
    state->source = bench_room(base, dim, sizeof *state->source);
    state->got = bench_room(base, dim, sizeof *state->got);
    state->rotated = bench_room(base, dim, sizeof *state->rotated);
    state->frequencies = bench_room(base, dim, sizeof *state->frequencies);
    RM_TRY(bench_whole(base, error));
    RM_TRY(bench_reserve(base, shape->dtype, count, "rows", &state->from, error));
    RM_TRY(bench_reserve(base, shape->dtype, count, "rotated rows", &state->to, error));
    RM_TRY(bench_reserve(base, shape->dtype, count, "copied rows", &state->other, error));
    base->copied.from = state->from;
    base->copied.to = state->other;
    base->copied.bytes = elements_of(shape, all_heads(shape)) * gpu_element(shape->dtype);
    return bench_fill(base, shape->dtype, state->from, count, inputs_unit_reach(shape->head_dim), 1, error);
}

static ropemap_status near_setup(void *opened, ropemap_error *error) {
    struct rotate *state = opened;
    const bench_shape *shape = &state->base.shape;
    state->heads = heads_of(shape);
    RM_TRY(make_rows(state, error));
    for (int32_t pair = 0; pair < shape->head_dim / 2; pair++) {
        state->frequencies[pair] = (float)state->base.reference->frequency[pair];
    }
    if (shape->phase == ROPEMAP_PHASE_EXACT) {
        return ROPEMAP_OK;
    }
    ropemap_prerotation rotation = {.spec = ropemap_spec_default(), .phase = shape->phase};
    rotation.spec.head_dim = shape->head_dim;
    rotation.spec.layout = shape->layout;
    RM_TRY(ropemap_vectors_memory(state->from, shape->positions, shape->head_dim, &state->as_given, error));
    return ropemap_vectors_rotated(state->as_given, &rotation, &state->as_read, error);
}

/* ---- runs */

static rm_view rows_of(const struct rotate *state, float *data, rm_span share) {
    const rm_view all = rm_view_dense(data, state->base.shape.positions, state->base.shape.head_dim);
    return rm_view_rows(all, share.first, share.end - share.first);
}

static ropemap_status rotate_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    const struct rotate *state = work;
    const bench_shape *shape = &state->base.shape;
    const bench_workers *workers = &state->base.workers;
    const rm_span share = workers_share(shape->positions, workers->threads, task);
    if (state->as_read != NULL) {
        return state->as_read->read(state->as_read, share.first, share.end - share.first, 1,
                                    state->to + share.first * shape->head_dim, error);
    }
    const rm_rotation rotation = {.freqs = &state->base.freqs, .layout = shape->layout, .rotate = true};
    const ropemap_range positions = {.first = share.first, .count = share.end - share.first, .step = 1};
    return workers->backend->rotate(workers->contexts[worker], &rotation, positions,
                                    rows_of(state, state->from, share), rows_of(state, state->to, share),
                                    error);
}

static float *keys_of(const struct rotate *state, float *memory) {
    return memory + state->keys_at * gpu_element(state->base.shape.dtype) / 4;
}

static ropemap_status rotate_run(void *opened, ropemap_error *error) {
    struct rotate *state = opened;
    const bench_shape *shape = &state->base.shape;
    const timed_gpu *gpu = shape->gpu;
    if (gpu == NULL) {
        return workers_run(&state->base.workers, state->base.workers.threads, rotate_task, state, error);
    }
    const rm_gpu_timing_rows rows = {
        .freqs = &state->base.freqs,
        .layout = shape->layout,
        .dtype = shape->dtype,
        .positions = {.first = state->first, .count = shape->positions, .step = 1},
        .head_dim = shape->head_dim,
        .query_heads = state->heads.queries,
        .key_heads = state->heads.keys,
        .queries_from = state->from,
        .keys_from = keys_of(state, state->from),
        .queries_to = state->to,
        .keys_to = keys_of(state, state->to),
    };
    return gpu->timing->rotate(gpu->context, &rows, error);
}

static ropemap_status libm_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)worker;
    (void)error;
    const struct rotate *state = work;
    const int32_t dim = state->base.shape.head_dim, pairs = dim / 2;
    const bool half = state->base.shape.layout == ROPEMAP_LAYOUT_HALF;
    const rm_span share = workers_share(state->base.shape.positions, state->base.workers.threads, task);
    for (int64_t row = share.first; row < share.end; row++) {
        const float *x = state->from + row * dim;
        float *y = state->other + row * dim;
        const float position = (float)row;
        for (int64_t pair = 0; pair < pairs; pair++) {
            const int64_t a = half ? pair : 2 * pair, b = half ? pair + pairs : 2 * pair + 1;
            float s = 0.0f, c = 0.0f;
            sincosf(position * state->frequencies[pair], &s, &c);
            y[a] = x[a] * c - x[b] * s;
            y[b] = x[a] * s + x[b] * c;
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status run_libm(void *opened, ropemap_error *error) {
    const struct rotate *state = opened;
    return workers_run(&state->base.workers, state->base.workers.threads, libm_task, opened, error);
}

/* ---- work */

/* Rows read and rows written. */
static double rotate_bytes(const bench_shape *shape) {
    return 2.0 * (double)elements_of(shape, all_heads(shape)) * (double)gpu_element(shape->dtype);
}

/* A pair of a position: 17 for sine and cosine, 2 for the attention factor; of each head: 6; an FMA counts
 * twice. */
static double rotate_flops(const bench_shape *shape) {
    if (shape->phase != ROPEMAP_PHASE_EXACT) {
        return 0.0; /* libm's do not count */
    }
    return (19.0 + 6.0 * (double)all_heads(shape)) * (double)elements_of(shape, 1) / 2.0;
}

/* tf32 is a way to multiply. */
static bool can_store(const bench_shape *shape) {
    return shape->dtype != ROPEMAP_DTYPE_TF32;
}

/* Rows, rotated rows, copied rows, each of the widest type. */
static double rotate_room(const bench_shape *shape) {
    return 3.0 * 4.0 * (double)elements_of(shape, all_heads(shape));
}

/* ---- check */

static bench_output rotate_output(void *opened) {
    const struct rotate *state = opened;
    const bench_shape *shape = &state->base.shape;
    const int64_t count = state->keys_at + elements_of(shape, state->heads.keys);
    return (bench_output){state->to, count * gpu_element(shape->dtype), shape->gpu != NULL};
}

/* The row that begins at element `first`, before and after. */
static ropemap_status read_row(const struct rotate *state, int64_t first, ropemap_error *error) {
    const bench_shape *shape = &state->base.shape;
    RM_TRY(bench_read(&state->base, shape->dtype, state->from, first, shape->head_dim, state->source, error));
    return bench_read(&state->base, shape->dtype, state->to, first, shape->head_dim, state->got, error);
}

/* Each element within the rotation's error, rounded to the type. */
static ropemap_status check_row(const struct rotate *state, int64_t first, int64_t position,
                                check_result *result, ropemap_error *error) {
    const check_reference *reference = state->base.reference;
    const ropemap_dtype dtype = state->base.shape.dtype;
    RM_TRY(read_row(state, first, error));
    reference_rotate(reference, state->source, position, state->rotated);
    for (int32_t d = 0; d < reference->head_dim; d++) {
        const double length =
            hypot((double)state->source[d], (double)state->source[reference_partner(reference, d)]);
        const double off = reference_element_error(reference) * length;
        const double rounding = dtype == ROPEMAP_DTYPE_FP32 /* in the reference's error */
                                    ? 0.0
                                    : check_rounding(dtype, fabs(state->rotated[d]) + off);
        check_value(result, (double)state->got[d], state->rotated[d], off + rounding);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_side(const struct rotate *state, int32_t heads, int64_t begin,
                                 check_result *result, ropemap_error *error) {
    const int64_t rows = state->base.shape.positions * heads, dim = state->base.shape.head_dim;
    for (int64_t i = 0; i < picks_count(rows, CHECKED_ROWS); i++) {
        const int64_t row = pick_at(rows, CHECKED_ROWS, i);
        RM_TRY(check_row(state, begin + row * dim, state->first + row / heads, result, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status near_check(void *opened, check_result *result, ropemap_error *error) {
    const struct rotate *state = opened;
    RM_TRY(check_side(state, state->heads.queries, 0, result, error));
    return check_side(state, state->heads.keys, state->keys_at, result, error);
}

/* ---- far away: the error is the phase's alone */

/* The first row of queries that is made of pairs (1, 0). */
static int64_t unit_first(const struct rotate *state) {
    return state->base.shape.positions > UNIT_ROWS ? state->base.shape.positions - UNIT_ROWS : 0;
}

static int32_t pair_begin(const struct rotate *state, int32_t pair) {
    return state->base.shape.layout == ROPEMAP_LAYOUT_HALF ? pair : 2 * pair;
}

/* A pair (1, 0) becomes cosine and sine as they are, with no rounding after them. */
static ropemap_status far_setup(void *opened, ropemap_error *error) {
    struct rotate *state = opened;
    const bench_workers *workers = &state->base.workers;
    RM_TRY(near_setup(state, error));
    const int64_t dim = state->base.shape.head_dim, n = state->base.shape.positions;
    state->first = POSITION_END - n;
    for (int32_t pair = 0; pair < dim / 2; pair++) {
        const int32_t a = pair_begin(state, pair);
        state->source[a] = 1.0f;
        state->source[reference_partner(state->base.reference, a)] = 0.0f;
    }
    for (int64_t row = unit_first(state); row < n; row++) {
        float *to = state->from + row * state->heads.queries * dim;
        RM_TRY(workers->backend->write(workers->contexts[0], rm_view_dense(state->source, 1, dim),
                                       rm_view_dense(to, 1, dim), error));
    }
    return ROPEMAP_OK;
}

static ropemap_status far_check(void *opened, check_result *result, ropemap_error *error) {
    const struct rotate *state = opened;
    const check_reference *reference = state->base.reference;
    const int64_t n = state->base.shape.positions, dim = state->base.shape.head_dim;
    check_result others = {0};
    RM_TRY(near_check(opened, &others, error));
    for (int64_t row = unit_first(state); row < n; row++) {
        RM_TRY(read_row(state, row * state->heads.queries * dim, error));
        for (int32_t pair = 0; pair < dim / 2; pair++) {
            const int32_t a = pair_begin(state, pair);
            double c = 0.0, s = 0.0;
            reference_turn(reference, pair, state->first + row, &c, &s);
            check_value(result, (double)state->got[a], c, PHASE_ERROR);
            check_value(result, (double)state->got[reference_partner(reference, a)], s, PHASE_ERROR);
        }
    }
    result->checked += others.checked;
    result->wrong += others.wrong;
    return ROPEMAP_OK;
}

static const bench_stage near_stage = {.size = sizeof(struct rotate),
                                       .setup = near_setup,
                                       .teardown = rotate_teardown,
                                       .run = rotate_run,
                                       .output = rotate_output,
                                       .check = near_check};

static const bench_stage far_stage = {.size = sizeof(struct rotate),
                                      .setup = far_setup,
                                      .teardown = rotate_teardown,
                                      .run = rotate_run,
                                      .output = rotate_output,
                                      .check = far_check};

enum { USES = BENCH_USES_LAYOUT | BENCH_USES_BOTH_LAYOUTS | BENCH_USES_PHASE };

#define USUAL                                                                                                \
    { .positions = 131072, .head_dim = 128 }

const bench_case cpu_rotate_benchmarks[] = {
    {.kind = BENCH_ROTATE,
     .name = "rotate",
     .formula = "bytes = 8 n d, FLOP = 12.5 n d",
     .formula_as_read = "bytes = 8 n d",
     .ceiling = "memcpy of the same bytes",
     .uses = USES | BENCH_USES_ONE_THREAD,
     .usual = USUAL,
     .targets = {{BENCH_TARGET_SHARE, 0.85, "v4", 0}, {BENCH_TARGET_SHARE, 0.5, "v3", 0}},
     .stage = &near_stage,
     .ceilings = {{.run = ceiling_copy}},
     .bytes = rotate_bytes,
     .flops = rotate_flops},
    {.kind = BENCH_ROTATE,
     .name = "rotate / libm",
     .formula = "bytes = 8 n d, FLOP = 12.5 n d",
     .ceiling = "the same with libm's sincosf",
     .uses = USES,
     .usual = USUAL,
     .targets = {{BENCH_TARGET_SHARE, 7.0, "v4", 0}, {BENCH_TARGET_SHARE, 7.0, "v3", 0}},
     .stage = &near_stage,
     .ceilings = {{.run = run_libm}},
     .bytes = rotate_bytes,
     .flops = rotate_flops},
    {.name = NULL},
};

const bench_case gpu_rotate_benchmarks[] = {
    {.kind = BENCH_ROTATE,
     .name = "rotate",
     .formula = "bytes = 2 e n h d for h heads of queries and keys of e bytes, FLOP = (9.5 + 3 h) n d",
     .ceiling = "device copy of the same bytes",
     .uses = USES | BENCH_USES_DTYPE | BENCH_USES_HEADS,
     .usual = USUAL,
     .targets = {{BENCH_TARGET_SHARE, 0.95, NULL, 0}},
     .one_stream = true,
     .stage = &near_stage,
     .serves = can_store,
     .ceilings = {{.run = ceiling_copy}},
     .bytes = rotate_bytes,
     .flops = rotate_flops,
     .room = rotate_room},
    {.kind = BENCH_ROTATE,
     .name = "rotate far",
     .formula = "one fp32 head of queries and of keys at the last n positions below 2^40: bytes = 16 n d, "
                "FLOP = 15.5 n d; error is the phase's",
     .ceiling = "device copy of the same bytes",
     .uses = BENCH_USES_LAYOUT | BENCH_USES_PHASE,
     .usual = USUAL,
     .targets = {{BENCH_TARGET_ERROR, 2e-7, NULL, 0}},
     .one_stream = true,
     .stage = &far_stage,
     .ceilings = {{.run = ceiling_copy}},
     .bytes = rotate_bytes,
     .flops = rotate_flops},
    {.name = NULL},
};
