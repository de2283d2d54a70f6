/* test_correlation.c - mean similarity at each distance, against every pair */
/* SPDX-License-Identifier: MIT */
#include "host/base/status.h"
#include "host/ropemap_decay.h"
#include "tests/unit.h"

#include <math.h>

enum { ROWS = 211, DIM = 12 };

static double values[ROWS];

static void random_rows(float *rows, int count, uint32_t seed) {
    for (int i = 0; i < count * DIM; i++) {
        seed = seed * 1664525u + 1013904223u;
        rows[i] = (float)(int32_t)seed * 0x1p-31f;
    }
}

/* q . k of rows at two positions, rotated in long double. */
static double product(const float *q, const float *k, int64_t m, int64_t n, bool rotate) {
    long double sum = 0;
    for (int pair = 0; pair < DIM / 2; pair++) {
        const long double theta = powl(10000.0L, -2.0L * pair / DIM) * (rotate ? 1 : 0);
        const long double c = cosl((long double)(m - n) * theta), s = sinl((long double)(m - n) * theta);
        const long double a = q[pair], b = q[pair + DIM / 2], x = k[pair], y = k[pair + DIM / 2];
        sum += (a * x + b * y) * c + (a * y - b * x) * s;
    }
    return (double)sum;
}

static void check(int64_t first_position, bool already_rotated, int32_t threads) {
    static float queries[ROWS * DIM], keys[ROWS * DIM];
    ropemap_mean_request request = {.spec = ropemap_spec_default(),
                                    .already_rotated = already_rotated,
                                    .first = first_position,
                                    .positions = ROWS,
                                    .count = ROWS,
                                    .threads = threads};
    ropemap_vectors *q = NULL, *k = NULL;
    random_rows(queries, ROWS, 1);
    random_rows(keys, ROWS, 2);
    request.spec.head_dim = DIM;
    assert_int_equal(ropemap_vectors_memory(queries, ROWS, DIM, &q, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_memory(keys, ROWS, DIM, &k, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_place(q, first_position, 1, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_place(k, first_position, 1, NULL), ROPEMAP_OK);
    request.queries = q;
    request.keys = k;
    ropemap_error error = {0};
    if (ropemap_curve_mean(&request, values, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    for (int64_t r = 0; r < ROWS; r++) {
        double sum = 0;
        for (int64_t j = 0; j + r < ROWS; j++) {
            sum += product(queries + (j + r) * DIM, keys + j * DIM, first_position + j + r,
                           first_position + j, !already_rotated);
        }
        /* each rotated element is off by some 2^-23; the mean of products by no more than their number's root
         */
        if (fabs(values[r] - sum / (double)(ROWS - r)) > 4e-6) {
            fail_msg("distance %lld: %.9g, not %.9g", (long long)r, values[r], sum / (double)(ROWS - r));
        }
    }
    ropemap_vectors_free(q);
    ropemap_vectors_free(k);
}

static void test_every_distance(void **state) {
    check(0, false, 1);
    check(1000003, false, 2);
    check(0, true, 3);
}

/*
 * What the transforms themselves lose, with one block of keys and with many, and where queries are 2^110
 * times as large as keys. There and back a series meets three transforms of at most 6 passes, each of 4
 * roundings of 2^-53.
 */
static void test_transforms(void **state) {
    enum { MANY = 997 };
    static float queries[MANY * DIM], keys[MANY * DIM];
    static double mean[MANY];
    ropemap_vectors *q = NULL, *k = NULL;
    double sizes[2] = {0, 0};
    random_rows(queries, MANY, 1);
    random_rows(keys, MANY, 2);
    for (int i = 0; i < MANY * DIM; i++) {
        queries[i] *= 0x1p60f;
        keys[i] *= 0x1p-50f;
        sizes[0] += (double)queries[i] * queries[i];
        sizes[1] += (double)keys[i] * keys[i];
    }
    assert_int_equal(ropemap_vectors_memory(queries, MANY, DIM, &q, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_memory(keys, MANY, DIM, &k, NULL), ROPEMAP_OK);
    ropemap_mean_request request = {.spec = ropemap_spec_default(),
                                    .queries = q,
                                    .keys = k,
                                    .already_rotated = true,
                                    .positions = MANY,
                                    .threads = 2};
    request.spec.head_dim = DIM;
    const int counts[] = {1, 9, 130, MANY};
    for (int i = 0; i < 4; i++) {
        request.count = counts[i];
        assert_int_equal(ropemap_curve_mean(&request, mean, NULL), ROPEMAP_OK);
        for (int r = 0; r < counts[i]; r++) {
            long double sum = 0;
            for (int at = r * DIM; at < MANY * DIM; at++) {
                sum += (long double)queries[at] * keys[at - r * DIM];
            }
            const double off = mean[r] * (MANY - r) - (double)sum;
            if (!(fabs(off) <= 72 * 0x1p-53 * sqrt(sizes[0] * sizes[1]))) {
                fail_msg("%d distances, %d: off by %g", counts[i], r, off);
            }
        }
    }
    ropemap_vectors_free(q);
    ropemap_vectors_free(k);
}

/* Equal vectors: the mean is S(r) itself. */
static void test_ones(void **state) {
    ropemap_vectors *ones = NULL;
    assert_int_equal(ropemap_vectors_ones(128, &ones, NULL), ROPEMAP_OK);
    const ropemap_mean_request request = {.spec = ropemap_spec_default(),
                                          .queries = ones,
                                          .keys = ones,
                                          .positions = 3000,
                                          .count = 1001,
                                          .threads = 2};
    static double mean[1001];
    assert_int_equal(ropemap_curve_mean(&request, mean, NULL), ROPEMAP_OK);
    assert_true(fabs(mean[0] - 1.0) < 1e-6);
    assert_true(fabs(mean[1] - .9702138095) < 1e-6);
    assert_true(fabs(mean[100] - .4772414797) < 1e-6);
    assert_true(fabs(mean[1000] - .1590270021) < 1e-6);
    ropemap_vectors_free(ones);
}

static void test_threads_change_nothing(void **state) {
    static double first[500], other[500];
    ropemap_vectors *gauss = NULL;
    assert_int_equal(ropemap_vectors_gauss(64, 3, 0, &gauss, NULL), ROPEMAP_OK);
    ropemap_mean_request request = {.spec = ropemap_spec_default(),
                                    .queries = gauss,
                                    .keys = gauss,
                                    .first = 17,
                                    .positions = 9000,
                                    .count = 500,
                                    .threads = 1};
    request.spec.head_dim = 64;
    assert_int_equal(ropemap_curve_mean(&request, first, NULL), ROPEMAP_OK);
    for (int32_t threads = 2; threads <= 9; threads += 3) {
        request.threads = threads;
        assert_int_equal(ropemap_curve_mean(&request, other, NULL), ROPEMAP_OK);
        assert_memory_equal(first, other, sizeof first);
    }
    ropemap_vectors_free(gauss);
}

static void test_refusals(void **state) {
    ropemap_vectors *ones = NULL;
    ropemap_error error = {0};
    assert_int_equal(ropemap_vectors_ones(128, &ones, NULL), ROPEMAP_OK);
    ropemap_mean_request request = {
        .spec = ropemap_spec_default(), .queries = ones, .keys = ones, .positions = 10, .count = 11};
    assert_int_equal(ropemap_curve_mean(&request, values, &error), ROPEMAP_USAGE);
    assert_says(error.text, "distances");
    request.count = 10;
    request.spec.head_dim = 64;
    assert_int_equal(ropemap_curve_mean(&request, values, &error), ROPEMAP_USAGE);
    assert_says(error.text, "head-dim");
    request.spec.head_dim = 128;
    request.keys = NULL;
    assert_int_equal(ropemap_curve_mean(&request, values, &error), ROPEMAP_USAGE);
    ropemap_vectors_free(ones);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_distance), cmocka_unit_test(test_transforms),
        cmocka_unit_test(test_ones),           cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
