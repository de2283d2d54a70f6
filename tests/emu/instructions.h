/* instructions.h - what cuda/instructions.cuh has, on CPU threads; a part of emu.h */
/* SPDX-License-Identifier: MIT */
/*
 * Written from the PTX ISA's description of each instruction (sections ldmatrix, mma.m16n8k16, cp.async, and
 * those of warpgroups, "asynchronous warpgroup-level matrix instructions"), not from the kernels that use
 * them. Sums of products run in float from k = 0 on: the ISA leaves the order open, so tests compare by a
 * bound, or on numbers whose sums are exact in any order.
 */
#ifndef ROPEMAP_EMU_INSTRUCTIONS_H
#define ROPEMAP_EMU_INSTRUCTIONS_H

constexpr bool RM_HAS_INSTRUCTIONS = true;
constexpr bool RM_HAS_WARPGROUPS = true;

[[noreturn]] void __trap();

typedef uintptr_t rm_shared;

/* As many bytes as the launch asks for, 0xff when a block begins. */
unsigned char *rm_shared_memory();

inline rm_shared rm_shared_address(const void *memory) {
    return (uintptr_t)memory;
}

void emu_ldmatrix(uint32_t (&word)[4], uintptr_t row, int line);
void emu_mma(float (&top)[2], float (&bottom)[2], const uint32_t (&a)[4], uint32_t b0, uint32_t b1,
             float (*widen)(uint16_t), int line);
void emu_cp_async(uintptr_t to, const void *from, int line);
void emu_cp_async_commit();
void emu_cp_async_wait(unsigned but);
float emu_widen_fp16(uint16_t bits);
float emu_widen_bf16(uint16_t bits);
void emu_fence_async();
void emu_wgmma_fence();
void emu_wgmma(float (&top)[8][2], float (&bottom)[8][2], uint64_t a, uint64_t b, bool add,
               float (*widen)(uint16_t), int line);
void emu_wgmma_commit();
void emu_wgmma_wait(unsigned but, int line);

inline void rm_ldmatrix(uint32_t (&word)[4], rm_shared row, int line = __builtin_LINE()) {
    emu_ldmatrix(word, row, line);
}

inline void rm_mma_fp16(float (&top)[2], float (&bottom)[2], const uint32_t (&a)[4], uint32_t b0, uint32_t b1,
                        int line = __builtin_LINE()) {
    emu_mma(top, bottom, a, b0, b1, emu_widen_fp16, line);
}

inline void rm_mma_bf16(float (&top)[2], float (&bottom)[2], const uint32_t (&a)[4], uint32_t b0, uint32_t b1,
                        int line = __builtin_LINE()) {
    emu_mma(top, bottom, a, b0, b1, emu_widen_bf16, line);
}

inline void rm_cp_async(rm_shared to, const void *from, int line = __builtin_LINE()) {
    emu_cp_async(to, from, line);
}

inline void rm_cp_async_commit() {
    emu_cp_async_commit();
}

template <int but> void rm_cp_async_wait() {
    emu_cp_async_wait(but);
}

inline void rm_fence_async() {
    emu_fence_async();
}

inline void rm_wgmma_fence() {
    emu_wgmma_fence();
}

inline void rm_wgmma_fp16(float (&top)[8][2], float (&bottom)[8][2], uint64_t a, uint64_t b, bool add,
                          int line = __builtin_LINE()) {
    emu_wgmma(top, bottom, a, b, add, emu_widen_fp16, line);
}

inline void rm_wgmma_bf16(float (&top)[8][2], float (&bottom)[8][2], uint64_t a, uint64_t b, bool add,
                          int line = __builtin_LINE()) {
    emu_wgmma(top, bottom, a, b, add, emu_widen_bf16, line);
}

inline void rm_wgmma_commit() {
    emu_wgmma_commit();
}

template <int but> void rm_wgmma_wait(int line = __builtin_LINE()) {
    emu_wgmma_wait(but, line);
}

inline void rm_wgmma_done(float &) {} /* registers are memory here, and calls may change it */

#endif
