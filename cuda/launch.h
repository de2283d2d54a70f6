/* launch.h - the functions that start kernels */
/* SPDX-License-Identifier: MIT */
/*
 * Each starts its kernels on a stream, after what was given to the stream before, and returns without
 * waiting: cudaSuccess, or why a kernel could not start. `processors` is the device's number of
 * multiprocessors: grids are persistent where the work comes in many small pieces.
 */
#ifndef ROPEMAP_CUDA_LAUNCH_H
#define ROPEMAP_CUDA_LAUNCH_H

#include "cuda/work.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus

/* Starts a kernel with arguments of its own types. */
template <class... P>
static inline cudaError_t rm_launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                                    cudaStream_t stream, P... arguments) {
    void *list[] = {&arguments...};
    return cudaLaunchKernel(kernel, grid, block, list, shared, stream);
}

extern "C" {
#endif

cudaError_t rm_rotate_launch(const rm_rotate_work *work, int32_t processors, cudaStream_t stream);
cudaError_t rm_normalise_launch(const rm_normalise_work *work, int32_t processors, cudaStream_t stream);
cudaError_t rm_rotate_sum_launch(const rm_rotate_sum_work *work, int32_t processors, cudaStream_t stream);
cudaError_t rm_pool_launch(const rm_pool_work *work, cudaStream_t stream);

/* values[t] = weight * sum over pairs of cos(phase(|distances.first + t * distances.step|)). */
cudaError_t rm_distances_launch(const ropemap_freqs *freqs, double weight, ropemap_range distances,
                                double *values, int32_t processors, cudaStream_t stream);

/* wide[i, d] = rows[i, d] - centre[d], in double; wide is dense, `centre` [rows.cols] or NULL for 0. */
cudaError_t rm_centre_launch(rm_view rows, const double *centre, double *wide, int32_t processors,
                             cudaStream_t stream);

/* total[i, j] += tile[i, j] for each of `count` tiles in turn, whose rows follow one another; total is dense.
 */
cudaError_t rm_accumulate_launch(rm_view tiles, int64_t count, double *total, int32_t processors,
                                 cudaStream_t stream);

/* memory[i] = value for i < count. */
cudaError_t rm_fill_launch(float *memory, float value, int64_t count, int32_t processors,
                           cudaStream_t stream);

#ifdef __cplusplus
}
#endif

#endif
