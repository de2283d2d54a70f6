/* elementwise.cu - the small kernels: normalise and split rows, subtract a mean, accumulate tiles, distances,
 * fill */
/* SPDX-License-Identifier: MIT */
#include "cuda/kernels.h"
#include "cuda/vector_io.cuh"

enum { BLOCKS = 8 }; /* of a multiprocessor: all of its 2048 threads */

/* ---- normalise */

enum {
    RM_NORMALISE_LANES =
        RM_PARTIAL_SUMS,    /* threads of a row, one a partial sum: the bits of the CPU backend */
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
            const int64_t at = work.swizzled ? rm_swizzled_at(i, (int32_t)d, cols) : i * work.to_stride + d;
            rm_store<TO, 1>(work.to, at, rm_pack<TO, 1>(x));
        }
    }
}

template <ropemap_dtype TO>
static cudaError_t start(const rm_normalise_work *work, int32_t sm_count, cudaStream_t stream) {
    const int64_t needed = (work->from.rows + RM_NORMALISE_ROWS - 1) / RM_NORMALISE_ROWS;
    const int64_t most = (int64_t)sm_count * RM_NORMALISE_BLOCKS;
    const dim3 grid((unsigned)(needed < most ? needed : most)), block(RM_NORMALISE_LANES, RM_NORMALISE_ROWS);
    return rm_launch(rm_normalise_kernel<TO>, grid, block, 0, stream, *work);
}

extern "C" cudaError_t rm_normalise_launch(const rm_normalise_work *work, int32_t sm_count,
                                           cudaStream_t stream) {
    if (work->from.rows <= 0) {
        return cudaSuccess;
    }
    switch (work->to_type) {
    case ROPEMAP_DTYPE_FP32:
        return start<ROPEMAP_DTYPE_FP32>(work, sm_count, stream);
    case ROPEMAP_DTYPE_TF32:
        return start<ROPEMAP_DTYPE_TF32>(work, sm_count, stream);
    case ROPEMAP_DTYPE_BF16:
        return start<ROPEMAP_DTYPE_BF16>(work, sm_count, stream);
    case ROPEMAP_DTYPE_FP16:
        return start<ROPEMAP_DTYPE_FP16>(work, sm_count, stream);
    }
    return cudaErrorInvalidValue;
}

/* ---- split rows of floats into two of fp16 */

enum {
    RM_SPLIT_LANES = RM_SWIZZLE_ELEMENTS / RM_SWIZZLE_CHUNK, /* threads of a row, a chunk of a block each */
    RM_SPLIT_ROWS = 32                                       /* rows of a block: 256 threads */
};

/*
 * With s the scale and E the exponent of the row's largest element, x / s is exact, high is x / s rounded to
 * 11 bits, and low what is left, rounded to as many: |x - s (high + low)| <= 2^-23 |x| + 2^-25 s, half of the
 * last place of low or, as s is 2^(E - 14) where E is RM_SPLIT_LEAST at least, 2^-39 of the largest element.
 *
 * The kernel multiplies high with high, low with high and high with low; |low| <= 2^-11 |x| / s. What the
 * product q k loses is thus 2 * 2^-23 + 2^-22 = 2^-21 of |q k|, and what lies below 2^-38 of the rows'
 * largest elements. Products of up to 256 elements are less than 2^38, and multiples of 2^-48: with either
 * scale, from 2^-78 to 2^86, they are floats as they were, so that nothing is lost that the product of the
 * floats would have.
 */
__global__ void __launch_bounds__(RM_SPLIT_LANES *RM_SPLIT_ROWS) rm_split_kernel(rm_split_work work) {
    constexpr ropemap_dtype HALF = ROPEMAP_DTYPE_FP16, FLOAT = ROPEMAP_DTYPE_FP32;
    constexpr int N = RM_SWIZZLE_CHUNK;
    const int32_t cols = (int32_t)work.from.cols, all = rm_swizzled_blocks(cols) * RM_SWIZZLE_ELEMENTS;
    const int64_t floats = rm_fused_row(FLOAT, cols), stride = (int64_t)gridDim.x * RM_SPLIT_ROWS;
    int64_t first = (int64_t)blockIdx.x * RM_SPLIT_ROWS; /* whole warps go on or stop */
    for (; first < work.from.rows; first += stride) {
        const int64_t row = first + threadIdx.y;
        const int32_t end = row < work.from.rows ? cols : 0;
        const int64_t from = (end > 0 ? row : first) * work.from.stride;
        uint32_t largest = 0; /* magnitudes rise with their bits, NaN after all numbers */
        for (int32_t d = (int32_t)threadIdx.x * N; d < end; d += RM_SWIZZLE_ELEMENTS) {
            const rm_packed<FLOAT, N> packed = rm_load<FLOAT, N>(work.from.data, from + d);
            for (int i = 0; i < N; i++) {
                const uint32_t bits = packed.word[i] & 0x7fffffffu;
                largest = bits > largest ? bits : largest;
            }
        }
        for (int apart = 1; apart < RM_SPLIT_LANES; apart *= 2) {
            const uint32_t other = __shfl_xor_sync(0xffffffffu, largest, apart);
            largest = other > largest ? other : largest;
        }
        const uint32_t least = 127 + RM_SPLIT_LEAST, most = 127 + RM_SPLIT_MOST, own = largest >> 23;
        const uint32_t exponent = own < least ? least : own > most ? most : own;
        const float inverse = rm_float_from_bits((2 * 127 + RM_SPLIT_TOP - exponent) << 23);
        for (int32_t d = (int32_t)threadIdx.x * N; d < end; d += RM_SWIZZLE_ELEMENTS) {
            const rm_packed<FLOAT, N> packed = rm_load<FLOAT, N>(work.from.data, from + d);
            float x[N];
            for (int i = 0; i < N; i++) {
                x[i] = rm_unpack(packed, i) * inverse;
            }
            const rm_packed<HALF, N> high = rm_pack<HALF, N>(x);
            for (int i = 0; i < N; i++) {
                x[i] -= rm_unpack(high, i);
            }
            rm_store<HALF, N>(work.to, rm_swizzled_at(row, d, floats), rm_pack<HALF, N>(x));
            rm_store<HALF, N>(work.to, rm_swizzled_at(row, all + d, floats), high);
        }
        if (end > 0 && threadIdx.x == 0) {
            const int64_t group = row / RM_SWIZZLE_ROWS * RM_SWIZZLE_ROWS;
            const float scale =
                rm_float_from_bits(own > most ? 0x7fc00000u : (exponent - RM_SPLIT_TOP) << 23);
            static_cast<float *>(work.to)[group * floats + RM_SWIZZLE_ROWS * all + row - group] = scale;
        }
    }
}

extern "C" cudaError_t rm_split_launch(const rm_split_work *work, int32_t sm_count, cudaStream_t stream) {
    if (work->from.rows <= 0) {
        return cudaSuccess;
    }
    if (work->from.cols % RM_SWIZZLE_CHUNK != 0) {
        return cudaErrorInvalidValue;
    }
    const int64_t needed = (work->from.rows + RM_SPLIT_ROWS - 1) / RM_SPLIT_ROWS;
    const int64_t most = (int64_t)sm_count * BLOCKS;
    const dim3 grid((unsigned)(needed < most ? needed : most)), block(RM_SPLIT_LANES, RM_SPLIT_ROWS);
    return rm_launch(rm_split_kernel, grid, block, 0, stream, *work);
}

/* ---- subtract a mean */

enum { RM_SUBTRACT_THREADS = 256, RM_SUBTRACT_LANES = 32 /* threads side by side along a row */ };

/* wide[i, d] = rows[i, d] - mean[d], a warp a row. */
__global__ void __launch_bounds__(RM_SUBTRACT_THREADS)
    rm_subtract_mean_kernel(rm_view rows, const double *__restrict__ mean, double *__restrict__ wide) {
    const int64_t at_once = RM_SUBTRACT_THREADS / RM_SUBTRACT_LANES;
    const int32_t lane = (int32_t)threadIdx.x % RM_SUBTRACT_LANES,
                  warp = (int32_t)threadIdx.x / RM_SUBTRACT_LANES;
    for (int64_t i = blockIdx.x * at_once + warp; i < rows.rows; i += gridDim.x * at_once) {
        const float *__restrict__ from = rows.data + i * rows.stride;
        double *__restrict__ to = wide + i * rows.cols;
        for (int64_t d = lane; d < rows.cols; d += RM_SUBTRACT_LANES) {
            to[d] = (double)from[d] - (mean == nullptr ? 0.0 : mean[d]);
        }
    }
}

extern "C" cudaError_t rm_subtract_mean_launch(rm_view rows, const double *mean, double *wide,
                                               int32_t sm_count, cudaStream_t stream) {
    if (rows.rows <= 0 || rows.cols <= 0) {
        return cudaSuccess;
    }
    const int64_t most = (int64_t)sm_count * BLOCKS, at_once = RM_SUBTRACT_THREADS / RM_SUBTRACT_LANES;
    const int64_t wanted = (rows.rows + at_once - 1) / at_once;
    const dim3 blocks((unsigned)(wanted < most ? wanted : most));
    return rm_launch(rm_subtract_mean_kernel, blocks, dim3(RM_SUBTRACT_THREADS), 0, stream, rows, mean, wide);
}

/* ---- accumulate */

enum { RM_ACCUMULATE_THREADS = 256 };

/* total[i, j] += the first tile's [i, j], += the second's, ...: a block a row. `tiles` has one after another.
 */
__global__ void __launch_bounds__(RM_ACCUMULATE_THREADS)
    rm_accumulate_kernel(rm_view tiles, int64_t count, double *__restrict__ total) {
    const int64_t rows = tiles.rows / count;
    for (int64_t i = blockIdx.x; i < rows; i += gridDim.x) {
        const float *__restrict__ from = tiles.data + i * tiles.stride;
        double *__restrict__ to = total + i * tiles.cols;
        for (int64_t j = threadIdx.x; j < tiles.cols; j += RM_ACCUMULATE_THREADS) {
            double sum = to[j];
            for (int64_t tile = 0; tile < count; tile++) {
                sum += (double)from[tile * rows * tiles.stride + j];
            }
            to[j] = sum;
        }
    }
}

extern "C" cudaError_t rm_accumulate_launch(rm_view tiles, int64_t count, double *total, int32_t sm_count,
                                            cudaStream_t stream) {
    if (tiles.rows <= 0 || tiles.cols <= 0) {
        return cudaSuccess;
    }
    const int64_t most = (int64_t)sm_count * BLOCKS, rows = tiles.rows / count;
    const dim3 blocks((unsigned)(rows < most ? rows : most));
    return rm_launch(rm_accumulate_kernel, blocks, dim3(RM_ACCUMULATE_THREADS), 0, stream, tiles, count,
                     total);
}

/* ---- distances */

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

extern "C" cudaError_t rm_distances_launch(const ropemap_freqs *freqs, double weight, ropemap_range distances,
                                           double *values, int32_t sm_count, cudaStream_t stream) {
    if (distances.count <= 0) {
        return cudaSuccess;
    }
    const int64_t most = (int64_t)sm_count * BLOCKS;
    const int64_t wanted = (distances.count + RM_DISTANCES_THREADS - 1) / RM_DISTANCES_THREADS;
    const dim3 blocks((unsigned)(wanted < most ? wanted : most));
    return rm_launch(rm_distances_kernel, blocks, dim3(RM_DISTANCES_THREADS), 0, stream, freqs, weight,
                     distances, values);
}

/* ---- read */

enum { RM_READ_THREADS = 256 };

/* Stores where a sum is -1: of NaNs never. */
__global__ void __launch_bounds__(RM_READ_THREADS) rm_read_kernel(float *memory, int64_t count) {
    const int64_t all = (int64_t)gridDim.x * RM_READ_THREADS;
    const float4 *from = reinterpret_cast<const float4 *>(memory);
    float sum = 0.0f;
    for (int64_t i = (int64_t)blockIdx.x * RM_READ_THREADS + threadIdx.x; i < count / 4; i += all) {
        const float4 four = from[i];
        sum += four.x + four.y + four.z + four.w;
    }
    if (sum == -1.0f) {
        memory[0] = sum;
    }
}

extern "C" cudaError_t rm_read_launch(float *memory, int64_t count, int32_t sm_count, cudaStream_t stream) {
    const int64_t most = (int64_t)sm_count * BLOCKS;
    const int64_t wanted = (count / 4 + RM_READ_THREADS - 1) / RM_READ_THREADS;
    const dim3 blocks((unsigned)(wanted < most ? wanted : most));
    return rm_launch(rm_read_kernel, blocks, dim3(RM_READ_THREADS), 0, stream, memory, count);
}

/* ---- fill */

enum { RM_FILL_THREADS = 256 };

__global__ void __launch_bounds__(RM_FILL_THREADS)
    rm_fill_kernel(float *__restrict__ memory, float value, int64_t count) {
    const int64_t all = (int64_t)gridDim.x * RM_FILL_THREADS;
    for (int64_t i = (int64_t)blockIdx.x * RM_FILL_THREADS + threadIdx.x; i < count; i += all) {
        memory[i] = value;
    }
}

extern "C" cudaError_t rm_fill_launch(float *memory, float value, int64_t count, int32_t sm_count,
                                      cudaStream_t stream) {
    if (count <= 0) {
        return cudaSuccess;
    }
    const int64_t most = (int64_t)sm_count * BLOCKS;
    const int64_t wanted = (count + RM_FILL_THREADS - 1) / RM_FILL_THREADS;
    const dim3 blocks((unsigned)(wanted < most ? wanted : most));
    return rm_launch(rm_fill_kernel, blocks, dim3(RM_FILL_THREADS), 0, stream, memory, value, count);
}
