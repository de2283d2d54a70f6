/* accumulate.cu - start the kernel that adds tiles of products to their total */
/* SPDX-License-Identifier: MIT */
#include "cuda/accumulate.cuh"

#include "cuda/launch.h"

enum { BLOCKS = 8 }; /* of a multiprocessor: all of its 2048 threads */

extern "C" cudaError_t rm_accumulate_launch(rm_view tiles, int64_t count, double *total, int32_t processors,
                                            cudaStream_t stream) {
    if (tiles.rows <= 0 || tiles.cols <= 0) {
        return cudaSuccess;
    }
    const int64_t most = (int64_t)processors * BLOCKS, rows = tiles.rows / count;
    const dim3 blocks((unsigned)(rows < most ? rows : most));
    return rm_launch(rm_accumulate_kernel, blocks, dim3(RM_ACCUMULATE_THREADS), 0, stream, tiles, count,
                     total);
}
