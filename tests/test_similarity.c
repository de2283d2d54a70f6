/* test_similarity.c - dot products and second moments of the CPU backend against plain loops */
/* SPDX-License-Identifier: MIT */
#include "tests/padded.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t sizes[] = {1, 31, 33, 127, 257};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static double product_of(rm_view a, int64_t i, rm_view b, int64_t j, double *magnitude) {
    double sum = 0;
    *magnitude = 0;
    for (int64_t d = 0; d < a.cols; d++) {
        const double term = (double)*element(a, i, d) * (double)*element(b, j, d);
        sum += term;
        *magnitude += fabs(term);
    }
    return sum;
}

/* n products summed in float in any order: off by n u / (1 - n u) sum |q d k d| (Higham 2002, 3.1). */
static void check_similarity(rm_context *context, int64_t rows, int64_t cols, int64_t inner, bool exact) {
    struct padded q = padded_new(rows, inner), k = padded_new(cols, inner), tile = padded_new(rows, cols);
    if (exact) {
        fill_whole(q.view, 1, true);
        fill_whole(k.view, 2, false);
    } else {
        fill_random(q.view, 1);
        fill_random(k.view, 2);
    }
    assert_int_equal(
        rm_cpu_backend()->similarity(context, ROPEMAP_DTYPE_FP32, 1, q.view, k.view, tile.view, NULL),
        ROPEMAP_OK);
    const double relative = exact ? 0 : (double)inner * 0x1p-24 / (1 - (double)inner * 0x1p-24);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++) {
            double magnitude = 0;
            const double wanted = product_of(q.view, i, k.view, j, &magnitude);
            assert_true(fabs((double)*element(tile.view, i, j) - wanted) <= relative * magnitude);
        }
    }
    check_guards(&tile);
    free(q.memory);
    free(k.memory);
    free(tile.memory);
}

static void test_similarity(void **state) {
    (void)state;
    rm_context *context = open_context();
    for (size_t r = 0; r < SIZES; r++) {
        for (size_t c = 0; c < SIZES; c++) {
            check_similarity(context, sizes[r], sizes[c], 2 + 31 * (int64_t)((r + c) % 3), false);
            check_similarity(context, sizes[r], sizes[c], 33, true);
        }
    }
    check_similarity(context, 33, 31, 257, false);
    rm_cpu_backend()->close(context);
}

/* Blocks have the bits that each has alone. */
static void test_blocks(void **state) {
    (void)state;
    enum { BLOCKS = 3, ROWS = 37, COLS = 41, INNER = 33 };
    rm_context *context = open_context();
    struct padded q = padded_new(BLOCKS * ROWS, INNER), k = padded_new(COLS, INNER);
    struct padded tile = padded_new(BLOCKS * ROWS, COLS), alone = padded_new(BLOCKS * ROWS, COLS);
    fill_random(q.view, 3);
    fill_random(k.view, 4);
    const rm_backend *cpu = rm_cpu_backend();
    assert_int_equal(cpu->similarity(context, ROPEMAP_DTYPE_FP32, BLOCKS, q.view, k.view, tile.view, NULL),
                     ROPEMAP_OK);
    for (int64_t block = 0; block < BLOCKS; block++) {
        assert_int_equal(cpu->similarity(context, ROPEMAP_DTYPE_FP32, 1,
                                         rm_view_rows(q.view, block * ROWS, ROWS), k.view,
                                         rm_view_rows(alone.view, block * ROWS, ROWS), NULL),
                         ROPEMAP_OK);
    }
    check_same_bits("blocks", alone.view, tile.view);
    check_guards(&tile);
    cpu->close(context);
    free(q.memory);
    free(k.memory);
    free(tile.memory);
    free(alone.memory);
}

/* Small whole numbers: the products and sums are exact, about 0 and about whole numbers alike. */
static void test_moment(void **state) {
    (void)state;
    rm_context *context = open_context();
    const rm_rotation rotation = {.rotate = false};
    for (size_t s = 0; s < 2 * SIZES; s++) {
        const int64_t rows = sizes[s / 2], dim = s % 2 == 0 ? 31 : 34;
        const ropemap_range positions = {.first = 5, .count = rows, .step = 2};
        struct padded x = padded_new(rows, dim);
        double centre[34], moment[34 * 34 + 1];
        fill_whole(x.view, 5, false);
        for (int64_t d = 0; d < dim; d++) {
            centre[d] = s % 3 == 0 ? (double)(d % 5) : 0.0;
        }
        for (int64_t i = 0; i <= dim * dim; i++) {
            moment[i] = 1000.0;
        }
        assert_int_equal(rm_cpu_backend()->moment(context, &rotation, positions, x.view,
                                                  s % 3 == 0 ? centre : NULL, moment, NULL),
                         ROPEMAP_OK);
        for (int64_t a = 0; a < dim; a++) {
            for (int64_t b = 0; b < dim; b++) {
                double sum = 1000.0;
                for (int64_t i = 0; i < rows; i++) {
                    sum += ((double)*element(x.view, i, a) - centre[a]) *
                           ((double)*element(x.view, i, b) - centre[b]);
                }
                assert_true(moment[a * dim + b] == sum);
            }
        }
        assert_true(moment[dim * dim] == 1000.0);
        check_guards(&x);
        free(x.memory);
    }
    rm_cpu_backend()->close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_similarity),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
