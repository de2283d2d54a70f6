/* similarity.c - every query with every key of a tile, and long rows: cuBLAS */
/* SPDX-License-Identifier: MIT */
#include "cuda/context.h"

enum {
    WORKSPACE = 4 * 1048576 - 65536, /* bytes: products this short are not split along their sums */
    CHUNK = 1024                     /* numbers of two rows multiplied and added up in float */
};

ropemap_status rm_cuda_blas(rm_context *context, ropemap_error *error) {
    if (context->blas != NULL) {
        return ROPEMAP_OK;
    }
    RM_TRY(rm_buffer_reserve(context, &context->workspace, WORKSPACE, error));
    RM_BLAS(context, error, cublasCreate(&context->blas));
    RM_BLAS(context, error, cublasSetStream(context->blas, context->compute));
    RM_BLAS(context, error,
            cublasSetWorkspace(context->blas, context->workspace.memory, context->workspace.bytes));
    return ROPEMAP_OK;
}

/* What cuBLAS calls a type, and how it is to add up: pedantic, so that fp32 is fp32 whatever the defaults. */
struct product {
    cudaDataType_t type;
    cublasComputeType_t compute;
};

static struct product product_of(ropemap_dtype dtype) {
    switch (dtype) {
    case ROPEMAP_DTYPE_TF32:
        return (struct product){CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32};
    case ROPEMAP_DTYPE_BF16:
        return (struct product){CUDA_R_16BF, CUBLAS_COMPUTE_32F};
    case ROPEMAP_DTYPE_FP16:
        return (struct product){CUDA_R_16F, CUBLAS_COMPUTE_32F};
    case ROPEMAP_DTYPE_FP32:
        break;
    }
    return (struct product){CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC};
}

/* cuBLAS counts down columns: what it takes for the transposed tile, keys times queries^T, is the tile row by
 * row. */
static ropemap_status multiply(rm_context *context, ropemap_dtype dtype, rm_view queries, rm_view keys,
                               rm_view tile, ropemap_error *error) {
    const float one = 1.0f, zero = 0.0f;
    const struct product product = product_of(dtype);
    RM_TRY(rm_cuda_blas(context, error));
    RM_BLAS(context, error,
            cublasGemmEx(context->blas, CUBLAS_OP_T, CUBLAS_OP_N, (int)keys.rows, (int)queries.rows,
                         (int)queries.cols, &one, keys.data, product.type, (int)keys.stride, queries.data,
                         product.type, (int)queries.stride, &zero, tile.data, CUDA_R_32F, (int)tile.stride,
                         product.compute, CUBLAS_GEMM_DEFAULT));
    return ROPEMAP_OK;
}

ropemap_status rm_cuda_similarity(rm_context *context, ropemap_dtype dtype, rm_view queries, rm_view keys,
                                  rm_view tile, ropemap_error *error) {
    RM_TRY(rm_cuda_begin(context, "similarity", error));
    return multiply(context, dtype, queries, keys, tile, error);
}

ropemap_status rm_cuda_products(rm_context *context, rm_view a, rm_view b, rm_view tile, double *total,
                                ropemap_error *error) {
    const size_t bytes = (size_t)(a.rows * b.rows) * sizeof *total;
    RM_TRY(rm_cuda_begin(context, "products", error));
    RM_TRY(rm_buffer_reserve(context, &context->total, bytes, error));
    RM_CUDA(context, error, cudaMemsetAsync(context->total.memory, 0, bytes, context->compute));
    for (int64_t first = 0; first < a.cols; first += CHUNK) {
        const int64_t left = a.cols - first, count = left < CHUNK ? left : CHUNK;
        RM_TRY(multiply(context, ROPEMAP_DTYPE_FP32, rm_view_cols(a, first, count),
                        rm_view_cols(b, first, count), tile, error));
        RM_CUDA(context, error,
                rm_accumulate_launch(tile, context->total.memory, context->processors, context->compute));
    }
    RM_CUDA(context, error,
            cudaMemcpyAsync(total, context->total.memory, bytes, cudaMemcpyDeviceToHost, context->compute));
    return rm_cuda_wait(context, error);
}
