/* report.cpp - says what is wrong with an emulated kernel, and ends */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/report.h"

#include "tests/emu/state.h"
#include "tests/emu/symbols.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>

/* Counts the threads from `first` on that stand where it stands, and marks them. */
static int count_same(uint32_t first, bool *told) {
    const int where = emu_workers[first].where.load(), line = emu_workers[first].line.load();
    int count = 0;
    for (uint32_t i = first; i < emu_now.threads; i++) {
        if (!told[i] && emu_workers[i].where.load() == where && emu_workers[i].line.load() == line) {
            told[i] = true;
            count++;
        }
    }
    return count;
}

static void print_places() {
    static const char *const places[] = {"running, after line", "waiting in __syncthreads() of line",
                                         "waiting for the warp in line", "returned; line"};
    bool told[EMU_THREADS_MOST] = {false};
    for (uint32_t i = 0; i < emu_now.threads; i++) {
        const int count = told[i] ? 0 : count_same(i, told);
        if (count > 0) {
            std::fprintf(stderr, "emu: %d threads, of which the first is %u: %s %d\n", count, i,
                         places[emu_workers[i].where.load()], emu_workers[i].line.load());
        }
    }
}

/* The kernel, the block and its threads, as far as other threads can see them. */
static void print_launch() {
    const uint3 block = emu_block_place(emu_block_index.load(std::memory_order_relaxed));
    std::fprintf(stderr, "emu: kernel %s, block (%u, %u, %u) of %u threads\n",
                 emu_function_name(emu_now.kernel.address).c_str(), block.x, block.y, block.z,
                 emu_now.threads);
    print_places();
}

void emu_die(const char *format, ...) {
    static std::mutex once; /* stays locked: the first message ends the program */
    once.lock();
    va_list list;
    va_start(list, format);
    std::fputs("emu: ", stderr);
    std::vfprintf(stderr, format, list);
    std::fputc('\n', stderr);
    va_end(list);
    if (emu_launching.load()) {
        print_launch();
    }
    std::abort();
}
