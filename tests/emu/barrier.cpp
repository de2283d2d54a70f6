/* barrier.cpp - barriers of a block and of a warp that threads may leave */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/barrier.h"

#include "tests/emu/fiber.h"
#include "tests/emu/report.h"

std::atomic<uint64_t> emu_progress;

/* ---- the threads of a block ------------------------------------------------------------------ */

void emu_block_gate::reset(uint32_t threads) {
    count_.store(threads << 16, std::memory_order_relaxed);
}

emu_block_gate::result emu_block_gate::judge(uint32_t count) {
    const uint32_t in = count >> 16, arrived = count & 0xffffu;
    return in == 0 ? NOBODY_LEFT : in == arrived ? ALL_HERE : OTHERS_MISSING;
}

uint32_t emu_block_gate::round() const {
    return round_.load(std::memory_order_relaxed);
}

emu_block_gate::result emu_block_gate::arrive() {
    return judge(count_.fetch_add(1, std::memory_order_acq_rel) + 1);
}

emu_block_gate::result emu_block_gate::leave() {
    return judge(count_.fetch_sub(1u << 16, std::memory_order_acq_rel) - (1u << 16));
}

/* Every thread that is in waits, so nobody else touches the count until the round ends. */
void emu_block_gate::open() {
    count_.fetch_and(0xffff0000u, std::memory_order_relaxed);
    emu_progress.fetch_add(1, std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
}

void emu_block_gate::wait(uint32_t round) const {
    emu_fiber_wait_while(round_, round);
}

/* ---- the lanes of a warp --------------------------------------------------------------------- */
/*
 * One entry for every mask, since lanes may meet under different masks at the same time. A lane that arrives
 * sets its bit and then looks who left; a lane that leaves says so and then looks who arrived: in the single
 * order of sequentially consistent operations at least one of them sees the barrier complete, and taking back
 * the arrived bits lets exactly one open it.
 */

void emu_lane_barrier::reset() {
    for (entry &at : entries_) {
        at.mask.store(0, std::memory_order_relaxed);
        at.arrived.store(0, std::memory_order_relaxed);
    }
}

void emu_lane_barrier::begin(uint32_t absent) {
    left_.store(absent, std::memory_order_relaxed);
}

emu_lane_barrier::entry &emu_lane_barrier::find(uint32_t mask) {
    for (entry &at : entries_) {
        uint32_t owner = at.mask.load();
        if (owner == mask ||
            (owner == 0 && (at.mask.compare_exchange_strong(owner, mask) || owner == mask))) {
            return at;
        }
    }
    emu_die("more than %d different warp masks", (int)MASKS);
}

void emu_lane_barrier::open_if_complete(entry &at, uint32_t mask) {
    uint32_t arrived = at.arrived.load();
    if (arrived != 0 && (mask & ~(arrived | left_.load())) == 0 &&
        at.arrived.compare_exchange_strong(arrived, 0)) {
        emu_progress.fetch_add(1, std::memory_order_relaxed);
        at.round.fetch_add(1);
    }
}

void emu_lane_barrier::meet(uint32_t mask, uint32_t lane_bit) {
    entry &at = find(mask);
    const uint32_t round = at.round.load(std::memory_order_relaxed);
    at.arrived.fetch_or(lane_bit);
    open_if_complete(at, mask);
    emu_fiber_wait_while(at.round, round);
}

void emu_lane_barrier::leave(uint32_t lane_bit) {
    left_.fetch_or(lane_bit);
    for (entry &at : entries_) {
        const uint32_t mask = at.mask.load();
        if (mask == 0) {
            break;
        }
        open_if_complete(at, mask);
    }
}

uint32_t emu_lane_barrier::present(uint32_t mask) const {
    return mask & ~left_.load();
}
