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
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

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
#define NO_TSAN __attribute__((no_sanitize_thread))

/* ---- switching ------------------------------------------------------------------------------- */

struct fiber {
    ucontext_t context; /* where it begins, and under sanitizers where it goes on */
    jmp_buf place;      /* where it goes on, if it began */
    bool began;
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

/* A system call each time is what swapcontext() costs, ten times the rest; sanitizers know no other way. */
NO_TSAN static void change(fiber &from, fiber &to) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)swapcontext(&from.context, &to.context);
#else
    from.began = true;
    if (_setjmp(from.place) == 0) {
        if (to.began) {
            _longjmp(to.place, 1);
        }
        (void)setcontext(&to.context);
    }
#endif
}

NO_TSAN static void switch_to(fiber &from, fiber &to) {
    start_switch(&from.fake_stack, to.stack, to.bytes);
    SWITCH_TSAN_FIBER(to.tsan_fiber);
    change(from, to);
    finish_switch(from.fake_stack, nullptr, nullptr);
}

static void enter() {
    finish_switch(nullptr, &scheduler.stack, &scheduler.bytes);
    serve_fiber();
    emu_die("a thread of the emulation ends");
}

void emu_fiber_wait_while(const std::atomic<uint32_t> &word, uint32_t old) {
    while (word.load(std::memory_order_acquire) == old) {
        fiber &self = fibers[emu_self];
        self.old.store(old, std::memory_order_relaxed);
        self.word.store(&word, std::memory_order_relaxed);
        switch_to(self, scheduler);
    }
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

NO_TSAN static void resume(uint32_t number) {
    fibers[number].word.store(nullptr, std::memory_order_relaxed);
    emu_self = number;
    emu_fiber_enters(number);
    switch_to(scheduler, fibers[number]);
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
                resume(i);
                ran = warp_ran = true;
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

/* A stack with a gap below it. No size is left in the context: AddressSanitizer would clear all of the
 * stack's shadow in each switch. */
static void make(fiber &one) {
    void *memory = mmap(nullptr, STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, GUARD_BYTES, PROT_NONE) != 0 ||
        getcontext(&one.context) != 0) {
        emu_die("no memory for a thread's stack");
    }
    one.stack = static_cast<char *>(memory) + GUARD_BYTES;
    one.bytes = STACK_BYTES;
    one.tsan_fiber = create_tsan_fiber();
    one.context.uc_stack.ss_sp = static_cast<char *>(memory) + GUARD_BYTES;
    one.context.uc_stack.ss_size = STACK_BYTES;
    one.context.uc_link = nullptr;
    makecontext(&one.context, enter, 0);
    one.context.uc_stack.ss_sp = nullptr;
    one.context.uc_stack.ss_size = 0;
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
