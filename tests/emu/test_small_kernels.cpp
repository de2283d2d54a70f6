/* test_small_kernels.cpp - emulated kernels: distances as on the CPU; mean, accumulate and fill exact */
/* SPDX-License-Identifier: MIT */
#include "cuda/kernels.h"
#include "tests/emu/control.h"

#include <math.h>

#include <vector>

extern "C" {
#include "host/cpu/kernels.h"
}
#include "tests/unit.h"

static const ropemap_range DISTANCES[] = {{0, 1, 1},
                                          {-15, 31, 1},
                                          {-1000, 1257, 1},
                                          {1, 127, 3},
                                          {-((int64_t)1 << 20) - 100, 300, 1},
                                          {-3000, 33, 7},
                                          {-((int64_t)1 << 40) + 1, 257, 1},
                                          {((int64_t)1 << 40) - 400, 400, 1},
                                          {-((int64_t)1 << 39), 4, (int64_t)1 << 38},
                                          {0, 521, 524288}};

/* Shapes [rows, cols] and floats between the ends of rows. */
static const int64_t SHAPES[][3] = {{1, 1, 0}, {31, 33, 0}, {127, 64, 3}, {3, 1021, 1}, {257, 7, 5}};

enum { PROCESSORS = 1 }; /* so that threads go round more than once */

static const double GUARD = -12345.0;

/* The kernel's numbers are those of the CPU's loops, which tests/unit/test_distances.c holds against plain
 * ones.
 */
static void check_distances(const ropemap_freqs *freqs, ropemap_range distances, double weight) {
    std::vector<double> wanted((size_t)distances.count), got((size_t)distances.count + 1, GUARD);
    rm_distances_baseline(freqs, distances, wanted.data());
    for (double &value : wanted) {
        value *= weight;
    }
    assert_int_equal(rm_distances_launch(freqs, weight, distances, got.data(), PROCESSORS, nullptr),
                     cudaSuccess);
    assert_memory_equal(wanted.data(), got.data(), wanted.size() * sizeof(double));
    assert_true(got.back() == GUARD);
}

static void test_distances_have_the_bits_of_the_cpu(void **) {
    for (const int32_t head_dim : {2, 66}) {
        ropemap_spec spec = ropemap_spec_default();
        spec.head_dim = head_dim;
        ropemap_freqs freqs;
        assert_int_equal(ropemap_freqs_make(&spec, &freqs, nullptr), ROPEMAP_OK);
        for (const ropemap_range distances : DISTANCES) {
            check_distances(&freqs, distances, 1.0 / freqs.pairs);
        }
    }
    ropemap_freqs freqs;
    const ropemap_spec spec = ropemap_spec_default();
    assert_int_equal(ropemap_freqs_make(&spec, &freqs, nullptr), ROPEMAP_OK);
    check_distances(&freqs, {-100, 5000, 1}, 0.1); /* more than the threads of PROCESSORS */
}

/* Values whose sums and differences with halves are exact. */
static std::vector<float> made_rows(const int64_t *shape) {
    std::vector<float> data((size_t)((shape[0] - 1) * (shape[1] + shape[2]) + shape[1]));
    for (size_t i = 0; i < data.size(); i++) {
        data[i] = (float)((i * 7919 + 13) % 2003) - 1000.0f;
    }
    return data;
}

static rm_view view_of(std::vector<float> *data, const int64_t *shape) {
    return {data->data(), shape[0], shape[1], shape[1] + shape[2]};
}

static void test_subtract_mean(void **) {
    for (const auto &shape : SHAPES) {
        std::vector<float> data = made_rows(shape);
        const rm_view rows = view_of(&data, shape);
        std::vector<double> mean((size_t)rows.cols);
        for (size_t d = 0; d < mean.size(); d++) {
            mean[d] = (double)d + 0x1p-30; /* no float: the difference must be taken in double */
        }
        for (const double *from : {(const double *)mean.data(), (const double *)nullptr}) {
            std::vector<double> wide((size_t)(rows.rows * rows.cols) + 1, GUARD);
            assert_int_equal(rm_subtract_mean_launch(rows, from, wide.data(), PROCESSORS, nullptr),
                             cudaSuccess);
            for (int64_t i = 0; i < rows.rows * rows.cols; i++) {
                const int64_t d = i % rows.cols;
                const double value = (double)rows.data[i / rows.cols * rows.stride + d];
                const double wanted = from == nullptr ? value : value - ((double)d + 0x1p-30);
                assert_true(wide[(size_t)i] == wanted);
            }
            assert_true(wide.back() == GUARD);
        }
    }
}

static void test_accumulate(void **) {
    for (const auto &shape : SHAPES) {
        std::vector<float> data = made_rows(shape);
        const rm_view tile = view_of(&data, shape);
        std::vector<double> total((size_t)(tile.rows * tile.cols) + 1, GUARD);
        for (int64_t i = 0; i < tile.rows * tile.cols; i++) {
            total[(size_t)i] = (double)i + 0x1p-30;
        }
        for (int times = 1; times <= 2; times++) {
            assert_int_equal(rm_accumulate_launch(tile, 1, total.data(), PROCESSORS, nullptr), cudaSuccess);
            for (int64_t i = 0; i < tile.rows * tile.cols; i++) {
                const double value = (double)tile.data[i / tile.cols * tile.stride + i % tile.cols];
                assert_true(total[(size_t)i] == (double)i + 0x1p-30 + times * value);
            }
            assert_true(total.back() == GUARD);
        }
    }
}

/* Tiles are added one after another: sums that depend on the order tell. */
static void test_accumulate_several(void **) {
    enum { TILES = 3, COLS = 33 };
    for (const int64_t rows : {1, 5, 300}) {
        std::vector<float> data((size_t)(TILES * rows * COLS));
        for (size_t i = 0; i < data.size(); i++) {
            data[i] = ldexpf((float)(i % 7) - 3.25f, (int)(i * 13 % 90) - 45);
        }
        std::vector<double> total((size_t)(rows * COLS) + 1, GUARD);
        const rm_view tiles = {data.data(), TILES * rows, COLS, COLS};
        assert_int_equal(rm_accumulate_launch(tiles, TILES, total.data(), PROCESSORS, nullptr), cudaSuccess);
        for (size_t i = 0; i + 1 < total.size(); i++) {
            double wanted = GUARD;
            for (size_t tile = 0; tile < TILES; tile++) {
                wanted += (double)data[tile * (size_t)(rows * COLS) + i];
            }
            assert_true(total[i] == wanted);
        }
        assert_true(total.back() == GUARD);
    }
}

static void test_fill(void **) {
    for (const int64_t count : {1, 31, 257, 5001}) {
        std::vector<float> memory((size_t)count + 2, (float)GUARD);
        assert_int_equal(rm_fill_launch(memory.data() + 1, -INFINITY, count, PROCESSORS, nullptr),
                         cudaSuccess);
        for (int64_t i = 1; i <= count; i++) {
            assert_true(memory[(size_t)i] == -INFINITY);
        }
        assert_true(memory.front() == (float)GUARD && memory.back() == (float)GUARD);
    }
}

/* Each float is read, which shows where one makes a sum that is stored; of NaNs nothing is. */
static void test_read(void **) {
    for (const size_t vectors : {1, 300, 5001}) {
        std::vector<float4> memory(vectors);
        float *floats = &memory[0].x;
        memory.back().w = -1.0f;
        assert_int_equal(rm_read_launch(floats, (int64_t)vectors * 4, PROCESSORS, nullptr), cudaSuccess);
        assert_true(floats[0] == -1.0f);
        memset(floats, 0xff, vectors * sizeof memory[0]);
        const std::vector<unsigned char> before(vectors * sizeof memory[0], 0xff);
        assert_int_equal(rm_read_launch(floats, (int64_t)vectors * 4, PROCESSORS, nullptr), cudaSuccess);
        assert_memory_equal(floats, before.data(), before.size());
    }
}

/* Nothing to do starts no kernel, which would be an error of its own: a grid of no blocks. */
static void test_nothing_to_do_is_no_error(void **) {
    const long before = emu_launch_count();
    const rm_view none = {nullptr, 0, 0, 0};
    const ropemap_range no_distances = {0, 0, 1};
    assert_int_equal(rm_fill_launch(nullptr, 0, 0, PROCESSORS, nullptr), cudaSuccess);
    assert_int_equal(rm_subtract_mean_launch(none, nullptr, nullptr, PROCESSORS, nullptr), cudaSuccess);
    assert_int_equal(rm_accumulate_launch(none, 1, nullptr, PROCESSORS, nullptr), cudaSuccess);
    assert_int_equal(rm_distances_launch(nullptr, 1, no_distances, nullptr, PROCESSORS, nullptr),
                     cudaSuccess);
    assert_int_equal(emu_launch_count(), before);
}

static void test_a_launch_that_fails_is_reported(void **) {
    float memory[1] = {0};
    double total[1] = {0};
    const rm_view one = {memory, 1, 1, 1};
    ropemap_freqs freqs = ropemap_freqs();
    emu_fail_next_launch(1);
    assert_int_equal(rm_fill_launch(memory, 0, 1, PROCESSORS, nullptr), cudaErrorLaunchFailure);
    emu_fail_next_launch(1);
    assert_int_equal(rm_subtract_mean_launch(one, nullptr, total, PROCESSORS, nullptr),
                     cudaErrorLaunchFailure);
    emu_fail_next_launch(1);
    assert_int_equal(rm_accumulate_launch(one, 1, total, PROCESSORS, nullptr), cudaErrorLaunchFailure);
    emu_fail_next_launch(1);
    assert_int_equal(rm_distances_launch(&freqs, 1, {0, 1, 1}, total, PROCESSORS, nullptr),
                     cudaErrorLaunchFailure);
}

int main() {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances_have_the_bits_of_the_cpu),
        cmocka_unit_test(test_subtract_mean),
        cmocka_unit_test(test_accumulate),
        cmocka_unit_test(test_accumulate_several),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_nothing_to_do_is_no_error),
        cmocka_unit_test(test_a_launch_that_fails_is_reported),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
