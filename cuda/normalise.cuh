/* normalise.cuh - divide rows by their length */
/* SPDX-License-Identifier: MIT */
/*
 * A row's squares are added up in double, in 8 partial sums of a fixed order: each is a thread here, and the
 * bits are those of the CPU backend.
 */
#ifndef ROPEMAP_CUDA_NORMALISE_CUH
#define ROPEMAP_CUDA_NORMALISE_CUH

#include "cuda/elements.cuh"

enum {
    RM_NORMALISE_LANES = 8, /* threads of a row; as many partial sums as the CPU backend has */
    RM_NORMALISE_ROWS = 32, /* rows of a block: 256 threads */
    RM_NORMALISE_AHEAD = 4, /* loads that a thread has on their way */
    RM_NORMALISE_BLOCKS = 4 /* blocks that every multiprocessor holds */
};

/* Its lane's sum of squares of the row's first `whole` elements, a multiple of 8. */
RM_INLINE double rm_lane_square(const float *row, int64_t whole, int lane) {
    double sum = 0.0;
    int64_t d = lane;
    for (; d + (RM_NORMALISE_AHEAD - 1) * RM_NORMALISE_LANES < whole;
         d += RM_NORMALISE_AHEAD * RM_NORMALISE_LANES) {
        float x[RM_NORMALISE_AHEAD];
        for (int i = 0; i < RM_NORMALISE_AHEAD; i++) {
            x[i] = row[d + i * RM_NORMALISE_LANES];
        }
        for (int i = 0; i < RM_NORMALISE_AHEAD; i++) {
            sum += (double)x[i] * (double)x[i];
        }
    }
    for (; d < whole; d += RM_NORMALISE_LANES) {
        sum += (double)row[d] * (double)row[d];
    }
    return sum;
}

/* The sum of squares of a row: partial sums in order, then the elements that make no whole 8, in order. All
 * lanes of a warp call it, those without a row for nothing. */
static __device__ double rm_row_square(const float *row, int64_t cols, bool is_there, int lane) {
    const int64_t whole = cols / RM_NORMALISE_LANES * RM_NORMALISE_LANES;
    const double mine = is_there ? rm_lane_square(row, whole, lane) : 0.0;
    double sum = 0.0;
    for (int i = 0; i < RM_NORMALISE_LANES; i++) {
        sum += __shfl_sync(0xffffffffu, mine, i, RM_NORMALISE_LANES);
    }
    const float last = is_there && whole + lane < cols ? row[whole + lane] : 0.0f;
    for (int i = 0; i < (int)(cols - whole); i++) {
        const double x = (double)__shfl_sync(0xffffffffu, last, i, RM_NORMALISE_LANES);
        sum += x * x;
    }
    return sum;
}

template <ropemap_dtype TO>
__global__ void __launch_bounds__(RM_NORMALISE_LANES *RM_NORMALISE_ROWS, RM_NORMALISE_BLOCKS)
    rm_normalise_kernel(rm_normalise_work work) {
    const int lane = (int)threadIdx.x;
    const int64_t stride = (int64_t)gridDim.x * RM_NORMALISE_ROWS;
    int64_t first = (int64_t)blockIdx.x * RM_NORMALISE_ROWS; /* whole warps go on or stop */
    for (; first < work.from.rows; first += stride) {
        const int64_t i = first + threadIdx.y, cols = work.from.cols;
        const bool is_there = i < work.from.rows;
        const float *row = work.from.data + (is_there ? i : first) * work.from.stride;
        const double square = rm_row_square(row, cols, is_there, lane);
        const double inverse = square > 0.0 ? 1.0 / sqrt(square) : (double)rm_float_from_bits(0x7fc00000u);
        for (int64_t d = lane; is_there && d < cols; d += RM_NORMALISE_LANES) {
            const float x[1] = {(float)((double)row[d] * inverse)};
            rm_store<TO, 1>(work.to, i * work.to_stride + d, rm_pack<TO, 1>(x));
        }
    }
}

#endif
