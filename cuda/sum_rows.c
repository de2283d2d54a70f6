/* sum_rows.c - rotate and pool rows in one pass */
/* SPDX-License-Identifier: MIT */
#include "cuda/context.h"

/* Rows of length 1 are made first and added up as they are. */
static ropemap_status prepare(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                              rm_rotate_sum_work *work, ropemap_error *error) {
    if (!rotation->normalise) {
        work->pairs = rotation->rotate ? rotation->freqs->pairs : 0;
        return rotation->rotate ? rm_cuda_freqs(context, rotation->freqs, &work->freqs, error) : ROPEMAP_OK;
    }
    work->pairs = 0;
    /* over the rows as they came: each is read whole before it is written */
    return rm_cuda_rotate_rows(context, rotation, positions, work->from, work->from, error);
}

ropemap_status rm_cuda_rotate_sum(rm_context *context, const rm_rotation *rotation, const rm_partition *axis,
                                  int64_t first, rm_view from, double *sums, ropemap_error *error) {
    const int64_t cells = rm_partition_touched(axis, first, from.rows);
    const uint64_t row = (uint64_t)from.cols * sizeof(double), bytes = (uint64_t)cells * row;
    const uint64_t pieces = (uint64_t)rm_pieces_count(axis, first, from.rows, RM_SUM_STRIP);
    rm_rotate_sum_work work = {.axis = *axis, .first = first, .layout = rotation->layout};
    RM_TRY(rm_cuda_begin(context, "rotate and pool", error));
    RM_TRY(rm_buffer_reserve(context, &context->parts, pieces * row, error));
    RM_TRY(rm_buffer_reserve(context, &context->sums, bytes, error));
    RM_TRY(rm_pinned_reserve(context, bytes, error));
    work.parts = context->parts.memory;
    work.sums = context->sums.memory;
    RM_TRY(rm_cuda_upload(context, from, &work.from, error));
    const ropemap_range positions = {
        .first = rm_position(axis->range, first), .count = from.rows, .step = axis->range.step};
    RM_TRY(prepare(context, rotation, positions, &work, error));
    RM_CUDA(context, error, rm_rotate_sum_launch(&work, context->processors, context->compute));
    RM_TRY(rm_cuda_uploaded_used(context, error));
    RM_CUDA(
        context, error,
        cudaMemcpyAsync(context->pinned.memory, work.sums, bytes, cudaMemcpyDeviceToHost, context->compute));
    RM_TRY(rm_cuda_wait(context, error));
    const double *made = context->pinned.memory;
    for (int64_t i = 0; i < cells * from.cols; i++) {
        sums[i] += made[i];
    }
    return ROPEMAP_OK;
}
