/* test_emu.cpp - barriers, shared memory, atomics and small functions of the emulation are those of a GPU */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/start.h"

#include <cmath>
#include <vector>

#include "tests/unit.h"

/* ---- barriers and shared memory -------------------------------------------------------------- */

enum { THREADS = 160, TURNS = 12 };

/* Each turn thread t takes the value of thread t + 1, through shared memory, and adds the turn. */
__global__ void hand_on(int *values) {
    __shared__ int shared[THREADS];
    int mine = (int)(threadIdx.x * threadIdx.x);
    for (int turn = 0; turn < TURNS; turn++) {
        shared[threadIdx.x] = mine;
        __syncthreads();
        mine = shared[(threadIdx.x + 1) % THREADS] + turn;
        __syncthreads();
    }
    values[blockIdx.x * THREADS + threadIdx.x] = mine;
}

static void barriers_order_shared_memory(void **) {
    std::vector<int> values(5 * THREADS);
    assert_int_equal(start(hand_on, dim3(5), dim3(THREADS), values.data()), cudaSuccess);
    for (int i = 0; i < 5 * THREADS; i++) {
        const int from = (i + TURNS) % THREADS;
        assert_int_equal(values[i], from * from + TURNS * (TURNS - 1) / 2);
    }
}

/* Thread t leaves before turn t; the threads that stay meet without it. */
__global__ void leave_in_turn(int *met) {
    for (unsigned turn = 0; turn <= blockDim.x; turn++) {
        if (threadIdx.x < turn) {
            return;
        }
        __syncthreads();
        met[threadIdx.x]++;
        __syncwarp();
    }
}

static void threads_that_return_are_not_waited_for(void **) {
    std::vector<int> met(THREADS);
    assert_int_equal(start(leave_in_turn, dim3(3), dim3(THREADS), met.data()), cudaSuccess);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(met[i], 3 * (i + 1));
    }
}

__device__ static int count_poison(unsigned char byte) {
    __shared__ unsigned char helper[8];
    int poison = 0;
    for (unsigned char each : helper) {
        poison += each == 0xff;
    }
    __syncthreads();
    helper[threadIdx.x % 8] = byte;
    return poison;
}

/* Counts the cells that are NaN before anybody writes one, and the bytes of a helper's array that are 0xff.
 */
template <class T> __global__ void look_at_shared(int *counts) {
    __shared__ T rows[3][4];
    __shared__ __align__(16) T other[5];
    int poison = 0;
    for (T(&row)[4] : rows) {
        for (T each : row) {
            poison += each != each;
        }
    }
    for (T each : other) {
        poison += each != each;
    }
    counts[2 * blockIdx.x] = poison;
    counts[2 * blockIdx.x + 1] = count_poison(0);
    rows[2][3] = other[4] = 0;
}

static void shared_memory_begins_as_poison(void **) {
    int counts[8] = {0};
    assert_int_equal(start(look_at_shared<float>, dim3(2), dim3(1), counts), cudaSuccess);
    assert_int_equal(start(look_at_shared<double>, dim3(2), dim3(1), counts + 4), cudaSuccess);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(counts[i], i % 2 == 0 ? 3 * 4 + 5 : 8);
    }
}

/* ---- atomics, small functions ---------------------------------------------------------------- */

struct totals {
    int i, most, least;
    unsigned u, highest, lowest;
    unsigned long long l;
    float f;
    double d;
};

__global__ void add_up(totals *to) {
    const int t = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    atomicAdd(&to->i, t);
    atomicAdd(&to->u, (unsigned)t);
    atomicAdd(&to->l, (unsigned long long)t << 32);
    atomicAdd(&to->f, 1.0f);
    atomicAdd(&to->d, 0.25 * t);
    atomicMax(&to->most, t);
    atomicMin(&to->least, -t);
    atomicMax(&to->highest, (unsigned)t);
    atomicMin(&to->lowest, ~(unsigned)t);
}

/*
 * Every sum is exact: integers, and multiples of 1/4 far below 2^53 (2^24 for float). An addition that is not
 * atomic seldom loses anything on a few cores; ThreadSanitizer reports it.
 */
static void atomics_add_up(void **) {
    const unsigned n = 4 * 256, sum = n * (n - 1) / 2;
    totals got = {0, -5, 5, 0, 3, ~0u, 0, 0.0f, 0.0};
    assert_int_equal(start(add_up, dim3(4), dim3(256), &got), cudaSuccess);
    assert_int_equal(got.i, sum);
    assert_int_equal(got.u, sum);
    assert_true(got.l == (unsigned long long)sum << 32);
    assert_true(got.f == (float)n && got.d == 0.25 * sum);
    assert_int_equal(got.most, n - 1);
    assert_int_equal(got.least, 1 - (int)n);
    assert_int_equal(got.highest, n - 1);
    assert_int_equal(got.lowest, ~(n - 1));
}

static void small_functions_are_those_of_cuda(void **) {
    assert_int_equal(min(-3, 2), -3);
    assert_true(max((int64_t)1 << 40, (int64_t)2) == (int64_t)1 << 40);
    assert_true(min(NAN, 2.0f) == 2.0f && max(1.0, 2.0) == 2.0); /* not the first argument, whatever it is */
    assert_int_equal(__float_as_uint(-2.0f), 0xc0000000u);
    assert_true(__uint_as_float(0x3f800000u) == 1.0f);
    assert_int_equal(__popc(0xf0f0u), 8);
    assert_int_equal(__clz(1), 31);
    assert_int_equal(__clz(0), 32);
    assert_int_equal(__ffs(8), 4);
    assert_int_equal(alignof(float4), 16);
    assert_int_equal(alignof(uint4), 16);
    assert_int_equal(alignof(double2), 16);
    assert_int_equal(alignof(uint2), 8);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(barriers_order_shared_memory),
        cmocka_unit_test(threads_that_return_are_not_waited_for),
        cmocka_unit_test(shared_memory_begins_as_poison),
        cmocka_unit_test(atomics_add_up),
        cmocka_unit_test(small_functions_are_those_of_cuda),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
