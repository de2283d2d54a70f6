/* moment.c - second moments of rotated rows, about a centre */
/* SPDX-License-Identifier: MIT */
/* In double from the subtraction on: squares of any float stay in its range. */
#include "cuda/context.h"

static ropemap_status make_room(rm_context *context, uint64_t rows, uint64_t dim, ropemap_error *error) {
    RM_TRY(rm_buffer_reserve(context, &context->centre, dim * sizeof(double), error));
    RM_TRY(rm_buffer_reserve(context, &context->wide, rows * dim * sizeof(double), error));
    RM_TRY(rm_buffer_reserve(context, &context->gram, dim * dim * sizeof(double), error));
    return rm_pinned_reserve(context, dim * dim * sizeof(double), error);
}

/* gram = x^T x of x [rows, dim]: in cuBLAS's order of columns x x^T of [dim, rows]. */
static ropemap_status multiply(rm_context *context, int64_t rows, int64_t dim, ropemap_error *error) {
    const double one = 1.0, zero = 0.0;
    const double *wide = context->wide.memory;
    RM_TRY(rm_cuda_blas(context, error));
    RM_BLAS(context, error,
            cublasDgemm(context->blas, CUBLAS_OP_N, CUBLAS_OP_T, (int)dim, (int)dim, (int)rows, &one, wide,
                        (int)dim, wide, (int)dim, &zero, context->gram.memory, (int)dim));
    return ROPEMAP_OK;
}

ropemap_status rm_cuda_moment(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                              rm_view from, const double *centre, double *moment, ropemap_error *error) {
    const int64_t dim = from.cols;
    const size_t bytes = (size_t)(dim * dim) * sizeof(double);
    rm_view rows = {0};
    RM_TRY(rm_cuda_begin(context, "second moments", error));
    RM_TRY(make_room(context, (uint64_t)from.rows, (uint64_t)dim, error));
    RM_TRY(rm_cuda_upload(context, from, &rows, error));
    /* over the rows as they came: each is read whole before it is written */
    RM_TRY(rm_cuda_rotate_rows(context, rotation, positions, rows, rows, error));
    if (centre != NULL) {
        RM_CUDA(context, error,
                cudaMemcpyAsync(context->centre.memory, centre, (size_t)dim * sizeof *centre,
                                cudaMemcpyHostToDevice, context->compute));
    }
    RM_CUDA(context, error,
            rm_centre_launch(rows, centre != NULL ? context->centre.memory : NULL, context->wide.memory,
                             context->processors, context->compute));
    RM_TRY(rm_cuda_uploaded_used(context, error));
    RM_TRY(multiply(context, from.rows, dim, error));
    RM_CUDA(context, error,
            cudaMemcpyAsync(context->pinned.memory, context->gram.memory, bytes, cudaMemcpyDeviceToHost,
                            context->compute));
    RM_TRY(rm_cuda_wait(context, error));
    const double *made = context->pinned.memory;
    for (int64_t i = 0; i < dim * dim; i++) {
        moment[i] += made[i];
    }
    return ROPEMAP_OK;
}
