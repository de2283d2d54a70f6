/* softmax.c - benchmarks: causal softmax maps, next to our own products of the same pairs alone */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_attention.h"
#include "tools/bench/check.h"
#include "tools/bench/gpu.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/*
 * Each run makes a map of masses and the means over all queries. What distances cost is a row of its own,
 * whose ceiling is the same pass without them.
 */

/* Which masses by distance a pass makes besides: the rows of the table, in order. */
enum { NONE, BINS, EXACT };

enum { CHECKED_QUERIES = 64 /* at least those of two rows of cells */ };

/* Relative error of a probability, a part for 1 and for each unit of its row's largest score. */
static const double PROBABILITY_ERROR = 1e-6;

struct softmax {
    bench_state base;
    bench_vectors vectors; /* of variance 1, as their scores then have */
    float *tiles;          /* [threads, block, block] what the ceiling writes */
    double *rotated;       /* [positions, head_dim] keys, for the check, as the next three */
    double *query;         /* [head_dim] */
    double *scores;        /* [positions] */
    double *wanted;        /* [width] */
    ropemap_attention_request request;
    ropemap_map map;
    ropemap_attention attention;
};

static ropemap_status softmax_prepare(void *opened, ropemap_error *error) {
    struct softmax *state = opened;
    (void)error;
    ropemap_map_free(&state->map);
    ropemap_attention_free(&state->attention);
    return ROPEMAP_OK;
}

static void softmax_teardown(void *opened) {
    struct softmax *state = opened;
    (void)softmax_prepare(opened, NULL);
    bench_vectors_close(&state->vectors);
}

/* ---- setting up */

static void make_request(struct softmax *state) {
    const bench_shape *shape = &state->base.shape;
    const ptrdiff_t which = shape->gpu != NULL ? NONE : state->base.benchmark - cpu_softmax_benchmarks;
    ropemap_request *map = &state->request.map;
    *map = ropemap_request_default();
    map->spec.head_dim = shape->head_dim;
    map->spec.layout = shape->layout;
    map->queries = state->vectors.of_queries;
    map->keys = state->vectors.of_keys;
    map->rows = map->cols = (ropemap_range){.first = 0, .count = shape->positions, .step = 1};
    map->width = shape->width;
    map->height = shape->height;
    map->measure = ROPEMAP_MEASURE_SOFTMAX;
    map->pool = ROPEMAP_POOL_MASS;
    map->mask.causal = true;
    map->dtype = shape->dtype;
    map->backend = shape->gpu != NULL ? "cuda" : "cpu";
    map->device = shape->gpu != NULL ? shape->gpu->device.index : 0;
    map->threads = shape->threads;
    state->request.distances = which != NONE;
    state->request.exact = which == EXACT ? shape->positions : 1;
}

static ropemap_status softmax_setup(void *opened, ropemap_error *error) {
    struct softmax *state = opened;
    bench_state *base = &state->base;
    const int64_t n = base->shape.positions, dim = base->shape.head_dim, block = base->workers.device.block;
    base->flops = (double)n * (double)(n + 1) * (double)dim;
    state->tiles = base->shape.gpu != NULL
                       ? NULL
                       : bench_room(base, base->workers.threads * block * block, sizeof *state->tiles);
    state->rotated = bench_room(base, n * dim, sizeof *state->rotated);
    state->query = bench_room(base, dim, sizeof *state->query);
    state->scores = bench_room(base, n, sizeof *state->scores);
    state->wanted = bench_room(base, base->shape.width, sizeof *state->wanted);
    RM_TRY(bench_vectors_open(base, inputs_unit_reach(1), &state->vectors, error));
    for (int64_t key = 0; key < n; key++) {
        reference_rotate(base->reference, state->vectors.keys + key * dim, key, state->rotated + key * dim);
    }
    make_request(state);
    return ROPEMAP_OK;
}

/* ---- runs */

static ropemap_status softmax_run(void *opened, ropemap_error *error) {
    struct softmax *state = opened;
    return ropemap_attention_compute(&state->request, &state->map, &state->attention, error);
}

/* The same pass without distances. */
static ropemap_status run_map(void *opened, ropemap_error *error) {
    const struct softmax *state = opened;
    ropemap_attention_request request = state->request;
    ropemap_map map = {0};
    ropemap_attention attention = {0};
    request.distances = false;
    const ropemap_status status = ropemap_attention_compute(&request, &map, &attention, error);
    ropemap_map_free(&map);
    ropemap_attention_free(&attention);
    return status;
}

/* A row of tiles up to the diagonal, the longest first, so that no thread is left with one at the end. */
static ropemap_status product_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    const struct softmax *state = work;
    const bench_workers *workers = &state->base.workers;
    const int64_t n = state->base.shape.positions, dim = state->base.shape.head_dim;
    const int64_t block = workers->device.block, row = ((n + block - 1) / block - 1 - task) * block;
    const int64_t rows = row + block < n ? block : n - row;
    const rm_view queries = rm_view_dense(state->vectors.queries + row * dim, rows, dim);
    for (int64_t col = 0; col <= row; col += block) {
        const int64_t cols = col + block < n ? block : n - col;
        RM_TRY(workers->backend->similarity(workers->contexts[worker], ROPEMAP_DTYPE_FP32, 1, queries,
                                            rm_view_dense(state->vectors.keys + col * dim, cols, dim),
                                            rm_view_dense(state->tiles + worker * block * block, rows, cols),
                                            error));
    }
    return ROPEMAP_OK;
}

static ropemap_status run_products(void *opened, ropemap_error *error) {
    const struct softmax *state = opened;
    const int64_t block = state->base.workers.device.block;
    return workers_run(&state->base.workers, (state->base.shape.positions + block - 1) / block, product_task,
                       opened, error);
}

/* ---- work */

static double softmax_bytes(const bench_shape *shape) {
    return 8.0 * (double)shape->positions * (double)shape->head_dim + 4.0 * bench_cells(shape);
}

/* The products of n (n + 1) / 2 pairs: what they have to do; exponentials and sums come on top. */
static double softmax_flops(const bench_shape *shape) {
    return (double)shape->positions * (double)(shape->positions + 1) * (double)shape->head_dim;
}

/* ---- check */

static bench_output softmax_output(void *opened) {
    const struct softmax *state = opened;
    return (bench_output){state->map.cells,
                          state->map.height * state->map.width * (int64_t)sizeof *state->map.cells, false};
}

/* Adds a query's probabilities to `wanted`; returns its largest score's magnitude. */
static double add_query(const struct softmax *state, int64_t row, double share) {
    const int64_t dim = state->base.shape.head_dim, n = state->base.shape.positions;
    const rm_partition cols = {.range = {.first = 0, .count = n, .step = 1}, .cells = state->map.width};
    const double scale = 1.0 / sqrt((double)dim);
    double largest = -INFINITY, most = 0.0, sum = 0.0;
    reference_rotate(state->base.reference, state->vectors.queries + row * dim, row, state->query);
    for (int64_t key = 0; key <= row; key++) {
        state->scores[key] = scale * reference_dot(state->query, state->rotated + key * dim, dim);
        largest = fmax(largest, state->scores[key]);
        most = fmax(most, fabs(state->scores[key]));
    }
    for (int64_t key = 0; key <= row; key++) {
        state->scores[key] = exp(state->scores[key] - largest);
        sum += state->scores[key];
    }
    for (int64_t key = 0; key <= row; key++) {
        state->wanted[rm_partition_cell_of(&cols, key)] += share * state->scores[key] / sum;
    }
    return most;
}

/*
 * Of rows that were rounded to 16 bits, or to TF32, a score is off by (2 u + u^2) |q| |k| / sqrt(d), and the
 * logarithm of a probability by twice that. Lengths are at most those of elements that reach sqrt(3), d of
 * them.
 */
static double rounded(const struct softmax *state) {
    const ropemap_dtype dtype = state->base.shape.dtype;
    const double u = dtype == ROPEMAP_DTYPE_FP32 ? 0.0 : check_rounding(dtype, 1.0);
    const double reach = inputs_unit_reach(1), dim = (double)state->base.shape.head_dim;
    return expm1(2.0 * (2.0 * u + u * u) * reach * reach * sqrt(dim));
}

/* A row of cells, of which those that no query sees are NaN. */
static void check_row(const struct softmax *state, int64_t row, check_result *result) {
    const int64_t width = state->map.width;
    const ropemap_range all = {.first = 0, .count = state->base.shape.positions, .step = 1};
    const rm_partition down = {.range = all, .cells = state->map.height}, across = {all, width};
    const rm_span span = rm_partition_cell(&down, row);
    double most = 0.0;
    memset(state->wanted, 0, (size_t)width * sizeof *state->wanted);
    for (int64_t query = span.first; query < span.end; query++) {
        most = fmax(most, add_query(state, query, 1.0 / (double)(span.end - span.first)));
    }
    for (int64_t col = 0; col < width; col++) {
        const bool seen = col <= rm_partition_cell_of(&across, span.end - 1);
        const double wanted = seen ? state->wanted[col] : (double)NAN;
        check_value(result, (double)state->map.cells[row * width + col], wanted,
                    seen ? (PROBABILITY_ERROR * (1.0 + most) + FLOAT_ROUNDING + rounded(state)) * wanted
                         : 0.0);
    }
}

static ropemap_status softmax_check(void *opened, check_result *result, ropemap_error *error) {
    const struct softmax *state = opened;
    const int64_t height = state->map.height, rows = state->base.shape.positions / height;
    const int64_t most = CHECKED_QUERIES / (rows + 1) > 2 ? CHECKED_QUERIES / (rows + 1) : 2;
    if (state->request.distances) { /* all queries' mass lies at some distance */
        double sum = 0.0;
        for (int64_t bin = 0; bin < state->attention.bins; bin++) {
            sum += state->attention.mass[bin];
        }
        check_value(result, sum, 1.0, PROBABILITY_ERROR);
    }
    for (int64_t i = 0; i < picks_count(height, most); i++) {
        check_row(state, pick_at(height, most, i), result);
    }
    (void)error;
    return ROPEMAP_OK;
}

static const bench_stage softmax_stage = {.size = sizeof(struct softmax),
                                          .setup = softmax_setup,
                                          .teardown = softmax_teardown,
                                          .prepare = softmax_prepare,
                                          .run = softmax_run,
                                          .output = softmax_output,
                                          .check = softmax_check};

#define FORMULA "FLOP = n (n + 1) d, bytes = 8 n d + 4 W H"

#define USUAL                                                                                                \
    { .positions = 16384, .head_dim = 128, .width = 1024, .height = 1024 }

const bench_case cpu_softmax_benchmarks[] = {
    [NONE] = {.kind = BENCH_SOFTMAX,
              .name = "softmax",
              .formula = FORMULA,
              .ceiling = "our own products of the same pairs alone",
              .uses = BENCH_USES_LAYOUT | BENCH_USES_PHASE | BENCH_USES_LENGTHS,
              .usual = USUAL,
              .by_flops = true,
              .targets = {{BENCH_TARGET_SHARE, 1.0 / 1.35, "v4", 0},
                          {BENCH_TARGET_SHARE, 1.0 / 1.25, "v3", 0}},
              .stage = &softmax_stage,
              .ceilings = {{.run = run_products}},
              .bytes = softmax_bytes,
              .flops = softmax_flops},
    [BINS] = {.kind = BENCH_SOFTMAX,
              .name = "softmax bins / none",
              .formula = FORMULA,
              .ceiling = "the same without mass by distance, in bins of an eighth of an octave",
              .uses = BENCH_USES_LAYOUT | BENCH_USES_PHASE | BENCH_USES_LENGTHS,
              .usual = USUAL,
              .by_flops = true,
              .targets = {{BENCH_TARGET_SHARE, 1.0 / 1.25, "v4", 0},
                          {BENCH_TARGET_SHARE, 1.0 / 1.2, "v3", 0}},
              .stage = &softmax_stage,
              .ceilings = {{.run = run_map}},
              .bytes = softmax_bytes,
              .flops = softmax_flops},
    [EXACT] = {.kind = BENCH_SOFTMAX,
               .name = "softmax distances / none",
               .formula = FORMULA,
               .ceiling = "the same without mass at every distance",
               .uses = BENCH_USES_LAYOUT | BENCH_USES_PHASE | BENCH_USES_LENGTHS,
               .usual = USUAL,
               .by_flops = true,
               .targets = {{BENCH_TARGET_SHARE, 1.0 / 1.75, "v4", 0},
                           {BENCH_TARGET_SHARE, 1.0 / 1.5, "v3", 0}},
               .stage = &softmax_stage,
               .ceilings = {{.run = run_map}},
               .bytes = softmax_bytes,
               .flops = softmax_flops},
    {.name = NULL},
};

/*
 * A GPU's as users see them: contexts and memory are made anew for each map. The prediction, by a latency
 * model, is for the stages alone: products of half of all pairs, 34 GB of scores written and read back, and
 * the kernel take 15 to 23 ms. The target is that of one fused pass.
 */
const bench_case gpu_softmax_benchmarks[] = {
    {.kind = BENCH_SOFTMAX,
     .name = "softmax",
     .formula = FORMULA,
     .ceiling = "as many FLOPs in a large product",
     .uses = BENCH_USES_LAYOUT | BENCH_USES_DTYPE | BENCH_USES_LENGTHS,
     .usual = {.positions = 131072, .head_dim = 128, .width = 1024, .height = 1024},
     .by_flops = true,
     .by_wall = true,
     .targets = {{BENCH_TARGET_SHARE, 0.5, NULL, 0}},
     .predicted = 0.023,
     .stage = &softmax_stage,
     .ceilings = {{.run = ceiling_product, .runs = ceiling_product_runs}},
     .bytes = softmax_bytes,
     .flops = softmax_flops},
    {.name = NULL},
};
