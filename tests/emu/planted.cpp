/* planted.cpp - runs one kernel with one fault, which a sanitizer or the emulation must report */
/* SPDX-License-Identifier: MIT */
#include "cuda/instructions.cuh"
#include "cuda/kernels.h"

#include <cstdio>
#include <vector>

enum { THREADS = 64, SHARED = 4096 };

/* The fault comes as an argument, so that no compiler sees it. */

/* Writes `to[i + shift]`; shift 1 is one past the end for the last thread. */
__global__ void write_global(float *to, int shift) {
    to[(int)threadIdx.x + shift] = 1.0f;
}

__global__ void write_shared(float *to, int shift) {
    __shared__ float cells[THREADS];
    cells[(int)threadIdx.x + shift] = 1.0f;
    __syncthreads();
    to[threadIdx.x] = cells[threadIdx.x];
}

/* Reads 16 bytes at a time, from the 16 + `shift`-th float on. */
__global__ void read_vectors(float *to, int shift) {
    const float4 *four = reinterpret_cast<const float4 *>(to + 16 + shift);
    if (threadIdx.x < 8) {
        to[threadIdx.x] = four[threadIdx.x].x;
    }
}

/* The neighbour's value, with or without the barrier that makes it safe. */
__global__ void read_neighbour(float *to, int fault) {
    __shared__ float cells[THREADS];
    cells[threadIdx.x] = (float)threadIdx.x;
    if (fault == 0) {
        __syncthreads();
    }
    to[threadIdx.x] = cells[(threadIdx.x + 1) % THREADS];
}

/* Some threads wait for the block, others for their warp, for ever. */
__global__ void wait_for_ever(float *, int fault) {
    if (fault != 0 && threadIdx.x >= 40) {
        __syncthreads();
    }
    __syncwarp();
}

__global__ void part_ways(float *, int fault) {
    if (fault != 0 && threadIdx.x % 2 == 0) {
        __syncthreads();
    } else {
        __syncthreads();
    }
}

__global__ void forget_oneself(float *, int fault) {
    __syncwarp(fault != 0 ? 0xfffffffeu : 0xffffffffu);
}

/* In the second block lane 3 waits for lane 4, which waits for the block. */
template <class T> __global__ void stop_later(T *, int fault) {
    if (blockIdx.x == 1 && fault != 0 && threadIdx.x == 3) {
        __syncwarp(0x18u);
    }
    __syncthreads();
}

/* Products of 64 x 16 by 16 x 64 elements at the beginning of shared memory, without swizzle. */
static void multiply(float *to, uint64_t more, bool fenced) {
    float top[8][2] = {}, bottom[8][2] = {};
    const uint64_t first = (rm_shared_address(rm_shared_memory()) & 0x3ffff) / 16;
    const uint64_t operand = first + more + (UINT64_C(128 / 16) << 16) + (UINT64_C(256 / 16) << 32);
    if (fenced) {
        rm_wgmma_fence();
    }
    rm_wgmma_fp16(top, bottom, operand, operand, true);
    rm_wgmma_commit();
    rm_wgmma_wait<0>();
    to[threadIdx.x] = top[0][0];
}

/* After the registers were written, with or without a fence. */
__global__ void multiply_unfenced(float *to, int fault) {
    multiply(to, 0, fault == 0);
}

/* The second warp has operands of its own. */
__global__ void multiply_apart(float *to, int fault) {
    multiply(to, fault != 0 && threadIdx.x >= 32 ? 1 : 0, true);
}

struct planted {
    const char *name;
    void (*kernel)(float *, int);
};

static const planted PLANTED[] = {
    {"global", write_global},  {"shared", write_shared},     {"vector", read_vectors},
    {"race", read_neighbour},  {"wait", wait_for_ever},      {"lines", part_ways},
    {"mask", forget_oneself},  {"later", stop_later<float>}, {"fence", multiply_unfenced},
    {"apart", multiply_apart},
};

/* planted NAME FAULT: FAULT 0 runs the same kernel without its fault. */
int main(int count, char **arguments) {
    if (count != 3) {
        return 2;
    }
    // What never ends is to be told soon; all else may take its time on a busy machine.
    const bool endless = strcmp(arguments[1], "wait") == 0 || strcmp(arguments[1], "later") == 0;
    if (endless && arguments[2][0] != '0') {
        emu_set_watchdog(500);
    }
    for (const planted &each : PLANTED) {
        if (strcmp(each.name, arguments[1]) == 0) {
            std::vector<float4> memory(THREADS / 4);
            float *to = reinterpret_cast<float *>(memory.data());
            const cudaError_t status =
                rm_launch(each.kernel, dim3(2), dim3(THREADS), SHARED, nullptr, to, arguments[2][0] - '0');
            return status == cudaSuccess ? 0 : 1;
        }
    }
    return 2;
}
