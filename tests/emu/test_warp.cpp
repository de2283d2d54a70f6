/* test_warp.cpp - emulated shuffles and votes give what a plain loop over the lanes gives */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/start.h"

#include <vector>

#include "tests/unit.h"

enum { LANES = 32, THREADS = 64 };
static const unsigned ALL = 0xffffffffu;

enum kind { INDEXED, UP, DOWN, XOR };

/* ---- shuffles -------------------------------------------------------------------------------- */

template <class T> __global__ void shuffle(const T *from, T *to, int how, int by, int width) {
    const T mine = from[threadIdx.x];
    to[threadIdx.x] = how == INDEXED ? __shfl_sync(ALL, mine, by, width)
                      : how == UP    ? __shfl_up_sync(ALL, mine, (unsigned)by, width)
                      : how == DOWN  ? __shfl_down_sync(ALL, mine, (unsigned)by, width)
                                     : __shfl_xor_sync(ALL, mine, by, width);
}

/* The lane that `lane` reads: lanes form groups of `width`, and a place outside of the own group means
 * oneself. */
static int source_of(int how, int lane, int by, int width) {
    const int group = lane / width, place = lane % width;
    if (how == INDEXED) {
        return group * width + by % width;
    }
    if (how == XOR) { /* only a later group is out of reach */
        return (lane ^ by) / width > group ? lane : lane ^ by;
    }
    const int wanted = how == UP ? place - by : place + by;
    return wanted < 0 || wanted >= width ? lane : group * width + wanted;
}

template <class T> static void check_shuffle(int how, int by, int width) {
    std::vector<T> from(THREADS), to(THREADS);
    for (int i = 0; i < THREADS; i++) {
        from[i] = (T)(i + 1) * (T)0x01010101; /* no byte is 0; every thread has its own */
    }
    assert_int_equal(start(shuffle<T>, dim3(1), dim3(THREADS), from.data(), to.data(), how, by, width),
                     cudaSuccess);
    for (int i = 0; i < THREADS; i++) {
        const int source = i / LANES * LANES + source_of(how, i % LANES, by, width);
        if (memcmp(&to[i], &from[source], sizeof(T)) != 0) {
            fail_msg("kind %d by %d width %d: thread %d did not get the value of %d", how, by, width, i,
                     source);
        }
    }
}

static void every_shuffle_is_a_plain_loop(void **) {
    static const int bys[] = {0, 1, 3, 7, 16, 31};
    for (int how = INDEXED; how <= XOR; how++) {
        for (int by : bys) {
            for (int width = 2; width <= LANES; width *= 4) {
                check_shuffle<int>(how, by, width);
            }
            check_shuffle<int>(how, by, LANES);
        }
    }
}

static void every_type_is_shuffled_whole(void **) {
    for (int how = INDEXED; how <= XOR; how++) {
        check_shuffle<unsigned>(how, 5, LANES);
        check_shuffle<float>(how, 5, LANES);
        check_shuffle<double>(how, 5, LANES);
        check_shuffle<int64_t>(how, 5, LANES);
        check_shuffle<uint64_t>(how, 5, LANES);
        check_shuffle<long long>(how, 5, LANES);
    }
}

/* ---- lanes that are not there ---------------------------------------------------------------- */

/* Lanes that are multiples of 3 return; the others ask their neighbour above. */
__global__ void ask_neighbour(int *got) {
    if (threadIdx.x % 3 == 0) {
        return;
    }
    got[threadIdx.x] = __shfl_down_sync(ALL, (int)threadIdx.x, 1);
}

/* A lane that returned, or that the block never had, gives all bits; lane 31 of a warp gives its own value.
 */
static void absent_lanes_give_poison(void **) {
    enum { SOME = 49 };
    std::vector<int> got(SOME, -7);
    assert_int_equal(start(ask_neighbour, dim3(1), dim3(SOME), got.data()), cudaSuccess);
    for (int i = 0; i < SOME; i++) {
        const int source = i % LANES == LANES - 1 ? i : i + 1;
        const bool there = source < SOME && source % 3 != 0;
        assert_int_equal(got[i], i % 3 == 0 ? -7 : there ? source : -1);
    }
}

/* ---- masks ----------------------------------------------------------------------------------- */

/* The halves of a warp meet among themselves, not equally often, and then together. */
__global__ void meet_in_halves(int *sums) {
    const int lane = (int)threadIdx.x;
    const unsigned mask = lane < 16 ? 0x0000ffffu : 0xffff0000u;
    int sum = lane;
    for (int turn = 0; turn < (lane < 16 ? 3 : 9); turn++) {
        __syncwarp(mask);
        sum += __shfl_xor_sync(mask, lane, 1);
    }
    if (lane < 4) {
        __syncwarp(0xfu);
    }
    for (int by = 16; by > 0; by /= 2) {
        sum += __shfl_xor_sync(ALL, sum, by);
    }
    sums[lane] = sum;
}

static void masks_may_meet_at_the_same_time(void **) {
    int sums[LANES], expected = 0;
    for (int lane = 0; lane < LANES; lane++) {
        expected += lane + (lane < 16 ? 3 : 9) * (lane % 2 == 0 ? lane + 1 : lane - 1);
    }
    for (int again = 0; again < 20; again++) {
        assert_int_equal(start(meet_in_halves, dim3(2), dim3(LANES), sums), cudaSuccess);
        for (int sum : sums) {
            assert_int_equal(sum, expected);
        }
    }
}

/* Shared memory goes from lane to lane with the warp's barrier alone. */
__global__ void pass_round(int *values) {
    __shared__ int shared[THREADS];
    int mine = (int)threadIdx.x;
    for (int turn = 0; turn < 10; turn++) {
        shared[threadIdx.x] = mine;
        __syncwarp();
        mine = shared[threadIdx.x ^ 1] + 1;
        __syncwarp();
    }
    values[threadIdx.x] = mine;
}

static void syncwarp_orders_shared_memory(void **) {
    std::vector<int> values(THREADS);
    assert_int_equal(start(pass_round, dim3(3), dim3(THREADS), values.data()), cudaSuccess);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(values[i], i + 10);
    }
}

/* ---- votes ----------------------------------------------------------------------------------- */

struct votes {
    unsigned ballot;
    int any, all;
};

__global__ void vote(unsigned yes, unsigned mask, votes *got) {
    const unsigned lane = threadIdx.x;
    if ((mask >> lane & 1u) == 0) {
        return;
    }
    const int mine = (int)(yes & 1u << lane); /* any value but 0 is a yes, the sign bit too */
    got[lane] = {__ballot_sync(mask, mine), __any_sync(mask, mine), __all_sync(mask, mine)};
}

static void votes_are_those_of_the_mask(void **) {
    static const unsigned patterns[] = {0, ALL, 1u, 0x80000000u, 0x00ff00ffu, 0xfffffffeu};
    for (unsigned yes : patterns) {
        for (unsigned mask : {ALL, 0x00ff00ffu, 0x7fffffffu, 0x80000001u}) {
            votes got[LANES] = {};
            assert_int_equal(start(vote, dim3(1), dim3(LANES), yes, mask, got), cudaSuccess);
            for (unsigned lane = 0; lane < LANES; lane++) {
                const bool in = (mask >> lane & 1u) != 0;
                assert_int_equal(got[lane].ballot, in ? yes & mask : 0);
                assert_int_equal(got[lane].any, in && (yes & mask) != 0);
                assert_int_equal(got[lane].all, in && (yes & mask) == mask);
            }
        }
    }
}

/* ---- all of it: the sum of a block ----------------------------------------------------------- */

/* A persistent grid: blocks stride over the values, warps shuffle, the first warp adds up the warps. */
template <class T> __global__ void sum_all(const float4 *values, T *total, int count) {
    __shared__ T of_warp[LANES];
    T sum = 0;
    for (int i = (int)(blockIdx.x * blockDim.x + threadIdx.x); i < count;
         i += (int)(gridDim.x * blockDim.x)) {
        const float4 four = __ldg(&values[i]);
        sum += (T)four.x + (T)four.y + (T)four.z + (T)four.w;
    }
    for (int by = warpSize / 2; by > 0; by /= 2) {
        sum += __shfl_down_sync(ALL, sum, (unsigned)by);
    }
    if (threadIdx.x % LANES == 0) {
        of_warp[threadIdx.x / LANES] = sum;
    }
    __syncthreads();
    if (threadIdx.x >= LANES) {
        return;
    }
    sum = threadIdx.x < blockDim.x / LANES ? of_warp[threadIdx.x] : (T)0;
    for (int by = warpSize / 2; by > 0; by /= 2) {
        sum += __shfl_down_sync(ALL, sum, (unsigned)by);
    }
    if (threadIdx.x == 0) {
        atomicAdd(total, sum);
    }
}

/* Integers below 2^24 in sum: exact in any order. */
static void a_block_reduces(void **) {
    enum { COUNT = 10007 };
    std::vector<float4> values(COUNT);
    double expected = 0;
    for (int i = 0; i < COUNT; i++) {
        values[i] = make_float4((float)(i % 7), 1.0f, (float)(i % 3), -2.0f);
        expected += i % 7 + 1 + i % 3 - 2;
    }
    for (unsigned threads : {32u, 256u}) {
        float single = 0.0f;
        double wide = 0.0;
        assert_int_equal(start(sum_all<float>, dim3(5), dim3(threads), values.data(), &single, COUNT),
                         cudaSuccess);
        assert_int_equal(start(sum_all<double>, dim3(5), dim3(threads), values.data(), &wide, COUNT),
                         cudaSuccess);
        assert_true((double)single == expected && wide == expected);
    }
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_shuffle_is_a_plain_loop),
        cmocka_unit_test(every_type_is_shuffled_whole),
        cmocka_unit_test(absent_lanes_give_poison),
        cmocka_unit_test(masks_may_meet_at_the_same_time),
        cmocka_unit_test(syncwarp_orders_shared_memory),
        cmocka_unit_test(votes_are_those_of_the_mask),
        cmocka_unit_test(a_block_reduces),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
