/* accumulate.cu - start the kernel that adds a tile of products to its total */
/* SPDX-License-Identifier: MIT */
#include "cuda/accumulate.cuh"

#include "cuda/launch.h"

enum { BLOCKS = 8 }; /* of a multiprocessor: all of its 2048 threads */

extern "C" cudaError_t rm_accumulate_launch(rm_view tile, double *total, int32_t processors,
                                            cudaStream_t stream) {
    if (tile.rows <= 0 || tile.cols <= 0) {
        return cudaSuccess;
    }
    const int64_t most = (int64_t)processors * BLOCKS;
    const dim3 blocks((unsigned)(tile.rows < most ? tile.rows : most));
    return rm_launch(rm_accumulate_kernel, blocks, dim3(RM_ACCUMULATE_THREADS), 0, stream, tile, total);
}
