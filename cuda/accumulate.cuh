/* accumulate.cuh - kernel that adds tiles of products to their total in double */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_CUDA_ACCUMULATE_CUH
#define ROPEMAP_CUDA_ACCUMULATE_CUH

#include "cuda/arith.h"
#include "cuda/work.h"

enum { RM_ACCUMULATE_THREADS = 256 };

/* total[i, j] += the first tile's [i, j], += the second's, ...: a block a row. `tiles` has one after another.
 */
__global__ void __launch_bounds__(RM_ACCUMULATE_THREADS)
    rm_accumulate_kernel(rm_view tiles, int64_t count, double *__restrict__ total) {
    const int64_t rows = tiles.rows / count;
    for (int64_t i = blockIdx.x; i < rows; i += gridDim.x) {
        const float *__restrict__ from = tiles.data + i * tiles.stride;
        double *__restrict__ to = total + i * tiles.cols;
        for (int64_t j = threadIdx.x; j < tiles.cols; j += RM_ACCUMULATE_THREADS) {
            double sum = to[j];
            for (int64_t tile = 0; tile < count; tile++) {
                sum += (double)from[tile * rows * tiles.stride + j];
            }
            to[j] = sum;
        }
    }
}

#endif
