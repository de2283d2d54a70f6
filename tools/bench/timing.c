/* timing.c - time a benchmark and its ceilings alternately, and check what was timed */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "tools/bench/gpu.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* ---- the clocks */

static const double SAMPLE_SECONDS = 2e-3; /* 4,000 steps of the GPU's clock */
static const double RUNS_MOST = 1000.0;
static const int64_t RUNS_A_FLUSH = 8;   /* that a host queues while a cache is overwritten: 40 us or more */
static const double STEP_SECONDS = 1e-9; /* no time is shorter, so that it can be divided by */

int64_t timing_runs(double seconds_of_one) {
    return (int64_t)fmin(fmax(ceil(SAMPLE_SECONDS / fmax(seconds_of_one, STEP_SECONDS)), 1.0), RUNS_MOST);
}

static ropemap_status run_times(bench_work run, void *state, int64_t runs, ropemap_error *error) {
    for (int64_t i = 0; i < runs; i++) {
        RM_TRY(run(state, error));
    }
    return ROPEMAP_OK;
}

/* CPU time, shared out evenly, is what a run would take if nothing else ran on this machine. */
static double seconds_now(const bench_state *state) {
    struct timespec time;
    if (state->shape.clock == BENCH_WALL || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) != 0) {
        return rm_seconds_now();
    }
    return ((double)time.tv_sec + 1e-9 * (double)time.tv_nsec) / (double)state->shape.threads;
}

static ropemap_status seconds_of_host(bench_work run, void *state, int64_t runs, double *seconds,
                                      ropemap_error *error) {
    const double start = seconds_now(state);
    RM_TRY(run_times(run, state, runs, error));
    *seconds = fmax(seconds_now(state) - start, STEP_SECONDS) / (double)runs;
    return ROPEMAP_OK;
}

/* Cold: the cache is overwritten. Hot: the GPU is kept busy while the host queues the runs, and then what
 * they leave in the cache is brought there. */
static ropemap_status queue_ahead(const timed_gpu *gpu, bench_work run, void *state, int64_t runs, bool cold,
                                  ropemap_error *error) {
    for (int64_t i = 0; (cold || runs > 1) && i < runs; i += RUNS_A_FLUSH) {
        RM_TRY(gpu->timing->flush(gpu->context, error));
    }
    return cold || runs == 1 ? ROPEMAP_OK : run(state, error);
}

/* Seconds of all runs together, between two marks. */
static ropemap_status seconds_of_gpu(const timed_gpu *gpu, bench_work run, void *state, int64_t runs,
                                     double *seconds, ropemap_error *error) {
    RM_TRY(gpu->timing->mark(gpu->context, 0, error));
    RM_TRY(run_times(run, state, runs, error));
    RM_TRY(gpu->timing->mark(gpu->context, 1, error));
    RM_TRY(gpu->timing->elapsed(gpu->context, seconds, error));
    *seconds = fmax(*seconds, STEP_SECONDS);
    return ROPEMAP_OK;
}

ropemap_status timing_seconds(const timed_gpu *gpu, bench_work run, void *state, int64_t runs, bool cold,
                              double *seconds, ropemap_error *error) {
    if (gpu == NULL) {
        return seconds_of_host(run, state, runs, seconds, error);
    }
    runs = cold ? 1 : runs;
    RM_TRY(queue_ahead(gpu, run, state, runs, cold, error));
    RM_TRY(seconds_of_gpu(gpu, run, state, runs, seconds, error));
    *seconds /= (double)runs;
    return ROPEMAP_OK;
}

/* ---- samples */

enum { CEILINGS = 2, SAMPLES_LEAST = 5, SAMPLES_MOST = 1000 };

static const double NOISY = 0.005; /* relative deviation */

/* What each sample comes to: seconds of a run, of the slower ceiling for the same work, and their ratio; the
 * same from a cold cache; seconds of a run in a graph. 0: not measured. */
typedef enum column { OWN, CEILING, SHARE, COLD, COLD_CEILING, COLD_SHARE, GRAPH, COLUMNS } column;

/* A benchmark that is open, and its samples. */
typedef struct open_case {
    bench_state *state;
    const bench_case *benchmark;
    const bench_stage *stage;
    const timed_gpu *gpu, *clock;         /* clock NULL: the host's. A GPU's ceilings take the GPU's. */
    double work[CEILINGS];                /* of a run, in runs of the ceilings */
    int64_t runs, ceiling_runs[CEILINGS]; /* in a sample */
    bool in_graph;                        /* a sample's runs are one as well */
    ropemap_error no_graph;               /* why they are not */
    int32_t room, count;                  /* of samples */
    double *samples;                      /* [COLUMNS, room] */
} open_case;

/* Runs once to the end, prepared, without a clock. */
static ropemap_status run_once(const open_case *timed, ropemap_error *error) {
    const bench_workers *workers = &timed->state->workers;
    RM_TRY(bench_prepare(timed->state, error));
    RM_TRY(timed->stage->run(timed->state, error));
    return timed->gpu != NULL ? workers->backend->finish(workers->contexts[0], error) : ROPEMAP_OK;
}

/* Runs untimed and finds how many make a sample. The first run of anything is not like the others: on a GPU
 * the second one decides. */
static ropemap_status find_runs(const open_case *timed, bench_work run, const timed_gpu *clock, int64_t *runs,
                                ropemap_error *error) {
    double seconds = 0.0;
    for (int i = 0; i < (clock != NULL ? 2 : 1); i++) {
        RM_TRY(timing_seconds(clock, run, timed->state, 1, false, &seconds, error));
    }
    *runs = clock != NULL ? timing_runs(seconds) : 1;
    return ROPEMAP_OK;
}

static ropemap_status launch_graph(void *state, ropemap_error *error) {
    const timed_gpu *gpu = ((bench_state *)state)->shape.gpu;
    return gpu->timing->graph(gpu->context, error);
}

/* A sample's runs as a graph, launched once: its output is right, or it is not what runs do. */
static ropemap_status make_graph(const open_case *timed, ropemap_error *error) {
    const timed_gpu *gpu = timed->gpu;
    check_result result = {0};
    RM_TRY(bench_spoil(timed->state, error));
    RM_TRY(gpu->timing->record_begin(gpu->context, error));
    const ropemap_status status = run_times(timed->stage->run, timed->state, timed->runs, error);
    const ropemap_status ended = gpu->timing->record_end(gpu->context, status == ROPEMAP_OK ? error : NULL);
    RM_TRY(status != ROPEMAP_OK ? status : ended);
    RM_TRY(launch_graph(timed->state, error));
    RM_TRY(gpu->backend->finish(gpu->context, error));
    RM_TRY(timed->stage->check(timed->state, &result, error));
    return result.wrong == 0
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_CHECK, "graph: %" PRId64 " of %" PRId64 " elements wrong",
                         result.wrong, result.checked);
}

/* Rows do without a graph rather than fail. */
static void try_graph(open_case *timed) {
    if (timed->clock == NULL || !timed->benchmark->one_stream) {
        (void)rm_fail(&timed->no_graph, ROPEMAP_RESOURCES, "graph: it works on more than one stream");
    } else {
        timed->in_graph = make_graph(timed, &timed->no_graph) == ROPEMAP_OK;
    }
}

/* The GPU is kept busy while the host launches, and the cache is as for a loop. */
static ropemap_status time_graph(const open_case *timed, double *seconds, ropemap_error *error) {
    const int64_t ahead = timed->runs > 1 ? timed->runs : 2;
    RM_TRY(queue_ahead(timed->gpu, timed->stage->run, timed->state, ahead, false, error));
    RM_TRY(seconds_of_gpu(timed->gpu, launch_graph, timed->state, 1, seconds, error));
    *seconds /= (double)timed->runs;
    return ROPEMAP_OK;
}

static ropemap_status prepare_samples(open_case *timed, ropemap_error *error) {
    for (int i = 0; i < CEILINGS && timed->benchmark->ceilings[i].run != NULL; i++) {
        const bench_ceiling *ceiling = &timed->benchmark->ceilings[i];
        timed->work[i] = ceiling->runs != NULL ? ceiling->runs(timed->benchmark, &timed->state->shape) : 1.0;
        RM_TRY(find_runs(timed, ceiling->run, timed->gpu, &timed->ceiling_runs[i], error));
    }
    timed->runs = 1;
    if (timed->clock != NULL) {
        RM_TRY(bench_prepare(timed->state, error));
        RM_TRY(find_runs(timed, timed->stage->run, timed->clock, &timed->runs, error));
    }
    if (timed->gpu != NULL) {
        try_graph(timed);
    }
    return ROPEMAP_OK;
}

static ropemap_status time_ceilings(const open_case *timed, bool cold, double *seconds,
                                    ropemap_error *error) {
    *seconds = 0.0;
    for (int i = 0; i < CEILINGS && timed->benchmark->ceilings[i].run != NULL; i++) {
        double one = 0.0;
        RM_TRY(timing_seconds(timed->gpu, timed->benchmark->ceilings[i].run, timed->state,
                              timed->ceiling_runs[i], cold, &one, error));
        *seconds = fmax(*seconds, one * timed->work[i]);
    }
    return ROPEMAP_OK;
}

/* A run and its ceilings, one after the other: other load on the machine falls on both. */
static ropemap_status take_sample(open_case *timed, ropemap_error *error) {
    double own[2] = {0.0}, ceiling[2] = {0.0}, graph = 0.0;
    for (int cold = 0; cold < (timed->clock != NULL ? 2 : 1); cold++) {
        RM_TRY(bench_prepare(timed->state, error));
        RM_TRY(timing_seconds(timed->clock, timed->stage->run, timed->state, timed->runs, cold != 0,
                              &own[cold], error));
        RM_TRY(time_ceilings(timed, cold != 0, &ceiling[cold], error));
    }
    timed->in_graph = timed->in_graph && time_graph(timed, &graph, &timed->no_graph) == ROPEMAP_OK;
    const double values[COLUMNS] = {own[0], ceiling[0], ceiling[0] / own[0],
                                    own[1], ceiling[1], own[1] > 0.0 ? ceiling[1] / own[1] : 0.0,
                                    graph};
    for (int i = 0; i < COLUMNS; i++) {
        timed->samples[i * timed->room + timed->count] = values[i];
    }
    timed->count++;
    return ROPEMAP_OK;
}

/* Whether there are as many samples as the options ask for, `elapsed` seconds after the beginning. */
static bool is_enough(const open_case *timed, const bench_options *options, double elapsed) {
    return timed->count == timed->room ||
           (options->samples == 0 && timed->count >= SAMPLES_LEAST && elapsed >= options->seconds);
}

static ropemap_status report_progress(const open_case *timed, const bench_options *options, const char *name,
                                      double elapsed, ropemap_error *error) {
    const double by_time = fmin(elapsed / options->seconds, 1.0);
    const double by_count = (double)timed->count / (double)timed->room;
    return options->progress == NULL ||
                   options->progress(options->progress_user, name, options->samples != 0 ? by_count : by_time,
                                     1.0) == 0
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_STOPPED, "bench: stopped on request");
}

static ropemap_status take_samples(open_case *timed, const bench_options *options, const char *name,
                                   ropemap_error *error) {
    const double start = rm_seconds_now();
    double elapsed = 0.0;
    timed->room = options->samples != 0 ? options->samples : SAMPLES_MOST;
    timed->samples = rm_alloc((uint64_t)timed->room * COLUMNS, sizeof *timed->samples);
    if (timed->samples == NULL) {
        return rm_fail_memory(error, "samples", (uint64_t)timed->room * COLUMNS * sizeof *timed->samples);
    }
    RM_TRY(prepare_samples(timed, error));
    while (!is_enough(timed, options, elapsed)) {
        RM_TRY(take_sample(timed, error));
        elapsed = rm_seconds_now() - start;
        RM_TRY(report_progress(timed, options, name, elapsed, error));
    }
    return ROPEMAP_OK;
}

static statistics of_column(const open_case *timed, column which) {
    return statistics_of(timed->samples + (int)which * timed->room, timed->count);
}

static void summarise(const open_case *timed, const bench_shape *shape, bench_row *row) {
    const bench_case *benchmark = timed->benchmark;
    const statistics own = of_column(timed, OWN);
    row->samples = timed->count;
    row->median = own.median;
    row->p5 = own.p5;
    row->p95 = own.p95;
    row->deviation = own.deviation;
    row->noisy = own.deviation > NOISY;
    row->bytes = benchmark->bytes != NULL ? benchmark->bytes(shape) : 0.0;
    row->flops = benchmark->flops != NULL ? benchmark->flops(shape) : 0.0;
    row->rate = (benchmark->by_flops ? row->flops : row->bytes) / own.median * 1e-9;
    row->ceiling_seconds = of_column(timed, CEILING).median;
    row->share = of_column(timed, SHARE).median;
    row->cold = of_column(timed, COLD).median;
    row->cold_share = of_column(timed, COLD_SHARE).median;
    row->graph = timed->in_graph ? of_column(timed, GRAPH).median : 0.0;
    (void)snprintf(row->no_graph, sizeof row->no_graph, "%.199s",
                   timed->in_graph ? "" : timed->no_graph.text);
}

/* ---- a row */

static ropemap_status check(const open_case *timed, bench_row *row, ropemap_error *error) {
    check_result result = {0};
    RM_TRY(timed->stage->check(timed->state, &result, error));
    row->checked = result.checked;
    row->wrong = result.wrong;
    row->error = result.error;
    row->allowed = result.allowed;
    return ROPEMAP_OK;
}

static bool is_usual(const bench_case *benchmark, const bench_shape *shape) {
    const bench_shape *usual = &benchmark->usual;
    const bool own_block = (benchmark->uses & (BENCH_USES_BLOCK | BENCH_USES_BLOCKS)) == 0 ||
                           shape->block == shape->gpu->device.block;
    return shape->phase == ROPEMAP_PHASE_EXACT && shape->positions == usual->positions &&
           shape->head_dim == usual->head_dim && shape->width == usual->width &&
           shape->height == usual->height && own_block;
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
    if (benchmark->predicted > 0.0 && is_usual(benchmark, shape)) {
        const bool short_rows = shape->dtype == ROPEMAP_DTYPE_BF16 || shape->dtype == ROPEMAP_DTYPE_FP16;
        const bool split = benchmark->ceilings[0].run == ceiling_fused && bench_splits(shape);
        row->predicted = short_rows ? benchmark->predicted : split ? 3.0 * benchmark->predicted : 0.0;
    }
    /* At any shape: what a map may take grows with its inputs. */
    if (benchmark->memory_target != NULL) {
        row->against = BENCH_TARGET_MEMORY;
        row->target = benchmark->memory_target(shape);
    }
    row->met =
        row->against != BENCH_TARGET_NONE &&
        (row->against == BENCH_TARGET_SHARE ? row->share >= row->target : bench_reached(row) <= row->target);
    return ROPEMAP_OK;
}

double bench_reached(const bench_row *row) {
    return row->against == BENCH_TARGET_SHARE     ? row->share
           : row->against == BENCH_TARGET_SECONDS ? row->median
           : row->against == BENCH_TARGET_ERROR   ? row->error
                                                  : (double)row->device_bytes;
}

/* The state of the GPU right after it was timed. */
static void look(timed_gpu *gpu, bench_row *row) {
    gpu->about.after = nvml_look(&gpu->nvml);
    row->throttled = nvml_throttled(gpu->about.after.reasons);
    if (row->throttled) {
        gpu->about.throttled = true;
        nvml_words(gpu->about.after.reasons, gpu->about.reasons, sizeof gpu->about.reasons);
    }
}

/* One run in a named range for a profiler. */
static ropemap_status profile(open_case *timed, const bench_row *row, ropemap_error *error) {
    char name[160];
    (void)snprintf(name, sizeof name,
                   "%s %s n %" PRId64 " d %" PRId32 " b %" PRId64 " %s %" PRId32 ":%" PRId32, row->name,
                   row->dtype, row->positions, row->head_dim, row->block, row->variant, row->heads,
                   row->key_heads);
    timed->gpu->timing->range_begin(name);
    const ropemap_status status = run_once(timed, error);
    timed->gpu->timing->range_end();
    return status;
}

/* Checked, timed, checked again: the buffer that was timed has the last word. */
static ropemap_status measure(open_case *timed, const bench_shape *shape, const bench_options *options,
                              bench_row *row, ropemap_error *error) {
    RM_TRY(bench_spoil(timed->state, error));
    RM_TRY(run_once(timed, error));
    row->device_bytes = timed->state->device_bytes;
    RM_TRY(check(timed, row, error));
    if (row->wrong > 0) {
        return ROPEMAP_OK;
    }
    if (options->profile) {
        return profile(timed, row, error);
    }
    RM_TRY(bench_spoil(timed->state, error));
    RM_TRY(take_samples(timed, options, row->name, error));
    if (shape->gpu != NULL) {
        look(shape->gpu, row);
    }
    RM_TRY(check(timed, row, error));
    row->output_bytes = timed->benchmark->makes_file ? timed->stage->output(timed->state).bytes : 0;
    summarise(timed, shape, row);
    return judge(timed->benchmark, shape, row, error);
}

static void name_row(const bench_case *benchmark, const bench_shape *shape, bench_row *row) {
    const bool as_read = shape->phase != ROPEMAP_PHASE_EXACT;
    const bool on_gpu = shape->gpu != NULL, typed = on_gpu && (benchmark->uses & BENCH_USES_DTYPE) != 0;
    *row = (bench_row){
        .kind = benchmark->kind,
        .formula = as_read ? benchmark->formula_as_read : benchmark->formula,
        .ceiling = benchmark->ceiling,
        .variant = (benchmark->uses & BENCH_USES_LAYOUT) != 0 ? ropemap_layout_name(shape->layout) : "",
        .phase = (benchmark->uses & BENCH_USES_PHASE) != 0 ? ropemap_phase_name(shape->phase) : "",
        .unit = benchmark->by_flops ? "GFLOP/s" : "GB/s",
        .backend = on_gpu ? "cuda" : "cpu",
        .clock = shape->clock == BENCH_CPU_TIME  ? "cpu"
                 : on_gpu && !benchmark->by_wall ? "gpu"
                                                 : "wall",
        .dtype = typed ? ropemap_dtype_name(shape->dtype) : "",
        .positions = shape->positions,
        .head_dim = shape->head_dim,
        .heads = shape->heads.queries,
        .key_heads = shape->heads.keys,
        .block = shape->block,
        .width = shape->width,
        .height = shape->height,
        .threads = shape->threads};
    (void)snprintf(row->name, sizeof row->name, "%s%s%s%s", benchmark->name, benchmark->pools != 0 ? " " : "",
                   benchmark->pools != 0 ? ropemap_pool_name(shape->pool) : "", as_read ? " as read" : "");
}

ropemap_status benchmark_measure(const bench_case *benchmark, const bench_shape *shape,
                                 const bench_options *options, bench_row *row, ropemap_error *error) {
    open_case timed = {.benchmark = benchmark,
                       .stage = benchmark->stage,
                       .gpu = shape->gpu,
                       .clock = benchmark->by_wall ? NULL : shape->gpu};
    void *state = NULL;
    name_row(benchmark, shape, row);
    ropemap_status status = bench_open(benchmark, shape, &state, error);
    timed.state = state;
    status = status == ROPEMAP_OK ? measure(&timed, shape, options, row, error) : status;
    bench_close(state);
    rm_free(timed.samples);
    return status;
}
