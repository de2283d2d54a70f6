/* test_normalise_kernels.cpp - the kernel that divides rows by their length, bit for bit as the CPU backend
 */
/* SPDX-License-Identifier: MIT */
#include "cuda/kernels.h"
#include "tests/emu/control.h"
#include "tests/emu/stored.h"

extern "C" {
#include "tests/padded.h"
}
#include "tests/unit.h"

static const int64_t counts[] = {1, 31, 33, 127, 257};
static const int64_t dims[] = {2, 6, 8, 26, 62, 64, 66, 96, 130, 514, 4096};
static const ropemap_dtype types[] = {ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_TF32, ROPEMAP_DTYPE_BF16,
                                      ROPEMAP_DTYPE_FP16};

/* Rows as the CPU backend makes them, which gives the numbers of `type` as floats. */
static std::vector<float> normalised_by_cpu(rm_context *context, ropemap_dtype type, rm_view from) {
    std::vector<float> to((size_t)(from.rows * from.cols));
    rm_rotation rotation = {};
    rotation.normalise = true;
    rotation.dtype = type;
    const ropemap_range positions = {0, from.rows, 1};
    assert_int_equal(rm_cpu_backend()->rotate(context, &rotation, positions, from,
                                              rm_view_dense(to.data(), from.rows, from.cols), nullptr),
                     ROPEMAP_OK);
    return to;
}

static stored random_rows(int64_t rows, int64_t cols, int64_t stride, uint64_t seed) {
    stored made(ROPEMAP_DTYPE_FP32, rows * stride, (int)(seed % 4));
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t d = 0; d < cols; d++) {
            made.set(i * stride + d, random_wide(&seed, 18));
        }
    }
    return made;
}

/* A row of zeros, where there are four rows, is row 2; with an infinity in row 3. */
static void check_normalise(rm_context *context, int64_t rows, int64_t cols, ropemap_dtype type, int pad,
                            bool in_place) {
    const int64_t stride = cols + pad;
    stored from = random_rows(rows, cols, stride, (uint64_t)(rows + cols));
    for (int64_t d = 0; rows > 3 && d < cols; d++) {
        from.set(2 * stride + d, 0.0f);
        from.set(3 * stride + d, d == 1 ? INFINITY : 1.0f);
    }
    rm_normalise_work work = {};
    work.from = {(float *)from.data(), rows, cols, stride};
    const std::vector<float> wanted = normalised_by_cpu(context, type, work.from);
    stored to = in_place ? from : stored(type, rows * stride, pad), before = to;
    before.retype(type);
    to.retype(type);
    work.to = to.data();
    if (in_place) {
        work.from.data = (float *)to.data();
    }
    work.to_stride = stride;
    work.to_type = type;
    assert_int_equal(rm_normalise_launch(&work, 1 + (int32_t)(rows % 3), nullptr), cudaSuccess);
    for (int64_t i = 0; i < rows * cols; i++) {
        const int64_t at = i / cols * stride + i % cols;
        const float value = to.get(at), right = wanted[(size_t)i];
        if (isnan(right) ? !isnan(value) : rm_bits_from_float(value) != rm_bits_from_float(right)) {
            fail_msg("row %d of %d, element %d of %d: %a, not %a", (int)(i / cols), (int)rows,
                     (int)(i % cols), (int)cols, (double)value, (double)right);
        }
        assert_true(rows < 4 || i / cols != 2 || isnan(value));
        before.copy(at, to);
    }
    assert_true(to.same_bits(before)); /* nothing but the rows has changed */
}

static void test_rows_have_the_bits_of_the_cpu(void **state) {
    rm_context *context = open_context();
    int n = 0;
    for (const int64_t rows : counts) {
        for (const int64_t cols : dims) {
            const int64_t most = cols > 1000 ? 5 : 257;
            const ropemap_dtype type = types[n % 4];
            const bool in_place = bytes_of(type) == 4 && n % 8 < 4;
            if (n % RACE_STEP == 0) {
                check_normalise(context, rows < most ? rows : most, cols, type, n % 5, in_place);
            }
            n++;
        }
    }
    rm_cpu_backend()->close(context);
}

static void test_failures_are_told(void **state) {
    float rows[4] = {3, 4, 0, 0};
    rm_normalise_work work = {};
    work.from = rm_view_dense(rows, 2, 2);
    work.to = rows;
    work.to_stride = 2;
    emu_fail_next_launch(1);
    assert_int_equal(rm_normalise_launch(&work, 2, nullptr), cudaErrorLaunchFailure);
    (void)emu_take_launch_error();
    const long launches = emu_launch_count();
    work.from.rows = 0;
    assert_int_equal(rm_normalise_launch(&work, 2, nullptr), cudaSuccess);
    assert_int_equal(emu_launch_count(), launches);
    assert_true(rows[0] == 3);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_have_the_bits_of_the_cpu),
        cmocka_unit_test(test_failures_are_told),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
