/* test_curve.c - similarity against distance and RoFormer's bound, against sums in long double */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_decay.h"
#include "tests/divisors.h"
#include "tests/oracle.h"
#include "tests/unit.h"

#include <math.h>

enum { MOST = 2100 };

static ropemap_curve_request request_for(ropemap_spec spec, int64_t first, int64_t count, int64_t step) {
    return (ropemap_curve_request){
        .spec = spec, .distances = {.first = first, .count = count, .step = step}, .threads = 2};
}

static ropemap_spec spec_with(double base, int32_t head_dim, int32_t rotary_dim, const char *scaling) {
    ropemap_spec spec = ropemap_spec_default();
    spec.base = base;
    spec.head_dim = head_dim;
    spec.rotary_dim = rotary_dim;
    assert_int_equal(ropemap_scaling_parse(scaling, some_divisors(), &spec.scaling, NULL), ROPEMAP_OK);
    return spec;
}

static void test_similarity(void **state) {
    static const ropemap_range ranges[] = {{0, 1, 1},
                                           {0, 521, 1},
                                           {-300, 601, 1},
                                           {-5000, 211, 47},
                                           {((int64_t)1 << 40) - 7, 7, 1},
                                           {1 - ((int64_t)1 << 40), 3, ((int64_t)1 << 40) - 1}};
    const ropemap_spec specs[] = {spec_with(1e4, 128, 0, "none"), spec_with(5e5, 2, 0, "none"),
                                  spec_with(1e6, 80, 22, "none"), spec_with(1e4, 64, 32, "linear:factor=4"),
                                  spec_with(1e4, 66, 0, "ntk:factor=8")};
    static double values[MOST];
    static oracle_rule rule;
    for (size_t s = 0; s < sizeof specs / sizeof specs[0]; s++) {
        oracle_rule_make(&specs[s], &rule);
        for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
            const ropemap_range range = ranges[i];
            const ropemap_curve_request request = request_for(specs[s], range.first, range.count, range.step);
            values[range.count] = -7.0;
            assert_int_equal(ropemap_curve_compute(&request, values, NULL), ROPEMAP_OK);
            assert_true(values[range.count] == -7.0);
            for (int64_t t = 0; t < range.count; t++) {
                const int64_t distance = range.first + t * range.step;
                const long double wanted = oracle_similarity(&rule, distance < 0 ? -distance : distance);
                assert_true(fabsl((long double)values[t] - wanted) <= 2e-7L);
                assert_true(distance != 0 || values[t] == 1.0);
            }
        }
    }
}

/* The attention factor multiplies what turns alone: at distance 0 it is (a^2 D + D_fixed) / d. */
static void test_attention_factor(void **state) {
    ropemap_curve_request request =
        request_for(spec_with(1e4, 100, 40, "yarn:factor=16,original=4096"), 0, 1, 1);
    const double a = 0.1 * log(16.0) + 1.0;
    double value = 0.0;
    assert_int_equal(ropemap_curve_compute(&request, &value, NULL), ROPEMAP_OK);
    assert_true(fabs(value - (a * a * 40.0 + 60.0) / 100.0) <= 1e-14);
    request.pair_count = 5;
    assert_int_equal(ropemap_curve_compute(&request, &value, NULL), ROPEMAP_OK);
    assert_true(fabs(value - a * a * 10.0 / 100.0) <= 1e-14);
}

/* Shares of pairs, and of what does not turn, add up to the whole; each pair's is its cosine. */
static void test_some_pairs(void **state) {
    static double whole[MOST], share[MOST], sum[MOST];
    ropemap_curve_request request = request_for(spec_with(1e4, 48, 26, "none"), -40, MOST, 3);
    assert_int_equal(ropemap_curve_compute(&request, whole, NULL), ROPEMAP_OK);
    for (int t = 0; t < MOST; t++) {
        sum[t] = 22.0 / 48.0;
    }
    for (request.first_pair = 0; request.first_pair < 13; request.first_pair += request.pair_count) {
        request.pair_count = request.first_pair == 0 ? 1 : 4;
        assert_int_equal(ropemap_curve_compute(&request, share, NULL), ROPEMAP_OK);
        for (int t = 0; t < MOST; t++) {
            assert_true(request.first_pair != 0 ||
                        fabs(share[t] - cos((double)(-40 + 3 * t)) / 24.0) <= 1.2e-7 / 24.0);
            sum[t] += share[t];
        }
    }
    for (int t = 0; t < MOST; t++) {
        assert_true(fabs(whole[t] - sum[t]) <= 1e-14);
    }
}

static void test_threads_change_nothing(void **state) {
    const size_t count = 200000;
    double *first = calloc(count, sizeof *first), *again = calloc(count, sizeof *again);
    assert_true(first != NULL && again != NULL);
    ropemap_curve_request request = request_for(spec_with(1e4, 8, 0, "none"), -5, (int64_t)count, 1);
    request.threads = 1;
    assert_int_equal(ropemap_curve_compute(&request, first, NULL), ROPEMAP_OK);
    for (request.threads = 2; request.threads <= 3; request.threads++) {
        assert_int_equal(ropemap_curve_compute(&request, again, NULL), ROPEMAP_OK);
        assert_memory_equal(first, again, count * sizeof *first);
    }
    free(first);
    free(again);
}

/* ---- RoFormer's bound */

static long double roformer(const oracle_rule *rule, int64_t distance) {
    long double re = 0, im = 0, sum = 0;
    for (int32_t i = 0; i < rule->pairs; i++) {
        const long double phase = oracle_phase(rule->frequencies[i], (long double)distance);
        re += oracle_cos(phase);
        im += oracle_sin(phase);
        sum += hypotl(re, im);
    }
    return sum / rule->pairs;
}

/* The curve of the paper's figure, base 10000 and 128 dimensions, at three distances. */
static void test_roformer(void **state) {
    static double values[MOST];
    static oracle_rule rule;
    ropemap_curve_request request = request_for(spec_with(1e4, 128, 0, "none"), -3, MOST, 1);
    assert_int_equal(ropemap_curve_roformer(&request, values, NULL), ROPEMAP_OK);
    assert_true(fabs(values[3] - 32.5) <= 1e-13);
    assert_true(fabs(values[53] - 12.629452) <= 5e-7);
    assert_true(fabs(values[253] - 6.548179) <= 5e-7);
    oracle_rule_make(&request.spec, &rule);
    for (int t = 0; t < MOST; t += 7) {
        assert_true(fabsl(values[t] - roformer(&rule, abs(t - 3))) <= 1e-12L);
    }
    request = request_for(spec_with(1e4, 64, 32, "linear:factor=4"), ((int64_t)1 << 40) - 40, 20, 2);
    oracle_rule_make(&request.spec, &rule);
    assert_int_equal(ropemap_curve_roformer(&request, values, NULL), ROPEMAP_OK);
    for (int t = 0; t < 20; t++) { /* phases are known to 4e-13 rad here */
        assert_true(fabsl(values[t] - roformer(&rule, request.distances.first + 2 * t)) <= 1e-11L);
    }
}

/* ---- stops and refusals */

static int stop_at_once(void *user, const char *stage, double done, double total) {
    int *calls = user;
    assert_string_equal(stage, "distances");
    assert_true(done >= 0 && done <= total && total > 0);
    ++*calls;
    return 1;
}

static void test_stop(void **state) {
    int calls = 0;
    double *values = calloc(1000000, sizeof *values);
    assert_non_null(values);
    ropemap_curve_request request = request_for(ropemap_spec_default(), 0, 1000000, 1);
    request.progress = stop_at_once;
    request.progress_user = &calls;
    assert_int_equal(ropemap_curve_compute(&request, values, NULL), ROPEMAP_STOPPED);
    assert_int_equal(ropemap_curve_roformer(&request, values, NULL), ROPEMAP_STOPPED);
    assert_int_equal(calls, 2);
    free(values);
}

static void refuse(ropemap_curve_request request, const char *text) {
    double value = 0.0;
    ropemap_error error = {0};
    assert_int_equal(ropemap_curve_compute(&request, &value, &error), ROPEMAP_USAGE);
    assert_int_equal(ropemap_curve_roformer(&request, &value, &error), ROPEMAP_USAGE);
    assert_says(error.text, text);
}

static void test_refusals(void **state) {
    const ropemap_spec spec = ropemap_spec_default();
    const int64_t end = (int64_t)1 << 40;
    refuse(request_for(spec, 0, 0, 1), "distances: count is 0");
    refuse(request_for(spec, 0, 1, 0), "distances: step is 0");
    refuse(request_for(spec, end, 1, 1), "distances: the first is 1099511627776");
    refuse(request_for(spec, -end, 1, 1), "distances: the first is -1099511627776");
    refuse(request_for(spec, INT64_MIN, 1, 1), "distances: the first is");
    refuse(request_for(spec, 1 - end, INT64_MAX, 1), "distances: 9223372036854775807 from");
    refuse(request_for(spec, 1, 2, INT64_MAX), "distances: step is 9223372036854775807");
    ropemap_curve_request request = request_for(spec, 0, 1, 1);
    request.first_pair = 64;
    refuse(request, "first-pair: 64, expected 0 to 63");
    request.first_pair = 3;
    refuse(request, "first-pair: 3 without a pair count");
    request.pair_count = 62;
    refuse(request, "pair-count: 62 from pair 3 on, expected at most 61");
    request.pair_count = -1;
    refuse(request, "pair-count: -1");
    request = request_for(spec, 0, 1, 1);
    request.threads = -1;
    refuse(request, "threads: -1");
    request.spec.base = 1.0;
    refuse(request, "base: 1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_similarity), cmocka_unit_test(test_attention_factor),
        cmocka_unit_test(test_some_pairs), cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_roformer),   cmocka_unit_test(test_stop),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
