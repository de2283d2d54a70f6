/* emu.h - CUDA C++ as plain C++17: kernels on the CPU, for tests */
/* SPDX-License-Identifier: MIT */
/*
 * Put before a .cu file by `-include`. A block's threads are threads to ThreadSanitizer, so that it sees a
 * missing barrier, though they take turns on one of the processor's (fiber.h); global memory is the caller's,
 * so that AddressSanitizer sees a stray index; blocks run one after another, launches one at a time. Shared
 * memory is 0xff bytes when a block begins.
 *
 * Stricter than a GPU: all threads of a block must meet at the same __syncthreads() line, a lane must be in
 * its own mask, and a shuffle from a lane that does not take part gives 0xff bytes. As on a GPU, a thread
 * that returns is waited for no more. Dynamic shared memory is what rm_shared_memory() returns. Not there:
 * textures, __constant__, cooperative groups.
 */
#ifndef ROPEMAP_EMU_EMU_H
#define ROPEMAP_EMU_EMU_H

#include "tests/emu/control.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __grid_constant__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(size) __attribute__((aligned(size)))

/* The tag becomes a part of the symbol's name, by which the emulation finds and fills shared memory. */
#define __shared__ __attribute__((abi_tag("emu_shared"))) static

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

/* ---- barriers and warps; `line` is where the kernel calls, for reports ----------------------- */

void emu_block_barrier(int line);
void emu_warp_barrier(unsigned mask, int line);
int emu_lane();

/* The 64 bits that lane `source` of the warp brought to the same call. */
uint64_t emu_shuffle(unsigned mask, uint64_t bits, int source, int line);

/* A bit for every lane of `mask` that takes part and says yes. */
unsigned emu_ballot(unsigned mask, bool yes, int line);

inline void __syncthreads(int line = __builtin_LINE()) {
    emu_block_barrier(line);
}

inline void __syncwarp(unsigned mask = 0xffffffffu, int line = __builtin_LINE()) {
    emu_warp_barrier(mask, line);
}

template <class T> T emu_shuffle_value(unsigned mask, T value, int source, int line) {
    static_assert(std::is_arithmetic<T>::value && (sizeof(T) == 4 || sizeof(T) == 8), "no CUDA overload");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = emu_shuffle(mask, bits, source, line);
    memcpy(&value, &bits, sizeof value);
    return value;
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = warpSize, int line = __builtin_LINE()) {
    const int first = emu_lane() & ~(width - 1);
    return emu_shuffle_value(mask, value, first + (source & (width - 1)), line);
}

/* Past the ends of its group of `width` lanes a lane gets its own value back. */
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize, int line = __builtin_LINE()) {
    const int lane = emu_lane(), source = lane - (int)delta;
    return emu_shuffle_value(mask, value, source < (lane & ~(width - 1)) ? lane : source, line);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                   int line = __builtin_LINE()) {
    const int lane = emu_lane(), source = lane + (int)delta;
    return emu_shuffle_value(mask, value, source > (lane | (width - 1)) ? lane : source, line);
}

/* A lane of an earlier group can be read, one of a later group cannot. */
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = warpSize, int line = __builtin_LINE()) {
    const int lane = emu_lane(), source = lane ^ bits;
    return emu_shuffle_value(mask, value, source > (lane | (width - 1)) ? lane : source, line);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, int line = __builtin_LINE()) {
    return emu_ballot(mask, predicate != 0, line);
}

inline int __any_sync(unsigned mask, int predicate, int line = __builtin_LINE()) {
    return emu_ballot(mask, predicate != 0, line) != 0;
}

inline int __all_sync(unsigned mask, int predicate, int line = __builtin_LINE()) {
    return emu_ballot(mask, predicate == 0, line) == 0;
}

/* ---- launches -------------------------------------------------------------------------------- */

/* What a launch is to the threads that run it: call(kernel, arguments) runs one thread of one block. */
struct emu_kernel {
    void (*call)(const void *kernel, void **arguments);
    const void *kernel;  /* address of the function pointer */
    const void *address; /* of the function, for its name */
    void **arguments;
};

cudaError_t emu_launch(const emu_kernel &kernel, dim3 grid, dim3 block, size_t shared);

template <class... P, size_t... I>
void emu_call(void (*kernel)(P...), void **arguments, std::index_sequence<I...>) {
    kernel(*static_cast<std::remove_reference_t<P> *>(arguments[I])...);
    (void)arguments;
}

/* Runs every block before it returns; a stream has no meaning here. */
template <class... P>
cudaError_t cudaLaunchKernel(void (*kernel)(P...), dim3 grid, dim3 block, void **arguments, size_t shared,
                             cudaStream_t) {
    const emu_kernel work = {[](const void *function, void **list) {
                                 emu_call(*static_cast<void (*const *)(P...)>(function), list,
                                          std::index_sequence_for<P...>());
                             },
                             &kernel, reinterpret_cast<const void *>(kernel), arguments};
    return emu_launch(work, grid, block, shared);
}

#include "tests/emu/device.h"
#include "tests/emu/instructions.h"

#endif
