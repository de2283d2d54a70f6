/* fill.cuh - kernel that sets memory to one number */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_CUDA_FILL_CUH
#define ROPEMAP_CUDA_FILL_CUH

#include "cuda/arith.h"
#include "cuda/work.h"

enum { RM_FILL_THREADS = 256 };

__global__ void __launch_bounds__(RM_FILL_THREADS)
    rm_fill_kernel(float *__restrict__ memory, float value, int64_t count) {
    const int64_t all = (int64_t)gridDim.x * RM_FILL_THREADS;
    for (int64_t i = (int64_t)blockIdx.x * RM_FILL_THREADS + threadIdx.x; i < count; i += all) {
        memory[i] = value;
    }
}

#endif
