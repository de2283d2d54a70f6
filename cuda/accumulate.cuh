/* accumulate.cuh - kernel that adds a tile of products to its total in double */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_CUDA_ACCUMULATE_CUH
#define ROPEMAP_CUDA_ACCUMULATE_CUH

#include "cuda/arith.h"
#include "cuda/work.h"

enum { RM_ACCUMULATE_THREADS = 256 };

/* total[i, j] += tile[i, j], a block a row. */
__global__ void __launch_bounds__(RM_ACCUMULATE_THREADS)
    rm_accumulate_kernel(rm_view tile, double *__restrict__ total) {
    for (int64_t i = blockIdx.x; i < tile.rows; i += gridDim.x) {
        const float *__restrict__ from = tile.data + i * tile.stride;
        double *__restrict__ to = total + i * tile.cols;
        for (int64_t j = threadIdx.x; j < tile.cols; j += RM_ACCUMULATE_THREADS) {
            to[j] += (double)from[j];
        }
    }
}

#endif
