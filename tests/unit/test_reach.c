/* test_reach.c - how far a rule holds: sums of cosines, their signs and the first negative one */
/* SPDX-License-Identifier: MIT */
#include "host/decay/cosine_sums.h"
#include "host/ropemap_decay.h"
#include "tests/cosine_sum.h"
#include "tests/unit.h"

#include <math.h>

/* ---- sums and their signs */

static void test_sums(void **state) {
    static const int64_t distances[] = {
        0, 1, 2, 1707, 65537, 1048577, ((int64_t)1 << 32) + 5, ((int64_t)1 << 36) - 1};
    static oracle_rule rule;
    static ropemap_freqs freqs;
    double rates[64];
    const ropemap_spec spec = spec_of("none", 5e5, 128);
    oracle_rule_make(&spec, &rule);
    assert_int_equal(ropemap_freqs_make(&spec, &freqs, NULL), ROPEMAP_OK);
    for (size_t i = 0; i < sizeof distances / sizeof distances[0]; i++) {
        long double sum = 0, sines = 0;
        for (int32_t p = 0; p < 64; p++) {
            const long double phase = oracle_phase(rule.frequencies[p], (long double)distances[i]);
            rates[p] = 0.25 * p - 3.0;
            sum += oracle_cos(phase);
            sines += rates[p] * oracle_sin(phase);
        }
        const double got = rm_bound_sum(&freqs, distances[i]);
        assert_true(fabsl(got - sum) <= 64 * 1e-15L + 4096 * 0x1p-53L);
        assert_true(fabsl(rm_bound_sum_sines(&freqs, rates, distances[i]) - sines) <= 1e-11L);
        /* thresholds that double cannot tell from the sum, but long double can: 2^-59 turns are unknown of a
         * phase at 2^36, a tenth of a last digit of the sum */
        const double nearest = (double)sum;
        const double thresholds[] = {nearest, nextafter(nearest, 99.0), nextafter(nearest, -99.0),
                                     nearest + 1e-13, nearest - 1e-13};
        for (size_t t = 0; t < sizeof thresholds / sizeof thresholds[0]; t++) {
            if (fabsl(sum - thresholds[t]) > 2e-16L) {
                assert_int_equal(rm_bound_sum_below(&freqs, distances[i], thresholds[t]),
                                 sum < thresholds[t]);
            }
        }
    }
}

/* ---- reach */

static ropemap_reach reach_of(ropemap_spec spec, int64_t limit, int32_t threads) {
    ropemap_reach found = {.reach = -1};
    assert_int_equal(ropemap_bound_reach(&spec, limit, threads, NULL, NULL, &found, NULL), ROPEMAP_OK);
    return found;
}

/* First negative sums that others found by brute force. */
static void test_published_reach(void **state) {
    assert_int_equal(reach_of(spec_of("none", 1e4, 128), 1000000, 2).reach, 1707);
    assert_int_equal(reach_of(spec_of("none", 5e5, 128), 1000000, 2).reach, 18438);
    assert_int_equal(reach_of(spec_of("none", 1e6, 128), 1000000, 2).reach, 27115);
    assert_int_equal(reach_of(spec_of("none", 1e4, 64), 1000000, 2).reach, 725);
}

/* S(r) = (2 a^2 sum of cosines + elements that do not rotate) / d, as a share of S(0). */
static void check_reach(ropemap_spec spec, int64_t limit) {
    static ropemap_freqs freqs;
    const ropemap_reach found = reach_of(spec, limit, 2);
    assert_int_equal(ropemap_freqs_make(&spec, &freqs, NULL), ROPEMAP_OK);
    const long double a = (long double)freqs.attention_factor, fixed = spec.head_dim - 2 * freqs.pairs;
    const long double whole = 2 * a * a * freqs.pairs + fixed;
    ropemap_reach plain = {0};
    long double least = (long double)INFINITY, value = 0;
    for (int64_t r = 0; r < limit && plain.reach == 0; r++) {
        const long double share = (2 * a * a * plain_sum(&freqs, r) + fixed) / whole;
        if (plain.half == 0 && share < 0.5L) {
            plain.half = r;
        }
        if (share < 0) {
            plain.reach = r;
            value = share;
        } else if (share < least) {
            least = share;
            plain.least_at = r;
        }
    }
    assert_int_equal(found.reach, plain.reach);
    assert_int_equal(found.half, plain.half);
    assert_int_equal(found.least_at, plain.least_at);
    assert_true(fabsl(found.least - least) <= 1e-14L);
    assert_true(fabsl(found.value - (plain.reach != 0 ? value : least)) <= 1e-14L);
}

static void test_reach(void **state) {
    static const int64_t limits[] = {1, 2, 3, 46, 47, 700, 726, 3001};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        check_reach(spec_of("none", 1e4, 64), limits[i]);
    }
    check_reach(spec_of("none", 1e4, 2), 5);
    check_reach(spec_of("none", 1e4, 10), 100);
    check_reach(spec_of("linear:factor=3", 1e5, 34), 2000);
    check_reach(spec_of("yarn:factor=8,original=128", 1e4, 32), 2000);
    check_reach(spec_of("proportional:rotated=0.25", 1e4, 32), 2000);
    ropemap_spec partial = spec_of("none", 1e4, 96);
    partial.rotary_dim = 24;
    check_reach(partial, 500);
    partial.rotary_dim = 84; /* 12 elements rest */
    check_reach(partial, 3000);
    partial = spec_of("yarn:factor=8,original=128,attention=0.6", 1e4, 96); /* these count for more */
    partial.rotary_dim = 84;
    check_reach(partial, 3000);
    partial.scaling.attention_factor = 2.0; /* and for less */
    check_reach(partial, 3000);
}

/* Phi-2 rotates 32 of 80 elements: its similarity is never below 0, its rotated part soon. */
static void test_reach_of_a_partial_rotation(void **state) {
    ropemap_spec phi = spec_of("none", 1e4, 80);
    phi.rotary_dim = 32;
    const ropemap_reach whole = reach_of(phi, 100000, 2);
    assert_true(whole.half == 1536 && whole.reach == 0);
    const ropemap_reach part = reach_of(spec_of("none", 1e4, 32), 100000, 2);
    assert_true(part.half == 16 && part.reach == 474);
}

/* Nothing turns, and every sum is the number of pairs. */
static void test_nothing_turns(void **state) {
    const ropemap_reach found = reach_of(spec_of("proportional:rotated=0.01", 1e4, 64), (int64_t)1 << 36, 1);
    assert_true(found.reach == 0 && found.half == 0 && found.least_at == 0);
    assert_true(found.value == 1.0 && found.least == 1.0);
}

/* The negative sum is in the third part, so that threads are beyond it when it is found. */
static void test_reach_and_threads(void **state) {
    const ropemap_spec spec = spec_of("none", 1e7, 128);
    const ropemap_reach first = reach_of(spec, 1000000, 1);
    assert_true(first.reach > 131072 && first.least_at < first.reach);
    for (int32_t threads = 2; threads <= 3; threads++) {
        const ropemap_reach found = reach_of(spec, 1000000, threads);
        assert_memory_equal(&first, &found, sizeof first);
    }
    const ropemap_reach below = reach_of(spec, first.reach, 2);
    assert_true(below.reach == 0 && below.least_at == first.least_at && below.least == first.least);
    assert_true(below.value == below.least && below.half == first.half);
}

/* ---- stops and refusals */

static void test_stops_and_progress(void **state) {
    struct wish wish = {.stage = "distances", .stop_from = 0.01};
    ropemap_reach found;
    const ropemap_spec spec = spec_of("none", 1e30, 128);
    assert_int_equal(ropemap_bound_reach(&spec, (int64_t)1 << 30, 2, tell, &wish, &found, NULL),
                     ROPEMAP_STOPPED);
    wish = (struct wish){.stage = "distances", .stop_from = 2.0};
    assert_int_equal(ropemap_bound_reach(&spec, 100000, 2, tell, &wish, &found, NULL), ROPEMAP_OK);
    assert_true(wish.total > 0.0 && wish.last == wish.total);
}

static void refuse_reach(ropemap_spec spec, int64_t limit, int32_t threads, const char *text) {
    ropemap_reach found;
    ropemap_error error = {0};
    assert_int_equal(ropemap_bound_reach(&spec, limit, threads, NULL, NULL, &found, &error), ROPEMAP_USAGE);
    assert_says(error.text, text);
}

static void test_refusals(void **state) {
    ropemap_spec spec = ropemap_spec_default();
    refuse_reach(spec, 0, 1, "limit: 0, expected 1 to 2^36");
    refuse_reach(spec, ((int64_t)1 << 36) + 1, 1, "limit: 68719476737");
    refuse_reach(spec, 10, 1025, "threads: 1025");
    spec.head_dim = 3;
    refuse_reach(spec, 10, 1, "head-dim: 3");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_published_reach),
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_reach_of_a_partial_rotation),
        cmocka_unit_test(test_nothing_turns),
        cmocka_unit_test(test_reach_and_threads),
        cmocka_unit_test(test_stops_and_progress),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
