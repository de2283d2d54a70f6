/* distances.cu - start the kernel for sums of cosines at many distances */
/* SPDX-License-Identifier: MIT */
#include "cuda/distances.cuh"

#include "cuda/launch.h"

enum { BLOCKS = 8 }; /* of a multiprocessor: all of its 2048 threads */

extern "C" cudaError_t rm_distances_launch(const ropemap_freqs *freqs, double weight, ropemap_range distances,
                                           double *values, int32_t processors, cudaStream_t stream) {
    if (distances.count <= 0) {
        return cudaSuccess;
    }
    const int64_t most = (int64_t)processors * BLOCKS;
    const int64_t wanted = (distances.count + RM_DISTANCES_THREADS - 1) / RM_DISTANCES_THREADS;
    const dim3 blocks((unsigned)(wanted < most ? wanted : most));
    return rm_launch(rm_distances_kernel, blocks, dim3(RM_DISTANCES_THREADS), 0, stream, freqs, weight,
                     distances, values);
}
