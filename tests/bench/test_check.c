/* test_check.c - what the checks of benchmarks rest on: references, inputs, picks, results */
/* SPDX-License-Identifier: MIT */
#include "tests/bench/benchmarks.h"
#include "tests/oracle.h"
#include "tools/bench/check.h"

#include <stdlib.h>

static void test_reference_rotation(void **state) {
    ropemap_spec spec = ropemap_spec_default();
    spec.head_dim = 10;
    const int64_t positions[] = {0, 1, 131071, 16777215};
    float row[10];
    inputs_fill(row, 10, 1.0, 1);
    for (ropemap_layout layout = ROPEMAP_LAYOUT_HALF; ropemap_layout_name(layout) != NULL; layout++) {
        check_reference *reference = reference_make(10, layout, ROPEMAP_PHASE_EXACT);
        assert_non_null(reference);
        for (size_t p = 0; p < 4; p++) {
            double turned[10];
            reference_rotate(reference, row, positions[p], turned);
            for (int32_t pair = 0; pair < 5; pair++) {
                const int32_t a = layout == ROPEMAP_LAYOUT_HALF ? pair : 2 * pair;
                const int32_t b = layout == ROPEMAP_LAYOUT_HALF ? pair + 5 : 2 * pair + 1;
                const long double turns =
                    oracle_phase(oracle_frequency(&spec, pair), (long double)positions[p]);
                const double c = (double)oracle_cos(turns), s = (double)oracle_sin(turns);
                assert_near(turned[a], (double)row[a] * c - (double)row[b] * s, 1e-11);
                assert_near(turned[b], (double)row[a] * s + (double)row[b] * c, 1e-11);
                assert_int_equal(reference_partner(reference, a), b);
                assert_int_equal(reference_partner(reference, b), a);
            }
        }
        free(reference);
    }
}

static void test_samples_lie_in_the_output(void **state) {
    const int64_t totals[] = {1, 2, 63, 64, 65, 1000, INT64_C(1) << 40};
    for (size_t t = 0; t < sizeof totals / sizeof totals[0]; t++) {
        const int64_t count = picks_count(totals[t], 64);
        assert_int_equal(count, totals[t] < 64 ? totals[t] : 64);
        assert_int_equal(pick_at(totals[t], 64, 0), 0);
        assert_int_equal(pick_at(totals[t], 64, count - 1), totals[t] - 1);
        for (int64_t i = 0; i < count; i++) {
            const int64_t at = pick_at(totals[t], 64, i);
            assert_true(at >= 0 && at < totals[t]);
        }
    }
}

static void test_inputs_are_random_and_never_zero(void **state) {
    enum { COUNT = 4096 };
    float *values = malloc(COUNT * sizeof *values);
    assert_non_null(values);
    inputs_fill(values, COUNT, inputs_unit_reach(128), 5);
    double sum = 0.0, square = 0.0;
    for (int i = 0; i < COUNT; i++) {
        assert_true(values[i] != 0.0f && fabsf(values[i]) <= 0.15309311f); /* sqrt(3 / 128) */
        sum += (double)values[i];
        square += (double)values[i] * (double)values[i];
    }
    /* five standard deviations: 1 / sqrt(128 n), and of squares 1 / 128 * sqrt(4 / 5 / n) */
    assert_near(sum / COUNT, 0.0, 5.0 / sqrt(128.0 * COUNT));
    assert_near(square / COUNT, 1.0 / 128.0, 5.0 / 128.0 * sqrt(0.8 / COUNT));
    free(values);
}

static void test_a_verdict_counts_nan(void **state) {
    check_result verdict = {0};
    check_value(&verdict, 1.0, 1.5, 0.5);
    assert_int_equal(verdict.wrong, 0);
    check_value(&verdict, (double)NAN, 0.0, 0.75);
    check_value(&verdict, 0.0, 9.0, 0.1);
    assert_int_equal(verdict.checked, 3);
    assert_int_equal(verdict.wrong, 2);
    assert_true(isnan(verdict.error));
    assert_near(verdict.allowed, 0.75, 0.0);
}

/*
 * With head_dim 8 the frequencies are 1, 1/10, 1/100, 1/1000: position / 10^i is a whole number a and a rest
 * b / 10^i, and cos(a + r) = cos a cos r - sin a sin r, where libm takes a as it is and r is below 1.
 */
static void test_reference_far_away(void **state) {
    const int64_t end = INT64_C(1) << 40, positions[] = {end - 1, end - 999999, end / 3, 123456789012};
    check_reference *reference = reference_make(8, ROPEMAP_LAYOUT_HALF, ROPEMAP_PHASE_EXACT);
    assert_non_null(reference);
    for (size_t p = 0; p < 4; p++) {
        int64_t power = 1;
        for (int32_t pair = 0; pair < 4; pair++, power *= 10) {
            const long double a = (long double)(positions[p] / power);
            const long double r = (long double)(positions[p] % power) / (long double)power;
            double c = 0.0, s = 0.0;
            reference_turn(reference, pair, positions[p], &c, &s);
            assert_near(c, (double)(cosl(a) * cosl(r) - sinl(a) * sinl(r)), 1e-14);
            assert_near(s, (double)(sinl(a) * cosl(r) + cosl(a) * sinl(r)), 1e-14);
        }
    }
    free(reference);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_rotation),
        cmocka_unit_test(test_reference_far_away),
        cmocka_unit_test(test_samples_lie_in_the_output),
        cmocka_unit_test(test_inputs_are_random_and_never_zero),
        cmocka_unit_test(test_a_verdict_counts_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
