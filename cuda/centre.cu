/* centre.cu - start the kernel that takes a centre away from rows */
/* SPDX-License-Identifier: MIT */
#include "cuda/centre.cuh"

#include "cuda/launch.h"

enum { BLOCKS = 8 }; /* of a multiprocessor: all of its 2048 threads */

extern "C" cudaError_t rm_centre_launch(rm_view rows, const double *centre, double *wide, int32_t processors,
                                        cudaStream_t stream) {
    if (rows.rows <= 0 || rows.cols <= 0) {
        return cudaSuccess;
    }
    const int64_t most = (int64_t)processors * BLOCKS, at_once = RM_CENTRE_THREADS / RM_CENTRE_LANES;
    const int64_t wanted = (rows.rows + at_once - 1) / at_once;
    const dim3 blocks((unsigned)(wanted < most ? wanted : most));
    return rm_launch(rm_centre_kernel, blocks, dim3(RM_CENTRE_THREADS), 0, stream, rows, centre, wide);
}
