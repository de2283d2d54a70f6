/* launch.cpp - runs a launch: a pool of threads, block after block, and a watchdog */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/fiber.h"
#include "tests/emu/report.h"
#include "tests/emu/state.h"
#include "tests/emu/symbols.h"

#include <map>
#include <memory>
#include <mutex>

static const size_t SHARED_MOST = 48 * 1024;
enum { SHARED_MOST_ASKED = 227 * 1024 };

emu_launch_state emu_now;
emu_worker emu_workers[EMU_THREADS_MOST];
emu_warp emu_warps[EMU_THREADS_MOST / EMU_LANES];
emu_block_gate emu_gate;
std::atomic<bool> emu_launching;
std::atomic<uint64_t> emu_block_index;

static std::mutex one_launch;
static std::mutex attributes;
static const char *missing;                             /* kernels with this in their names */
static std::map<const void *, size_t> shared_most;      /* dynamic, that kernels were allowed */
static std::unique_ptr<unsigned char[]> dynamic_memory; /* of the launch: its end is that of the memory */
static std::unique_ptr<unsigned char[]> dynamic_seen;   /* by products of warpgroups */
static size_t dynamic_bytes;
static std::atomic<uint32_t> block_round;  /* changes when the next block begins */
static std::atomic<uint32_t> launch_round; /* changes when a launch ends */

static std::atomic<int> watchdog_ms{600000};
static std::atomic<int> fail_countdown;
static std::atomic<bool> reverse_blocks;
static std::atomic<long> launch_count;
static __thread cudaError_t launch_error;

/* ---- between blocks -------------------------------------------------------------------------- */

/*
 * 0xff bytes are NaN and -1. No sanitizer may look: a symbol's size can include the zone that
 * AddressSanitizer puts behind a variable. Volatile stores stay stores: memset would be theirs again.
 */
UNWATCHED static inline void poison(volatile void *memory, size_t bytes) {
    auto *to = static_cast<volatile unsigned char *>(memory), *const end = to + bytes;
    while (to < end && reinterpret_cast<uintptr_t>(to) % sizeof(uint64_t) != 0) {
        *to++ = 0xff;
    }
    for (; end - to >= (ptrdiff_t)sizeof(uint64_t); to += sizeof(uint64_t)) {
        *reinterpret_cast<volatile uint64_t *>(to) = ~UINT64_C(0);
    }
    while (to < end) {
        *to++ = 0xff;
    }
}

UNWATCHED static void poison_shared_memory() {
    for (const emu_range &range : emu_shared_variables()) {
        poison(range.first, range.bytes);
    }
    poison(dynamic_memory.get(), dynamic_bytes);
    poison(dynamic_seen.get(), dynamic_bytes);
}

unsigned char *rm_shared_memory() {
    return dynamic_memory.get();
}

emu_dynamic emu_dynamic_memory() {
    return {dynamic_memory.get(), dynamic_seen.get(), dynamic_bytes};
}

uint3 emu_block_place(uint64_t index) {
    return {(unsigned)(index % gridDim.x), (unsigned)(index / gridDim.x % gridDim.y),
            (unsigned)(index / gridDim.x / gridDim.y)};
}

/* Makes everything ready for block `number` in the order of running. */
static void prepare_block(uint64_t number) {
    const uint64_t index = emu_now.reverse ? emu_now.blocks - 1 - number : number;
    emu_block_index.store(index, std::memory_order_relaxed);
    blockIdx = emu_block_place(index);
    for (uint32_t first = 0; first < emu_now.threads; first += EMU_LANES) {
        const uint32_t lanes = emu_now.threads - first;
        emu_warps[first / EMU_LANES].barrier.begin(lanes >= EMU_LANES ? 0 : ~0u << lanes);
        memset(emu_warps[first / EMU_LANES].values, 0, sizeof emu_warps[0].values);
    }
    emu_gate.reset(emu_now.threads);
    poison_shared_memory();
}

/* ---- the pool -------------------------------------------------------------------------------- */

static uint3 thread_places[EMU_THREADS_MOST]; /* of the launch's threads */

static void place_threads() {
    for (uint32_t i = 0; i < emu_now.threads; i++) {
        thread_places[i] = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
    }
}

/* The kernel reads where it is from one place, whichever thread it is. */
NO_TSAN void emu_fiber_enters(uint32_t fiber) {
    threadIdx = thread_places[fiber];
}

static void run_thread() {
    emu_fiber_enters(emu_self); /* the next launch may have begun without a switch */
    emu_workers[emu_self].where.store(EMU_RUNNING, std::memory_order_relaxed);
    emu_workers[emu_self].line.store(0, std::memory_order_relaxed);
    emu_workers[emu_self].barriers = 0;
    emu_workers[emu_self].turn = 0;
    emu_instructions_begin(emu_self);
    emu_now.kernel.call(emu_now.kernel.kernel, emu_now.kernel.arguments);
}

/* After its last block a thread touches nothing of the launch: the next one may be there already. */
static void serve_launch() {
    const uint64_t blocks = emu_now.blocks;
    for (uint64_t block = 0; block < blocks; block++) {
        const uint32_t round = block_round.load(std::memory_order_relaxed);
        run_thread();
        const bool last = emu_leave_block();
        if (last) {
            emu_warpgroups_end();
        }
        if (last && block + 1 == blocks) {
            launch_round.fetch_add(1, std::memory_order_release);
            emu_wake_all(launch_round);
        } else if (last) {
            prepare_block(block + 1);
            block_round.fetch_add(1, std::memory_order_release);
        } else if (block + 1 < blocks) {
            emu_fiber_wait_while(block_round, round);
        }
    }
}

static void serve() {
    const uint32_t self = emu_self;
    for (uint32_t served = 0;; served++) {
        emu_fiber_wait_while(emu_workers[self].launches, served);
        serve_launch();
    }
}

/* ---- launches -------------------------------------------------------------------------------- */

/* The launching thread is the watchdog. */
static void wait_for_end(uint32_t round) {
    uint64_t seen;
    do {
        seen = emu_progress.load(std::memory_order_relaxed);
        if (emu_wait_while(launch_round, round, watchdog_ms.load(std::memory_order_relaxed))) {
            return;
        }
    } while (emu_progress.load(std::memory_order_relaxed) != seen);
    emu_die("no progress in %d ms", watchdog_ms.load(std::memory_order_relaxed));
}

static void run_launch(const emu_kernel &kernel, dim3 grid, dim3 block, size_t shared) {
    const std::lock_guard<std::mutex> lock(one_launch);
    dynamic_memory = std::make_unique<unsigned char[]>(shared);
    dynamic_seen = std::make_unique<unsigned char[]>(shared);
    dynamic_bytes = shared;
    emu_now.kernel = kernel;
    emu_now.threads = block.x * block.y * block.z;
    emu_now.blocks = (uint64_t)grid.x * grid.y * grid.z;
    emu_now.reverse = reverse_blocks.load();
    gridDim = grid;
    blockDim = block;
    place_threads();
    emu_fibers_start(emu_now.threads, serve);
    for (emu_warp &warp : emu_warps) {
        warp.barrier.reset();
    }
    prepare_block(0);
    emu_launching.store(true);
    const uint32_t round = launch_round.load(std::memory_order_relaxed);
    for (uint32_t i = 0; i < emu_now.threads; i++) {
        emu_workers[i].launches.fetch_add(1, std::memory_order_release);
    }
    emu_fibers_wake();
    wait_for_end(round);
    emu_launching.store(false);
    launch_count.fetch_add(1);
}

/* More than every kernel may take: of today's GPUs with tensor cores, the most is Hopper's. */
cudaError_t cudaFuncSetAttribute(const void *function, enum cudaFuncAttribute attribute, int value) {
    const std::lock_guard<std::mutex> lock(attributes);
    if (missing != nullptr && emu_function_name(function).find(missing) != std::string::npos) {
        return launch_error = cudaErrorNoKernelImageForDevice;
    }
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 || value > SHARED_MOST_ASKED) {
        return launch_error = cudaErrorInvalidValue;
    }
    shared_most[function] = (size_t)value;
    return cudaSuccess;
}

static size_t shared_most_of(const void *function) {
    const std::lock_guard<std::mutex> lock(attributes);
    const auto found = shared_most.find(function);
    return found != shared_most.end() && found->second > SHARED_MOST ? found->second : SHARED_MOST;
}

/* The limits that every GPU of today has. */
static bool valid(dim3 grid, dim3 block, size_t shared, size_t most) {
    const bool some = grid.x > 0 && grid.y > 0 && grid.z > 0 && block.x > 0 && block.y > 0 && block.z > 0;
    return some && grid.x <= 0x7fffffffu && grid.y <= 65535 && grid.z <= 65535 &&
           block.x <= EMU_THREADS_MOST && block.y <= EMU_THREADS_MOST && block.z <= 64 &&
           block.x * block.y * block.z <= EMU_THREADS_MOST && shared <= most;
}

/* True for the launch that a test wants to fail. */
static bool should_fail() {
    int left = fail_countdown.load();
    while (left > 0 && !fail_countdown.compare_exchange_weak(left, left - 1)) {
    }
    return left == 1;
}

cudaError_t emu_launch(const emu_kernel &kernel, dim3 grid, dim3 block, size_t shared) {
    cudaError_t error = cudaSuccess;
    if (kernel.address == nullptr) {
        error = cudaErrorInvalidDeviceFunction;
    } else if (!valid(grid, block, shared, shared_most_of(kernel.address))) {
        error = cudaErrorInvalidConfiguration;
    } else if (should_fail()) {
        error = cudaErrorLaunchFailure;
    } else {
        run_launch(kernel, grid, block, shared);
    }
    if (error != cudaSuccess) {
        launch_error = error;
    }
    return error;
}

/* ---- control --------------------------------------------------------------------------------- */

void emu_fail_next_launch(int countdown) {
    fail_countdown.store(countdown);
}

void emu_miss_kernels(const char *name) {
    const std::lock_guard<std::mutex> lock(attributes);
    missing = name;
}

long emu_launch_count(void) {
    return launch_count.load();
}

cudaError_t emu_take_launch_error(void) {
    const cudaError_t error = launch_error;
    launch_error = cudaSuccess;
    return error;
}

void emu_set_watchdog(int milliseconds) {
    watchdog_ms.store(milliseconds);
}

void emu_reverse_blocks(int reverse) {
    reverse_blocks.store(reverse != 0);
}
