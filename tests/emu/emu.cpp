/* emu.cpp - what kernels call: barriers, shuffles and votes */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/emu.h"

#include "tests/emu/fiber.h"
#include "tests/emu/report.h"
#include "tests/emu/state.h"

static const unsigned WHOLE_WARP = 0xffffffffu;

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

static void say_where(emu_place where, int line) {
    emu_workers[emu_self].line.store(line, std::memory_order_relaxed);
    emu_workers[emu_self].where.store(where, std::memory_order_relaxed);
}

/* ---- the block ------------------------------------------------------------------------------- */

/* All threads that are still in the block stand at a barrier: it must be the same one. */
static void open_gate() {
    int line = 0;
    for (uint32_t i = 0; i < emu_now.threads; i++) {
        if (emu_workers[i].where.load(std::memory_order_relaxed) == EMU_AT_BLOCK_BARRIER) {
            const int here = emu_workers[i].line.load(std::memory_order_relaxed);
            if (line != 0 && here != line) {
                emu_die("threads of one block meet at different __syncthreads()");
            }
            line = here;
        }
    }
    emu_gate.open();
}

static std::atomic<int> forget_first, forget_count;
static std::atomic<bool> forgot_barrier;

int emu_forget_barrier(int first, int count) {
    forget_first.store(first);
    forget_count.store(count);
    return forgot_barrier.exchange(false) ? 1 : 0;
}

void emu_block_barrier(int line) {
    const int number = emu_workers[emu_self].barriers++ - forget_first.load(std::memory_order_relaxed);
    if (number >= 0 && number < forget_count.load(std::memory_order_relaxed)) {
        forgot_barrier.store(true);
        return;
    }
    const uint32_t round = emu_gate.round();
    say_where(EMU_AT_BLOCK_BARRIER, line);
    if (emu_gate.arrive() == emu_block_gate::ALL_HERE) {
        open_gate();
    } else {
        emu_gate.wait(round);
    }
    say_where(EMU_RUNNING, line);
}

bool emu_leave_block() {
    say_where(EMU_RETURNED, 0);
    emu_progress.fetch_add(1, std::memory_order_relaxed);
    emu_warps[emu_self / EMU_LANES].barrier.leave(1u << emu_self % EMU_LANES);
    const emu_block_gate::result left = emu_gate.leave();
    if (left == emu_block_gate::ALL_HERE) {
        open_gate();
    }
    return left == emu_block_gate::NOBODY_LEFT;
}

/* ---- the warp -------------------------------------------------------------------------------- */

int emu_lane() {
    return (int)(emu_self % EMU_LANES);
}

void emu_warp_barrier(unsigned mask, int line) {
    const uint32_t lane_bit = 1u << emu_lane();
    if ((mask & lane_bit) == 0) {
        emu_die("line %d: lane %d is not in its own mask 0x%08x", line, emu_lane(), mask);
    }
    say_where(EMU_AT_WARP_BARRIER, line);
    emu_warps[emu_self / EMU_LANES].barrier.meet(mask, lane_bit);
    say_where(EMU_RUNNING, line);
}

/*
 * The lanes' values, those of lanes that do not take part with another turn. A whole warp meets once: the
 * next shuffle uses other places, and the one after that comes after another barrier. Some lanes meet once
 * more when they have read, in leave_values(), and until then none of them can leave.
 */
static const emu_brought *bring(unsigned mask, uint64_t bits, uint32_t *turn, int line) {
    emu_warp &warp = emu_warps[emu_self / EMU_LANES];
    *turn = mask == WHOLE_WARP ? ++emu_workers[emu_self].turn : 0;
    emu_brought *values = warp.values[mask == WHOLE_WARP ? *turn % 2 : 2];
    values[emu_lane()] = {bits, *turn};
    emu_warp_barrier(mask, line);
    return values;
}

static bool is_there(const emu_brought *values, unsigned mask, uint32_t turn, int lane) {
    return mask == WHOLE_WARP ? values[lane].turn == turn
                              : (emu_warps[emu_self / EMU_LANES].barrier.present(mask) >> lane & 1u) != 0;
}

static void leave_values(unsigned mask, int line) {
    if (mask != WHOLE_WARP) {
        emu_warp_barrier(mask, line);
    }
}

uint64_t emu_shuffle(unsigned mask, uint64_t bits, int source, int line) {
    uint32_t turn;
    const emu_brought *values = bring(mask, bits, &turn, line);
    const bool there = source >= 0 && source < EMU_LANES && is_there(values, mask, turn, source);
    const uint64_t got = there ? values[source].bits : ~(uint64_t)0;
    leave_values(mask, line);
    return got;
}

unsigned emu_ballot(unsigned mask, bool yes, int line) {
    uint32_t turn;
    const emu_brought *values = bring(mask, yes ? 1 : 0, &turn, line);
    unsigned votes = 0;
    for (int lane = 0; lane < EMU_LANES; lane++) {
        if (is_there(values, mask, turn, lane) && values[lane].bits != 0) {
            votes |= 1u << lane;
        }
    }
    leave_values(mask, line);
    return votes;
}
