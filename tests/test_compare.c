/* test_compare.c - buffers of inverse frequencies: those that match, and what is said of those that do not */
/* SPDX-License-Identifier: MIT */
#include "host/base/status.h"
#include "tests/divisors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { PAIRS = 64 };

static ropemap_spec spec_of(const char *scaling, double base) {
    ropemap_spec spec = ropemap_spec_default();
    ropemap_error error = {0};
    spec.base = base;
    if (ropemap_scaling_parse(scaling, some_divisors(), &spec.scaling, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", scaling, error.text);
    }
    return spec;
}

/* base^(-2i/D) in double, by the library's own pow alone. */
static void plain(double base, int32_t dim, int32_t pairs, float *found) {
    for (int32_t i = 0; i < pairs; i++) {
        found[i] = (float)pow(base, -2.0 * i / dim);
    }
}

static ropemap_comparison compare(const float *found, int64_t count, const ropemap_spec *spec) {
    ropemap_comparison result;
    ropemap_error error = {0};
    if (ropemap_inv_freq_compare(found, 1, count, spec, &result, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    return result;
}

static void expect(const char *verdict, const float *found, int64_t count, const ropemap_spec *spec) {
    const ropemap_comparison result = compare(found, count, spec);
    if (strcmp(result.verdict, verdict) != 0 || result.matches != (strcmp(verdict, "match") == 0)) {
        fail_msg("%s: the verdict is %s: %s", verdict, result.verdict, result.text);
    }
    assert_true(result.text[0] != '\0');
}

static float as_bf16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void test_match(void **state) {
    (void)state;
    float found[PAIRS];
    const ropemap_spec spec = spec_of("none", 5e5);
    plain(5e5, 128, PAIRS, found);
    expect("match", found, PAIRS, &spec);
    const ropemap_comparison result = compare(found, PAIRS, &spec);
    assert_int_equal(result.pair, -1);
    assert_true(result.worst < 1.3e-7);
}

static void test_one_pair_differs(void **state) {
    (void)state;
    float found[PAIRS];
    const ropemap_spec spec = spec_of("none", 5e5);
    plain(5e5, 128, PAIRS, found);
    found[17] *= 1.0001f;
    found[40] *= 0.9f;
    expect("differs", found, PAIRS, &spec);
    const ropemap_comparison result = compare(found, PAIRS, &spec);
    assert_int_equal(result.pair, 17);
    assert_true(fabs(result.worst - 0.1) < 1e-6);
    assert_non_null(strstr(result.text, "pair 17"));
}

static void test_rounded(void **state) {
    (void)state;
    float found[PAIRS];
    const ropemap_spec spec = spec_of("none", 1e6);
    plain(1e6, 128, PAIRS, found);
    for (int i = 0; i < PAIRS; i++) {
        found[i] = as_bf16(found[i]);
    }
    expect("bf16", found, PAIRS, &spec);
}

static void test_scaling_was_not_applied(void **state) {
    (void)state;
    float found[PAIRS];
    const ropemap_spec spec = spec_of("llama3:factor=8,low=1,high=4,original=8192", 5e5);
    plain(5e5, 128, PAIRS, found);
    expect("unscaled", found, PAIRS, &spec);
    assert_int_equal(compare(found, PAIRS, &spec).pair, 29);
}

static void test_rotary_fraction(void **state) {
    (void)state;
    float found[PAIRS];
    ropemap_spec spec = spec_of("none", 1e4);
    spec.rotary_dim = 32; /* a quarter */
    plain(1e4, 8, 4, found);
    expect("partial-twice", found, 4, &spec);
    plain(1e4, 128, PAIRS, found);
    expect("partial-ignored", found, PAIRS, &spec);
    plain(1e4, 32, 16, found);
    expect("match", found, 16, &spec);
    expect("count", found, 15, &spec);
}

static void test_elements(void **state) {
    (void)state;
    float pairs[PAIRS], half[2 * PAIRS], interleaved[2 * PAIRS];
    ropemap_spec spec = spec_of("none", 1e4);
    plain(1e4, 128, PAIRS, pairs);
    for (int i = 0; i < PAIRS; i++) {
        half[i] = half[i + PAIRS] = interleaved[2 * i] = interleaved[2 * i + 1] = pairs[i];
    }
    expect("match", half, 2 * PAIRS, &spec);
    expect("layout", interleaved, 2 * PAIRS, &spec);
    spec.layout = ROPEMAP_LAYOUT_INTERLEAVED;
    expect("match", interleaved, 2 * PAIRS, &spec);
    expect("layout", half, 2 * PAIRS, &spec);
}

static void test_other_base(void **state) {
    (void)state;
    float found[PAIRS];
    const ropemap_spec spec = spec_of("none", 5e5);
    plain(1e4, 128, PAIRS, found);
    expect("base", found, PAIRS, &spec);
    assert_non_null(strstr(compare(found, PAIRS, &spec).text, "base 10000"));
}

static void test_uninitialised(void **state) {
    (void)state;
    const ropemap_spec spec = spec_of("none", 1e4);
    float zeros[PAIRS] = {0}, found[PAIRS];
    expect("uninitialised", zeros, PAIRS, &spec);
    plain(1e4, 128, PAIRS, found);
    found[5] = NAN;
    expect("uninitialised", found, PAIRS, &spec);
    found[5] = 1e-40f;
    expect("uninitialised", found, PAIRS, &spec);
    found[5] = -3.0f;
    expect("uninitialised", found, PAIRS, &spec);
}

/* Pairs that do not turn are zeros by right. */
static void test_proportional(void **state) {
    (void)state;
    float found[PAIRS] = {0};
    const ropemap_spec spec = spec_of("proportional:rotated=0.25", 1e6);
    plain(1e6, 128, 16, found);
    expect("match", found, PAIRS, &spec);
    found[20] = 0.5f;
    expect("differs", found, PAIRS, &spec);
}

static void test_bad_spec(void **state) {
    (void)state;
    float found[PAIRS] = {0};
    ropemap_comparison result;
    ropemap_error error = {0};
    ropemap_spec spec = ropemap_spec_default();
    spec.base = 0.5;
    assert_int_equal(ropemap_inv_freq_compare(found, 1, PAIRS, &spec, &result, &error), ROPEMAP_USAGE);
    assert_non_null(strstr(error.text, "base"));
    spec.base = 1e4;
    assert_int_equal(ropemap_inv_freq_compare(found, 0, PAIRS, &spec, &result, &error), ROPEMAP_DATA);
    assert_int_equal(ropemap_inv_freq_compare(found, 1, 0, &spec, &result, &error), ROPEMAP_DATA);
    assert_int_equal(ropemap_inv_freq_compare(found, 1, 2 * ROPEMAP_MAX_PAIRS + 1, &spec, &result, &error),
                     ROPEMAP_DATA);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),           cmocka_unit_test(test_one_pair_differs),
        cmocka_unit_test(test_rounded),         cmocka_unit_test(test_scaling_was_not_applied),
        cmocka_unit_test(test_rotary_fraction), cmocka_unit_test(test_elements),
        cmocka_unit_test(test_other_base),      cmocka_unit_test(test_uninitialised),
        cmocka_unit_test(test_proportional),    cmocka_unit_test(test_bad_spec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
