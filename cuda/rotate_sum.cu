/* rotate_sum.cu - start the kernels that rotate rows and add up those of each cell */
/* SPDX-License-Identifier: MIT */
#include "cuda/launch.h"
#include "cuda/rotate_sum.cuh"

enum { WIDE = 4 }; /* floats of an access of 16 bytes */

static int64_t between(int64_t least, int64_t value, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

template <int N, bool HALF>
static cudaError_t start(const rm_rotate_sum_work *work, int32_t processors, cudaStream_t stream) {
    const int64_t pieces = rm_pieces_count(&work->axis, work->first, work->from.rows, RM_SUM_STRIP);
    const int64_t groups = rm_groups<N>(work->pairs, (int32_t)work->from.cols);
    const int64_t parts = (groups + RM_SUM_THREADS - 1) / RM_SUM_THREADS;
    const int64_t across = (groups + parts - 1) / parts, lanes = RM_SUM_THREADS / across;
    const int64_t blocks = between(1, (int64_t)processors * RM_SUM_BLOCKS / parts, pieces);
    const dim3 grid((unsigned)blocks, (unsigned)parts), block((unsigned)across, (unsigned)lanes);
    return rm_launch(rm_rotate_sum_kernel<N, HALF>, grid, block, 0, stream, *work, pieces);
}

static cudaError_t start_pieces(const rm_rotate_sum_work *work, int32_t processors, cudaStream_t stream) {
    const bool wide = work->pairs % WIDE == 0 && work->from.cols % WIDE == 0 &&
                      work->from.stride % WIDE == 0 && (uintptr_t)work->from.data % 16 == 0;
    if (!wide) {
        return start<1, true>(work, processors, stream);
    }
    return work->layout == ROPEMAP_LAYOUT_HALF ? start<WIDE, true>(work, processors, stream)
                                               : start<WIDE, false>(work, processors, stream);
}

extern "C" cudaError_t rm_rotate_sum_launch(const rm_rotate_sum_work *work, int32_t processors,
                                            cudaStream_t stream) {
    if (work->from.rows <= 0 || work->from.cols <= 0) {
        return cudaSuccess;
    }
    const cudaError_t status = start_pieces(work, processors, stream);
    if (status != cudaSuccess) {
        return status;
    }
    const int64_t cells = rm_partition_touched(&work->axis, work->first, work->from.rows);
    const int64_t blocks = between(1, cells, (int64_t)processors * RM_SUM_BLOCKS);
    const dim3 grid((unsigned)blocks), block(RM_SUM_THREADS);
    return rm_launch(rm_pieces_add_kernel<8>, grid, block, 0, stream, *work, cells);
}
