/* rotate_sum.cu - rotate rows and add up those of each cell, without storing them */
/* SPDX-License-Identifier: MIT */
/*
 * First the pieces that geometry.h describes, a block of threads each, then the pieces of each cell. All sums
 * have a fixed order: the bits do not depend on how many blocks run.
 */
#include "cuda/kernels.h"
#include "cuda/vector_io.cuh"

/* A strip of head_dim 128 is 16 lanes of 16 rows each. What hides the latency of memory is bytes on their
 * way: 64 a thread, where rotate.cu has 32 in more threads. */
enum {
    RM_SUM_THREADS = 256, /* a block */
    RM_SUM_BLOCKS = 3,    /* blocks that every multiprocessor holds, with 80 registers a thread */
    RM_SUM_FLOATS = 16,   /* rows that are added in float before double takes over */
    RM_SUM_AHEAD = 2      /* rows that a thread has on their way */
};

/* Rows [first, end) of work.from that a number stands for, and the strip and the cell that hold them; no rows
 * where the number is a gap. */
struct rm_piece {
    int64_t strip, cell; /* the cell counted from the one that holds the first row */
    int64_t first, end;
};

RM_INLINE int64_t rm_touched_cell(const rm_rotate_sum_work &work, int64_t row) {
    return rm_partition_cell_of(&work.axis, work.first + row) - rm_partition_cell_of(&work.axis, work.first);
}

/* Rows of a cell, counted as its pieces are, within those there are. */
RM_INLINE rm_span rm_touched_rows(const rm_rotate_sum_work &work, int64_t cell) {
    rm_span span = rm_partition_cell(&work.axis, cell + rm_partition_cell_of(&work.axis, work.first));
    span.first = span.first > work.first ? span.first - work.first : 0;
    span.end -= work.first;
    span.end = span.end < work.from.rows ? span.end : work.from.rows;
    return span;
}

/* The number of a strip's first piece: grows with the strip. */
RM_INLINE int64_t rm_strip_piece(const rm_rotate_sum_work &work, int64_t strip) {
    return strip + rm_touched_cell(work, strip * RM_SUM_STRIP);
}

/* The strip of a piece is estimated from the strips' and the cells' share of cuts, then made right. */
RM_INLINE rm_piece rm_piece_of(const rm_rotate_sum_work &work, int64_t number) {
    const double cells_a_row = (double)work.axis.cells / (double)work.axis.range.count;
    const int64_t last = (work.from.rows - 1) / RM_SUM_STRIP;
    int64_t strip = (int64_t)((double)number / (1.0 + (double)RM_SUM_STRIP * cells_a_row));
    strip = strip < last ? strip : last;
    while (strip > 0 && rm_strip_piece(work, strip) > number) {
        strip--;
    }
    while (strip < last && rm_strip_piece(work, strip + 1) <= number) {
        strip++;
    }
    rm_piece piece;
    piece.strip = strip;
    piece.cell = number - strip;
    const rm_span rows = rm_touched_rows(work, piece.cell);
    const int64_t first = strip * RM_SUM_STRIP, end = first + RM_SUM_STRIP;
    piece.first = rows.first > first ? rows.first : first;
    piece.end = rows.end < end ? rows.end : end;
    return piece;
}

/* Sums in double are [2 N, lanes, across], so that neighbouring threads access neighbouring banks: where
 * element i of a thread's group has the sum of a lane. */
RM_INLINE int rm_lane_slot(int i, int lane) {
    return (i * (int)blockDim.y + lane) * (int)blockDim.x + (int)threadIdx.x;
}

/* Adds one row, rotated, to sums in float. */
template <int N, bool HALF>
RM_INLINE void rm_row_add(const rm_pair_freqs<N> &freqs, rm_place place, int64_t position,
                          const rm_packed<ROPEMAP_DTYPE_FP32, N> (&packed)[2], float (&some)[2][N]) {
    float x[2][N], y[2][N];
    for (int i = 0; i < 2 * N; i++) {
        x[i / N][i % N] = y[i / N][i % N] = rm_unpack(packed[i / N], i % N);
    }
    if (place.pair >= 0) {
        rm_rotate_pairs<N, HALF>(rm_sines_at(freqs, position), x, y);
    }
    for (int i = 0; i < 2 * N; i++) {
        some[i / N][i % N] += y[i / N][i % N];
    }
}

/* Adds up to RM_SUM_FLOATS rows, `row`, row + apart, ... before `end`, to the thread's sums. */
template <int N, bool HALF>
RM_INLINE void rm_rows_add(const rm_rotate_sum_work &work, const rm_pair_freqs<N> &freqs, rm_place place,
                           int64_t row, int64_t end, double *sums) {
    const int64_t apart = blockDim.y;
    float some[2][N] = {};
    for (int held = 0; held < RM_SUM_FLOATS && row < end; held += RM_SUM_AHEAD) {
        rm_packed<ROPEMAP_DTYPE_FP32, N> packed[RM_SUM_AHEAD][2] = {};
        for (int t = 0; t < RM_SUM_AHEAD; t++) {
            if (row + t * apart < end) {
                const int64_t at = (row + t * apart) * work.from.stride;
                packed[t][0] = rm_load<ROPEMAP_DTYPE_FP32, N>(work.from.data, at + place.first);
                packed[t][1] = rm_load<ROPEMAP_DTYPE_FP32, N>(work.from.data, at + place.second);
            }
        }
        for (int t = 0; t < RM_SUM_AHEAD; t++, row += apart) {
            if (row < end) {
                const int64_t position = rm_position(work.axis.range, work.first + row);
                rm_row_add<N, HALF>(freqs, place, position, packed[t], some);
            }
        }
    }
    for (int i = 0; i < 2 * N; i++) {
        sums[rm_lane_slot(i, (int)threadIdx.y)] += (double)some[i / N][i % N];
    }
}

/* part[head_dim] = the sums of `count` lanes, added in order. */
template <int N>
RM_INLINE void rm_lanes_add(const double *sums, rm_place place, int64_t count, double *part) {
    for (int i = (int)threadIdx.y; i < 2 * N; i += (int)blockDim.y) {
        if (i < N || place.second != place.first) {
            double sum = 0.0;
            for (int lane = 0; lane < count; lane++) {
                sum += sums[rm_lane_slot(i, lane)];
            }
            part[i < N ? place.first + i : place.second + i - N] = sum;
        }
    }
}

/* Threads: x holds groups of a row's elements, y lanes, which take the rows of a piece in turn. Blocks: x
 * walks through pieces, y through groups. HALF as in vector_io.cuh. */
template <int N, bool HALF>
__global__ void __launch_bounds__(RM_SUM_THREADS, RM_SUM_BLOCKS)
    rm_rotate_sum_kernel(rm_rotate_sum_work work, int64_t pieces) {
    __shared__ double sums[2 * N * RM_SUM_THREADS];
    const int32_t cols = (int32_t)work.from.cols, group = (int32_t)(blockIdx.y * blockDim.x + threadIdx.x);
    const bool is_there = group < rm_groups<N>(work.pairs, cols);
    const rm_place place = rm_place_of<N>(is_there ? group : 0, work.pairs, cols, work.layout);
    const rm_pair_freqs<N> freqs = rm_pair_freqs_load<N>(work.freqs, place);
    const int64_t lanes = blockDim.y;
    for (int64_t number = blockIdx.x; number < pieces; number += gridDim.x) {
        const rm_piece piece = rm_piece_of(work, number);
        const int64_t rows = piece.end - piece.first;
        if (rows <= 0) {
            continue; /* the whole block does */
        }
        for (int i = 0; i < 2 * N; i++) {
            sums[rm_lane_slot(i, (int)threadIdx.y)] = 0.0;
        }
        for (int64_t row = piece.first + threadIdx.y; is_there && row < piece.end;
             row += RM_SUM_FLOATS * lanes) {
            rm_rows_add<N, HALF>(work, freqs, place, row, piece.end, sums);
        }
        __syncthreads();
        if (is_there) {
            rm_lanes_add<N>(sums, place, rows < lanes ? rows : lanes, work.parts + number * cols);
        }
        __syncthreads(); /* before the next piece's sums come in */
    }
}

/* sums[cell] = its pieces, added in order, AHEAD of them on their way. A block takes a cell, a thread some of
 * its elements. */
template <int AHEAD>
__global__ void __launch_bounds__(RM_SUM_THREADS)
    rm_pieces_add_kernel(rm_rotate_sum_work work, int64_t cells) {
    const int64_t cols = work.from.cols;
    for (int64_t cell = blockIdx.x; cell < cells; cell += gridDim.x) {
        const rm_span rows = rm_touched_rows(work, cell);
        const int64_t first = cell + rows.first / RM_SUM_STRIP,
                      end = cell + (rows.end - 1) / RM_SUM_STRIP + 1;
        for (int64_t d = threadIdx.x; d < cols; d += blockDim.x) {
            double sum = 0.0;
            int64_t number = first;
            for (; number + AHEAD <= end; number += AHEAD) {
                double parts[AHEAD];
                for (int i = 0; i < AHEAD; i++) {
                    parts[i] = work.parts[(number + i) * cols + d];
                }
                for (int i = 0; i < AHEAD; i++) {
                    sum += parts[i];
                }
            }
            for (; number < end; number++) {
                sum += work.parts[number * cols + d];
            }
            work.sums[cell * cols + d] = sum;
        }
    }
}

/* ---- launch */

enum { WIDE = 4 }; /* floats of an access of 16 bytes */

static int64_t between(int64_t least, int64_t value, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

template <int N, bool HALF>
static cudaError_t start(const rm_rotate_sum_work *work, int32_t sm_count, cudaStream_t stream) {
    const int64_t pieces = rm_pieces_count(&work->axis, work->first, work->from.rows, RM_SUM_STRIP);
    const int64_t groups = rm_groups<N>(work->pairs, (int32_t)work->from.cols);
    const int64_t parts = (groups + RM_SUM_THREADS - 1) / RM_SUM_THREADS;
    const int64_t across = (groups + parts - 1) / parts, lanes = RM_SUM_THREADS / across;
    const int64_t blocks = between(1, (int64_t)sm_count * RM_SUM_BLOCKS / parts, pieces);
    const dim3 grid((unsigned)blocks, (unsigned)parts), block((unsigned)across, (unsigned)lanes);
    return rm_launch(rm_rotate_sum_kernel<N, HALF>, grid, block, 0, stream, *work, pieces);
}

static cudaError_t start_pieces(const rm_rotate_sum_work *work, int32_t sm_count, cudaStream_t stream) {
    const bool wide = work->pairs % WIDE == 0 && work->from.cols % WIDE == 0 &&
                      work->from.stride % WIDE == 0 && (uintptr_t)work->from.data % 16 == 0;
    if (!wide) {
        return start<1, true>(work, sm_count, stream);
    }
    return work->layout == ROPEMAP_LAYOUT_HALF ? start<WIDE, true>(work, sm_count, stream)
                                               : start<WIDE, false>(work, sm_count, stream);
}

extern "C" cudaError_t rm_rotate_sum_launch(const rm_rotate_sum_work *work, int32_t sm_count,
                                            cudaStream_t stream) {
    if (work->from.rows <= 0 || work->from.cols <= 0) {
        return cudaSuccess;
    }
    const cudaError_t status = start_pieces(work, sm_count, stream);
    if (status != cudaSuccess) {
        return status;
    }
    const int64_t cells = rm_partition_touched(&work->axis, work->first, work->from.rows);
    const int64_t blocks = between(1, cells, (int64_t)sm_count * RM_SUM_BLOCKS);
    const dim3 grid((unsigned)blocks), block(RM_SUM_THREADS);
    return rm_launch(rm_pieces_add_kernel<8>, grid, block, 0, stream, *work, cells);
}
