/* rotate.cu - rotate the pairs of rows by the phase of their position, converting them on the way */
/* SPDX-License-Identifier: MIT */
/*
 * A thread holds both halves of N pairs for its whole life and walks through positions; all heads of a
 * position, queries and keys, share its phases, sines and cosines; the first is on its way while those are
 * computed.
 */
#include "cuda/kernels.h"
#include "cuda/vector_io.cuh"

enum { RM_ROTATE_THREADS = 256 }; /* a block: small enough to share a multiprocessor evenly, see below */

/* How elements of the rows that are written lie: in order, or as tensor cores take them. */
enum rm_row_order { RM_IN_ORDER, RM_SWIZZLED };

/*
 * Blocks that a multiprocessor holds, and as many are started. What hides the latency of memory is bytes on
 * their way: an H100 needs about 10 KB a multiprocessor (1.6 TB/s read, 0.8 us), and 1,024 threads of 64
 * registers have 32 KB; 8 pairs take 80 registers; threads with 8 bytes or less, in 48 registers, need to be
 * many. Registers are bound for the 1,024 threads that every multiprocessor holds; addresses of swizzled rows
 * take some more, and those rows are few.
 */
template <int N> constexpr int RM_ROTATE_BLOCKS = N == 1 ? 6 : N == 2 ? 5 : N == 4 ? 4 : 3;
template <int N, rm_row_order ORDER>
constexpr int RM_ROTATE_BOUND = ORDER == RM_SWIZZLED      ? 2
                                : RM_ROTATE_BLOCKS<N> < 4 ? RM_ROTATE_BLOCKS<N>
                                                          : 4;

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
RM_INLINE rm_held<TO, N> rm_rotated(const rm_sines<N> &sines, const rm_held<FROM, N> &held) {
    float x[2][N], y[2][N];
    for (int i = 0; i < N; i++) {
        x[0][i] = rm_unpack(held.first, i);
        x[1][i] = rm_unpack(held.second, i);
    }
    rm_rotate_pairs<N, HALF>(sines, x, y);
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

template <ropemap_dtype TO, int N, rm_row_order ORDER>
RM_INLINE void rm_head_store(const rm_rotate_work &work, int64_t index, int32_t head, rm_place place,
                             const rm_held<TO, N> &held) {
    if constexpr (ORDER == RM_SWIZZLED) { /* a chunk of 8 elements stays together */
        void *to = work.sides[0].to;
        rm_store<TO, N>(to, rm_swizzled_at(index, place.first, work.head_dim), held.first);
        rm_store<TO, N>(to, rm_swizzled_at(index, place.second, work.head_dim), held.second);
        return;
    }
    const rm_heads &side = rm_side_of(work, &head);
    const int64_t row = index * side.to_position_stride + head * side.to_head_stride;
    rm_store<TO, N>(side.to, row + place.first, held.first);
    rm_store<TO, N>(side.to, row + place.second, held.second);
}

/* Blocks: x walks through positions, y through the groups of a row, z through heads. Where N is 1 the layout
 * is that of the elements' places alone, and HALF is true. */
template <ropemap_dtype FROM, ropemap_dtype TO, int N, bool HALF, rm_row_order ORDER>
__global__ void __launch_bounds__(RM_ROTATE_THREADS, RM_ROTATE_BOUND<N, ORDER>)
    rm_rotate_kernel(rm_rotate_work work) {
    const int32_t group = (int32_t)(blockIdx.y * blockDim.x + threadIdx.x);
    if (group >= rm_groups<N>(work.pairs, work.head_dim)) {
        return;
    }
    const rm_place place = rm_place_of<N>(group, work.pairs, work.head_dim, work.layout);
    const rm_pair_freqs<N> freqs = rm_pair_freqs_load<N>(work.freqs, place);
    const int32_t heads = work.sides[0].heads + work.sides[1].heads, apart = (int32_t)gridDim.z;
    const int64_t stride = (int64_t)gridDim.x * blockDim.y;
    int64_t index = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    for (; index < work.positions.count; index += stride) {
        int32_t head = (int32_t)blockIdx.z;
        rm_held<FROM, N> held = rm_head_load<FROM, N>(work, index, head, place);
        rm_sines<N> sines = {};
        if (place.pair >= 0) {
            sines = rm_sines_at(freqs, rm_position(work.positions, index));
        }
        for (;;) {
            const rm_held<TO, N> out = place.pair >= 0 ? rm_rotated<FROM, TO, N, HALF>(sines, held)
                                                       : rm_converted<FROM, TO, N>(held);
            rm_head_store<TO, N, ORDER>(work, index, head, place, out);
            head += apart;
            if (head >= heads) {
                break;
            }
            held = rm_head_load<FROM, N>(work, index, head, place);
        }
    }
}

/* ---- launch: the widest accesses that rows and addresses allow */

/* Whether a row starts at a multiple of so many bytes wherever it stands. */
static bool is_aligned(const void *data, int64_t position_stride, int64_t head_stride, int bytes,
                       uintptr_t multiple) {
    return ((uintptr_t)data | (uintptr_t)(position_stride * bytes) | (uintptr_t)(head_stride * bytes)) %
               multiple ==
           0;
}

/* Whether chunks of N elements fit the rows, and one access after another. */
template <ropemap_dtype FROM, ropemap_dtype TO, int N> static bool is_wide(const rm_rotate_work *work) {
    constexpr uintptr_t FROM_ACCESS = 4 * rm_packed<FROM, N>::ACCESS,
                        TO_ACCESS = 4 * rm_packed<TO, N>::ACCESS;
    bool wide = work->pairs % N == 0 && work->head_dim % N == 0;
    for (const rm_heads &side : work->sides) {
        wide = wide && (side.heads == 0 || (is_aligned(side.from, side.from_position_stride,
                                                       side.from_head_stride, RM_BYTES<FROM>, FROM_ACCESS) &&
                                            is_aligned(side.to, side.to_position_stride, side.to_head_stride,
                                                       RM_BYTES<TO>, TO_ACCESS)));
    }
    return wide;
}

static int64_t between(int64_t least, int64_t value, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

/* Heads are shared out between blocks only where positions alone leave multiprocessors idle. */
template <ropemap_dtype FROM, ropemap_dtype TO, int N, bool HALF, rm_row_order ORDER = RM_IN_ORDER>
static cudaError_t start(const rm_rotate_work *work, int32_t sm_count, cudaStream_t stream) {
    const int64_t heads = (int64_t)work->sides[0].heads + work->sides[1].heads;
    const int64_t groups = rm_groups<N>(work->pairs, work->head_dim);
    if (work->positions.count <= 0 || heads <= 0 || groups <= 0) {
        return cudaSuccess;
    }
    const int64_t parts = (groups + RM_ROTATE_THREADS - 1) / RM_ROTATE_THREADS;
    const int64_t across = (groups + parts - 1) / parts, down = RM_ROTATE_THREADS / across;
    const int64_t blocks = between(1, (int64_t)sm_count * RM_ROTATE_BLOCKS<N> / parts, INT32_MAX);
    const int64_t strips = (work->positions.count + down - 1) / down;
    const int64_t rounds = (strips + blocks - 1) / blocks; /* of all blocks alike, but for the last one */
    const int64_t x = (strips + rounds - 1) / rounds;
    const int64_t z = between(1, blocks / x, heads);
    const dim3 grid((unsigned)x, (unsigned)parts, (unsigned)z), block((unsigned)across, (unsigned)down);
    return rm_launch(rm_rotate_kernel<FROM, TO, N, HALF, ORDER>, grid, block, 0, stream, *work);
}

/* N elements at a time, or fewer where they do not fit. */
template <ropemap_dtype FROM, ropemap_dtype TO, int N = 16 / RM_BYTES<TO>>
static cudaError_t pick(const rm_rotate_work *work, int32_t sm_count, cudaStream_t stream) {
    if constexpr (N == 1) {
        return start<FROM, TO, 1, true>(work, sm_count, stream);
    } else {
        if (!is_wide<FROM, TO, N>(work)) {
            return pick<FROM, TO, N / 2>(work, sm_count, stream);
        }
        return work->layout == ROPEMAP_LAYOUT_HALF ? start<FROM, TO, N, true>(work, sm_count, stream)
                                                   : start<FROM, TO, N, false>(work, sm_count, stream);
    }
}

/* The same to swizzled rows, whose chunks lie at multiples of 16 bytes wherever they go. */
template <ropemap_dtype TO>
static cudaError_t pick_swizzled(const rm_rotate_work *work, int32_t sm_count, cudaStream_t stream) {
    constexpr ropemap_dtype FROM = ROPEMAP_DTYPE_FP32;
    if (work->sides[0].heads != 1 || work->sides[1].heads != 0 || work->head_dim < RM_SWIZZLE_LEAST) {
        return cudaErrorInvalidValue;
    }
    if (!is_wide<FROM, TO, RM_SWIZZLE_CHUNK>(work)) {
        return start<FROM, TO, 1, true, RM_SWIZZLED>(work, sm_count, stream);
    }
    return work->layout == ROPEMAP_LAYOUT_HALF
               ? start<FROM, TO, RM_SWIZZLE_CHUNK, true, RM_SWIZZLED>(work, sm_count, stream)
               : start<FROM, TO, RM_SWIZZLE_CHUNK, false, RM_SWIZZLED>(work, sm_count, stream);
}

static cudaError_t pick_from_float(const rm_rotate_work *work, int32_t sm_count, cudaStream_t stream) {
    switch (work->to_type) {
    case ROPEMAP_DTYPE_FP32:
        return pick<ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_FP32>(work, sm_count, stream);
    case ROPEMAP_DTYPE_TF32:
        return pick<ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_TF32>(work, sm_count, stream);
    case ROPEMAP_DTYPE_BF16:
        return pick<ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_BF16>(work, sm_count, stream);
    case ROPEMAP_DTYPE_FP16:
        return pick<ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_FP16>(work, sm_count, stream);
    }
    return cudaErrorInvalidValue;
}

extern "C" cudaError_t rm_rotate_launch(const rm_rotate_work *work, int32_t sm_count, cudaStream_t stream) {
    if (work->swizzled && work->from_type == ROPEMAP_DTYPE_FP32) {
        return work->to_type == ROPEMAP_DTYPE_BF16 ? pick_swizzled<ROPEMAP_DTYPE_BF16>(work, sm_count, stream)
               : work->to_type == ROPEMAP_DTYPE_FP16
                   ? pick_swizzled<ROPEMAP_DTYPE_FP16>(work, sm_count, stream)
                   : cudaErrorInvalidValue;
    }
    if (work->from_type == ROPEMAP_DTYPE_FP32) {
        return pick_from_float(work, sm_count, stream);
    }
    if (work->from_type != work->to_type || work->swizzled) {
        return cudaErrorInvalidValue;
    }
    switch (work->from_type) {
    case ROPEMAP_DTYPE_BF16:
        return pick<ROPEMAP_DTYPE_BF16, ROPEMAP_DTYPE_BF16>(work, sm_count, stream);
    case ROPEMAP_DTYPE_FP16:
        return pick<ROPEMAP_DTYPE_FP16, ROPEMAP_DTYPE_FP16>(work, sm_count, stream);
    default:
        return cudaErrorInvalidValue;
    }
}
