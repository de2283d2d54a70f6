/* rotated_rows.c - rows on their way into a stage: copied here, rotated, of length 1 and rounded where asked
 */
/* SPDX-License-Identifier: MIT */
#include "cuda/context.h"

#include <string.h>

ropemap_status rm_cuda_upload(rm_context *context, rm_view from, rm_view *rows, ropemap_error *error) {
    const int32_t slot = context->slot;
    const size_t width = (size_t)from.cols * sizeof *from.data;
    RM_TRY(rm_buffer_reserve(context, &context->rows[slot], (uint64_t)from.rows * width, error));
    *rows = rm_view_dense(context->rows[slot].memory, from.rows, from.cols);
    RM_CUDA(context, error, cudaStreamWaitEvent(context->copy, context->used[slot], 0));
    RM_TRY(rm_cuda_copy(context, from, *rows, cudaMemcpyHostToDevice, context->copy, error));
    RM_CUDA(context, error, cudaEventRecord(context->copied[slot], context->copy));
    RM_CUDA(context, error, cudaStreamWaitEvent(context->compute, context->copied[slot], 0));
    RM_CUDA(context, error, cudaEventSynchronize(context->copied[slot]));
    return ROPEMAP_OK;
}

ropemap_status rm_cuda_uploaded_used(rm_context *context, ropemap_error *error) {
    RM_CUDA(context, error, cudaEventRecord(context->used[context->slot], context->compute));
    context->slot = (context->slot + 1) % RM_SLOTS;
    return ROPEMAP_OK;
}

static bool same(const ropemap_freqs *a, const ropemap_freqs *b) {
    const size_t pairs = (size_t)b->pairs;
    return a->pairs == b->pairs &&
           memcmp(&a->attention_factor, &b->attention_factor, sizeof a->attention_factor) == 0 &&
           memcmp(a->step, b->step, pairs * sizeof *a->step) == 0 &&
           memcmp(a->fine, b->fine, pairs * sizeof *a->fine) == 0;
}

ropemap_status rm_cuda_freqs(rm_context *context, const ropemap_freqs *freqs, const ropemap_freqs **device,
                             ropemap_error *error) {
    RM_TRY(rm_buffer_reserve(context, &context->device_freqs, sizeof *freqs, error));
    *device = context->device_freqs.memory;
    if (same(context->freqs, freqs)) {
        return ROPEMAP_OK;
    }
    context->freqs->pairs = 0; /* none, should the copy fail */
    RM_CUDA(context, error,
            cudaMemcpyAsync(context->device_freqs.memory, freqs, sizeof *freqs, cudaMemcpyHostToDevice,
                            context->compute));
    RM_TRY(rm_cuda_wait(context, error));
    *context->freqs = *freqs;
    return ROPEMAP_OK;
}

static int64_t element_bytes(ropemap_dtype type) {
    return type == ROPEMAP_DTYPE_BF16 || type == ROPEMAP_DTYPE_FP16 ? 2 : 4;
}

/* Rows beyond `count` become zero. */
static ropemap_status clear_rest(rm_context *context, ropemap_dtype type, int64_t count, rm_view to,
                                 ropemap_error *error) {
    const int64_t row = to.cols * element_bytes(type);
    if (to.stride != to.cols) {
        return rm_fail(error, ROPEMAP_INTERNAL, "rotate: rows %lld elements apart, expected %lld",
                       (long long)to.stride, (long long)to.cols);
    }
    if (count < to.rows) {
        RM_CUDA(context, error,
                cudaMemsetAsync((char *)to.data + count * row, 0, (size_t)((to.rows - count) * row),
                                context->compute));
    }
    return ROPEMAP_OK;
}

ropemap_status rm_cuda_rotate_rows(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                                   rm_view from, rm_view to, ropemap_error *error) {
    const ropemap_freqs *freqs = NULL;
    if (rotation->rotate) {
        RM_TRY(rm_cuda_freqs(context, rotation->freqs, &freqs, error));
    }
    rm_view turned = to;
    if (rotation->normalise) {
        const uint64_t bytes = (uint64_t)positions.count * (uint64_t)from.cols * sizeof(float);
        RM_TRY(rm_buffer_reserve(context, &context->rotated, bytes, error));
        turned = rm_view_dense(context->rotated.memory, positions.count, from.cols);
    }
    const rm_rotate_work work = {
        .sides = {{.from = from.data,
                   .to = turned.data,
                   .from_position_stride = from.stride,
                   .to_position_stride = turned.stride,
                   .heads = 1}},
        .positions = positions,
        .freqs = freqs,
        .from_type = ROPEMAP_DTYPE_FP32,
        .to_type = rotation->normalise ? ROPEMAP_DTYPE_FP32 : rotation->dtype,
        .head_dim = (int32_t)from.cols,
        .pairs = rotation->rotate ? rotation->freqs->pairs : 0,
        .layout = rotation->layout,
    };
    RM_CUDA(context, error, rm_rotate_launch(&work, context->processors, context->compute));
    if (rotation->normalise) {
        const rm_normalise_work normalise = {
            .from = turned, .to = to.data, .to_stride = to.stride, .to_type = rotation->dtype};
        RM_CUDA(context, error, rm_normalise_launch(&normalise, context->processors, context->compute));
    }
    return clear_rest(context, rotation->dtype, positions.count, to, error);
}

ropemap_status rm_cuda_rotate(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                              rm_view from, rm_view to, ropemap_error *error) {
    rm_view rows = {0};
    RM_TRY(rm_cuda_begin(context, "rotate", error));
    RM_TRY(rm_tile_overwrite(context, to, error));
    RM_TRY(rm_cuda_upload(context, from, &rows, error));
    RM_TRY(rm_cuda_rotate_rows(context, rotation, positions, rows, to, error));
    return rm_cuda_uploaded_used(context, error);
}
