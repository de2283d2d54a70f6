/* rotate.cuh - turn the pairs of rows by the phase of their position, converting them on the way */
/* SPDX-License-Identifier: MIT */
/*
 * A thread holds both halves of N pairs for its whole life and walks through positions; all heads of a
 * position, queries and keys, share its phases, sines and cosines; the first is on its way while those are
 * computed.
 */
#ifndef ROPEMAP_CUDA_ROTATE_CUH
#define ROPEMAP_CUDA_ROTATE_CUH

#include "cuda/elements.cuh"

enum { RM_ROTATE_THREADS = 256 }; /* a block: small enough to share a multiprocessor evenly, see below */

/*
 * Blocks that a multiprocessor holds, and as many are started. What hides the latency of memory is bytes on
 * their way: an H100 needs about 10 KB a multiprocessor (1.6 TB/s read, 0.8 us), and 1,024 threads of 64
 * registers have 32 KB; 8 pairs take 80 registers; threads with 8 bytes or less, in 40 registers, need to be
 * many. Registers are bound for the 1,024 threads that every multiprocessor holds.
 */
template <int N> constexpr int RM_ROTATE_BLOCKS = N == 1 ? 6 : N == 4 ? 4 : 3;
template <int N> constexpr int RM_ROTATE_BOUND = RM_ROTATE_BLOCKS<N> < 4 ? RM_ROTATE_BLOCKS<N> : 4;

/* The elements of a thread in one head. */
template <ropemap_dtype FROM, int N> struct rm_held { rm_packed<FROM, N> first, second; };

/* The side of a head counted through both, and its number there. */
RM_INLINE const rm_heads &rm_side_of(const rm_rotate_work &work, int32_t *head) {
    const int32_t first = work.sides[0].heads;
    const bool second = *head >= first;
    *head -= second ? first : 0;
    return work.sides[second ? 1 : 0];
}

template <ropemap_dtype FROM, int N>
RM_INLINE rm_held<FROM, N> rm_head_load(const rm_rotate_work &work, int64_t index, int32_t head,
                                        rm_place place) {
    const rm_heads &side = rm_side_of(work, &head);
    const int64_t row = index * side.from_position_stride + head * side.from_head_stride;
    rm_held<FROM, N> held;
    held.first = rm_load<FROM, N>(side.from, row + place.first);
    held.second = rm_load<FROM, N>(side.from, row + place.second);
    return held;
}

template <ropemap_dtype FROM, ropemap_dtype TO, int N, bool HALF>
RM_INLINE rm_held<TO, N> rm_turned(const rm_sines<N> &sines, const rm_held<FROM, N> &held) {
    float x[2][N], y[2][N];
    for (int i = 0; i < N; i++) {
        x[0][i] = rm_unpack(held.first, i);
        x[1][i] = rm_unpack(held.second, i);
    }
    rm_turn<N, HALF>(sines, x, y);
    return {rm_pack<TO, N>(y[0]), rm_pack<TO, N>(y[1])};
}

/* Elements that pass through: bit for bit where the type stays, a NaN too. */
template <ropemap_dtype FROM, ropemap_dtype TO, int N>
RM_INLINE rm_held<TO, N> rm_converted(const rm_held<FROM, N> &held) {
    if constexpr (FROM == TO) {
        return held;
    } else {
        float x[2][N];
        for (int i = 0; i < N; i++) {
            x[0][i] = rm_unpack(held.first, i);
            x[1][i] = rm_unpack(held.second, i);
        }
        return {rm_pack<TO, N>(x[0]), rm_pack<TO, N>(x[1])};
    }
}

template <ropemap_dtype TO, int N>
RM_INLINE void rm_head_store(const rm_rotate_work &work, int64_t index, int32_t head, rm_place place,
                             const rm_held<TO, N> &held) {
    const rm_heads &side = rm_side_of(work, &head);
    const int64_t row = index * side.to_position_stride + head * side.to_head_stride;
    rm_store<TO, N>(side.to, row + place.first, held.first);
    rm_store<TO, N>(side.to, row + place.second, held.second);
}

/* Blocks: x walks through positions, y through the groups of a row, z through heads. Where N is 1 the layout
 * is that of the elements' places alone, and HALF is true. */
template <ropemap_dtype FROM, ropemap_dtype TO, int N, bool HALF>
__global__ void __launch_bounds__(RM_ROTATE_THREADS, RM_ROTATE_BOUND<N>)
    rm_rotate_kernel(rm_rotate_work work) {
    const int32_t group = (int32_t)(blockIdx.y * blockDim.x + threadIdx.x);
    if (group >= rm_groups<N>(work.pairs, work.head_dim)) {
        return;
    }
    const rm_place place = rm_place_of<N>(group, work.pairs, work.head_dim, work.layout);
    const rm_turns_of<N> turns = rm_turns_load<N>(work.freqs, place);
    const int32_t heads = work.sides[0].heads + work.sides[1].heads, apart = (int32_t)gridDim.z;
    const int64_t stride = (int64_t)gridDim.x * blockDim.y;
    int64_t index = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    for (; index < work.positions.count; index += stride) {
        int32_t head = (int32_t)blockIdx.z;
        rm_held<FROM, N> held = rm_head_load<FROM, N>(work, index, head, place);
        rm_sines<N> sines = {};
        if (place.pair >= 0) {
            sines = rm_sines_at(turns, rm_position(work.positions, index));
        }
        for (;;) {
            const rm_held<TO, N> out =
                place.pair >= 0 ? rm_turned<FROM, TO, N, HALF>(sines, held) : rm_converted<FROM, TO, N>(held);
            rm_head_store<TO, N>(work, index, head, place, out);
            head += apart;
            if (head >= heads) {
                break;
            }
            held = rm_head_load<FROM, N>(work, index, head, place);
        }
    }
}

#endif
