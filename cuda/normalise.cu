/* normalise.cu - start the kernel that divides rows by their length */
/* SPDX-License-Identifier: MIT */
#include "cuda/launch.h"
#include "cuda/normalise.cuh"

template <ropemap_dtype TO>
static cudaError_t start(const rm_normalise_work *work, int32_t processors, cudaStream_t stream) {
    const int64_t needed = (work->from.rows + RM_NORMALISE_ROWS - 1) / RM_NORMALISE_ROWS;
    const int64_t most = (int64_t)processors * RM_NORMALISE_BLOCKS;
    const dim3 grid((unsigned)(needed < most ? needed : most)), block(RM_NORMALISE_LANES, RM_NORMALISE_ROWS);
    return rm_launch(rm_normalise_kernel<TO>, grid, block, 0, stream, *work);
}

extern "C" cudaError_t rm_normalise_launch(const rm_normalise_work *work, int32_t processors,
                                           cudaStream_t stream) {
    if (work->from.rows <= 0) {
        return cudaSuccess;
    }
    switch (work->to_type) {
    case ROPEMAP_DTYPE_FP32:
        return start<ROPEMAP_DTYPE_FP32>(work, processors, stream);
    case ROPEMAP_DTYPE_TF32:
        return start<ROPEMAP_DTYPE_TF32>(work, processors, stream);
    case ROPEMAP_DTYPE_BF16:
        return start<ROPEMAP_DTYPE_BF16>(work, processors, stream);
    case ROPEMAP_DTYPE_FP16:
        return start<ROPEMAP_DTYPE_FP16>(work, processors, stream);
    }
    return cudaErrorInvalidValue;
}
