/* instructions.cuh - instructions that CUDA C++ has no name for: tensor cores, their loads, copies that
 * overlap */
/* SPDX-License-Identifier: MIT */
/*
 * Each is one function around one instruction of the PTX ISA, for GPUs since Ampere (sm_80), or those of
 * warpgroups for Hopper alone (sm_90a); on others it traps, and no launcher starts what calls it. Where
 * kernels run on the CPU, in tests, the emulation has functions of the same names, written after the PTX
 * ISA's text.
 */
#ifndef ROPEMAP_CUDA_INSTRUCTIONS_CUH
#define ROPEMAP_CUDA_INSTRUCTIONS_CUH

#ifdef __CUDACC__

#include <stdint.h>

#define RM_INSTRUCTION static __device__ __forceinline__

/* Whether the GPU that is compiled for has them. */
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
constexpr bool RM_HAS_INSTRUCTIONS = false;
#else
constexpr bool RM_HAS_INSTRUCTIONS = true;
#endif

/* An address in shared memory. */
typedef uint32_t rm_shared;

/* The shared memory that a launch asks for, aligned to 16 bytes. */
RM_INSTRUCTION unsigned char *rm_shared_memory() {
    extern __shared__ __align__(16) unsigned char rm_dynamic_memory[];
    return rm_dynamic_memory;
}

RM_INSTRUCTION rm_shared rm_shared_address(const void *memory) {
    return (uint32_t)__cvta_generic_to_shared(memory);
}

/*
 * Four matrices of 8 rows of 8 16-bit elements. Lane 8 i + r gives the address of row r of matrix i, 16 bytes
 * aligned to 16; lane l gets elements 2 (l % 4) and 2 (l % 4) + 1 of row l / 4 of matrix i in word i.
 */
RM_INSTRUCTION void rm_ldmatrix(uint32_t (&word)[4], rm_shared row) {
#if __CUDA_ARCH__ >= 800
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(word[0]), "=r"(word[1]), "=r"(word[2]), "=r"(word[3])
                 : "r"(row)
                 : "memory");
#else
    __trap();
#endif
}

/*
 * d [16, 8] += a [16, 16] b [16, 8]; products are exact, sums in float. With g = lane / 4 and t = lane % 4,
 * a lane holds in two elements of a word each, lower half first,
 *     a[0]  row g,     columns 2 t, 2 t + 1         b[0]  rows 2 t, 2 t + 1,         column g
 *     a[1]  row g + 8, the same columns             b[1]  rows 2 t + 8, 2 t + 9,     column g
 *     a[2]  row g,     columns 2 t + 8, 2 t + 9     top     row g of d,     columns 2 t, 2 t + 1
 *     a[3]  row g + 8, columns 2 t + 8, 2 t + 9     bottom  row g + 8 of d, columns 2 t, 2 t + 1
 */
RM_INSTRUCTION void rm_mma_fp16(float (&top)[2], float (&bottom)[2], const uint32_t (&a)[4], uint32_t b0,
                                uint32_t b1) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(top[0]), "+f"(top[1]), "+f"(bottom[0]), "+f"(bottom[1])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
    __trap();
#endif
}

RM_INSTRUCTION void rm_mma_bf16(float (&top)[2], float (&bottom)[2], const uint32_t (&a)[4], uint32_t b0,
                                uint32_t b1) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(top[0]), "+f"(top[1]), "+f"(bottom[0]), "+f"(bottom[1])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
    __trap();
#endif
}

/* Copies 16 bytes from global to shared memory, both aligned to 16, past the first-level cache; they are
 * there for the thread after rm_cp_async_wait, and for others after a barrier that follows it. */
RM_INSTRUCTION void rm_cp_async(rm_shared to, const void *from) {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" : : "r"(to), "l"(from) : "memory");
#else
    __trap();
#endif
}

/* The thread's copies since the last call make a group, which may be empty. */
RM_INSTRUCTION void rm_cp_async_commit() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" : : : "memory");
#endif
}

/* Waits until all of the thread's groups but the latest `but` are there. */
template <int but> RM_INSTRUCTION void rm_cp_async_wait() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" : : "n"(but) : "memory");
#endif
}

/* ---- warpgroups: four warps, the first of which has a number that 4 divides */

/* Whether the GPU that is compiled for has them. */
#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
constexpr bool RM_HAS_WARPGROUPS = false;
#else
constexpr bool RM_HAS_WARPGROUPS = true;
#endif

/* What the thread wrote to shared memory, and its copies that it waited for, can be read by products of
 * warpgroups after the next barrier. */
RM_INSTRUCTION void rm_fence_async() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("fence.proxy.async.shared::cta;" : : : "memory");
#else
    __trap();
#endif
}

/* Before products whose registers were touched by anything but products. */
RM_INSTRUCTION void rm_wgmma_fence() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("wgmma.fence.sync.aligned;" : : : "memory");
#else
    __trap();
#endif
}

/* The products since the last call make a group. */
RM_INSTRUCTION void rm_wgmma_commit() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("wgmma.commit_group.sync.aligned;" : : : "memory");
#endif
}

/* Waits until all of the warp's groups but the latest `but` are done: until then their registers may not be
 * touched, nor may the shared memory be written that they read. */
template <int but> RM_INSTRUCTION void rm_wgmma_wait() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("wgmma.wait_group.sync.aligned %0;" : : "n"(but) : "memory");
#endif
}

/* Keeps the compiler from reading a register of a product before the wait. */
RM_INSTRUCTION void rm_wgmma_done(float &number) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("" : "+f"(number) : : "memory");
#else
    (void)number;
#endif
}

/*
 * d [64, 64] = a [64, 16] b [16, 64], and d if `add`; both in shared memory, with their elements of a row of
 * a, or a column of b, side by side, where a descriptor of the PTX ISA has them. Of rows 16 w to 16 w + 15,
 * warp w's, lane 4 g + t has
 *     top[j]     row 16 w + g,     columns 8 j + 2 t, 8 j + 2 t + 1
 *     bottom[j]  row 16 w + g + 8, the same columns
 */
#define RM_WGMMA_NUMBERS                                                                                     \
    "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, "  \
    "%22, %23, %24, %25, %26, %27, %28, %29, %30, %31}"
#define RM_WGMMA_TWO(j) "+f"(top[j][0]), "+f"(top[j][1]), "+f"(bottom[j][0]), "+f"(bottom[j][1])

RM_INSTRUCTION void rm_wgmma_fp16(float (&top)[8][2], float (&bottom)[8][2], uint64_t a, uint64_t b,
                                  bool add) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("{\n"
                 ".reg .pred add;\n"
                 "setp.ne.b32 add, %34, 0;\n"
                 "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 " RM_WGMMA_NUMBERS
                 ", %32, %33, add, 1, 1, 0, 0; }"
                 : RM_WGMMA_TWO(0), RM_WGMMA_TWO(1), RM_WGMMA_TWO(2), RM_WGMMA_TWO(3), RM_WGMMA_TWO(4),
                   RM_WGMMA_TWO(5), RM_WGMMA_TWO(6), RM_WGMMA_TWO(7)
                 : "l"(a), "l"(b), "r"((int)add));
#else
    __trap();
#endif
}

RM_INSTRUCTION void rm_wgmma_bf16(float (&top)[8][2], float (&bottom)[8][2], uint64_t a, uint64_t b,
                                  bool add) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("{\n"
                 ".reg .pred add;\n"
                 "setp.ne.b32 add, %34, 0;\n"
                 "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " RM_WGMMA_NUMBERS
                 ", %32, %33, add, 1, 1, 0, 0; }"
                 : RM_WGMMA_TWO(0), RM_WGMMA_TWO(1), RM_WGMMA_TWO(2), RM_WGMMA_TWO(3), RM_WGMMA_TWO(4),
                   RM_WGMMA_TWO(5), RM_WGMMA_TWO(6), RM_WGMMA_TWO(7)
                 : "l"(a), "l"(b), "r"((int)add));
#else
    __trap();
#endif
}

#undef RM_WGMMA_NUMBERS
#undef RM_WGMMA_TWO

#endif
#endif
