/* test_bound_bases.c - the bases that hold up to a length, against published numbers and plain loops */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_decay.h"
#include "tests/cosine_sum.h"
#include "tests/unit.h"

#include <math.h>

enum { WINDOWS = 40 };

/* ---- bases */

static ropemap_bound_request bound_for(ropemap_spec spec, int64_t length, double low, double high,
                                       double resolution) {
    spec.base = -1.0; /* is ignored */
    return (ropemap_bound_request){
        .spec = spec, .length = length, .low = low, .high = high, .resolution = resolution, .threads = 2};
}

static int32_t bases_of(const ropemap_bound_request *request, ropemap_window *windows, int32_t most) {
    int32_t count = -1;
    assert_int_equal(ropemap_bound_bases(request, windows, most, &count, NULL), ROPEMAP_OK);
    return count;
}

/* Su Jianlin's least bases (brute force), to two digits. */
static void test_published_bases(void **state) {
    static const struct {
        int64_t length;
        double low;
    } published[] = {{1024, 4.3e3}, {2048, 1.2e4}, {4096, 2.7e4}, {8192, 8.4e4}, {16384, 2.3e5}};
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        ropemap_window window;
        const double low = published[i].low, digit = pow(10.0, floor(log10(low)) - 1.0);
        const ropemap_bound_request request =
            bound_for(ropemap_spec_default(), published[i].length, 0.25 * low, 2.0 * low, 0.0);
        assert_int_equal(bases_of(&request, &window, 1), 1);
        assert_true(fabs(window.low - low) <= 0.5 * digit);
        assert_true(window.worst_at > 0 && window.worst_at < published[i].length && window.worst >= 0.0);
        assert_true(window.fails_at > 0 && window.fails_at < published[i].length);
    }
}

/* The least S(r) / S(0) below a length for a base, or a factor, less what is to be kept; of a base that
 * clearly fails, that of the first distance where it does, which is all that is asked of one. */
static long double plain_least(const ropemap_bound_request *request, double base, int64_t length,
                               int64_t *at) {
    static ropemap_freqs freqs;
    ropemap_spec spec = request->spec;
    *(request->of_factor ? &spec.scaling.factor : &spec.base) = base;
    assert_int_equal(ropemap_freqs_make(&spec, &freqs, NULL), ROPEMAP_OK);
    const long double a = (long double)freqs.attention_factor, fixed = spec.head_dim - 2 * freqs.pairs;
    const long double whole = 2 * a * a * freqs.pairs + fixed;
    long double least = (long double)INFINITY;
    for (int64_t r = 0; r < length && least >= (long double)request->keep - 1e-14L; r++) {
        const long double share = (2 * a * a * plain_sum(&freqs, r) + fixed) / whole;
        if (share < least) {
            least = share;
            *at = r;
        }
    }
    return least - (long double)request->keep;
}

/* At both ends, and just beyond them where they are not those of the search. */
static void check_window(const ropemap_bound_request *request, ropemap_window window) {
    int64_t at = 0;
    assert_true(request->low <= window.low && window.low <= window.high && window.high <= request->high);
    const long double worst = plain_least(request, window.low, request->length, &at);
    assert_true(worst >= -1e-15L); /* the threshold is rounded to double */
    assert_int_equal(window.worst_at, at);
    assert_true(fabsl(window.worst - (worst + (long double)request->keep)) <= 1e-14L);
    assert_true(plain_least(request, window.high, request->length, &at) >= -1e-15L);
    if (window.low > request->low) {
        const double below = window.low * (1.0 - 1.001e-9);
        assert_true(plain_least(request, below, request->length, &at) < 0);
        assert_true(plain_least(request, below, window.fails_at + 1, &at) < 0);
    } else {
        assert_int_equal(window.fails_at, 0);
    }
    assert_int_equal(window.low_is_edge, window.low <= request->low);
    assert_int_equal(window.high_is_edge, window.high >= request->high);
    if (window.high < request->high) {
        assert_true(plain_least(request, window.high * (1.0 + 1.001e-9), request->length, &at) < 0);
    }
}

/* Every base of a grid is in a window or not, as in a plain loop over the distances. */
static int32_t check_bases(ropemap_bound_request request, int points) {
    ropemap_window windows[WINDOWS];
    const int32_t count = bases_of(&request, windows, WINDOWS);
    assert_true(count < WINDOWS);
    for (int32_t i = 0; i < count; i++) {
        check_window(&request, windows[i]);
        assert_true(i == 0 || windows[i].low > windows[i - 1].high);
    }
    for (int k = 0; k <= points; k++) {
        const double base = request.low * pow(request.high / request.low, (double)k / points);
        bool inside = false;
        for (int32_t i = 0; i < count; i++) {
            inside = inside || (base >= windows[i].low && base <= windows[i].high);
        }
        int64_t at = 0;
        if ((plain_least(&request, base, request.length, &at) >= 0) != inside) {
            fail_msg("base %.17g of length %lld: %s a window", base, (long long)request.length,
                     inside ? "in" : "not in");
        }
    }
    return count;
}

static void test_bases(void **state) {
    /* windows with gaps between them; the last one goes on to the end of the search */
    assert_int_equal(check_bases(bound_for(ropemap_spec_default(), 1024, 4250.0, 6100.0, 1e-5), 60), 3);
    assert_int_equal(check_bases(bound_for(spec_of("none", 2.0, 16), 100, 100.0, 1e5, 1e-5), 400), 4);
    assert_int_equal(check_bases(bound_for(spec_of("none", 2.0, 32), 250, 100.0, 1e5, 1e-5), 200), 4);
    (void)check_bases(bound_for(spec_of("linear:factor=4", 2.0, 32), 300, 100.0, 1e5, 1e-5), 100);
    (void)check_bases(bound_for(spec_of("ntk:factor=4", 2.0, 32), 300, 100.0, 1e5, 1e-5), 100);
    (void)check_bases(bound_for(spec_of("proportional:rotated=0.75", 2.0, 32), 300, 100.0, 1e5, 1e-5), 100);
    ropemap_spec partial = spec_of("none", 2.0, 64);
    partial.rotary_dim = 20;
    assert_int_equal(check_bases(bound_for(partial, 100, 10.0, 1e5, 1e-5), 100), 1); /* most of it rests */
    partial.rotary_dim = 56;
    assert_true(check_bases(bound_for(partial, 100, 2.0, 1e5, 1e-5), 100) >= 1);
}

/* Rules whose frequencies jump, or bend, where a pair's part in the mix changes, or follow other powers. */
static void test_bases_of_mixing_rules(void **state) {
    const ropemap_spec yarn = spec_of("yarn:factor=4,original=64", 2.0, 32);
    const ropemap_spec llama3 = spec_of("llama3:factor=8,low=1,high=4,original=64", 2.0, 32);
    (void)check_bases(bound_for(yarn, 200, 50.0, 5e3, 1e-4), 150);
    (void)check_bases(bound_for(llama3, 200, 50.0, 5e3, 1e-4), 150);
    (void)check_bases(bound_for(spec_of("vision-2d", 2.0, 64), 250, 100.0, 1e5, 1e-4), 150);
    static const char *const rules[] = {"yarn:factor=4,original=64,untruncated=1",
                                        "yarn:factor=4,original=64,ramp=paper",
                                        "yarn:factor=16,original=4096",
                                        "yarn:factor=16,original=4096,untruncated=1",
                                        "ggml:scale=0.25,ext=1,original=64",
                                        "ggml:scale=0.25,ext=0.5,original=4096",
                                        "llama3:factor=32,low=1,high=4,original=8192",
                                        "llama3:factor=8,low=2,high=2,original=64"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) { /* the smallest bases too */
        (void)check_bases(bound_for(spec_of(rules[i], 2.0, 32), 90, 1.0 + 1e-6, 3e3, 1e-3), 80);
    }
    ropemap_spec partial = spec_of("yarn:factor=4,original=64,attention=1.5", 2.0, 32);
    partial.rotary_dim = 28;
    (void)check_bases(bound_for(partial, 90, 1.0 + 1e-6, 3e3, 1e-3), 80);
}

/* A share of S(0) that is kept, and factors in place of bases; attention factors, which move thresholds. */
static void test_shares_and_factors(void **state) {
    ropemap_bound_request request = bound_for(ropemap_spec_default(), 128, 100.0, 1e9, 1e-4);
    request.keep = 0.5;
    assert_true(check_bases(request, 60) >= 1);
    request = bound_for(spec_of("none", 2.0, 32), 90, 2.0, 1e5, 1e-4);
    request.keep = 0.2;
    assert_true(check_bases(request, 200) >= 1);
    static const char *const rules[] = {"linear:factor=2", "ntk:factor=2", "yarn:factor=2,original=64",
                                        "yarn:factor=2,original=64,mscale=0.5,mscale-all-dim=1",
                                        "llama3:factor=2,low=1,high=4,original=64"};
    int32_t found = 0;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        for (int32_t rotary_dim = 28; rotary_dim <= 32; rotary_dim += 4) {
            request = bound_for(spec_of(rules[i], 2.0, 32), 250, 1.0, 200.0, 1e-3);
            request.spec.base = 300.0;
            request.spec.rotary_dim = rotary_dim;
            request.of_factor = true;
            request.keep = rotary_dim == 28 ? 0.1 : 0.0;
            found += check_bases(request, 100);
        }
    }
    assert_true(found >= 10);
}

/* Factors of linear scaling from where none larger can fail on, and smaller ones that only skip what fails.
 */
static void test_all_larger_divisors(void **state) {
    static const struct {
        int32_t head_dim;
        int64_t length;
        double base, keep;
    } cases[] = {{4, 12, 100.0, 0.0}, {4, 7, 100.0, 0.0}, {8, 12, 50.0, 0.3}, {8, 7, 50.0, 0.3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ropemap_bound_request request =
            bound_for(spec_of("linear:factor=2", 2.0, cases[i].head_dim), cases[i].length, 1.0, 1e4, 1e-3);
        request.spec.base = cases[i].base;
        request.of_factor = true;
        request.keep = cases[i].keep;
        assert_true(check_bases(request, 600) >= 2);
    }
}

/* Least bases below 100, where searches once began, and rules for which every base above 1 holds. */
static void test_least_bases_below_100(void **state) {
    ropemap_window window = {0};
    ropemap_bound_request request = bound_for(spec_of("none", 2.0, 64), 16, 0.0, 0.0, 0.0);
    assert_int_equal(bases_of(&request, &window, 1), 1);
    assert_true(fabs(window.low - 25.632) <= 5e-4 && !window.low_is_edge && window.high_is_edge);
    int64_t at = 0;
    assert_true(plain_least(&request, window.low, 16, &at) >= 0);
    assert_true(plain_least(&request, window.low * (1 - 1.001e-9), 16, &at) < 0);
    request = bound_for(spec_of("proportional:rotated=0.75", 2.0, 128), 2048, 0.0, 0.0, 0.0);
    assert_int_equal(bases_of(&request, &window, 1), 1);
    assert_true(window.low <= 8.47987 && !window.low_is_edge);
    request = bound_for(spec_of("proportional:rotated=0.25", 2.0, 512), 1 << 15, 0.0, 0.0, 0.0);
    assert_int_equal(bases_of(&request, &window, 1), 1);
    assert_true(window.low > 1.0 && window.low < 1.00001 && window.low_is_edge && window.high_is_edge);
    request = bound_for(spec_of("none", 2.0, 64), 16, 100.0, 200.0, 0.0);
    assert_int_equal(bases_of(&request, &window, 1), 1);
    assert_true(window.low == 100.0 && window.low_is_edge && window.high == 200.0 && window.high_is_edge);
}

/* All bases hold, none does, one pair that does not depend on the base, and fewer windows than there are. */
static void test_ends_of_a_search(void **state) {
    ropemap_window windows[2] = {{0}};
    ropemap_bound_request request = bound_for(ropemap_spec_default(), 2, 0.0, 0.0, 0.01);
    assert_int_equal(bases_of(&request, windows, 2), 1);
    assert_true(windows[0].low == 1.0 + 1e-9 && windows[0].high == 1e10 && windows[0].fails_at == 0);
    assert_true(windows[0].low_is_edge && windows[0].high_is_edge);
    assert_int_equal(windows[0].worst_at, 1);
    request = bound_for(ropemap_spec_default(), 1024, 100.0, 4000.0, 0.0);
    assert_int_equal(bases_of(&request, windows, 2), 0);
    request = bound_for(spec_of("none", 2.0, 2), 3, 10.0, 11.0, 0.0);
    assert_int_equal(bases_of(&request, windows, 2), 0);
    request.length = 2;
    assert_int_equal(bases_of(&request, windows, 2), 1);
    request = bound_for(ropemap_spec_default(), 1024, 4250.0, 6100.0, 1e-4);
    assert_int_equal(bases_of(&request, windows, 1), 1);
    assert_true(windows[0].low > 4293.0 && windows[0].high < 4331.0);
}

static void test_bases_and_threads(void **state) {
    ropemap_window first[4] = {{0}}, again[4] = {{0}};
    ropemap_bound_request request = bound_for(ropemap_spec_default(), 8192, 2e4, 2e5, 1e-5);
    request.threads = 1;
    assert_int_equal(bases_of(&request, first, 4), 4);
    for (request.threads = 2; request.threads <= 3; request.threads++) {
        assert_int_equal(bases_of(&request, again, 4), 4);
        assert_memory_equal(first, again, sizeof first);
    }
}

/* ---- stops and refusals */

static void test_stops_and_progress(void **state) {
    ropemap_window window;
    int32_t count = -1;
    ropemap_bound_request request = bound_for(ropemap_spec_default(), 1 << 20, 0.0, 0.0, 1e-9);
    struct wish wish = {.stage = "bases", .stop_from = 1e-5};
    request.progress = tell;
    request.progress_user = &wish;
    assert_int_equal(ropemap_bound_bases(&request, &window, 1, &count, NULL), ROPEMAP_STOPPED);
    assert_true(count == 0 && wish.calls > 0);
    request = bound_for(ropemap_spec_default(), 100, 100.0, 110.0, 1e-4);
    wish = (struct wish){.stage = "bases", .stop_from = 2.0};
    request.progress = tell;
    request.progress_user = &wish;
    assert_int_equal(ropemap_bound_bases(&request, &window, 1, &count, NULL), ROPEMAP_OK);
    /* bases of the grid, without those that its end's verdict covers */
    assert_true(wish.last > 0.0 && wish.last <= ceil(log(1.1) / log1p(1e-4)) + 1.0);
}

static void refuse_bound(ropemap_bound_request request, int32_t most, const char *text) {
    ropemap_window window;
    ropemap_error error = {0};
    int32_t count = -1;
    assert_int_equal(ropemap_bound_bases(&request, &window, most, &count, &error), ROPEMAP_USAGE);
    assert_int_equal(count, 0);
    assert_says(error.text, text);
}

static void test_refusals(void **state) {
    ropemap_spec spec = ropemap_spec_default();
    refuse_bound(bound_for(spec, 1, 0.0, 0.0, 0.0), 1, "length: 1, expected 2 to 2^24");
    refuse_bound(bound_for(spec, (1 << 24) + 1, 0.0, 0.0, 0.0), 1, "length: 16777217");
    refuse_bound(bound_for(spec, 10, 0.99, 0.0, 0.0), 1, "low: base 0.99,");
    refuse_bound(bound_for(spec, 10, (double)NAN, 0.0, 0.0), 1, "low: base nan");
    refuse_bound(bound_for(spec, 10, 50.0, 50.0, 0.0), 1, "high: base 50");
    refuse_bound(bound_for(spec, 10, 2.0, 1e31, 0.0), 1, "high: base 1e+31");
    refuse_bound(bound_for(spec, 10, 0.0, 0.0, 1e-10), 1, "resolution: 1e-10");
    refuse_bound(bound_for(spec, 10, 0.0, 0.0, (double)NAN), 1, "resolution: nan");
    refuse_bound(bound_for(spec, 10, 0.0, 0.0, 0.0), 0, "most: 0");
    ropemap_bound_request request = bound_for(spec, 10, 0.0, 0.0, 0.0);
    request.threads = -1;
    refuse_bound(request, 1, "threads: -1");
    request = bound_for(spec, 10, 0.0, 0.0, 0.0);
    request.keep = 1.0;
    refuse_bound(request, 1, "keep: 1 is out of range");
    request = bound_for(spec, 10, 0.0, 0.0, 0.0);
    request.of_factor = true;
    request.spec.base = 1e4;
    refuse_bound(request, 1, "no factor of none");
    request.spec.scaling.rule = ROPEMAP_SCALING_LINEAR;
    request.low = 0.5;
    refuse_bound(request, 1, "low: factor 0.5");
    spec.head_dim = 3;
    refuse_bound(bound_for(spec, 10, 0.0, 0.0, 0.0), 1, "head-dim: 3");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_bases),       cmocka_unit_test(test_bases),
        cmocka_unit_test(test_bases_of_mixing_rules), cmocka_unit_test(test_shares_and_factors),
        cmocka_unit_test(test_all_larger_divisors),   cmocka_unit_test(test_least_bases_below_100),
        cmocka_unit_test(test_ends_of_a_search),      cmocka_unit_test(test_bases_and_threads),
        cmocka_unit_test(test_stops_and_progress),    cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
