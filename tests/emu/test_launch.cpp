/* test_launch.cpp - an emulated launch runs every thread of every block once, or says why it cannot */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/start.h"

#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit.h"

/* ---- indices --------------------------------------------------------------------------------- */

/* What each thread saw, in a cell of its own; a thread that runs twice counts twice. */
struct seen {
    int runs;
    uint3 thread, block;
    dim3 threads, blocks;
};

__global__ void note_indices(seen *cells) {
    const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    seen &cell = cells[(size_t)block * (blockDim.x * blockDim.y * blockDim.z) + thread];
    cell.runs++;
    cell.thread = threadIdx;
    cell.block = blockIdx;
    cell.threads = blockDim;
    cell.blocks = gridDim;
}

/* Walks the grid with plain loops, x fastest. */
static void check_indices(dim3 grid, dim3 block) {
    std::vector<seen> cells((size_t)grid.x * grid.y * grid.z * block.x * block.y * block.z + 1);
    assert_int_equal(start(note_indices, grid, block, cells.data()), cudaSuccess);
    size_t at = 0;
    for (uint3 b = {0, 0, 0}; b.z < grid.z; b.x++) {
        for (uint3 t = {0, 0, 0}; t.z < block.z; at++) {
            const seen &cell = cells[at];
            assert_int_equal(cell.runs, 1);
            assert_memory_equal(&cell.thread, &t, sizeof t);
            assert_memory_equal(&cell.block, &b, sizeof b);
            assert_memory_equal(&cell.threads, &block, sizeof block);
            assert_memory_equal(&cell.blocks, &grid, sizeof grid);
            t.x++;
            t.y += t.x == block.x;
            t.x %= block.x;
            t.z += t.y == block.y;
            t.y %= block.y;
        }
        b.y += b.x + 1 == grid.x;
        b.z += b.y == grid.y;
        b.y %= grid.y;
        b.x = b.x + 1 == grid.x ? ~0u : b.x;
    }
    assert_int_equal(at + 1, cells.size());
    assert_int_equal(cells[at].runs, 0);
}

static void indices_cover_the_grid(void **) {
    check_indices(dim3(1), dim3(1));
    check_indices(dim3(7), dim3(33));
    check_indices(dim3(3, 2, 2), dim3(5, 3, 2));
    check_indices(dim3(1, 4), dim3(1, 1, 64));
    check_indices(dim3(2), dim3(1024));
}

__global__ void note_order(int *order, int *count) {
    if (threadIdx.x == 0) {
        order[(*count)++] = (int)(blockIdx.y * gridDim.x + blockIdx.x);
    }
}

static void blocks_run_in_the_order_asked_for(void **) {
    for (int reverse = 0; reverse <= 1; reverse++) {
        int order[6] = {0}, count = 0;
        emu_reverse_blocks(reverse);
        assert_int_equal(start(note_order, dim3(3, 2), dim3(4), order, &count), cudaSuccess);
        emu_reverse_blocks(0);
        assert_int_equal(count, 6);
        for (int i = 0; i < 6; i++) {
            assert_int_equal(order[i], reverse ? 5 - i : i);
        }
    }
}

/* ---- launches -------------------------------------------------------------------------------- */

__global__ void count_threads(int *count) {
    atomicAdd(count, 1);
}

static void impossible_launches_are_refused(void **) {
    static const dim3 grids[] = {{0}, {1, 0}, {1, 65536}, {1, 1, 65536}, {1u << 31}};
    static const dim3 blocks[] = {{0}, {1025}, {1, 1, 65}, {32, 33}, {65536, 65536}, {1, 1, 0}};
    int count = 0;
    for (const dim3 &grid : grids) {
        assert_int_equal(start(count_threads, grid, dim3(1), &count), cudaErrorInvalidConfiguration);
    }
    for (const dim3 &block : blocks) {
        assert_int_equal(start(count_threads, dim3(1), block, &count), cudaErrorInvalidConfiguration);
    }
    void *list[] = {&count};
    assert_int_equal(cudaLaunchKernel(count_threads, 1, 1, list, 48 * 1024 + 1, nullptr),
                     cudaErrorInvalidConfiguration);
    assert_int_equal(emu_take_launch_error(), cudaErrorInvalidConfiguration);
    assert_int_equal(emu_take_launch_error(), cudaSuccess);
    assert_int_equal(count, 0);
}

static void the_launch_asked_for_fails_once(void **) {
    int count = 0;
    const long before = emu_launch_count();
    emu_fail_next_launch(2);
    assert_int_equal(start(count_threads, dim3(1), dim3(3), &count), cudaSuccess);
    assert_int_equal(start(count_threads, dim3(1), dim3(3), &count), cudaErrorLaunchFailure);
    assert_int_equal(count, 3);
    assert_int_equal(start(count_threads, dim3(1), dim3(3), &count), cudaSuccess);
    assert_int_equal(count, 6);
    assert_int_equal(emu_launch_count() - before, 2);
    assert_int_equal(emu_take_launch_error(), cudaErrorLaunchFailure);
}

static void host_threads_may_launch_at_once(void **) {
    enum { HOSTS = 4, LAUNCHES = 10 };
    std::atomic<int> failed{0};
    std::vector<int> counts(HOSTS);
    std::vector<std::thread> hosts;
    for (int h = 0; h < HOSTS; h++) {
        hosts.emplace_back([h, &counts, &failed] {
            for (int i = 0; i < LAUNCHES; i++) {
                failed += start(count_threads, dim3(2 + h), dim3(40), &counts[h]) != cudaSuccess;
            }
        });
    }
    for (int h = 0; h < HOSTS; h++) {
        hosts[h].join();
        assert_int_equal(counts[h], LAUNCHES * (2 + h) * 40);
    }
    assert_int_equal(failed.load(), 0);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(indices_cover_the_grid),
        cmocka_unit_test(blocks_run_in_the_order_asked_for),
        cmocka_unit_test(impossible_launches_are_refused),
        cmocka_unit_test(the_launch_asked_for_fails_once),
        cmocka_unit_test(host_threads_may_launch_at_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
