/* rotate.cu - start the kernel that rotates: the widest accesses that its addresses allow */
/* SPDX-License-Identifier: MIT */
#include "cuda/launch.h"
#include "cuda/rotate.cuh"

/* Whether a row starts at a multiple of 16 bytes wherever it stands. */
static bool is_aligned(const void *data, int64_t position_stride, int64_t head_stride, int bytes) {
    return ((uintptr_t)data | (uintptr_t)(position_stride * bytes) | (uintptr_t)(head_stride * bytes)) % 16 ==
           0;
}

template <ropemap_dtype FROM, ropemap_dtype TO, int N> static bool is_wide(const rm_rotate_work *work) {
    bool wide = work->pairs % N == 0 && work->head_dim % N == 0;
    for (const rm_heads &side : work->sides) {
        wide = wide &&
               (side.heads == 0 ||
                (is_aligned(side.from, side.from_position_stride, side.from_head_stride, RM_BYTES<FROM>) &&
                 is_aligned(side.to, side.to_position_stride, side.to_head_stride, RM_BYTES<TO>)));
    }
    return wide;
}

static int64_t between(int64_t least, int64_t value, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

/* Heads are shared out between blocks only where positions alone leave multiprocessors idle. */
template <ropemap_dtype FROM, ropemap_dtype TO, int N, bool HALF>
static cudaError_t start(const rm_rotate_work *work, int32_t processors, cudaStream_t stream) {
    const int64_t heads = (int64_t)work->sides[0].heads + work->sides[1].heads;
    const int64_t groups = rm_groups<N>(work->pairs, work->head_dim);
    if (work->positions.count <= 0 || heads <= 0 || groups <= 0) {
        return cudaSuccess;
    }
    const int64_t parts = (groups + RM_ROTATE_THREADS - 1) / RM_ROTATE_THREADS;
    const int64_t across = (groups + parts - 1) / parts, down = RM_ROTATE_THREADS / across;
    const int64_t blocks = between(1, (int64_t)processors * RM_ROTATE_BLOCKS<N> / parts, INT32_MAX);
    const int64_t x = between(1, (work->positions.count + down - 1) / down, blocks);
    const int64_t z = between(1, blocks / x, heads);
    const dim3 grid((unsigned)x, (unsigned)parts, (unsigned)z), block((unsigned)across, (unsigned)down);
    return rm_launch(rm_rotate_kernel<FROM, TO, N, HALF>, grid, block, 0, stream, *work);
}

template <ropemap_dtype FROM, ropemap_dtype TO>
static cudaError_t pick(const rm_rotate_work *work, int32_t processors, cudaStream_t stream) {
    constexpr int WIDE = 16 / RM_BYTES<TO>;
    if (!is_wide<FROM, TO, WIDE>(work)) {
        return start<FROM, TO, 1, true>(work, processors, stream);
    }
    return work->layout == ROPEMAP_LAYOUT_HALF ? start<FROM, TO, WIDE, true>(work, processors, stream)
                                               : start<FROM, TO, WIDE, false>(work, processors, stream);
}

static cudaError_t pick_from_float(const rm_rotate_work *work, int32_t processors, cudaStream_t stream) {
    switch (work->to_type) {
    case ROPEMAP_DTYPE_FP32:
        return pick<ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_FP32>(work, processors, stream);
    case ROPEMAP_DTYPE_TF32:
        return pick<ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_TF32>(work, processors, stream);
    case ROPEMAP_DTYPE_BF16:
        return pick<ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_BF16>(work, processors, stream);
    case ROPEMAP_DTYPE_FP16:
        return pick<ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_FP16>(work, processors, stream);
    }
    return cudaErrorInvalidValue;
}

extern "C" cudaError_t rm_rotate_launch(const rm_rotate_work *work, int32_t processors, cudaStream_t stream) {
    if (work->from_type == ROPEMAP_DTYPE_FP32) {
        return pick_from_float(work, processors, stream);
    }
    if (work->from_type != work->to_type) {
        return cudaErrorInvalidValue;
    }
    switch (work->from_type) {
    case ROPEMAP_DTYPE_BF16:
        return pick<ROPEMAP_DTYPE_BF16, ROPEMAP_DTYPE_BF16>(work, processors, stream);
    case ROPEMAP_DTYPE_FP16:
        return pick<ROPEMAP_DTYPE_FP16, ROPEMAP_DTYPE_FP16>(work, processors, stream);
    default:
        return cudaErrorInvalidValue;
    }
}
