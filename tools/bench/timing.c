/* timing.c - time a benchmark and its ceilings alternately, and check what was timed */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/job.h"
#include "tools/bench/gpu.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- statistics */

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value below which `share` of the sorted values lie. */
static double quantile(const double *sorted, int64_t count, double share) {
    const double place = share * (double)(count - 1);
    const int64_t below = (int64_t)place;
    const int64_t above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

static double relative_deviation(const double *values, int64_t count) {
    if (count < 2) {
        return 0.0;
    }
    double sum = 0.0, square = 0.0;
    for (int64_t i = 0; i < count; i++) {
        sum += values[i];
    }
    const double mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++) {
        square += (values[i] - mean) * (values[i] - mean);
    }
    return sqrt(square / (double)(count - 1)) / mean;
}

statistics statistics_of(double *values, int64_t count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return (statistics){.median = quantile(values, count, 0.5),
                        .p5 = quantile(values, count, 0.05),
                        .p95 = quantile(values, count, 0.95),
                        .deviation = relative_deviation(values, count)};
}

/* ---- the GPU's clock */

static const double SAMPLE_SECONDS = 200e-6; /* 400 steps of the clock: a quarter of a percent */
static const double RUNS_MOST = 1000.0;
static const int64_t RUNS_A_FLUSH = 8;   /* that a host queues while a cache is overwritten: 40 us or more */
static const double STEP_SECONDS = 1e-9; /* no time is shorter, so that it can be divided by */

int64_t timing_runs(double seconds_of_one) {
    return (int64_t)fmin(fmax(ceil(SAMPLE_SECONDS / fmax(seconds_of_one, STEP_SECONDS)), 1.0), RUNS_MOST);
}

/* Keeps the GPU busy while the host queues the runs, and then brings into the cache what they leave there. */
static ropemap_status queue_ahead(const timed_gpu *gpu, queued_work queue, void *work, int64_t runs,
                                  ropemap_error *error) {
    for (int64_t run = 0; run < runs; run += RUNS_A_FLUSH) {
        RM_TRY(gpu->timing->flush(gpu->context, error));
    }
    return queue(work, error);
}

ropemap_status timing_seconds(const timed_gpu *gpu, queued_work queue, void *work, int64_t runs, bool cold,
                              double *seconds, ropemap_error *error) {
    const rm_gpu_timing *timing = gpu->timing;
    rm_context *context = gpu->context;
    runs = cold ? 1 : runs;
    if (cold) {
        RM_TRY(timing->flush(context, error));
    } else if (runs > 1) {
        RM_TRY(queue_ahead(gpu, queue, work, runs, error));
    }
    RM_TRY(timing->mark(context, 0, error));
    for (int64_t run = 0; run < runs; run++) {
        RM_TRY(queue(work, error));
    }
    RM_TRY(timing->mark(context, 1, error));
    RM_TRY(timing->elapsed(context, seconds, error));
    *seconds = fmax(*seconds, STEP_SECONDS) / (double)runs;
    return ROPEMAP_OK;
}

/* ---- one sample */

enum { CEILINGS = 2 };

/* A benchmark that is open. */
typedef struct open_case {
    const bench_case *benchmark;
    const bench_shape *shape;
    void *state;
    double work[CEILINGS];                /* of a run, in runs of the ceilings */
    int64_t runs, ceiling_runs[CEILINGS]; /* in a sample by a GPU's clock */
} open_case;

/* Seconds of a run; of the ceilings the slower, for the same work. cold = 0: not measured. */
typedef struct one_sample {
    double own, ceiling, cold, cold_ceiling;
} one_sample;

/* Whether runs are timed by the GPU's clock; ceilings of a GPU always are. */
static bool is_queued(const open_case *timed) {
    return timed->shape->gpu != NULL && !timed->benchmark->by_wall;
}

static ropemap_status prepare(const open_case *timed, ropemap_error *error) {
    return timed->benchmark->prepare != NULL ? timed->benchmark->prepare(timed->state, error) : ROPEMAP_OK;
}

/* Runs once to the end, prepared, without a clock. */
static ropemap_status run_once(const open_case *timed, ropemap_error *error) {
    RM_TRY(prepare(timed, error));
    RM_TRY(timed->benchmark->run(timed->state, error));
    const timed_gpu *gpu = timed->shape->gpu;
    return gpu != NULL ? gpu->backend->finish(gpu->context, error) : ROPEMAP_OK;
}

/* The first run of anything is not like the others: the second one decides. */
static ropemap_status find_runs(const open_case *timed, queued_work queue, int64_t *runs,
                                ropemap_error *error) {
    double seconds = 0.0;
    for (int i = 0; i < 2; i++) {
        RM_TRY(timing_seconds(timed->shape->gpu, queue, timed->state, 1, false, &seconds, error));
    }
    *runs = timing_runs(seconds);
    return ROPEMAP_OK;
}

/* Runs the ceilings once, untimed, and finds how many runs make a sample. */
static ropemap_status prepare_samples(open_case *timed, ropemap_error *error) {
    const bench_case *benchmark = timed->benchmark;
    for (int i = 0; i < CEILINGS && benchmark->ceilings[i].run != NULL; i++) {
        const bench_ceiling *ceiling = &benchmark->ceilings[i];
        timed->work[i] = ceiling->runs != NULL ? ceiling->runs(timed->shape) : 1.0;
        RM_TRY(timed->shape->gpu != NULL ? find_runs(timed, ceiling->run, &timed->ceiling_runs[i], error)
                                         : ceiling->run(timed->state, error));
    }
    if (is_queued(timed)) {
        RM_TRY(prepare(timed, error));
        RM_TRY(find_runs(timed, benchmark->run, &timed->runs, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status time_by_host(const open_case *timed, queued_work run, double *seconds,
                                   ropemap_error *error) {
    const double start = rm_seconds_now();
    RM_TRY(run(timed->state, error));
    *seconds = rm_seconds_now() - start;
    return ROPEMAP_OK;
}

static ropemap_status time_ceilings(const open_case *timed, bool cold, double *seconds,
                                    ropemap_error *error) {
    const timed_gpu *gpu = timed->shape->gpu;
    *seconds = 0.0;
    for (int i = 0; i < CEILINGS && timed->benchmark->ceilings[i].run != NULL; i++) {
        const queued_work run = timed->benchmark->ceilings[i].run;
        double one = 0.0;
        RM_TRY(gpu != NULL ? timing_seconds(gpu, run, timed->state, timed->ceiling_runs[i], cold, &one, error)
                           : time_by_host(timed, run, &one, error));
        *seconds = fmax(*seconds, one * timed->work[i]);
    }
    return ROPEMAP_OK;
}

static ropemap_status take_sample(const open_case *timed, one_sample *sample, ropemap_error *error) {
    const timed_gpu *gpu = timed->shape->gpu;
    const queued_work run = timed->benchmark->run;
    RM_TRY(prepare(timed, error));
    if (!is_queued(timed)) {
        RM_TRY(time_by_host(timed, run, &sample->own, error));
        return time_ceilings(timed, false, &sample->ceiling, error);
    }
    RM_TRY(timing_seconds(gpu, run, timed->state, timed->runs, false, &sample->own, error));
    RM_TRY(time_ceilings(timed, false, &sample->ceiling, error));
    RM_TRY(prepare(timed, error));
    RM_TRY(timing_seconds(gpu, run, timed->state, 1, true, &sample->cold, error));
    return time_ceilings(timed, true, &sample->cold_ceiling, error);
}

/* ---- all samples */

enum { SAMPLES_LEAST = 5, SAMPLES_MOST = 1000, COLUMNS = 5 };

static const double NOISY = 0.005; /* relative deviation */

/* All samples of a row, column by column. */
typedef struct sample_series {
    int32_t room, count;
    double *own, *ceiling, *shares, *cold, *cold_shares; /* [room] each, of one allocation */
} sample_series;

static ropemap_status make_series(sample_series *series, const bench_options *options, ropemap_error *error) {
    series->room = options->samples != 0 ? options->samples : SAMPLES_MOST;
    const uint64_t room = (uint64_t)series->room;
    series->own = rm_alloc(COLUMNS * room, sizeof *series->own);
    if (series->own == NULL) {
        return rm_fail_memory(error, "samples", COLUMNS * room * sizeof *series->own);
    }
    series->ceiling = series->own + room;
    series->shares = series->ceiling + room;
    series->cold = series->shares + room;
    series->cold_shares = series->cold + room;
    return ROPEMAP_OK;
}

static void add_sample(sample_series *series, const one_sample *sample) {
    const int32_t i = series->count++;
    series->own[i] = sample->own;
    series->ceiling[i] = sample->ceiling;
    series->shares[i] = sample->ceiling / sample->own;
    series->cold[i] = sample->cold;
    series->cold_shares[i] = sample->cold > 0.0 ? sample->cold_ceiling / sample->cold : 0.0;
}

/* Whether there are as many samples as the options ask for, `elapsed` seconds after the beginning. */
static bool is_enough(const sample_series *series, const bench_options *options, double elapsed) {
    if (series->count == series->room) {
        return true;
    }
    return options->samples == 0 && series->count >= SAMPLES_LEAST && elapsed >= options->seconds;
}

static void summarise(sample_series *series, const open_case *timed, bench_row *row) {
    const bench_case *benchmark = timed->benchmark;
    const statistics own = statistics_of(series->own, series->count);
    row->samples = series->count;
    row->median = own.median;
    row->p5 = own.p5;
    row->p95 = own.p95;
    row->deviation = own.deviation;
    row->noisy = own.deviation > NOISY;
    row->bytes = benchmark->bytes != NULL ? benchmark->bytes(timed->shape) : 0.0;
    row->flops = benchmark->flops != NULL ? benchmark->flops(timed->shape) : 0.0;
    row->rate = (benchmark->by_flops ? row->flops : row->bytes) / own.median * 1e-9;
    row->ceiling_seconds = statistics_of(series->ceiling, series->count).median;
    row->share = statistics_of(series->shares, series->count).median;
    row->cold = statistics_of(series->cold, series->count).median;
    row->cold_share = statistics_of(series->cold_shares, series->count).median;
}

/* ---- a row */

/* All bits set: NaN as floats, and never what a stage writes. */
static ropemap_status spoil(const open_case *timed, ropemap_error *error) {
    const bench_case *benchmark = timed->benchmark;
    if (benchmark->spoil != NULL) {
        return benchmark->spoil(timed->state, error);
    }
    const ropemap_bytes output = benchmark->output(timed->state);
    if (output.data != NULL) {
        memset(output.data, 0xff, output.size);
    }
    return ROPEMAP_OK;
}

static ropemap_status check(const open_case *timed, bench_row *row, ropemap_error *error) {
    check_result result = {0};
    RM_TRY(timed->benchmark->check(timed->state, &result, error));
    row->checked = result.checked;
    row->wrong = result.wrong;
    row->error = result.error;
    row->allowed = result.allowed;
    return ROPEMAP_OK;
}

static ropemap_status report_progress(const bench_options *options, const char *name,
                                      const sample_series *series, double elapsed, ropemap_error *error) {
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

/* Samples and ceilings alternate, so that other load on the machine falls on both. */
static ropemap_status take_samples(open_case *timed, const bench_options *options, const char *name,
                                   sample_series *series, ropemap_error *error) {
    const double start = rm_seconds_now();
    double elapsed = 0.0;
    RM_TRY(prepare_samples(timed, error));
    while (!is_enough(series, options, elapsed)) {
        one_sample sample = {0};
        RM_TRY(take_sample(timed, &sample, error));
        add_sample(series, &sample);
        elapsed = rm_seconds_now() - start;
        RM_TRY(report_progress(options, name, series, elapsed, error));
    }
    return ROPEMAP_OK;
}

static bool is_usual(const bench_case *benchmark, const bench_shape *shape) {
    const bench_shape *usual = &benchmark->usual;
    const bool own_block =
        (benchmark->uses & BENCH_USES_BLOCK) == 0 || shape->block == shape->gpu->device.block;
    return shape->positions == usual->positions && shape->head_dim == usual->head_dim &&
           shape->width == usual->width && shape->height == usual->height && own_block;
}

static bool is_met(const bench_row *row) {
    switch (row->against) {
    case BENCH_TARGET_SHARE:
        return row->share >= row->target;
    case BENCH_TARGET_SECONDS:
        return row->median <= row->target;
    case BENCH_TARGET_ERROR:
        return row->error <= row->target;
    case BENCH_TARGET_MEMORY:
        return (double)row->device_bytes <= row->target;
    case BENCH_TARGET_NONE:
        break;
    }
    return false;
}

static ropemap_status judge(const bench_case *benchmark, const bench_shape *shape, bench_row *row,
                            ropemap_error *error) {
    ropemap_machine machine;
    RM_TRY(ropemap_machine_describe(&machine, error));
    for (size_t i = 0; i < sizeof benchmark->targets / sizeof benchmark->targets[0]; i++) {
        const bench_target *target = &benchmark->targets[i];
        const bool here = (target->simd == NULL || strcmp(target->simd, machine.simd) == 0) &&
                          (target->threads == 0 || target->threads == shape->threads);
        if (target->against != BENCH_TARGET_NONE && here && is_usual(benchmark, shape)) {
            row->against = target->against;
            row->target = target->value;
        }
    }
    /* At any shape: what a map may take grows with its inputs. */
    if (benchmark->memory_target != NULL) {
        row->against = BENCH_TARGET_MEMORY;
        row->target = benchmark->memory_target(shape);
    }
    row->met = is_met(row);
    return ROPEMAP_OK;
}

/* The state of the GPU right after it was timed. */
static void look(const bench_shape *shape, bench_row *row) {
    bench_gpu *about = &shape->gpu->about;
    about->after = nvml_look(&shape->gpu->nvml);
    row->throttled = nvml_throttled(about->after.reasons);
    if (row->throttled) {
        about->throttled = true;
        nvml_words(about->after.reasons, about->reasons, sizeof about->reasons);
    }
}

/* One run in a named range for a profiler. */
static ropemap_status profile(open_case *timed, const bench_row *row, ropemap_error *error) {
    const timed_gpu *gpu = timed->shape->gpu;
    char name[160];
    (void)snprintf(name, sizeof name,
                   "%s %s n %" PRId64 " d %" PRId32 " b %" PRId64 " %s %" PRId32 ":%" PRId32, row->name,
                   row->dtype, row->positions, row->head_dim, row->block, row->variant, row->heads,
                   row->key_heads);
    gpu->timing->range_begin(name);
    const ropemap_status status = run_once(timed, error);
    gpu->timing->range_end();
    return status;
}

/* Checked, timed, checked again: the buffer that was timed has the last word. */
static ropemap_status measure(open_case *timed, const bench_options *options, sample_series *series,
                              bench_row *row, ropemap_error *error) {
    const bench_case *benchmark = timed->benchmark;
    RM_TRY(spoil(timed, error));
    RM_TRY(run_once(timed, error));
    row->device_bytes = benchmark->device_bytes != NULL ? benchmark->device_bytes(timed->state) : 0;
    RM_TRY(check(timed, row, error));
    if (row->wrong > 0) {
        return ROPEMAP_OK;
    }
    if (options->profile) {
        return profile(timed, row, error);
    }
    RM_TRY(spoil(timed, error));
    RM_TRY(take_samples(timed, options, row->name, series, error));
    if (timed->shape->gpu != NULL) {
        look(timed->shape, row);
    }
    RM_TRY(check(timed, row, error));
    row->output_bytes = benchmark->makes_file ? (int64_t)benchmark->output(timed->state).size : 0;
    summarise(series, timed, row);
    return judge(benchmark, timed->shape, row, error);
}

static void name_row(const bench_case *benchmark, const bench_shape *shape, bench_row *row) {
    const bool on_gpu = shape->gpu != NULL, typed = on_gpu && (benchmark->uses & BENCH_USES_DTYPE) != 0;
    *row = (bench_row){
        .kind = benchmark->kind,
        .formula = benchmark->formula,
        .ceiling = benchmark->ceiling,
        .variant = (benchmark->uses & BENCH_USES_LAYOUT) != 0 ? ropemap_layout_name(shape->layout) : "",
        .phase = (benchmark->uses & BENCH_USES_PHASE) != 0 ? ropemap_phase_name(shape->phase) : "",
        .unit = benchmark->by_flops ? "GFLOP/s" : "GB/s",
        .backend = on_gpu ? "cuda" : "cpu",
        .dtype = typed ? ropemap_dtype_name(shape->dtype) : "",
        .positions = shape->positions,
        .head_dim = shape->head_dim,
        .heads = shape->heads.queries,
        .key_heads = shape->heads.keys,
        .block = shape->block,
        .width = shape->width,
        .height = shape->height,
        .threads = shape->threads};
    (void)snprintf(row->name, sizeof row->name, "%s%s%s", benchmark->name, benchmark->pools != 0 ? " " : "",
                   benchmark->pools != 0 ? ropemap_pool_name(shape->pool) : "");
}

ropemap_status benchmark_measure(const bench_case *benchmark, const bench_shape *shape,
                                 const bench_options *options, bench_row *row, ropemap_error *error) {
    open_case timed = {.benchmark = benchmark, .shape = shape};
    sample_series series = {0};
    name_row(benchmark, shape, row);
    ropemap_status status = make_series(&series, options, error);
    if (status == ROPEMAP_OK) {
        status = benchmark->open(shape, &timed.state, error);
    }
    if (status == ROPEMAP_OK) {
        status = measure(&timed, options, &series, row, error);
    }
    benchmark->close(timed.state);
    rm_free(series.own);
    return status;
}
