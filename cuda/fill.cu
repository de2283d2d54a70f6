/* fill.cu - start the kernel that sets memory to one number */
/* SPDX-License-Identifier: MIT */
#include "cuda/fill.cuh"

#include "cuda/launch.h"

enum { BLOCKS = 8 }; /* of a multiprocessor: all of its 2048 threads */

extern "C" cudaError_t rm_fill_launch(float *memory, float value, int64_t count, int32_t processors,
                                      cudaStream_t stream) {
    if (count <= 0) {
        return cudaSuccess;
    }
    const int64_t most = (int64_t)processors * BLOCKS;
    const int64_t wanted = (count + RM_FILL_THREADS - 1) / RM_FILL_THREADS;
    const dim3 blocks((unsigned)(wanted < most ? wanted : most));
    return rm_launch(rm_fill_kernel, blocks, dim3(RM_FILL_THREADS), 0, stream, memory, value, count);
}
