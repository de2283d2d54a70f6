/* gpu_timing.c - what a benchmark needs besides the stages: ceilings, cold caches and the device's clock */
/* SPDX-License-Identifier: MIT */
#include "cuda/context.h"

#include <nvtx3/nvToolsExt.h>

enum { FLUSH_UNKNOWN = 256 * 1048576 }; /* bytes, where the size of the cache is unknown */

static ropemap_status mark(rm_context *context, int32_t which, ropemap_error *error) {
    RM_TRY(rm_cuda_begin(context, "mark", error));
    if (context->marks[which] == NULL) {
        RM_CUDA(context, error, cudaEventCreateWithFlags(&context->marks[which], cudaEventDefault));
    }
    RM_TRY(rm_tile_pause(context, error));
    RM_CUDA(context, error, cudaEventRecord(context->marks[which], context->compute));
    return rm_tile_go_on(context, error);
}

static ropemap_status elapsed(rm_context *context, double *seconds, ropemap_error *error) {
    float milliseconds = 0.0f;
    RM_TRY(rm_cuda_begin(context, "elapsed", error));
    RM_CUDA(context, error, cudaEventSynchronize(context->marks[1]));
    RM_CUDA(context, error, cudaEventElapsedTime(&milliseconds, context->marks[0], context->marks[1]));
    *seconds = 1e-3 * (double)milliseconds;
    return ROPEMAP_OK;
}

static ropemap_status flush(rm_context *context, ropemap_error *error) {
    int cache = 0;
    RM_TRY(rm_cuda_begin(context, "flush", error));
    RM_CUDA(context, error, cudaDeviceGetAttribute(&cache, cudaDevAttrL2CacheSize, context->device.index));
    const uint64_t bytes = cache > 0 ? 2 * (uint64_t)cache : FLUSH_UNKNOWN;
    const bool fresh = context->flush.bytes < bytes;
    RM_TRY(rm_buffer_reserve(context, &context->flush, bytes, error));
    if (fresh) {
        RM_CUDA(context, error,
                cudaMemsetAsync(context->flush.memory, 0xff, context->flush.bytes, context->compute));
    }
    /* not written: lines that must be written back would be what is timed next */
    RM_CUDA(context, error,
            rm_read_launch(context->flush.memory, (int64_t)(bytes / sizeof(float)), context->sm_count,
                           context->compute));
    return ROPEMAP_OK;
}

static ropemap_status copy(rm_context *context, const float *from, float *to, int64_t bytes,
                           ropemap_error *error) {
    RM_TRY(rm_cuda_begin(context, "copy", error));
    RM_CUDA(context, error,
            cudaMemcpyAsync(to, from, (size_t)bytes, cudaMemcpyDeviceToDevice, context->compute));
    return ROPEMAP_OK;
}

static ropemap_status upload(rm_context *context, const float *from, float *to, int64_t bytes,
                             ropemap_error *error) {
    RM_TRY(rm_cuda_begin(context, "upload", error));
    RM_CUDA(context, error,
            cudaMemcpyAsync(to, from, (size_t)bytes, cudaMemcpyHostToDevice, context->compute));
    return ROPEMAP_OK;
}

enum { CONVERT_ROW = 128 /* elements of a row that fills a kernel's threads */ };

/* Rows without rotation, as long as rotated ones where the count allows it, else of two elements: counts are
 * even. */
static ropemap_status convert(rm_context *context, ropemap_dtype dtype, const float *from, float *to,
                              int64_t count, ropemap_error *error) {
    const int32_t row = count % CONVERT_ROW == 0 ? CONVERT_ROW : 2;
    RM_TRY(rm_cuda_begin(context, "convert", error));
    if (count % 2 != 0) {
        return rm_fail(error, ROPEMAP_INTERNAL, "convert: %lld elements; the number must be even",
                       (long long)count);
    }
    const rm_rotate_work work = {
        .sides =
            {{.from = from, .to = to, .from_position_stride = row, .to_position_stride = row, .heads = 1}},
        .positions = {.first = 0, .count = count / row, .step = 1},
        .from_type = ROPEMAP_DTYPE_FP32,
        .to_type = dtype,
        .head_dim = row};
    RM_CUDA(context, error, rm_rotate_launch(&work, context->sm_count, context->compute));
    return ROPEMAP_OK;
}

static rm_heads heads_of(const float *from, float *to, int32_t heads, int32_t head_dim) {
    const int64_t row = head_dim;
    return (rm_heads){.from = from,
                      .to = to,
                      .from_position_stride = heads * row,
                      .from_head_stride = row,
                      .to_position_stride = heads * row,
                      .to_head_stride = row,
                      .heads = heads};
}

static ropemap_status rotate(rm_context *context, const rm_gpu_timing_rows *rows, ropemap_error *error) {
    rm_rotate_work work = {
        .sides = {heads_of(rows->queries_from, rows->queries_to, rows->query_heads, rows->head_dim),
                  heads_of(rows->keys_from, rows->keys_to, rows->key_heads, rows->head_dim)},
        .positions = rows->positions,
        .from_type = rows->dtype,
        .to_type = rows->dtype,
        .head_dim = rows->head_dim,
        .pairs = rows->freqs->pairs,
        .layout = rows->layout};
    RM_TRY(rm_cuda_begin(context, "rotate", error));
    RM_TRY(rm_cuda_freqs(context, rows->freqs, &work.freqs, error));
    RM_CUDA(context, error, rm_rotate_launch(&work, context->sm_count, context->compute));
    return ROPEMAP_OK;
}

/* All streams are waited for first: a graph cannot wait for what was queued before it. The calls of other
 * threads do not matter. */
static ropemap_status record_begin(rm_context *context, ropemap_error *error) {
    RM_TRY(rm_cuda_finish(context, error));
    rm_cuda_drop_graph(context);
    RM_CUDA(context, error, cudaStreamBeginCapture(context->compute, cudaStreamCaptureModeThreadLocal));
    return ROPEMAP_OK;
}

/* Nothing that can fail comes before the end of the capture: without it the stream would run nothing more. */
static ropemap_status record_end(rm_context *context, ropemap_error *error) {
    cudaGraph_t graph = NULL;
    context->stage = "record";
    context->tile_rows = 0;
    RM_CUDA(context, error, cudaStreamEndCapture(context->compute, &graph));
    const cudaError_t code = cudaGraphInstantiateWithFlags(&context->graph, graph, 0);
    (void)cudaGraphDestroy(graph);
    context->graph = code == cudaSuccess ? context->graph : NULL;
    return rm_cuda_check(context, code, "cudaGraphInstantiateWithFlags", error);
}

static ropemap_status launch_graph(rm_context *context, ropemap_error *error) {
    RM_TRY(rm_cuda_begin(context, "graph", error));
    RM_CUDA(context, error, cudaGraphLaunch(context->graph, context->compute));
    return ROPEMAP_OK;
}

static void by_warps(rm_context *context, bool wanted) {
    context->by_warps = wanted;
}

static ropemap_status memory(rm_context *context, uint64_t *free_bytes, uint64_t *all_bytes,
                             ropemap_error *error) {
    size_t free_now = 0, all = 0;
    RM_TRY(rm_cuda_begin(context, "memory", error));
    RM_CUDA(context, error, cudaMemGetInfo(&free_now, &all));
    *free_bytes = free_now;
    *all_bytes = all;
    return ROPEMAP_OK;
}

static void range_begin(const char *name) {
    (void)nvtxRangePushA(name);
}

static void range_end(void) {
    (void)nvtxRangePop();
}

const rm_gpu_timing rm_cuda_timing = {
    .mark = mark,
    .elapsed = elapsed,
    .flush = flush,
    .copy = copy,
    .upload = upload,
    .convert = convert,
    .rotate = rotate,
    .record_begin = record_begin,
    .record_end = record_end,
    .graph = launch_graph,
    .by_warps = by_warps,
    .memory = memory,
    .range_begin = range_begin,
    .range_end = range_end,
};
