/* instructions.cpp - tensor-core instructions and asynchronous copies, as the PTX ISA describes them */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/emu.h"

#include "tests/emu/fiber.h"
#include "tests/emu/report.h"
#include "tests/emu/state.h"

#include "cuda/arith.h"

#include <vector>

/* ---- what the lanes of a warp bring to one instruction ----------------------------------------- */

/*
 * A lane writes its own place and reads the others' after a barrier. The next instruction uses other places,
 * and the one after that comes after another barrier: nobody reads by then.
 */
namespace {

struct brought {
    float number[12]; /* of a, eight, and b, four */
    uintptr_t address;
    int line;
    unsigned turn; /* of the lane's instructions: the lanes of a warp are always in the same one */
};

struct thread_state {
    unsigned turn; /* instructions so far */
    struct copy {
        void *to;
        const void *from;
        unsigned group;
    };
    std::vector<copy> copies; /* on their way */
    unsigned groups;          /* that are complete */
};

brought places[2][EMU_THREADS_MOST];
thread_state states[EMU_THREADS_MOST];
std::atomic<bool> copies_early;
std::atomic<int> forget_copies;
std::atomic<bool> forgot_copies;

} // namespace

/* A barrier orders these reads, as those below. */
UNWATCHED static void check_all(const brought *warp, unsigned turn, int line) {
    for (int lane = 0; lane < EMU_LANES; lane++) {
        if (warp[lane].turn != turn) {
            emu_die("line %d: an instruction of a whole warp, some of whose threads have returned", line);
        }
        if (warp[lane].line != line) {
            emu_die("lines %d and %d: lanes of a warp are at different instructions", line, warp[lane].line);
        }
    }
}

/* The places of the warp's lanes. All must be there, at the same instruction: .sync.aligned. */
static const brought *meet(const brought &mine, int line) {
    const unsigned turn = ++states[emu_self].turn; /* 0: none yet */
    brought *all = places[turn % 2];
    all[emu_self] = mine;
    all[emu_self].line = line;
    all[emu_self].turn = turn;
    emu_warp_barrier(0xffffffffu, line);
    const brought *warp = all + emu_self / EMU_LANES * EMU_LANES;
    check_all(warp, turn, line);
    return warp;
}

void emu_warp_agree(uint64_t value, int line) {
    const brought *warp = meet({{}, (uintptr_t)value, 0, 0}, line);
    if (warp[0].address != (uintptr_t)value) {
        emu_die("line %d: lanes of a warp have different operands", line);
    }
}

void __trap() {
    emu_die("a kernel traps");
}

/* ---- ldmatrix ---------------------------------------------------------------------------------- */

void emu_ldmatrix(uint32_t (&word)[4], uintptr_t row, int line) {
    if (row % 16 != 0) {
        emu_die("line %d: ldmatrix from an address that is no multiple of 16", line);
    }
    const brought *warp = meet({{}, row, 0, 0}, line);
    const int lane = emu_lane();
    for (int matrix = 0; matrix < 4; matrix++) {
        const auto *from = reinterpret_cast<const unsigned char *>(warp[8 * matrix + lane / 4].address);
        memcpy(&word[matrix], from + 4 * (lane % 4), sizeof word[matrix]);
    }
}

/* ---- mma.m16n8k16, row.col, float sums ----------------------------------------------------------- */

float emu_widen_fp16(uint16_t bits) {
    return rm_float_from_half(bits);
}

float emu_widen_bf16(uint16_t bits) {
    return rm_float_from_bfloat(bits);
}

namespace {
struct widening {
    float of[65536];
    explicit widening(float (*widen)(uint16_t)) {
        for (uint32_t bits = 0; bits < 65536; bits++) {
            of[bits] = widen((uint16_t)bits);
        }
    }
};
} // namespace

const float *emu_widened(float (*widen)(uint16_t)) {
    static const widening fp16(emu_widen_fp16), bf16(emu_widen_bf16);
    return widen == emu_widen_fp16 ? fp16.of : bf16.of;
}

/*
 * "Matrix fragments for mma.m16n8k16 with floating point type", element i of a lane with groupID g = lane / 4
 * and threadID_in_group t = lane % 4:
 *   a_i  row g for i = 0, 1, 4, 5, else g + 8; column 2 t + (i & 1), and 8 more for i >= 4
 *   b_i  row 2 t + (i & 1), and 8 more for i >= 2; column g
 *   c_i  row g for i < 2, else g + 8; column 2 t + (i & 1)
 * Here the other way round: which lane, and which of its numbers, is A[row, k] and B[k, col].
 * A barrier orders these reads of the emulation's own memory: no sanitizer need look at them.
 */
UNWATCHED static inline float a_at(const brought *warp, int row, int k) {
    return warp[row % 8 * 4 + k % 8 / 2].number[(k >= 8 ? 4 : 0) + (row >= 8 ? 2 : 0) + k % 2];
}

UNWATCHED static inline float b_at(const brought *warp, int k, int col) {
    return warp[col * 4 + k % 8 / 2].number[8 + (k >= 8 ? 2 : 0) + k % 2];
}

/* Rows g and g + 8 by columns 2 t and 2 t + 1. */
UNWATCHED static void multiply_and_add(const brought *warp, float (&sums)[4]) {
    const int group = emu_lane() / 4, thread = emu_lane() % 4;
    for (int k = 0; k < 16; k++) {
        const float above = a_at(warp, group, k), below = a_at(warp, group + 8, k),
                    left = b_at(warp, k, 2 * thread), right = b_at(warp, k, 2 * thread + 1);
        sums[0] += above * left;
        sums[1] += above * right;
        sums[2] += below * left;
        sums[3] += below * right;
    }
}

void emu_mma(float (&top)[2], float (&bottom)[2], const uint32_t (&a)[4], uint32_t b0, uint32_t b1,
             float (*widen)(uint16_t), int line) {
    const uint32_t words[6] = {a[0], a[1], a[2], a[3], b0, b1};
    const float *widened = emu_widened(widen);
    brought mine = {};
    for (int i = 0; i < 12; i++) {
        mine.number[i] = widened[words[i / 2] >> 16 * (i % 2) & 0xffff];
    }
    float sums[4] = {top[0], top[1], bottom[0], bottom[1]};
    multiply_and_add(meet(mine, line), sums);
    for (int i = 0; i < 2; i++) {
        top[i] = sums[i];
        bottom[i] = sums[2 + i];
    }
}

/* ---- cp.async ------------------------------------------------------------------------------------ */

/*
 * A copy takes place at any time until it is waited for. Here it is the earliest or the latest: the latest
 * shows a reader that does not wait, the earliest a writer that does not wait for the readers before it.
 */

static void copy_now(const thread_state::copy &one) {
    memcpy(one.to, one.from, 16);
    emu_warpgroup_copied(one.to);
}

void emu_cp_async(uintptr_t to, const void *from, int line) {
    if (to % 16 != 0 || (uintptr_t)from % 16 != 0) {
        emu_die("line %d: cp.async between addresses that are no multiples of 16", line);
    }
    thread_state &mine = states[emu_self];
    const thread_state::copy one = {reinterpret_cast<void *>(to), from, mine.groups};
    if (copies_early.load(std::memory_order_relaxed)) {
        copy_now(one);
    } else {
        mine.copies.push_back(one);
    }
}

void emu_cp_async_commit() {
    states[emu_self].groups++;
}

void emu_cp_async_wait(unsigned but) {
    thread_state &mine = states[emu_self];
    if (forget_copies.load(std::memory_order_relaxed) > 0 && forget_copies.fetch_sub(1) > 0) {
        forgot_copies.store(true);
        return;
    }
    size_t left = 0;
    for (const thread_state::copy &one : mine.copies) {
        if (one.group + but < mine.groups) {
            copy_now(one);
        } else {
            mine.copies[left++] = one;
        }
    }
    mine.copies.resize(left);
}

void emu_instructions_begin(uint32_t thread) {
    states[thread].copies.clear();
    states[thread].groups = 0;
    emu_warpgroup_begin(thread);
}

bool emu_copies_are_early() {
    return copies_early.load(std::memory_order_relaxed);
}

void emu_copy_early(int early) {
    copies_early.store(early != 0);
}

int emu_forget_copies(int waits) {
    const bool forgot = forgot_copies.exchange(false);
    forget_copies.store(waits);
    return forgot ? 1 : 0;
}
