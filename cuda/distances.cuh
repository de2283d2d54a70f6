/* distances.cuh - kernel for the sum of a rule's cosines at each of many distances */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_CUDA_DISTANCES_CUH
#define ROPEMAP_CUDA_DISTANCES_CUH

#include "cuda/arith.h"
#include "cuda/work.h"

enum { RM_DISTANCES_THREADS = 256 };

/* A thread takes a distance. All threads of a warp read the same frequency: one cached load. Cosines are
 * added up in the order of pairs, as the CPU does, so that the bits are the same. */
__global__ void __launch_bounds__(RM_DISTANCES_THREADS)
    rm_distances_kernel(const ropemap_freqs *__restrict__ freqs, double weight, ropemap_range distances,
                        double *__restrict__ values) {
    const int32_t pairs = freqs->pairs;
    const int64_t all = (int64_t)gridDim.x * RM_DISTANCES_THREADS;
    for (int64_t t = (int64_t)blockIdx.x * RM_DISTANCES_THREADS + threadIdx.x; t < distances.count;
         t += all) {
        const int64_t way = distances.first + t * distances.step, distance = way < 0 ? -way : way;
        double sum = 0.0;
        for (int32_t pair = 0; pair < pairs; pair++) {
            sum += (double)rm_cos(rm_phase32(rm_phase(freqs->step[pair], freqs->fine[pair], distance)));
        }
        values[t] = sum * weight;
    }
}

#endif
