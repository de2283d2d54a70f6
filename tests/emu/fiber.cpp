/* fiber.cpp - the threads of a block as fibers of one host thread */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/fiber.h"

#include "tests/emu/report.h"
#include "tests/emu/state.h"

#include <cerrno>
#include <climits>
#include <ctime>

#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

enum { STACK_BYTES = 1 << 20, GUARD_BYTES = 1 << 16 };

/* ---- switches reported to sanitizers --------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
static void start_switch(void **kept, const void *to, size_t bytes) {
    __sanitizer_start_switch_fiber(kept, to, bytes);
}
static void finish_switch(void *kept, const void **from, size_t *bytes) {
    __sanitizer_finish_switch_fiber(kept, from, bytes);
}
#else
static void start_switch(void **, const void *, size_t) {}
static void finish_switch(void *, const void **, size_t *) {}
#endif

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
static void *current_tsan_fiber() {
    return __tsan_get_current_fiber();
}
static void *create_tsan_fiber() {
    return __tsan_create_fiber(0);
}
#define SWITCH_TSAN_FIBER(tsan_fiber) __tsan_switch_to_fiber(tsan_fiber, __tsan_switch_to_fiber_no_sync)
#else
static void *current_tsan_fiber() {
    return nullptr;
}
static void *create_tsan_fiber() {
    return nullptr;
}
#define SWITCH_TSAN_FIBER(tsan_fiber) (void)(tsan_fiber)
#endif

/* ---- switching ------------------------------------------------------------------------------- */

/* Where a fiber goes on. swapcontext() makes a system call each time, which costs ten times the rest. */
#if defined(__x86_64__)
typedef void **place; /* top of its stack: the registers that a call keeps, and the address it returns to */
extern "C" void emu_switch_stacks(place *from, place to);
asm(".pushsection .text\n"
    ".type emu_switch_stacks, @function\n"
    "emu_switch_stacks:\n"
    "push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rsp, (%rdi)\n"
    "mov %rsi, %rsp\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
    "ret\n"
    ".size emu_switch_stacks, . - emu_switch_stacks\n"
    ".popsection\n");
#define SWITCH_PLACES(from, to) emu_switch_stacks(&(from), to)
#else
typedef ucontext_t place;
#define SWITCH_PLACES(from, to) (void)swapcontext(&(from), &(to))
#endif

struct fiber {
    place at;
    const void *stack;
    size_t bytes;
    void *fake_stack, *tsan_fiber;                   /* AddressSanitizer's and ThreadSanitizer's */
    std::atomic<const std::atomic<uint32_t> *> word; /* it waits while this is... */
    std::atomic<uint32_t> old;                       /* ...that; no word: it runs */
};

uint32_t emu_self;

static fiber fibers[EMU_THREADS_MOST];
static fiber scheduler; /* the thread that they take turns on */
static std::atomic<uint32_t> fiber_count;
static std::atomic<uint32_t> wake_count;
static void (*serve_fiber)();

NO_TSAN static void switch_to(fiber &from, fiber &to) {
    start_switch(&from.fake_stack, to.stack, to.bytes);
    SWITCH_TSAN_FIBER(to.tsan_fiber);
    SWITCH_PLACES(from.at, to.at);
    finish_switch(from.fake_stack, nullptr, nullptr);
}

NO_TSAN static void enter() {
    const void *stack = nullptr;
    size_t bytes = 0;
    finish_switch(nullptr, &stack, &bytes);
    if (scheduler.stack == nullptr) { /* the first fiber comes from there */
        scheduler.stack = stack;
        scheduler.bytes = bytes;
    }
    serve_fiber();
    emu_die("a thread of the emulation ends");
}

/* It begins in enter(), which returns to nowhere. */
static void make_place(place &at, char *stack, size_t bytes) {
#if defined(__x86_64__)
    at = reinterpret_cast<void **>(stack + bytes) - 8;
    at[6] = reinterpret_cast<void *>(&enter);
#else
    if (getcontext(&at) != 0) {
        emu_die("no context for a thread");
    }
    at.uc_stack.ss_sp = stack;
    at.uc_stack.ss_size = bytes;
    at.uc_link = nullptr;
    makecontext(&at, enter, 0);
    at.uc_stack.ss_sp = nullptr; /* else AddressSanitizer clears all of the stack's shadow in each switch */
    at.uc_stack.ss_size = 0;
#endif
}

/* ---- the scheduler ---------------------------------------------------------------------------- */

static std::atomic<bool> rush;

void emu_rush_warps(int on) {
    rush.store(on != 0);
}

static bool is_ready(const fiber &one) {
    const std::atomic<uint32_t> *word = one.word.load(std::memory_order_relaxed);
    return word == nullptr ||
           word->load(std::memory_order_relaxed) != one.old.load(std::memory_order_relaxed);
}

NO_TSAN static void resume(fiber &from, uint32_t number) {
    fibers[number].word.store(nullptr, std::memory_order_relaxed);
    emu_self = number;
    emu_fiber_enters(number);
    switch_to(from, fibers[number]);
}

/* The next lane of the warp goes on where it can, as the scheduler would have it. */
void emu_fiber_wait_while(const std::atomic<uint32_t> &word, uint32_t old) {
    while (word.load(std::memory_order_acquire) == old) {
        const uint32_t number = emu_self, next = number + 1;
        fiber &self = fibers[number];
        self.old.store(old, std::memory_order_relaxed);
        self.word.store(&word, std::memory_order_relaxed);
        if (next % EMU_LANES != 0 && next < fiber_count.load(std::memory_order_relaxed) &&
            is_ready(fibers[next])) {
            resume(self, next);
        } else {
            switch_to(self, scheduler);
        }
    }
}

static void *run_scheduler(void *) {
    scheduler.tsan_fiber = current_tsan_fiber();
    for (;;) {
        const uint32_t seen = wake_count.load(std::memory_order_acquire);
        const uint32_t count = fiber_count.load(std::memory_order_acquire);
        bool ran = false;
        bool warp_ran = false;
        for (uint32_t i = 0; i < count; i++) {
            if (is_ready(fibers[i])) {
                resume(scheduler, i);
                ran = warp_ran = true;
                i = emu_self; /* the last lane that went on */
            }
            if (i % EMU_LANES == EMU_LANES - 1) { /* a warp that rushes goes again, from its first lane */
                i -= rush.load(std::memory_order_relaxed) && warp_ran ? EMU_LANES : 0;
                warp_ran = false;
            }
        }
        if (!ran) {
            (void)emu_wait_while(wake_count, seen, -1);
        }
    }
    return nullptr;
}

/* A stack with a gap below it. */
static void make(fiber &one) {
    void *memory = mmap(nullptr, STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, GUARD_BYTES, PROT_NONE) != 0) {
        emu_die("no memory for a thread's stack");
    }
    char *stack = static_cast<char *>(memory) + GUARD_BYTES;
    one.stack = stack;
    one.bytes = STACK_BYTES;
    one.tsan_fiber = create_tsan_fiber();
    make_place(one.at, stack, STACK_BYTES);
}

/* Neither the fibers nor their thread end before the program does. */
void emu_fibers_start(uint32_t wanted, void (*serve)()) {
    const uint32_t there = fiber_count.load(std::memory_order_relaxed);
    serve_fiber = serve;
    for (uint32_t i = there; i < wanted; i++) {
        make(fibers[i]);
    }
    if (wanted > there) {
        fiber_count.store(wanted, std::memory_order_release);
    }
    pthread_t thread;
    if (there == 0 &&
        (pthread_create(&thread, nullptr, run_scheduler, nullptr) != 0 || pthread_detach(thread) != 0)) {
        emu_die("cannot start a thread");
    }
}

void emu_fibers_wake() {
    wake_count.fetch_add(1, std::memory_order_release);
    emu_wake_all(wake_count);
}

/* ---- other threads --------------------------------------------------------------------------- */

bool emu_wait_while(const std::atomic<uint32_t> &word, uint32_t old, long milliseconds) {
    const timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (word.load(std::memory_order_acquire) == old) {
        const long got =
            syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, old, milliseconds < 0 ? nullptr : &limit);
        if (got != 0 && errno == ETIMEDOUT) {
            return word.load(std::memory_order_acquire) != old;
        }
    }
    return true;
}

void emu_wake_all(const std::atomic<uint32_t> &word) {
    (void)syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX);
}
