/* similarity.c - every query with every key of a tile, and long rows: cuBLAS */
/* SPDX-License-Identifier: MIT */
#include "cuda/context.h"

/* What cuBLAS recommends, in bytes: with less, Hopper and its successors cannot use their best kernels. */
static uint64_t workspace_of(const rm_context *context) {
    return context->major >= RM_WORKSPACE_LARGE_MAJOR ? RM_WORKSPACE_LARGE : RM_WORKSPACE_SMALL;
}

ropemap_status rm_cuda_blas(rm_context *context, ropemap_error *error) {
    if (context->blas != NULL) {
        return ROPEMAP_OK;
    }
    RM_TRY(rm_buffer_reserve(context, &context->workspace, workspace_of(context), error));
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

/* Products of one shape; a stride of 0: the same matrix in all of them. */
struct batch {
    int64_t count, queries_apart, keys_apart, tiles_apart; /* elements of the matrices' types */
};

/* cuBLAS counts down columns: what it takes for the transposed tile, keys times queries^T, is the tile row by
 * row. Views are of the first product. */
static ropemap_status multiply(rm_context *context, ropemap_dtype dtype, struct batch batch, rm_view queries,
                               rm_view keys, rm_view tile, ropemap_error *error) {
    const float one = 1.0f, zero = 0.0f;
    const struct product product = product_of(dtype);
    const int m = (int)keys.rows, n = (int)queries.rows, k = (int)queries.cols;
    RM_TRY(rm_cuda_blas(context, error));
    if (batch.count == 1) {
        RM_BLAS(context, error,
                cublasGemmEx(context->blas, CUBLAS_OP_T, CUBLAS_OP_N, m, n, k, &one, keys.data, product.type,
                             (int)keys.stride, queries.data, product.type, (int)queries.stride, &zero,
                             tile.data, CUDA_R_32F, (int)tile.stride, product.compute, CUBLAS_GEMM_DEFAULT));
        return ROPEMAP_OK;
    }
    RM_BLAS(context, error,
            cublasGemmStridedBatchedEx(context->blas, CUBLAS_OP_T, CUBLAS_OP_N, m, n, k, &one, keys.data,
                                       product.type, (int)keys.stride, batch.keys_apart, queries.data,
                                       product.type, (int)queries.stride, batch.queries_apart, &zero,
                                       tile.data, CUDA_R_32F, (int)tile.stride, batch.tiles_apart,
                                       (int)batch.count, product.compute, CUBLAS_GEMM_DEFAULT));
    return ROPEMAP_OK;
}

/* Blocks of queries lie as far apart as those of floats would, and their tiles one after another. */
ropemap_status rm_cuda_similarity(rm_context *context, ropemap_dtype dtype, int64_t blocks, rm_view queries,
                                  rm_view keys, rm_view tile, ropemap_error *error) {
    const int64_t rows = queries.rows / blocks;
    const int64_t room =
        dtype == ROPEMAP_DTYPE_BF16 || dtype == ROPEMAP_DTYPE_FP16 ? 2 : 1; /* elements a float */
    const struct batch batch = {
        .count = blocks, .queries_apart = room * rows * queries.stride, .tiles_apart = rows * tile.stride};
    RM_TRY(rm_cuda_begin(context, "similarity", error));
    RM_TRY(rm_tile_overwrite(context, tile, error));
    RM_TRY(multiply(context, dtype, batch, rm_view_rows(queries, 0, rows), keys, rm_view_rows(tile, 0, rows),
                    error));
    return rm_tile_made(context, tile, error);
}

/* Adds the products of several parts of long rows, one a tile; of a part a and b are the first one's columns.
 */
static ropemap_status add_parts(rm_context *context, rm_view a, rm_view b, rm_view tiles,
                                ropemap_error *error) {
    const int64_t count = tiles.rows / a.rows;
    const struct batch batch = {
        .count = count, .queries_apart = a.cols, .keys_apart = b.cols, .tiles_apart = a.rows * tiles.stride};
    RM_TRY(multiply(context, ROPEMAP_DTYPE_FP32, batch, a, b, rm_view_rows(tiles, 0, a.rows), error));
    RM_CUDA(context, error,
            rm_accumulate_launch(tiles, count, context->total.memory, context->sm_count, context->compute));
    return ROPEMAP_OK;
}

ropemap_status rm_cuda_products(rm_context *context, rm_view a, rm_view b, rm_view tiles, double *total,
                                ropemap_error *error) {
    const size_t bytes = (size_t)(a.rows * b.rows) * sizeof *total;
    const int64_t whole = a.cols / RM_PRODUCT_CHUNK, most = tiles.rows / a.rows,
                  rest = a.cols - whole * RM_PRODUCT_CHUNK;
    RM_TRY(rm_cuda_begin(context, "products", error));
    RM_TRY(rm_tile_overwrite(context, tiles, error));
    RM_TRY(rm_buffer_reserve(context, &context->total, bytes, error));
    RM_CUDA(context, error, cudaMemsetAsync(context->total.memory, 0, bytes, context->compute));
    for (int64_t part = 0; part < whole; part += most) {
        const int64_t left = whole - part, count = left < most ? left : most, first = part * RM_PRODUCT_CHUNK;
        RM_TRY(add_parts(context, rm_view_cols(a, first, RM_PRODUCT_CHUNK),
                         rm_view_cols(b, first, RM_PRODUCT_CHUNK), rm_view_rows(tiles, 0, count * a.rows),
                         error));
    }
    if (rest > 0) {
        const int64_t first = whole * RM_PRODUCT_CHUNK;
        RM_TRY(add_parts(context, rm_view_cols(a, first, rest), rm_view_cols(b, first, rest),
                         rm_view_rows(tiles, 0, a.rows), error));
    }
    RM_CUDA(context, error,
            cudaMemcpyAsync(total, context->total.memory, bytes, cudaMemcpyDeviceToHost, context->compute));
    return rm_cuda_wait(context, error);
}
