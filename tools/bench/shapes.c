/* shapes.c - which benchmarks run at which shapes */
/* SPDX-License-Identifier: MIT */
#include "host/base/processor.h"
#include "tools/bench/gpu.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the benchmarks there are */

static const bench_case *const cpu_tables[] = {cpu_rotate_benchmarks,
                                               cpu_tile_benchmarks,
                                               cpu_diagonal_benchmarks,
                                               cpu_png_benchmarks,
                                               cpu_map_benchmarks,
                                               cpu_softmax_benchmarks,
                                               NULL};
static const bench_case *const gpu_tables[] = {gpu_rotate_benchmarks, gpu_tile_benchmarks, gpu_map_benchmarks,
                                               gpu_softmax_benchmarks, NULL};

const bench_case *benchmark_at(const char *backend, int index) {
    for (const bench_case *const *table = strcmp(backend, "cuda") == 0 ? gpu_tables : cpu_tables;
         *table != NULL; table++) {
        for (const bench_case *at = *table; at->name != NULL; at++) {
            if (index-- == 0) {
                return at;
            }
        }
    }
    return NULL;
}

/* Whether a benchmark runs in that phase. */
static bool runs_in(const bench_case *benchmark, ropemap_phase phase) {
    return phase == ROPEMAP_PHASE_EXACT || benchmark->formula_as_read != NULL;
}

bool bench_exists(bench_kind kind, const char *backend, ropemap_phase phase) {
    const bench_case *at = NULL;
    for (int index = 0; (at = benchmark_at(backend, index)) != NULL; index++) {
        if (at->kind == kind && runs_in(at, phase)) {
            return true;
        }
    }
    return false;
}

const char *bench_kind_name(bench_kind kind) {
    static const char *const names[] = {
        [BENCH_ROTATE] = "rotate", [BENCH_SIMILARITY] = "similarity",
        [BENCH_POOL] = "pool",     [BENCH_DIAGONAL] = "diagonal",
        [BENCH_PNG] = "png",       [BENCH_MAP] = "map",
        [BENCH_TILE] = "tile",     [BENCH_SOFTMAX] = "softmax",
    };
    return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : NULL;
}

/* ---- options that contradict each other */

static bool on_gpu(const bench_options *options) {
    return options->backend != NULL && strcmp(options->backend, "cuda") == 0;
}

bench_kind bench_lacking(const bench_options *options, const char *backend) {
    bench_kind kind = BENCH_ROTATE;
    while (kind < BENCH_KINDS &&
           ((options->which >> kind & 1u) == 0 || bench_exists(kind, backend, options->phase))) {
        kind++;
    }
    return kind;
}

static ropemap_status check_named(const bench_options *options, ropemap_error *error) {
    const char *backend = on_gpu(options) ? "cuda" : "cpu";
    const bench_kind kind = bench_lacking(options, backend);
    if (kind == BENCH_KINDS) {
        return ROPEMAP_OK;
    }
    return bench_exists(kind, backend, ROPEMAP_PHASE_EXACT)
               ? rm_fail(error, ROPEMAP_USAGE, "--phase %s: only rotate and map have it, %s does not",
                         ropemap_phase_name(options->phase), bench_kind_name(kind))
               : rm_fail(error, ROPEMAP_USAGE, "bench: %s is not a benchmark of the %s",
                         bench_kind_name(kind), on_gpu(options) ? "GPU" : "CPU");
}

static ropemap_status check_options(const bench_options *options, ropemap_error *error) {
    const char *const of_gpu = options->dtypes.count > 0   ? "dtype"
                               : options->heads.count > 0  ? "heads"
                               : options->blocks.count > 0 ? "block"
                               : options->profile          ? "profile"
                                                           : NULL;
    if (options->clock == BENCH_CPU_TIME && on_gpu(options)) {
        return rm_fail(error, ROPEMAP_USAGE, "--clock cpu: only --backend cpu takes it");
    }
    if (of_gpu != NULL && !on_gpu(options)) {
        return rm_fail(error, ROPEMAP_USAGE, "--%s: only --backend cuda takes it", of_gpu);
    }
    if (options->phase != ROPEMAP_PHASE_EXACT && on_gpu(options)) {
        return rm_fail(error, ROPEMAP_USAGE, "--phase %s: --backend cuda rotates exactly and in no other way",
                       ropemap_phase_name(options->phase));
    }
    return check_named(options, error);
}

/* ---- shapes */

enum { BLOCK_LEAST = 256, BLOCK_MOST = 8192 };

/* Few heads, where cosines and sines cost most, and as many as a large model has. */
static const bench_list usual_heads = {.values = {BENCH_HEADS(1, 1), BENCH_HEADS(32, 8)}, .count = 2};
static const bench_list usual_lengths = {.values = {16384, 32768, 131072}, .count = 3};
static const bench_list usual_head_dims = {.values = {64, 128, 256}, .count = 3};
static const bench_list usual_layouts = {.values = {ROPEMAP_LAYOUT_HALF, ROPEMAP_LAYOUT_INTERLEAVED},
                                         .count = 2};

/* What the rows of one run share. */
typedef struct bench_progress {
    const bench_options *options;
    int64_t wrong; /* elements of all rows */
    ropemap_status failed;
    ropemap_error failure; /* the first */
} bench_progress;

static bench_list only(int64_t value) {
    return (bench_list){.values = {value}, .count = 1};
}

/* What the options say, where the benchmark can do with it; else its own. */
static bench_list either(const bench_list *given, bool used, bench_list own) {
    return used && given->count > 0 ? *given : own;
}

static bench_heads heads_of(int64_t value) {
    return (bench_heads){.queries = (int32_t)(value / 65536), .keys = (int32_t)(value % 65536)};
}

static bench_list dtypes_of(const bench_options *options) {
    return either(&options->dtypes, true, (bench_list){.values = {0, 1, 2, 3}, .count = BENCH_DTYPES});
}

/* The side that maps have on this device; half of it and twice of it show whether that is the right one. */
static bench_list blocks_of(const bench_options *options, unsigned uses, const timed_gpu *gpu) {
    bench_list list = {.count = 0};
    if ((uses & (BENCH_USES_BLOCK | BENCH_USES_BLOCKS)) == 0) {
        return only(0);
    }
    const int64_t own = gpu->device.block;
    for (int64_t side = own / 2; side <= own * 2; side *= 2) {
        const bool wanted = side == own || (uses & BENCH_USES_BLOCKS) != 0;
        if (wanted && side >= BLOCK_LEAST && side <= BLOCK_MOST) {
            list.values[list.count++] = side;
        }
    }
    return either(&options->blocks, true, list);
}

static bench_list pools_of(const bench_case *benchmark) {
    bench_list list = {.count = 0};
    for (int32_t pool = 0; ropemap_pool_name((ropemap_pool)pool) != NULL; pool++) {
        if ((benchmark->pools >> pool & 1u) != 0) {
            list.values[list.count++] = pool;
        }
    }
    return benchmark->pools != 0 ? list : only(benchmark->usual.pool);
}

static bench_list threads_of(const bench_options *options, const bench_case *benchmark, bool gpu) {
    const int32_t all = options->threads != 0 ? options->threads : rm_usable_cpus();
    if (gpu || benchmark->usual.threads != 0) {
        return only(gpu && benchmark->by_wall ? all : benchmark->usual.threads);
    }
    const bool one = options->threads == 0 && all > 1 && (benchmark->uses & BENCH_USES_ONE_THREAD) != 0;
    return one ? (bench_list){.values = {1, all}, .count = 2} : only(all);
}

/* A row that fails is a row too: the others still run. */
static ropemap_status run_shape(bench_progress *run, const bench_case *benchmark, const bench_shape *shape,
                                ropemap_error *error) {
    const bench_options *options = run->options;
    bench_row row;
    ropemap_error failure = {.status = ROPEMAP_OK};
    const ropemap_status status = benchmark_measure(benchmark, shape, options, &row, &failure);
    if (status == ROPEMAP_STOPPED) {
        return rm_fail(error, ROPEMAP_STOPPED, "%s", failure.text);
    }
    if (status != ROPEMAP_OK) {
        row.samples = 0;
        (void)snprintf(row.failure, sizeof row.failure, "%.190s", failure.text);
        if (run->failed == ROPEMAP_OK) {
            run->failed = status;
            run->failure = failure;
        }
    }
    run->wrong += row.wrong;
    if (shape->gpu != NULL && options->gpu != NULL) {
        *options->gpu = shape->gpu->about;
    }
    return options->report == NULL || options->report(options->report_user, &row) == 0
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_STOPPED, "bench: stopped on request");
}

/* The value of an axis for combination *number, which goes on to that of the next axis. */
static int64_t take(int64_t *number, const bench_list *list) {
    const int64_t value = list->values[*number % list->count];
    *number /= list->count;
    return value;
}

enum { FEW_HEADS_MORE = 8 };

/* Of one head more positions: at the usual number rows of 16 bits would be twice what the cache holds. */
static int64_t positions_for(const bench_shape *shape, bool usual, int64_t positions) {
    return usual && shape->heads.queries == 1 ? positions * FEW_HEADS_MORE : positions;
}

/* All combinations, pools from the outside, threads on the inside. */
static ropemap_status run_case(bench_progress *run, const bench_case *benchmark, bench_shape shape,
                               ropemap_error *error) {
    const bench_options *options = run->options;
    const unsigned uses = benchmark->uses;
    const bench_list pools = pools_of(benchmark);
    const bool long_ones = (uses & BENCH_USES_LENGTHS) != 0 && options->which != 0;
    const bench_list positions =
        either(&options->positions, shape.positions != 0, long_ones ? usual_lengths : only(shape.positions));
    const bench_list head_dims =
        either(&options->head_dims, shape.head_dim != 0,
               (uses & BENCH_USES_HEAD_DIMS) != 0 ? usual_head_dims : only(shape.head_dim));
    const bench_list dtypes = (uses & BENCH_USES_DTYPE) != 0 ? dtypes_of(options) : only(ROPEMAP_DTYPE_FP32);
    const bench_list heads =
        (uses & BENCH_USES_HEADS) != 0 ? either(&options->heads, true, usual_heads) : only(0);
    const bench_list blocks = blocks_of(options, uses, shape.gpu);
    const bool both = options->layout == BENCH_BOTH_WHERE_IT_MATTERS;
    const bench_list layouts = both && (uses & BENCH_USES_BOTH_LAYOUTS) != 0
                                   ? usual_layouts
                                   : only(both ? ROPEMAP_LAYOUT_HALF : options->layout - BENCH_HALF);
    const bench_list threads = threads_of(options, benchmark, shape.gpu != NULL);
    const int64_t count = (int64_t)pools.count * positions.count * head_dims.count * dtypes.count *
                          heads.count * blocks.count * layouts.count * threads.count;
    for (int64_t i = 0; i < count; i++) {
        int64_t number = i;
        shape.threads = (int32_t)take(&number, &threads);
        shape.layout = (ropemap_layout)take(&number, &layouts);
        shape.block = take(&number, &blocks);
        shape.heads = heads_of(take(&number, &heads));
        shape.dtype = (ropemap_dtype)take(&number, &dtypes);
        shape.head_dim = (int32_t)take(&number, &head_dims);
        shape.positions = positions_for(&shape, options->positions.count == 0 && heads.count > 1,
                                        take(&number, &positions));
        shape.pool = (ropemap_pool)take(&number, &pools);
        RM_TRY(benchmark->serves == NULL || benchmark->serves(&shape)
                   ? run_shape(run, benchmark, &shape, error)
                   : ROPEMAP_OK);
    }
    return ROPEMAP_OK;
}

/* The usual number of positions, halved until what it takes fits into half of the GPU's free memory. */
static ropemap_status choose_positions(const bench_case *benchmark, bench_shape *shape,
                                       ropemap_error *error) {
    uint64_t free_bytes = 0, all_bytes = 0;
    bench_shape largest = *shape;
    const timed_gpu *gpu = shape->gpu;
    RM_TRY(gpu->timing->memory(gpu->context, &free_bytes, &all_bytes, error));
    largest.heads = heads_of(usual_heads.values[1]);
    while (benchmark->room != NULL && largest.positions > 1 &&
           benchmark->room(&largest) > (double)free_bytes / 2.0) {
        largest.positions /= 2;
    }
    shape->positions = largest.positions;
    return ROPEMAP_OK;
}

/* All benchmarks that were named; gpu NULL: of the CPU. */
static ropemap_status run_all(bench_progress *run, timed_gpu *gpu, ropemap_error *error) {
    const bench_options *options = run->options;
    const bench_case *at = NULL;
    for (int index = 0; (at = benchmark_at(gpu != NULL ? "cuda" : "cpu", index)) != NULL; index++) {
        const bool named = options->which == 0 || (options->which >> at->kind & 1u) != 0;
        if (!named || !runs_in(at, options->phase)) {
            continue;
        }
        bench_shape shape = at->usual;
        shape.gpu = gpu;
        shape.phase = options->phase;
        shape.clock = options->clock;
        if (shape.width != 0 && options->size.width != 0) {
            shape.width = options->size.width;
            shape.height = options->size.height;
        }
        RM_TRY(gpu != NULL && options->positions.count == 0 ? choose_positions(at, &shape, error)
                                                            : ROPEMAP_OK);
        RM_TRY(run_case(run, at, shape, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status run_gpu(bench_progress *run, timed_gpu *gpu, ropemap_error *error) {
    const bench_options *options = run->options;
    RM_TRY(gpu_open(gpu, options->device, error));
    const bench_list dtypes = dtypes_of(options);
    for (int32_t i = 0; i < dtypes.count && !options->profile; i++) {
        RM_TRY(gpu_measure_product(gpu, (ropemap_dtype)dtypes.values[i], error));
    }
    gpu->about.before = gpu->about.after = nvml_look(&gpu->nvml);
    return run_all(run, gpu, error);
}

ropemap_status bench_run(const bench_options *options, ropemap_error *error) {
    bench_progress run = {.options = options, .failed = ROPEMAP_OK};
    RM_TRY(check_options(options, error));
    if (on_gpu(options)) {
        timed_gpu gpu;
        const ropemap_status status = run_gpu(&run, &gpu, error);
        if (options->gpu != NULL) {
            *options->gpu = gpu.about;
        }
        gpu_close(&gpu);
        RM_TRY(status);
    } else {
        RM_TRY(run_all(&run, NULL, error));
    }
    if (run.failed != ROPEMAP_OK) {
        return rm_fail(error, run.failed, "%s", run.failure.text);
    }
    return run.wrong == 0 ? ROPEMAP_OK
                          : rm_fail(error, ROPEMAP_CHECK, "bench: %" PRId64 " elements are wrong", run.wrong);
}
