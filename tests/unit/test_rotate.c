/* test_rotate.c - rotated rows of the CPU backend against a plain loop, in every SIMD variant */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "host/device/backend.h"
#include "tests/oracle.h"
#include "tests/padded.h"
#include "tests/unit.h"
#include "tests/variants.h"

#include <math.h>

static const int64_t sizes[] = {1, 31, 33, 127, 257};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

struct rotate_case {
    int32_t head_dim, rotary_dim;
    ropemap_layout layout;
    ropemap_range positions;
};

static const struct rotate_case rotate_cases[] = {
    {2, 2, ROPEMAP_LAYOUT_HALF, {0, 1, 1}},
    {2, 2, ROPEMAP_LAYOUT_INTERLEAVED, {3, 31, 1}},
    {62, 62, ROPEMAP_LAYOUT_HALF, {0, 33, 1}},
    {66, 66, ROPEMAP_LAYOUT_INTERLEAVED, {5, 31, 3}},
    {254, 254, ROPEMAP_LAYOUT_HALF, {((int64_t)1 << 20) - 17, 33, 1}},
    {514, 514, ROPEMAP_LAYOUT_INTERLEAVED, {((int64_t)1 << 21) - 40, 31, 7}},
    {514, 130, ROPEMAP_LAYOUT_HALF, {((int64_t)1 << 40) - 31, 31, 1}},
    {130, 30, ROPEMAP_LAYOUT_INTERLEAVED, {((int64_t)1 << 33) + 5, 31, ((int64_t)1 << 20) + 1}},
    {4096, 4096, ROPEMAP_LAYOUT_HALF, {((int64_t)1 << 32) - 2, 5, 1}},
    {128, 128, ROPEMAP_LAYOUT_HALF, {1, 257, 4096}},
    {34, 34, ROPEMAP_LAYOUT_HALF, {3, 1021, 524288}}, /* a new span of the fine part every second row */
};
enum { ROTATE_CASES = sizeof rotate_cases / sizeof rotate_cases[0] };

static void make_freqs(const struct rotate_case *test, ropemap_freqs *freqs) {
    ropemap_spec spec = ropemap_spec_default();
    spec.head_dim = test->head_dim;
    spec.rotary_dim = test->rotary_dim;
    assert_int_equal(ropemap_freqs_make(&spec, freqs, NULL), ROPEMAP_OK);
}

/* The definition, one element after another. */
static void rotate_plainly(const struct rotate_case *test, const ropemap_freqs *freqs, rm_view from,
                           rm_view to) {
    for (int64_t i = 0; i < test->positions.count; i++) {
        const int64_t position = test->positions.first + i * test->positions.step;
        for (int32_t d = 2 * freqs->pairs; d < test->head_dim; d++) {
            *element(to, i, d) = *element(from, i, d);
        }
        for (int32_t p = 0; p < freqs->pairs; p++) {
            const bool half = test->layout == ROPEMAP_LAYOUT_HALF;
            const int32_t a = half ? p : 2 * p, b = half ? p + freqs->pairs : 2 * p + 1;
            const uint32_t phase = rm_phase32(rm_phase(freqs->step[p], freqs->fine[p], position));
            const rm_gain attention = rm_gain_of(freqs->attention_factor);
            const float c = rm_gain_times(attention, rm_cos(phase)),
                        s = rm_gain_times(attention, rm_sin(phase));
            const float x = *element(from, i, a), y = *element(from, i, b);
            *element(to, i, a) = rm_rotate_first(x, y, c, s);
            *element(to, i, b) = rm_rotate_second(x, y, c, s);
        }
    }
}

static void check_rotate(rm_context *context, const struct rotate_case *test, double attention) {
    ropemap_freqs freqs;
    make_freqs(test, &freqs);
    freqs.attention_factor = attention;
    struct padded from = padded_new(test->positions.count, test->head_dim);
    struct padded wanted = padded_new(test->positions.count, test->head_dim);
    struct padded got = padded_new(test->positions.count, test->head_dim);
    fill_random(from.view, 7);
    rotate_plainly(test, &freqs, from.view, wanted.view);
    const rm_rotation rotation = {.freqs = &freqs, .layout = test->layout, .rotate = true};
    assert_int_equal(rm_cpu_backend()->rotate(context, &rotation, test->positions, from.view, got.view, NULL),
                     ROPEMAP_OK);
    char name[80];
    (void)snprintf(name, sizeof name, "dim %d of %d, first %lld", (int)test->rotary_dim, (int)test->head_dim,
                   (long long)test->positions.first);
    check_same_bits(name, wanted.view, got.view);
    check_guards(&got);
    check_guards(&from);
    free(from.memory);
    free(wanted.memory);
    free(got.memory);
}

static void test_rotate_gives_the_bits_of_the_plain_loop(void **state) {
    for (int v = 0; variant_name(v) != NULL; v++) {
        if (variant_force(variant_name(v))) {
            rm_context *context = open_context();
            for (size_t i = 0; i < ROTATE_CASES; i++) {
                check_rotate(context, &rotate_cases[i], 1.0f);
            }
            check_rotate(context, &rotate_cases[4], 1.1386294f);
            rm_cpu_backend()->close(context);
        }
    }
    variant_release();
}

/* Rotated already: a copy. Normalised: of length 1 to 4 roundings, and a zero row has no direction. */
static void test_rows_that_are_copied_or_normalised(void **state) {
    rm_context *context = open_context();
    for (size_t s = 0; s < SIZES; s++) {
        const int64_t dim = sizes[s] == 1 ? 2 : sizes[s] - 1;
        struct padded from = padded_new(3, dim), to = padded_new(3, dim);
        fill_random(from.view, 11);
        memset(element(from.view, 1, 0), 0, (size_t)dim * sizeof(float));
        rm_rotation rotation = {.rotate = false};
        const ropemap_range positions = {.first = 9, .count = 3, .step = 1};
        assert_int_equal(rm_cpu_backend()->rotate(context, &rotation, positions, from.view, to.view, NULL),
                         0);
        check_same_bits("copy", from.view, to.view);
        rotation.normalise = true;
        assert_int_equal(rm_cpu_backend()->rotate(context, &rotation, positions, from.view, to.view, NULL),
                         0);
        for (int64_t i = 0; i < 3; i++) {
            double square = 0;
            for (int64_t d = 0; d < dim; d++) {
                square += (double)*element(to.view, i, d) * (double)*element(to.view, i, d);
                assert_true(i != 1 || isnan(*element(to.view, i, d)));
            }
            assert_true(i == 1 || fabs(sqrt(square) - 1.0) <= 4 * 0x1p-24);
        }
        check_guards(&to);
        free(from.memory);
        free(to.memory);
    }
    rm_cpu_backend()->close(context);
}

/*
 * Rotated rows have the bits of rotate; at most 16 of them are added in float, which is off by
 * 15 u sum |x|, u = 2^-24, and what remains is double. The sums start where they were.
 */
static void check_rotate_sum(rm_context *context, const struct rotate_case *test, double *sums) {
    ropemap_freqs freqs;
    make_freqs(test, &freqs);
    struct padded from = padded_new(test->positions.count, test->head_dim);
    struct padded turned = padded_new(test->positions.count, test->head_dim);
    fill_random(from.view, 3);
    rotate_plainly(test, &freqs, from.view, turned.view);
    for (int32_t d = 0; d < test->head_dim; d++) {
        sums[d] = 1000.0 + d;
    }
    sums[test->head_dim] = -5.0;
    const rm_rotation rotation = {.freqs = &freqs, .layout = test->layout, .rotate = true};
    const rm_partition axis = {.range = test->positions, .cells = 1};
    assert_int_equal(rm_cpu_backend()->rotate_sum(context, &rotation, &axis, 0, from.view, sums, NULL), 0);
    for (int32_t d = 0; d < test->head_dim; d++) {
        double sum = 1000.0 + d, magnitude = 0;
        for (int64_t i = 0; i < test->positions.count; i++) {
            sum += (double)*element(turned.view, i, d);
            magnitude += fabs((double)*element(turned.view, i, d));
        }
        assert_true(fabs(sums[d] - sum) <= 15.5 * 0x1p-24 * magnitude + 1e-9);
    }
    assert_true(sums[test->head_dim] == -5.0);
    check_guards(&from);
    free(from.memory);
    free(turned.memory);
}

static void test_rotate_sum(void **state) {
    static double first[ROTATE_CASES][ROPEMAP_MAX_HEAD_DIM + 1], sums[ROPEMAP_MAX_HEAD_DIM + 1];
    for (int v = 0; variant_name(v) != NULL; v++) {
        if (variant_force(variant_name(v))) {
            rm_context *context = open_context();
            for (size_t i = 0; i < ROTATE_CASES; i++) {
                check_rotate_sum(context, &rotate_cases[i], v == 0 ? first[i] : sums);
                if (v != 0) {
                    assert_memory_equal(sums, first[i], (size_t)rotate_cases[i].head_dim * sizeof *sums);
                }
            }
            rm_cpu_backend()->close(context);
        }
    }
    variant_release();
}

/*
 * Sixteen rows that span 2^40 positions, all zero but the last: their sum is that row, rotated. Two roundings
 * of sine and cosine have a root mean square of 1e-7; leaving the fine part of frequencies out adds 2e-7.
 */
static void test_rotate_sum_of_rows_far_apart(void **state) {
    enum { DIM = ROPEMAP_MAX_HEAD_DIM, PAIRS = DIM / 2, ROWS = 16 };
    static double sums[DIM];
    const struct rotate_case test = {
        DIM, DIM, ROPEMAP_LAYOUT_HALF, {0, ROWS, ((int64_t)1 << 40) / (ROWS - 1) - 1}};
    ropemap_freqs freqs;
    make_freqs(&test, &freqs);
    ropemap_spec spec = ropemap_spec_default();
    spec.head_dim = DIM;
    struct padded from = padded_new(ROWS, DIM);
    for (int64_t i = 0; i < ROWS * DIM; i++) {
        *element(from.view, i / DIM, i % DIM) = i >= (ROWS - 1) * DIM && i % DIM < PAIRS ? 1.0f : 0.0f;
    }
    memset(sums, 0, sizeof sums);
    rm_context *context = open_context();
    const rm_rotation rotation = {.freqs = &freqs, .layout = test.layout, .rotate = true};
    const rm_partition axis = {.range = test.positions, .cells = 1};
    assert_int_equal(rm_cpu_backend()->rotate_sum(context, &rotation, &axis, 0, from.view, sums, NULL), 0);
    double square = 0;
    for (int32_t p = 0; p < PAIRS; p++) {
        const long double turns =
            oracle_phase(oracle_frequency(&spec, p), (long double)((ROWS - 1) * test.positions.step));
        const double c = sums[p] - (double)oracle_cos(turns), s = sums[p + PAIRS] - (double)oracle_sin(turns);
        square += c * c + s * s;
    }
    assert_true(sqrt(square / PAIRS) <= 1.3e-7);
    rm_cpu_backend()->close(context);
    free(from.memory);
}

static void test_unknown_variant_is_refused(void **state) {
    rm_context *context = NULL;
    const rm_device device = rm_cpu_device();
    ropemap_error error = {0};
    assert_int_equal(setenv("ROPEMAP_SIMD", "v9", 1), 0);
    assert_int_equal(rm_cpu_backend()->open(&context, &device, &error), ROPEMAP_RESOURCES);
    assert_says(error.text, "v9");
    assert_null(context);
    variant_release();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotate_gives_the_bits_of_the_plain_loop),
        cmocka_unit_test(test_rows_that_are_copied_or_normalised),
        cmocka_unit_test(test_rotate_sum),
        cmocka_unit_test(test_rotate_sum_of_rows_far_apart),
        cmocka_unit_test(test_unknown_variant_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
