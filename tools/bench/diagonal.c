/* diagonal.c - benchmark: the similarity at each of many distances, next to the CPU's FLOP rate */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "tools/bench/ceiling.h"
#include "tools/bench/check.h"

#include <math.h>

enum { CHECKED = 1024, PART = 16384 /* distances a task takes, as in a map */ };

/* Of one cosine, as cuda/arith.h promises it. */
static const double cosine_error = 2e-7;

struct state {
    bench_shape shape;
    bench_workers workers;
    ropemap_freqs freqs;
    check_reference *reference;
    double *values; /* [positions] */
};

static void diagonal_close(void *opened) {
    struct state *state = opened;
    if (state != NULL) {
        workers_close(&state->workers);
        rm_free(state->reference);
        rm_free(state->values);
        rm_free(state);
    }
}

static ropemap_status diagonal_open(const bench_shape *shape, void **opened, ropemap_error *error) {
    struct state *state = rm_alloc(1, sizeof *state);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", sizeof *state);
    }
    state->shape = *shape;
    ropemap_spec spec = ropemap_spec_default();
    spec.head_dim = shape->head_dim;
    RM_TRY(ropemap_freqs_make(&spec, &state->freqs, error));
    RM_TRY(workers_open(&state->workers, shape->threads, error));
    state->reference = reference_make(shape->head_dim, ROPEMAP_LAYOUT_HALF, ROPEMAP_PHASE_EXACT);
    state->values = rm_alloc_raw((uint64_t)shape->positions, sizeof *state->values);
    return state->reference != NULL && state->values != NULL
               ? ROPEMAP_OK
               : rm_fail_memory(error, "distances", (uint64_t)shape->positions * sizeof *state->values);
}

static ropemap_status part_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    const struct state *state = work;
    const int64_t first = task * PART, left = state->shape.positions - first;
    const ropemap_range distances = {.first = first, .count = left < PART ? left : PART, .step = 1};
    return state->workers.backend->distances(state->workers.contexts[worker], &state->freqs,
                                             1.0 / (double)state->freqs.pairs, distances,
                                             state->values + first, error);
}

static ropemap_status diagonal_run(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return workers_run(&state->workers, (state->shape.positions + PART - 1) / PART, part_task, state, error);
}

static double diagonal_bytes(const bench_shape *shape) {
    return 8.0 * (double)shape->positions;
}

/* A cosine takes 17, adding it 1; FMAs count twice. */
static double diagonal_flops(const bench_shape *shape) {
    return 18.0 * (double)shape->positions * (double)shape->head_dim / 2.0;
}

static ropemap_status run_adds(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    return ceiling_adds(&state->workers, diagonal_flops(&state->shape), error);
}

static ropemap_bytes diagonal_output(void *opened) {
    const struct state *state = opened;
    return (ropemap_bytes){.data = (uint8_t *)state->values,
                           .size = (size_t)state->shape.positions * sizeof *state->values};
}

static ropemap_status diagonal_check(void *opened, check_result *result, ropemap_error *error) {
    (void)error;
    const struct state *state = opened;
    const int64_t count = state->shape.positions;
    const int32_t pairs = state->freqs.pairs;
    for (int64_t i = 0; i < picks_count(count, CHECKED); i++) {
        const int64_t distance = pick_at(count, CHECKED, i);
        long double sum = 0.0L;
        for (int32_t pair = 0; pair < pairs; pair++) {
            sum += cosl((long double)distance * state->reference->frequency[pair]);
        }
        check_value(result, state->values[distance], (double)(sum / (long double)pairs), cosine_error);
    }
    return ROPEMAP_OK;
}

const bench_case cpu_diagonal_benchmarks[] = {
    {.kind = BENCH_DIAGONAL,
     .name = "diagonal",
     .formula = "FLOP = 9 n d, bytes = 8 n",
     .ceiling = "as many FLOPs of multiply-adds in registers",
     .uses = BENCH_USES_POSITIONS | BENCH_USES_HEAD_DIM | BENCH_USES_PHASE,
     .usual = {.positions = 1048576, .head_dim = 128},
     .by_flops = true,
     .targets = {{.against = BENCH_TARGET_SECONDS, .value = 0.05, .threads = 2}},
     .open = diagonal_open,
     .close = diagonal_close,
     .run = diagonal_run,
     .ceilings = {{.run = run_adds}},
     .bytes = diagonal_bytes,
     .flops = diagonal_flops,
     .output = diagonal_output,
     .check = diagonal_check},
    {.name = NULL},
};
