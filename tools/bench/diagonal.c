/* diagonal.c - benchmark: the similarity at each of many distances, next to the CPU's FLOP rate */
/* SPDX-License-Identifier: MIT */
#include "tools/bench/check.h"

#include <math.h>

enum { CHECKED = 1024, PART = 16384 /* distances a task takes, as in a map */ };

struct diagonal {
    bench_state base;
    double *values; /* [positions] */
};

static double diagonal_bytes(const bench_shape *shape) {
    return 8.0 * (double)shape->positions;
}

/* A cosine takes 17, adding it 1; FMAs count twice. */
static double diagonal_flops(const bench_shape *shape) {
    return 18.0 * (double)shape->positions * (double)shape->head_dim / 2.0;
}

static ropemap_status diagonal_setup(void *opened, ropemap_error *error) {
    struct diagonal *state = opened;
    state->base.flops = diagonal_flops(&state->base.shape);
    state->values = bench_room(&state->base, state->base.shape.positions, sizeof *state->values);
    return bench_whole(&state->base, error);
}

static ropemap_status part_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    const struct diagonal *state = work;
    const bench_workers *workers = &state->base.workers;
    const int64_t first = task * PART, left = state->base.shape.positions - first;
    const ropemap_range distances = {.first = first, .count = left < PART ? left : PART, .step = 1};
    return workers->backend->distances(workers->contexts[worker], &state->base.freqs,
                                       1.0 / (double)state->base.freqs.pairs, distances,
                                       state->values + first, error);
}

static ropemap_status diagonal_run(void *opened, ropemap_error *error) {
    const struct diagonal *state = opened;
    const int64_t parts = (state->base.shape.positions + PART - 1) / PART;
    return workers_run(&state->base.workers, parts, part_task, opened, error);
}

static bench_output diagonal_output(void *opened) {
    const struct diagonal *state = opened;
    return (bench_output){state->values, state->base.shape.positions * (int64_t)sizeof(double), false};
}

static ropemap_status diagonal_check(void *opened, check_result *result, ropemap_error *error) {
    (void)error;
    const struct diagonal *state = opened;
    const int64_t count = state->base.shape.positions;
    for (int64_t i = 0; i < picks_count(count, CHECKED); i++) {
        const int64_t distance = pick_at(count, CHECKED, i);
        check_value(result, state->values[distance], reference_ones(state->base.reference, distance),
                    COSINE_ERROR);
    }
    return ROPEMAP_OK;
}

static const bench_stage diagonal_stage = {.size = sizeof(struct diagonal),
                                           .setup = diagonal_setup,
                                           .run = diagonal_run,
                                           .output = diagonal_output,
                                           .check = diagonal_check};

const bench_case cpu_diagonal_benchmarks[] = {
    {.kind = BENCH_DIAGONAL,
     .name = "diagonal",
     .formula = "FLOP = 9 n d, bytes = 8 n",
     .ceiling = "as many FLOPs of multiply-adds in registers",
     .uses = BENCH_USES_PHASE,
     .usual = {.positions = 1048576, .head_dim = 128},
     .by_flops = true,
     .targets = {{BENCH_TARGET_SECONDS, 0.05, NULL, 2}},
     .stage = &diagonal_stage,
     .ceilings = {{.run = ceiling_adds}},
     .bytes = diagonal_bytes,
     .flops = diagonal_flops},
    {.name = NULL},
};
