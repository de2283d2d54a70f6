/* warpgroup.cpp - products of warpgroups, and what they see of shared memory, as the PTX ISA describes them
 */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/emu.h"

#include "tests/emu/control.h"
#include "tests/emu/fiber.h"
#include "tests/emu/report.h"
#include "tests/emu/state.h"

#include <vector>

enum { PRODUCTS = 32 }; /* that a thread has of 64 x 64 */

namespace {

/* Which of a thread's waits or fences are forgotten. */
struct forgotten {
    std::atomic<int> first, count;
    std::atomic<bool> any;

    bool now(int number) {
        const int from = first.load(std::memory_order_relaxed);
        const bool is = number >= from && number - from < count.load(std::memory_order_relaxed);
        if (is) {
            any.store(true, std::memory_order_relaxed);
        }
        return is;
    }
    int set(int from, int so_many) {
        first.store(from);
        count.store(so_many);
        return any.exchange(false) ? 1 : 0;
    }
};

struct wgmma {
    float (*top)[2], (*bottom)[2]; /* [8] each */
    uint64_t a, b;
    bool add;
    float (*widen)(uint16_t);
    unsigned group;
};

/* Registers of products in flight: nobody may read or write them, so they hold NaN until all are done. */
struct accumulators {
    float (*top)[2], (*bottom)[2];
    float value[PRODUCTS];
    int products;
};

struct group_thread {
    std::vector<wgmma> products; /* in flight, in order */
    std::vector<accumulators> registers;
    std::vector<const void *> copied; /* 16 bytes each, that no fence followed */
    unsigned groups;                  /* that are complete */
    bool fenced;                      /* since registers may have been touched */
    int waits, fences;
    uint64_t history; /* of operands */
};

group_thread group_threads[EMU_THREADS_MOST];
forgotten forgotten_waits, forgotten_fences;
std::atomic<uint64_t> bent;

} // namespace

/* ---- operands in shared memory ------------------------------------------------------------------- */

/*
 * "Matrix descriptor": bits 0-13 start address, 16-29 leading and 32-45 stride dimension byte offset, each
 * of 18 bits without the last four; 49-51 base offset; 62-63 swizzle mode: 0 none, 1 128, 2 64, 3 32 bytes.
 */
static uint64_t field_of(uint64_t descriptor, int first) {
    return (descriptor >> first & 0x3fff) << 4;
}

/* "Swizzle modes": of the address, chunks of 16 bytes are exchanged by bits 7 and up. Its pattern repeats
 * after 8 times so many bytes, and begins at a multiple of that, for a base offset of 0. */
static int swizzle_of(uint64_t descriptor) {
    static const int bytes[] = {0, 128, 64, 32};
    return bytes[descriptor >> 62];
}

static void check_operand(uint64_t descriptor, int line) {
    const uint64_t start = field_of(descriptor, 0);
    const int swizzle = swizzle_of(descriptor);
    if ((descriptor >> 49 & 7) != 0) {
        emu_die("line %d: an operand has a base offset, which is not emulated", line);
    }
    if (swizzle != 0 && start / (uint64_t)swizzle % 8 != 0) {
        emu_die("line %d: an operand at 0x%llx is off the turn of its swizzle", line,
                (unsigned long long)start);
    }
}

/*
 * "Canonical layouts", K-major: core matrices of 8 rows. Without swizzle they have 8 rows of 16 bytes one
 * after another, neighbours along K are a leading and along M or N a stride offset apart. With it the 8 rows
 * have the swizzle's bytes each, elements along K lie side by side, and the leading offset is not used.
 */
static void read_eight(uint64_t descriptor, int row, int k, uint16_t (&to)[8]) {
    const emu_dynamic dynamic = emu_dynamic_memory();
    const int swizzle = swizzle_of(descriptor);
    uint64_t at = field_of(descriptor, 0) + (uint64_t)(row / 8) * field_of(descriptor, 32);
    if (swizzle == 0) {
        at += (uint64_t)(row % 8) * 16 + (uint64_t)(k / 8) * field_of(descriptor, 16);
    } else {
        at += (uint64_t)(row % 8 * swizzle + k * 2);
        at ^= (at >> 7 & (uint64_t)(swizzle / 16 - 1)) << 4;
    }
    const uint64_t offset = (at - (uintptr_t)dynamic.memory) & 0x3ffff;
    if (offset + 16 > dynamic.bytes) {
        emu_die("an operand lies outside of the launch's shared memory");
    }
    memcpy(to, dynamic.seen + offset, sizeof to);
}

static void read_row(uint64_t descriptor, int row, uint16_t (&to)[2][8]) {
    read_eight(descriptor, row, 0, to[0]);
    read_eight(descriptor, row, 8, to[1]);
}

/* ---- wgmma.mma_async.m64n64k16, float sums --------------------------------------------------------- */

/*
 * "Register fragments for wgmma.mma_async.m64nNk16", element i of d: row 16 (warp % 4) + lane / 4, and 8 more
 * where i / 2 is odd; column 8 (i / 4) + 2 (lane % 4) + i % 2.
 */
struct operands {
    uint16_t rows[2][2][8], cols[16][2][8];
};

static void read_operands(const wgmma &one, operands *read) {
    const int warp = (int)emu_self / EMU_LANES % 4, lane = emu_lane();
    for (int i = 0; i < 2; i++) {
        read_row(one.a, 16 * warp + lane / 4 + 8 * i, read->rows[i]);
    }
    for (int i = 0; i < 16; i++) {
        read_row(one.b, i / 2 * 8 + lane % 4 * 2 + i % 2, read->cols[i]);
    }
}

/* Of what the thread has read for itself: no sanitizer need look. */
UNWATCHED static void multiply(const operands &read, const float *widened, bool add, float (&d)[PRODUCTS]) {
    float sums[2][16];
    for (int i = 0; i < PRODUCTS; i++) {
        sums[i / 2 % 2][i / 4 * 2 + i % 2] = add ? d[i] : 0.0f;
    }
    for (int k = 0; k < 16; k++) {
        const float above = widened[read.rows[0][k / 8][k % 8]], below = widened[read.rows[1][k / 8][k % 8]];
        for (int i = 0; i < 16; i++) {
            const float col = widened[read.cols[i][k / 8][k % 8]];
            sums[0][i] += above * col;
            sums[1][i] += below * col;
        }
    }
    for (int i = 0; i < PRODUCTS; i++) {
        d[i] = sums[i / 2 % 2][i / 4 * 2 + i % 2];
    }
}

static float &element(float (*top)[2], float (*bottom)[2], int i) {
    float(*half)[2] = i / 2 % 2 == 0 ? top : bottom;
    return *(&half[0][0] + i / 4 * 2 + i % 2);
}

static accumulators *find(group_thread *mine, const float (*top)[2]) {
    for (accumulators &each : mine->registers) {
        if (each.top == top) {
            return &each;
        }
    }
    return nullptr;
}

static void take_registers(group_thread *mine, const wgmma &one) {
    accumulators *at = find(mine, one.top);
    if (at == nullptr) {
        accumulators made = {one.top, one.bottom, {}, 0};
        for (int i = 0; i < PRODUCTS; i++) {
            float &number = element(one.top, one.bottom, i);
            made.value[i] = number;
            number = __uint_as_float(0xffffffffu);
        }
        mine->registers.push_back(made);
        at = &mine->registers.back();
    }
    at->products++;
}

static void finish(group_thread *mine, const wgmma &one, int line) {
    accumulators *at = find(mine, one.top);
    operands read;
    read_operands(one, &read);
    multiply(read, emu_widened(one.widen), one.add, at->value);
    if (--at->products > 0) {
        return;
    }
    for (int i = 0; i < PRODUCTS; i++) {
        float &number = element(at->top, at->bottom, i);
        if (__float_as_uint(number) != 0xffffffffu) {
            emu_die("line %d: registers of products were written before these were waited for", line);
        }
        number = at->value[i];
    }
    mine->registers.erase(mine->registers.begin() + (at - mine->registers.data()));
}

/* A product takes place at any time until it is waited for: here at the latest where copies are early, so
 * that a copy in place of what it reads shows, else at the earliest, which shows what is not there yet. */
void emu_wgmma(float (&top)[8][2], float (&bottom)[8][2], uint64_t a, uint64_t b, bool add,
               float (*widen)(uint16_t), int line) {
    group_thread &mine = group_threads[emu_self];
    emu_warp_agree(a * 31 + b * 2 + (add ? 1 : 0), line);
    mine.history = (mine.history + a * 31 + b * 2 + (add ? 1 : 0)) * 1000003u + (uint64_t)line;
    if (!mine.fenced) {
        emu_die("line %d: products without a fence after their registers may have been touched", line);
    }
    const wgmma one = {top, bottom, a ^ bent.load(std::memory_order_relaxed), b, add, widen, mine.groups};
    check_operand(one.a, line);
    check_operand(one.b, line);
    take_registers(&mine, one);
    if (emu_copies_are_early()) {
        mine.products.push_back(one);
    } else {
        finish(&mine, one, line);
    }
}

void emu_wgmma_fence() {
    group_threads[emu_self].fenced = true;
}

void emu_wgmma_commit() {
    group_threads[emu_self].groups++;
}

void emu_wgmma_wait(unsigned but, int line) {
    group_thread &mine = group_threads[emu_self];
    if (forgotten_waits.now(mine.waits++)) {
        return;
    }
    size_t left = 0;
    for (const wgmma &one : mine.products) {
        if (one.group + but < mine.groups) {
            finish(&mine, one, line);
        } else {
            mine.products[left++] = one;
        }
    }
    mine.products.resize(left);
    mine.fenced = false;
}

/* ---- the generic proxy writes, the async proxy reads ------------------------------------------------ */

/* Products see 16 bytes that a copy wrote after the thread's next fence.proxy.async at the latest; stores of
 * other kinds never: no kernel has them. */
static void show(const void *to) {
    const emu_dynamic dynamic = emu_dynamic_memory();
    const uintptr_t offset = (uintptr_t)to - (uintptr_t)dynamic.memory;
    if (offset < dynamic.bytes) {
        memcpy(dynamic.seen + offset, to, 16);
    }
}

void emu_warpgroup_copied(const void *to) {
    if (emu_copies_are_early()) {
        show(to);
    } else {
        group_threads[emu_self].copied.push_back(to);
    }
}

void emu_fence_async() {
    group_thread &mine = group_threads[emu_self];
    if (forgotten_fences.now(mine.fences++)) {
        return;
    }
    for (const void *each : mine.copied) {
        show(each);
    }
    mine.copied.clear();
}

/* ---- blocks ----------------------------------------------------------------------------------------- */

void emu_warpgroup_begin(uint32_t thread) {
    group_thread &mine = group_threads[thread];
    mine.products.clear();
    mine.registers.clear();
    mine.copied.clear();
    mine.groups = 0;
    mine.fenced = false;
    mine.waits = mine.fences = 0;
    mine.history = 0;
}

/* "All warps of the warpgroup must execute the same instruction", with the same descriptors. */
void emu_warpgroups_end() {
    for (uint32_t i = 0; i < emu_now.threads; i++) {
        const uint64_t first = group_threads[i / 128 * 128].history;
        if (group_threads[i].history != first) {
            emu_die("threads %u and %u of a warpgroup do not have the same products", i / 128 * 128, i);
        }
    }
}

int emu_forget_products(int first, int count) {
    return forgotten_waits.set(first, count);
}

int emu_forget_fences(int first, int count) {
    return forgotten_fences.set(first, count);
}

void emu_bend_operands(uint64_t bits) {
    bent.store(bits);
}
