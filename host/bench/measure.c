/* measure.c - time a benchmark and its ceiling in turn, and check what was timed */
/* SPDX-License-Identifier: MIT */
#include "host/bench/sample.h"

#include "host/map/execution.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* All bits set: NaN as floats, and never what a stage writes. */
static ropemap_status spoil(const rm_timed *timed, ropemap_error *error) {
    const rm_benchmark *benchmark = timed->benchmark;
    if (benchmark->spoil != NULL) {
        return benchmark->spoil(timed->state, error);
    }
    const rm_output output = benchmark->output(timed->state);
    if (output.data != NULL) {
        memset(output.data, 0xff, output.size);
    }
    return ROPEMAP_OK;
}

static ropemap_status check(const rm_timed *timed, ropemap_bench_row *row, ropemap_error *error) {
    rm_verdict verdict = {0};
    RM_TRY(timed->benchmark->check(timed->state, &verdict, error));
    row->checked = verdict.checked;
    row->wrong = verdict.wrong;
    row->error = verdict.error;
    row->allowed = verdict.allowed;
    return ROPEMAP_OK;
}

static ropemap_status tell(const ropemap_bench_options *options, const char *name, const rm_series *series,
                           double elapsed, ropemap_error *error) {
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
static ropemap_status take_samples(rm_timed *timed, const ropemap_bench_options *options, rm_series *series,
                                   ropemap_error *error) {
    const double start = rm_seconds_now();
    double elapsed = 0.0;
    RM_TRY(rm_sample_prepare(timed, error));
    while (!rm_series_enough(series, options, elapsed)) {
        rm_sample sample = {0};
        RM_TRY(rm_sample_take(timed, &sample, error));
        rm_series_add(series, &sample);
        elapsed = rm_seconds_now() - start;
        RM_TRY(tell(options, timed->benchmark->name, series, elapsed, error));
    }
    return ROPEMAP_OK;
}

static bool is_usual(const rm_benchmark *benchmark, const rm_shape *shape) {
    const rm_shape *usual = &benchmark->usual;
    const bool own_block = (benchmark->uses & RM_USES_BLOCK) == 0 || shape->block == shape->gpu->device.block;
    return shape->positions == usual->positions && shape->head_dim == usual->head_dim &&
           shape->width == usual->width && shape->height == usual->height && own_block;
}

static bool is_met(const ropemap_bench_row *row) {
    switch (row->against) {
    case ROPEMAP_BENCH_TARGET_SHARE:
        return row->share >= row->target;
    case ROPEMAP_BENCH_TARGET_SECONDS:
        return row->median <= row->target;
    case ROPEMAP_BENCH_TARGET_ERROR:
        return row->error <= row->target;
    case ROPEMAP_BENCH_TARGET_MEMORY:
        return (double)row->device_bytes <= row->target;
    case ROPEMAP_BENCH_TARGET_NONE:
        break;
    }
    return false;
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
        }
    }
    /* At any shape: what a map may take grows with its inputs. */
    if (benchmark->memory_target != NULL) {
        row->against = ROPEMAP_BENCH_TARGET_MEMORY;
        row->target = benchmark->memory_target(shape);
    }
    row->met = is_met(row);
    return ROPEMAP_OK;
}

/* How the GPU fared, right after it was timed. */
static void look(const rm_shape *shape, ropemap_bench_row *row) {
    ropemap_bench_gpu *about = &shape->gpu->about;
    about->after = rm_nvml_look(&shape->gpu->nvml);
    row->throttled = rm_nvml_throttled(about->after.reasons);
    if (row->throttled) {
        about->throttled = true;
        rm_nvml_words(about->after.reasons, about->reasons, sizeof about->reasons);
    }
}

/* One run in a range that a profiler can be told to look at. */
static ropemap_status profile(rm_timed *timed, const ropemap_bench_row *row, ropemap_error *error) {
    const rm_gpu *gpu = timed->shape->gpu;
    char name[160];
    (void)snprintf(name, sizeof name,
                   "%s %s n %" PRId64 " d %" PRId32 " b %" PRId64 " %s %" PRId32 ":%" PRId32, row->name,
                   row->dtype, row->positions, row->head_dim, row->block, row->variant, row->heads,
                   row->key_heads);
    gpu->probe->range_begin(name);
    const ropemap_status status = rm_sample_run(timed, error);
    gpu->probe->range_end();
    return status;
}

/* Checked, timed, checked again: the buffer that was timed has the last word. */
static ropemap_status measure(rm_timed *timed, const ropemap_bench_options *options, rm_series *series,
                              ropemap_bench_row *row, ropemap_error *error) {
    const rm_benchmark *benchmark = timed->benchmark;
    RM_TRY(spoil(timed, error));
    RM_TRY(rm_sample_run(timed, error));
    row->device_bytes = benchmark->device_bytes != NULL ? benchmark->device_bytes(timed->state) : 0;
    RM_TRY(check(timed, row, error));
    if (row->wrong > 0) {
        return ROPEMAP_OK;
    }
    if (options->profile) {
        return profile(timed, row, error);
    }
    RM_TRY(spoil(timed, error));
    RM_TRY(take_samples(timed, options, series, error));
    if (timed->shape->gpu != NULL) {
        look(timed->shape, row);
    }
    RM_TRY(check(timed, row, error));
    row->output_bytes = benchmark->output_bytes != NULL ? benchmark->output_bytes(timed->state) : 0;
    rm_series_summarise(series, timed, row);
    return judge(benchmark, timed->shape, row, error);
}

static void name_row(const rm_benchmark *benchmark, const rm_shape *shape, ropemap_bench_row *row) {
    const bool on_gpu = shape->gpu != NULL, typed = on_gpu && (benchmark->uses & RM_USES_DTYPE) != 0;
    *row = (ropemap_bench_row){
        .bench = benchmark->bench,
        .name = benchmark->name,
        .formula = benchmark->formula,
        .ceiling = benchmark->ceiling,
        .variant = (benchmark->uses & RM_USES_LAYOUT) != 0 ? ropemap_layout_name(shape->layout) : "",
        .phase = (benchmark->uses & RM_USES_PHASE) != 0 ? ropemap_phase_name(shape->phase) : "",
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
}

ropemap_status rm_benchmark_measure(const rm_benchmark *benchmark, const rm_shape *shape,
                                    const ropemap_bench_options *options, ropemap_bench_row *row,
                                    ropemap_error *error) {
    rm_timed timed = {.benchmark = benchmark, .shape = shape};
    rm_series series = {0};
    name_row(benchmark, shape, row);
    ropemap_status status = rm_series_make(&series, options, error);
    if (status == ROPEMAP_OK) {
        status = benchmark->open(shape, &timed.state, error);
    }
    if (status == ROPEMAP_OK) {
        status = measure(&timed, options, &series, row, error);
    }
    benchmark->close(timed.state);
    rm_series_free(&series);
    return status;
}
