/* control.h - what tests and the fake CUDA run time ask of the emulation; C17 and C++17 */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_EMU_CONTROL_H
#define ROPEMAP_EMU_CONTROL_H

#include <cuda_runtime_api.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The countdown-th valid launch from now (1: the next) runs nothing and returns cudaErrorLaunchFailure, once;
 * 0 takes the wish back. */
void emu_fail_next_launch(int countdown);

/* Launches that ran to their end since the program began. */
long emu_launch_count(void);

/* The last error that a launch of this host thread returned, cudaSuccess if none did since the last call. */
cudaError_t emu_take_launch_error(void);

/* A launch in which no barrier opens and no thread ends for so long is reported and aborts; 10000 at first.
 */
void emu_set_watchdog(int milliseconds);

/* Not 0: blocks run from the last to the first. CUDA promises no order, so results must not depend on it. */
void emu_reverse_blocks(int reverse);

/* Not 0: a warp runs as far as it gets before the next one does, instead of all side by side. */
void emu_rush_warps(int rush);

/* Not 0: an asynchronous copy takes place when it is started, and a product of a warpgroup when it is waited
 * for; at first the other way round. */
void emu_copy_early(int early);

/* Kernels that have this in their names cannot be loaded, as without machine code for the GPU; NULL: all can.
 */
void emu_miss_kernels(const char *name);

/*
 * So many barriers of blocks from number `first` of each block on (0: its first), or waits of threads for
 * their copies, are passed without waiting, as if they had been forgotten; 0 takes the wish back. Returns
 * whether an earlier wish came to pass.
 */
int emu_forget_barrier(int first, int count);
int emu_forget_copies(int waits);

/* The same of each thread's waits for products of its warpgroup, and of its fences before them, of what it
 * wrote to shared memory. */
int emu_forget_products(int first, int count);
int emu_forget_fences(int first, int count);

/* The first operands of such products have these bits changed; 0: none. */
void emu_bend_operands(uint64_t bits);

#ifdef __cplusplus
}
#endif

#endif
