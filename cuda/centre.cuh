/* centre.cuh - kernel that takes a centre away from rows */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_CUDA_CENTRE_CUH
#define ROPEMAP_CUDA_CENTRE_CUH

#include "cuda/arith.h"
#include "cuda/work.h"

enum { RM_CENTRE_THREADS = 256, RM_CENTRE_LANES = 32 /* threads side by side along a row */ };

/* wide[i, d] = rows[i, d] - centre[d], a warp a row. */
__global__ void __launch_bounds__(RM_CENTRE_THREADS)
    rm_centre_kernel(rm_view rows, const double *__restrict__ centre, double *__restrict__ wide) {
    const int64_t at_once = RM_CENTRE_THREADS / RM_CENTRE_LANES;
    const int32_t lane = (int32_t)threadIdx.x % RM_CENTRE_LANES,
                  warp = (int32_t)threadIdx.x / RM_CENTRE_LANES;
    for (int64_t i = blockIdx.x * at_once + warp; i < rows.rows; i += gridDim.x * at_once) {
        const float *__restrict__ from = rows.data + i * rows.stride;
        double *__restrict__ to = wide + i * rows.cols;
        for (int64_t d = lane; d < rows.cols; d += RM_CENTRE_LANES) {
            to[d] = (double)from[d] - (centre == nullptr ? 0.0 : centre[d]);
        }
    }
}

#endif
