/* measure.c - time a benchmark and its ceiling in turn, and check what was timed */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/bench/statistics.h"
#include "host/bench/table.h"
#include "host/map/job.h"

#include <string.h>

enum { SAMPLES_LEAST = 5, SAMPLES_MOST = 1000 };

/* Seconds of each sample and of the ceiling beside it. */
struct series {
    int32_t room, count;
    double *own, *ceiling, *shares; /* [room] */
};

static ropemap_status series_make(struct series *series, int32_t room, ropemap_error *error) {
    const uint64_t count = (uint64_t)room;
    series->room = room;
    series->own = rm_alloc(count, sizeof *series->own);
    series->ceiling = rm_alloc(count, sizeof *series->ceiling);
    series->shares = rm_alloc(count, sizeof *series->shares);
    return series->own != NULL && series->ceiling != NULL && series->shares != NULL
               ? ROPEMAP_OK
               : rm_fail_memory(error, "samples", 3 * count * sizeof(double));
}

static void series_free(struct series *series) {
    rm_free(series->own);
    rm_free(series->ceiling);
    rm_free(series->shares);
}

/* All bits set: NaN as floats, and never what a stage writes. */
static void spoil(const rm_benchmark *benchmark, void *state) {
    const rm_output output = benchmark->output(state);
    if (output.data != NULL) {
        memset(output.data, 0xff, output.size);
    }
}

static ropemap_status run_once(const rm_benchmark *benchmark, void *state, double *seconds,
                               ropemap_error *error) {
    if (benchmark->prepare != NULL) {
        benchmark->prepare(state);
    }
    const double start = rm_seconds_now();
    RM_TRY(benchmark->run(state, error));
    *seconds = rm_seconds_now() - start;
    return ROPEMAP_OK;
}

static ropemap_status check(const rm_benchmark *benchmark, void *state, ropemap_bench_row *row,
                            ropemap_error *error) {
    rm_verdict verdict = {0};
    RM_TRY(benchmark->check(state, &verdict, error));
    row->checked = verdict.checked;
    row->wrong = verdict.wrong;
    row->error = verdict.error;
    row->allowed = verdict.allowed;
    return ROPEMAP_OK;
}

static bool enough(const ropemap_bench_options *options, const struct series *series, double elapsed) {
    if (series->count == series->room) {
        return true;
    }
    return options->samples == 0 && series->count >= SAMPLES_LEAST && elapsed >= options->seconds;
}

static ropemap_status tell(const ropemap_bench_options *options, const char *name,
                           const struct series *series, double elapsed, ropemap_error *error) {
    if (options->progress == NULL) {
        return ROPEMAP_OK;
    }
    const double by_time = elapsed / options->seconds,
                 by_count = (double)series->count / (double)series->room;
    const double done = options->samples != 0 ? by_count : by_time < 1.0 ? by_time : 1.0;
    return options->progress(options->progress_user, name, done, 1.0) == 0
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_STOPPED, "bench: stopped on request");
}

/* Samples and ceilings in turn, so that what else the machine does falls on both. */
static ropemap_status take_samples(const rm_benchmark *benchmark, void *state,
                                   const ropemap_bench_options *options, double ceiling_runs,
                                   struct series *series, ropemap_error *error) {
    const double start = rm_seconds_now();
    double elapsed = 0.0;
    while (!enough(options, series, elapsed)) {
        const int32_t i = series->count;
        RM_TRY(run_once(benchmark, state, &series->own[i], error));
        const double between = rm_seconds_now();
        RM_TRY(benchmark->run_ceiling(state, error));
        const double now = rm_seconds_now();
        series->ceiling[i] = (now - between) * ceiling_runs;
        series->shares[i] = series->ceiling[i] / series->own[i];
        series->count++;
        elapsed = now - start;
        RM_TRY(tell(options, benchmark->name, series, elapsed, error));
    }
    return ROPEMAP_OK;
}

static void take_statistics(const rm_benchmark *benchmark, const rm_shape *shape, const struct series *series,
                            ropemap_bench_row *row) {
    const rm_statistics own = rm_statistics_of(series->own, series->count);
    row->samples = series->count;
    row->median = own.median;
    row->p5 = own.p5;
    row->p95 = own.p95;
    row->deviation = own.deviation;
    row->noisy = own.deviation > 0.005;
    row->bytes = benchmark->bytes != NULL ? benchmark->bytes(shape) : 0.0;
    row->flops = benchmark->flops != NULL ? benchmark->flops(shape) : 0.0;
    row->rate = (benchmark->by_flops ? row->flops : row->bytes) / own.median * 1e-9;
    row->ceiling_seconds = rm_statistics_of(series->ceiling, series->count).median;
    row->share = rm_statistics_of(series->shares, series->count).median;
}

static bool is_usual(const rm_benchmark *benchmark, const rm_shape *shape) {
    const rm_shape *usual = &benchmark->usual;
    return shape->positions == usual->positions && shape->head_dim == usual->head_dim &&
           shape->width == usual->width && shape->height == usual->height;
}

static ropemap_status judge(const rm_benchmark *benchmark, const rm_shape *shape, ropemap_bench_row *row,
                            ropemap_error *error) {
    ropemap_bench_machine machine;
    RM_TRY(ropemap_bench_describe(&machine, error));
    for (size_t i = 0; i < sizeof benchmark->targets / sizeof benchmark->targets[0]; i++) {
        const rm_target *target = &benchmark->targets[i];
        const bool here = (target->simd == NULL || strcmp(target->simd, machine.simd) == 0) &&
                          (target->threads == 0 || target->threads == shape->threads);
        if (target->against != ROPEMAP_BENCH_TARGET_NONE && here && is_usual(benchmark, shape)) {
            row->against = target->against;
            row->target = target->value;
            row->met = target->against == ROPEMAP_BENCH_TARGET_SHARE ? row->share >= target->value
                                                                     : row->median <= target->value;
        }
    }
    return ROPEMAP_OK;
}

/* Checked, timed, checked again: the buffer that was timed has the last word. */
static ropemap_status measure(const rm_benchmark *benchmark, const rm_shape *shape, void *state,
                              const ropemap_bench_options *options, struct series *series,
                              ropemap_bench_row *row, ropemap_error *error) {
    double warm_up = 0.0;
    spoil(benchmark, state);
    RM_TRY(run_once(benchmark, state, &warm_up, error));
    RM_TRY(check(benchmark, state, row, error));
    if (row->wrong > 0) {
        return ROPEMAP_OK;
    }
    RM_TRY(benchmark->run_ceiling(state, error));
    spoil(benchmark, state);
    const double ceiling_runs = benchmark->ceiling_runs != NULL ? benchmark->ceiling_runs(shape) : 1.0;
    RM_TRY(take_samples(benchmark, state, options, ceiling_runs, series, error));
    RM_TRY(check(benchmark, state, row, error));
    row->output_bytes = benchmark->output_bytes != NULL ? benchmark->output_bytes(state) : 0;
    take_statistics(benchmark, shape, series, row);
    return judge(benchmark, shape, row, error);
}

static void name_row(const rm_benchmark *benchmark, const rm_shape *shape, ropemap_bench_row *row) {
    *row = (ropemap_bench_row){
        .bench = benchmark->bench,
        .name = benchmark->name,
        .formula = benchmark->formula,
        .ceiling = benchmark->ceiling,
        .variant = (benchmark->uses & RM_USES_LAYOUT) != 0 ? ropemap_layout_name(shape->layout) : "",
        .unit = benchmark->by_flops ? "GFLOP/s" : "GB/s",
        .positions = shape->positions,
        .head_dim = shape->head_dim,
        .width = shape->width,
        .height = shape->height,
        .threads = shape->threads};
}

ropemap_status rm_benchmark_measure(const rm_benchmark *benchmark, const rm_shape *shape,
                                    const ropemap_bench_options *options, ropemap_bench_row *row,
                                    ropemap_error *error) {
    void *state = NULL;
    struct series series = {0};
    name_row(benchmark, shape, row);
    ropemap_status status =
        series_make(&series, options->samples != 0 ? options->samples : SAMPLES_MOST, error);
    if (status == ROPEMAP_OK) {
        status = benchmark->open(shape, &state, error);
    }
    if (status == ROPEMAP_OK) {
        status = measure(benchmark, shape, state, options, &series, row, error);
    }
    benchmark->close(state);
    series_free(&series);
    return status;
}
