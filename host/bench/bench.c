/* bench.c - which benchmarks run at which shapes */
/* SPDX-License-Identifier: MIT */
#include "host/bench/bench.h"

#include "host/base/team.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    POSITIONS_MOST = 1 << 24,
    SAMPLES_MOST = 1000000,
    HEADS_MOST = 1024,
    BLOCK_LEAST = 16,
    BLOCK_MOST = 16384
};

ropemap_bench_options ropemap_bench_options_default(void) {
    return (ropemap_bench_options){.seconds = 1.0};
}

static ropemap_status check_list(const char *name, const int64_t *values, int32_t count, int64_t least,
                                 int64_t most, ropemap_error *error) {
    if (values != NULL && count < 1) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: %" PRId32 " of them, expected at least 1", name, count);
    }
    for (int32_t i = 0; values != NULL && i < count; i++) {
        if (values[i] < least || values[i] > most || (least == 2 && values[i] % 2 != 0)) {
            return rm_fail(error, ROPEMAP_USAGE, "%s: %" PRId64 ", expected %s from %" PRId64 " to %" PRId64,
                           name, values[i], least == 2 ? "an even number" : "a number", least, most);
        }
    }
    return ROPEMAP_OK;
}

static bool on_gpu(const ropemap_bench_options *options) {
    return options->backend != NULL && strcmp(options->backend, "cuda") == 0;
}

static ropemap_status check_backend(const ropemap_bench_options *options, ropemap_error *error) {
    const char *backend = options->backend != NULL ? options->backend : "auto";
    if (strcmp(backend, "auto") != 0 && strcmp(backend, "cpu") != 0 && strcmp(backend, "cuda") != 0) {
        return rm_fail(error, ROPEMAP_USAGE, "backend: '%.32s', expected auto, cpu or cuda", backend);
    }
    const char *const lists = options->dtypes != NULL   ? "dtype"
                              : options->heads != NULL  ? "heads"
                              : options->blocks != NULL ? "block"
                              : options->profile        ? "profile"
                                                        : NULL;
    if (lists != NULL && !on_gpu(options)) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: given for the CPU, expected with backend cuda alone",
                       lists);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_phase(const ropemap_bench_options *options, ropemap_error *error) {
    const char *name = ropemap_phase_name(options->phase);
    if (name == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "phase: %d, expected one that has a name", (int)options->phase);
    }
    return options->phase == ROPEMAP_PHASE_EXACT || !on_gpu(options)
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE,
                         "phase: %s with backend cuda, expected exact: a GPU turns rows in no other way",
                         name);
}

static ropemap_status check_named(const ropemap_bench_options *options, ropemap_error *error) {
    const char *backend = on_gpu(options) ? "cuda" : "cpu";
    for (ropemap_bench bench = ROPEMAP_BENCH_ROTATE; ropemap_bench_name(bench) != NULL; bench++) {
        if ((options->which >> bench & 1u) == 0 || ropemap_bench_exists(bench, backend, options->phase)) {
            continue;
        }
        if (!ropemap_bench_exists(bench, backend, ROPEMAP_PHASE_EXACT)) {
            return rm_fail(error, ROPEMAP_USAGE, "bench: %s is not a benchmark of the %s",
                           ropemap_bench_name(bench), on_gpu(options) ? "GPU" : "CPU");
        }
        return rm_fail(
            error, ROPEMAP_USAGE,
            "phase: %s does not apply to %s, expected rotate or map, which turn rows as they are read",
            ropemap_phase_name(options->phase), ropemap_bench_name(bench));
    }
    return ROPEMAP_OK;
}

static ropemap_status check_gpu_lists(const ropemap_bench_options *options, ropemap_error *error) {
    RM_TRY(check_list("block", options->blocks, options->block_count, BLOCK_LEAST, BLOCK_MOST, error));
    if ((options->dtypes != NULL && options->dtype_count < 1) ||
        (options->heads != NULL && options->head_count < 1)) {
        return rm_fail(error, ROPEMAP_USAGE, "dtype, heads: none of them, expected at least 1");
    }
    for (int32_t i = 0; options->dtypes != NULL && i < options->dtype_count; i++) {
        if (ropemap_dtype_name(options->dtypes[i]) == NULL) {
            return rm_fail(error, ROPEMAP_USAGE, "dtype: %d, expected fp32, tf32, bf16 or fp16",
                           (int)options->dtypes[i]);
        }
    }
    for (int32_t i = 0; options->heads != NULL && i < options->head_count; i++) {
        const ropemap_bench_heads heads = options->heads[i];
        if (heads.queries < 1 || heads.queries > HEADS_MOST || heads.keys < 0 || heads.keys > HEADS_MOST) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "heads: %" PRId32 " of queries and %" PRId32
                           " of keys, expected 1 to %d and 0 to %d",
                           heads.queries, heads.keys, HEADS_MOST, HEADS_MOST);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status check_options(const ropemap_bench_options *options, ropemap_error *error) {
    RM_TRY(check_backend(options, error));
    RM_TRY(check_phase(options, error));
    RM_TRY(check_named(options, error));
    RM_TRY(check_gpu_lists(options, error));
    RM_TRY(check_list("positions", options->positions, options->position_count, 1, POSITIONS_MOST, error));
    RM_TRY(
        check_list("head_dims", options->head_dims, options->head_dim_count, 2, ROPEMAP_MAX_HEAD_DIM, error));
    if (ropemap_layout_name(options->layout) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "layout: %d, expected half or interleaved",
                       (int)options->layout);
    }
    if (options->threads < 0 || options->threads > RM_THREADS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE, "threads: %" PRId32 ", expected 0 to %d", options->threads,
                       RM_THREADS_MAX);
    }
    if (options->width < 0 || options->width > ROPEMAP_MAX_SIDE || options->height < 0 ||
        options->height > ROPEMAP_MAX_SIDE || (options->width == 0) != (options->height == 0)) {
        return rm_fail(error, ROPEMAP_USAGE, "size: %" PRId64 " x %" PRId64 ", expected 1 to %d each",
                       options->width, options->height, ROPEMAP_MAX_SIDE);
    }
    if (options->samples < 0 || options->samples > SAMPLES_MOST) {
        return rm_fail(error, ROPEMAP_USAGE, "samples: %" PRId32 ", expected 0 to %d", options->samples,
                       SAMPLES_MOST);
    }
    if (!(options->seconds > 0.0) || !isfinite(options->seconds)) {
        return rm_fail(error, ROPEMAP_USAGE, "seconds: %g, expected a number above 0", options->seconds);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_bench_shape(rm_bench_run *run, const rm_benchmark *benchmark, const rm_shape *shape,
                              ropemap_error *error) {
    ropemap_bench_row row;
    RM_TRY(rm_benchmark_measure(benchmark, shape, run->options, &row, error));
    run->wrong += row.wrong;
    if (run->options->report != NULL && run->options->report(run->options->report_user, &row) != 0) {
        return rm_fail(error, ROPEMAP_STOPPED, "bench: stopped on request");
    }
    return ROPEMAP_OK;
}

static ropemap_status run_threads(rm_bench_run *run, const rm_benchmark *benchmark, rm_shape shape,
                                  ropemap_error *error) {
    const int32_t asked = run->options->threads, all = rm_usable_cpus();
    if ((benchmark->uses & RM_USES_NO_THREADS) != 0) {
        shape.threads = 1;
        return rm_bench_shape(run, benchmark, &shape, error);
    }
    if (asked == 0 && all > 1 && (benchmark->uses & RM_USES_ONE_THREAD) != 0) {
        shape.threads = 1;
        RM_TRY(rm_bench_shape(run, benchmark, &shape, error));
    }
    shape.threads = asked != 0 ? asked : all;
    return rm_bench_shape(run, benchmark, &shape, error);
}

static ropemap_status run_layouts(rm_bench_run *run, const rm_benchmark *benchmark, rm_shape shape,
                                  ropemap_error *error) {
    const ropemap_bench_options *options = run->options;
    const bool both = (benchmark->uses & RM_USES_BOTH_LAYOUTS) != 0 && !options->has_layout;
    if (!both) {
        shape.layout = options->has_layout ? options->layout : ROPEMAP_LAYOUT_HALF;
        return run_threads(run, benchmark, shape, error);
    }
    for (ropemap_layout layout = ROPEMAP_LAYOUT_HALF; ropemap_layout_name(layout) != NULL; layout++) {
        shape.layout = layout;
        RM_TRY(run_threads(run, benchmark, shape, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status run_head_dims(rm_bench_run *run, const rm_benchmark *benchmark, rm_shape shape,
                                    ropemap_error *error) {
    const ropemap_bench_options *options = run->options;
    const bool listed = (benchmark->uses & RM_USES_HEAD_DIM) != 0 && options->head_dims != NULL;
    for (int32_t i = 0; i < (listed ? options->head_dim_count : 1); i++) {
        shape.head_dim = listed ? (int32_t)options->head_dims[i] : shape.head_dim;
        RM_TRY(run_layouts(run, benchmark, shape, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status run_benchmark(rm_bench_run *run, const rm_benchmark *benchmark, ropemap_error *error) {
    const ropemap_bench_options *options = run->options;
    const bool listed = (benchmark->uses & RM_USES_POSITIONS) != 0 && options->positions != NULL;
    rm_shape shape = benchmark->usual;
    shape.phase = options->phase;
    if ((benchmark->uses & RM_USES_SIZE) != 0 && options->width != 0) {
        shape.width = options->width;
        shape.height = options->height;
    }
    for (int32_t i = 0; i < (listed ? options->position_count : 1); i++) {
        shape.positions = listed ? options->positions[i] : shape.positions;
        RM_TRY(run_head_dims(run, benchmark, shape, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status run_cpu(rm_bench_run *run, ropemap_error *error) {
    for (int index = 0; rm_benchmark_at(index) != NULL; index++) {
        const rm_benchmark *benchmark = rm_benchmark_at(index);
        const bool asked = run->options->which == 0 || (run->options->which >> benchmark->bench & 1u) != 0;
        if (asked && rm_benchmark_serves(benchmark, run->options->phase)) {
            RM_TRY(run_benchmark(run, benchmark, error));
        }
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_bench_run(const ropemap_bench_options *options, ropemap_error *error) {
    rm_bench_run run = {.options = options};
    RM_TRY(check_options(options, error));
    RM_TRY(on_gpu(options) ? rm_bench_gpu(&run, error) : run_cpu(&run, error));
    return run.wrong == 0 ? ROPEMAP_OK
                          : rm_fail(error, ROPEMAP_CHECK,
                                    "bench: %" PRId64 " elements are wrong, expected none", run.wrong);
}
