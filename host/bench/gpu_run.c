/* gpu_run.c - which benchmarks run on a GPU, at which shapes */
/* SPDX-License-Identifier: MIT */
#include "host/base/team.h"
#include "host/bench/gpu.h"
#include "host/bench/table.h"

enum { BLOCK_LEAST = 256, BLOCK_MOST = 8192 };

static const int64_t usual_head_dims[] = {64, 128, 256};

/* Few heads, where cosines and sines cost most, and as many as a large model has. */
static const ropemap_bench_heads usual_heads[] = {{1, 1}, {32, 8}};

static ropemap_status run_layouts(rm_bench_run *run, const rm_benchmark *benchmark, rm_shape shape,
                                  ropemap_error *error) {
    const ropemap_bench_options *options = run->options;
    const bool both = (benchmark->uses & RM_USES_BOTH_LAYOUTS) != 0 && !options->has_layout;
    if (!both) {
        shape.layout = options->has_layout ? options->layout : ROPEMAP_LAYOUT_HALF;
        return rm_bench_shape(run, benchmark, &shape, error);
    }
    for (ropemap_layout layout = ROPEMAP_LAYOUT_HALF; ropemap_layout_name(layout) != NULL; layout++) {
        shape.layout = layout;
        RM_TRY(rm_bench_shape(run, benchmark, &shape, error));
    }
    return ROPEMAP_OK;
}

/* The side that maps have on this device; half of it and twice of it say whether that is the right one. */
static ropemap_status run_blocks(rm_bench_run *run, const rm_benchmark *benchmark, rm_shape shape,
                                 ropemap_error *error) {
    const ropemap_bench_options *options = run->options;
    const int64_t own = shape.gpu->device.block;
    const int64_t sweep[] = {own / 2, own, own * 2};
    const bool used = (benchmark->uses & (RM_USES_BLOCK | RM_USES_BLOCKS)) != 0;
    if (!used) {
        return run_layouts(run, benchmark, shape, error);
    }
    const int64_t *blocks = options->blocks;
    int32_t count = options->block_count;
    if (blocks == NULL) {
        const bool all = (benchmark->uses & RM_USES_BLOCKS) != 0;
        blocks = all ? sweep : sweep + 1;
        count = all ? 3 : 1;
    }
    for (int32_t i = 0; i < count; i++) {
        const bool fits = options->blocks != NULL || (blocks[i] >= BLOCK_LEAST && blocks[i] <= BLOCK_MOST);
        shape.block = blocks[i];
        RM_TRY(fits ? run_layouts(run, benchmark, shape, error) : ROPEMAP_OK);
    }
    return ROPEMAP_OK;
}

static ropemap_status run_heads(rm_bench_run *run, const rm_benchmark *benchmark, rm_shape shape,
                                ropemap_error *error) {
    const ropemap_bench_options *options = run->options;
    if ((benchmark->uses & RM_USES_HEADS) == 0) {
        return run_blocks(run, benchmark, shape, error);
    }
    const ropemap_bench_heads *heads = options->heads != NULL ? options->heads : usual_heads;
    const int32_t usual_count = (int32_t)(sizeof usual_heads / sizeof usual_heads[0]);
    const int32_t count = options->heads != NULL ? options->head_count : usual_count;
    for (int32_t i = 0; i < count; i++) {
        shape.heads = heads[i];
        RM_TRY(run_blocks(run, benchmark, shape, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status run_dtypes(rm_bench_run *run, const rm_benchmark *benchmark, rm_shape shape,
                                 ropemap_error *error) {
    const ropemap_bench_options *options = run->options;
    static const ropemap_dtype all[] = {ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_TF32, ROPEMAP_DTYPE_BF16,
                                        ROPEMAP_DTYPE_FP16};
    const ropemap_dtype *dtypes = options->dtypes != NULL ? options->dtypes : all;
    const int32_t count = options->dtypes != NULL ? options->dtype_count : 4;
    if ((benchmark->uses & RM_USES_DTYPE) == 0) {
        return run_heads(run, benchmark, shape, error);
    }
    for (int32_t i = 0; i < count; i++) {
        const bool left_out = dtypes[i] == ROPEMAP_DTYPE_TF32 && (benchmark->uses & RM_USES_NO_TF32) != 0;
        shape.dtype = dtypes[i];
        RM_TRY(left_out ? ROPEMAP_OK : run_heads(run, benchmark, shape, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status run_head_dims(rm_bench_run *run, const rm_benchmark *benchmark, rm_shape shape,
                                    ropemap_error *error) {
    const ropemap_bench_options *options = run->options;
    const bool many = (benchmark->uses & RM_USES_HEAD_DIMS) != 0;
    const bool listed = many || (benchmark->uses & RM_USES_HEAD_DIM) != 0;
    const bool asked = listed && options->head_dims != NULL;
    const int32_t count = asked ? options->head_dim_count : many ? 3 : 1;
    for (int32_t i = 0; i < count; i++) {
        shape.head_dim = asked  ? (int32_t)options->head_dims[i]
                         : many ? (int32_t)usual_head_dims[i]
                                : shape.head_dim;
        RM_TRY(run_dtypes(run, benchmark, shape, error));
    }
    return ROPEMAP_OK;
}

/* The usual number of positions, halved until what it takes fits into half of the GPU's free memory. */
static ropemap_status choose_positions(const rm_benchmark *benchmark, rm_shape *shape, ropemap_error *error) {
    uint64_t free_bytes = 0, all_bytes = 0;
    rm_shape largest = *shape;
    const rm_gpu *gpu = shape->gpu;
    RM_TRY(gpu->probe->memory(gpu->context, &free_bytes, &all_bytes, error));
    largest.heads = usual_heads[1];
    while (benchmark->room != NULL && largest.positions > 1 &&
           benchmark->room(&largest) > (double)free_bytes / 2.0) {
        largest.positions /= 2;
    }
    shape->positions = largest.positions;
    return ROPEMAP_OK;
}

static ropemap_status run_benchmark(rm_bench_run *run, const rm_benchmark *benchmark, rm_gpu *gpu,
                                    ropemap_error *error) {
    const ropemap_bench_options *options = run->options;
    const bool listed = (benchmark->uses & RM_USES_POSITIONS) != 0 && options->positions != NULL;
    rm_shape shape = benchmark->usual;
    shape.gpu = gpu;
    if (benchmark->by_wall) {
        shape.threads = options->threads != 0 ? options->threads : rm_usable_cpus();
    }
    if ((benchmark->uses & RM_USES_SIZE) != 0 && options->width != 0) {
        shape.width = options->width;
        shape.height = options->height;
    }
    RM_TRY(listed ? ROPEMAP_OK : choose_positions(benchmark, &shape, error));
    for (int32_t i = 0; i < (listed ? options->position_count : 1); i++) {
        shape.positions = listed ? options->positions[i] : shape.positions;
        RM_TRY(run_head_dims(run, benchmark, shape, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status run_all(rm_bench_run *run, rm_gpu *gpu, ropemap_error *error) {
    const ropemap_bench_options *options = run->options;
    const int32_t count = options->dtypes != NULL ? options->dtype_count : 4;
    for (int32_t i = 0; i < count && !options->profile; i++) {
        const ropemap_dtype dtype = options->dtypes != NULL ? options->dtypes[i] : (ropemap_dtype)i;
        RM_TRY(rm_gpu_measure_product(gpu, dtype, error));
    }
    gpu->about.before = rm_nvml_look(&gpu->nvml);
    gpu->about.after = gpu->about.before;
    for (int index = 0; rm_gpu_benchmark_at(index) != NULL; index++) {
        const rm_benchmark *benchmark = rm_gpu_benchmark_at(index);
        if (options->which == 0 || (options->which >> benchmark->bench & 1u) != 0) {
            RM_TRY(run_benchmark(run, benchmark, gpu, error));
        }
    }
    return ROPEMAP_OK;
}

ropemap_status rm_bench_gpu(rm_bench_run *run, ropemap_error *error) {
    rm_gpu gpu;
    ropemap_status status = rm_gpu_open(&gpu, run->options->device, error);
    if (status == ROPEMAP_OK) {
        status = run_all(run, &gpu, error);
    }
    if (run->options->gpu != NULL) {
        *run->options->gpu = gpu.about;
    }
    rm_gpu_close(&gpu);
    return status;
}
