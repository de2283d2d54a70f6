/* state.h - the launch that runs and the threads that run it */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_EMU_STATE_H
#define ROPEMAP_EMU_STATE_H

#include "tests/emu/emu.h"

#include "tests/emu/barrier.h"

#include <atomic>

enum { EMU_THREADS_MOST = 1024, EMU_LANES = 32 };

/* Where a thread of a block is, for reports. */
enum emu_place : int { EMU_RUNNING, EMU_AT_BLOCK_BARRIER, EMU_AT_WARP_BARRIER, EMU_RETURNED };

struct emu_worker {
    std::atomic<uint32_t> launches; /* to be served: the thread waits for its change */
    std::atomic<int> where;         /* an emu_place */
    std::atomic<int> line;          /* of the last barrier; 0: none yet */
    int barriers;                   /* that it came to in this block */
    uint32_t turn;                  /* shuffles of its whole warp so far in this block */
};

/* What a lane brings to a shuffle. */
struct emu_brought {
    uint64_t bits;
    uint32_t turn; /* which of the block's shuffles of whole warps it is for; 0: none */
};

struct emu_warp {
    emu_lane_barrier barrier;
    emu_brought values[3]
                      [EMU_LANES]; /* of every other shuffle of the whole warp; [2] of those of some lanes */
};

/* Written by the launching thread and, between blocks, by the thread that ends a block. */
struct emu_launch_state {
    emu_kernel kernel;
    uint32_t threads; /* in a block */
    uint64_t blocks;
    bool reverse; /* blocks run from the last to the first */
};

extern emu_launch_state emu_now;
extern emu_worker emu_workers[EMU_THREADS_MOST];
extern emu_warp emu_warps[EMU_THREADS_MOST / EMU_LANES];
extern emu_block_gate emu_gate;
extern std::atomic<bool> emu_launching;
extern std::atomic<uint64_t> emu_block_index; /* of the running block in the grid, x fastest */

/* The place of a block in the grid of the running launch. */
uint3 emu_block_place(uint64_t index);

/* A thread begins a block: none of its copies is on its way, nor a product. */
void emu_instructions_begin(uint32_t thread);
void emu_warpgroup_begin(uint32_t thread);

/* A copy of 16 bytes took place; and whether copies do when they are started. */
void emu_warpgroup_copied(const void *to);
bool emu_copies_are_early();

/* What 16 bits are as floats: 65,536 of them. */
const float *emu_widened(float (*widen)(uint16_t));

/* The lanes of a warp meet in a line, with the same value. */
void emu_warp_agree(uint64_t value, int line);

/* All threads of a block have returned: its warpgroups have multiplied the same. */
void emu_warpgroups_end();

/* The launch's dynamic shared memory, and what products of warpgroups see there. */
struct emu_dynamic {
    unsigned char *memory, *seen;
    size_t bytes;
};
emu_dynamic emu_dynamic_memory();

/* The calling thread returns from the kernel. True: it is the last one of the block. */
bool emu_leave_block();

#endif
