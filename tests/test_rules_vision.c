/* test_rules_vision.c - rules for the axes of images, against their formulas in long double */
/* SPDX-License-Identifier: MIT */
#include "host/base/status.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const long double PI = 3.14159265358979323846264338327950288L;

static double radians[ROPEMAP_MAX_PAIRS];

static int32_t frequencies(const char *scaling, double base, int32_t dim) {
    static ropemap_freqs freqs;
    ropemap_spec spec = ropemap_spec_default();
    ropemap_error error = {0};
    spec.base = base;
    spec.head_dim = dim;
    if (ropemap_scaling_parse(scaling, &spec.scaling, &error) != ROPEMAP_OK ||
        ropemap_freqs_make(&spec, &freqs, &error) != ROPEMAP_OK ||
        ropemap_spec_radians(&spec, radians, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", scaling, error.text);
    }
    assert_true(freqs.attention_factor == 1.0);
    return freqs.pairs;
}

static void expect(int32_t pair, long double wanted) {
    if (fabsl((long double)radians[pair] - wanted) > 1e-12L * wanted) {
        fail_msg("pair %d: %.17g, not %.17Lg", (int)pair, radians[pair], wanted);
    }
}

/* Llama 4: each axis has base^(-2j / (D/2)) for j < D/4. */
static void test_vision_2d(void **state) {
    (void)state;
    static const struct {
        double base;
        int32_t dim;
    } heads[] = {{1e4, 88}, {1e4, 4}, {123.0, 64}};
    for (size_t h = 0; h < sizeof heads / sizeof heads[0]; h++) {
        const int32_t pairs = frequencies("vision-2d", heads[h].base, heads[h].dim);
        assert_int_equal(pairs, heads[h].dim / 2);
        for (int32_t i = 0; i < pairs; i++) {
            const int32_t j = i % (pairs / 2);
            expect(i, powl((long double)heads[h].base, -2.0L * j / (heads[h].dim / 2)));
        }
    }
}

/* linspace(1, F/2, D/2) pi over linspace(-1, 1, points) */
static void test_axial(void **state) {
    (void)state;
    static const struct {
        const char *scaling;
        int32_t dim;
        long double most, points;
    } axes[] = {{"axial:max-freq=33.3,points=16", 14, 33.3L, 16.0L},
                {"axial:max-freq=256,points=64", 32, 256.0L, 64.0L},
                {"axial:max-freq=10,points=2", 8, 10.0L, 2.0L},
                {"axial:max-freq=2,points=1024", 2, 2.0L, 1024.0L}};
    (void)frequencies("axial:max-freq=33.3,points=16", 1e4, 14);
    assert_true(fabs(radians[6] - 6.97434) < 5e-6);
    for (size_t a = 0; a < sizeof axes / sizeof axes[0]; a++) {
        const int32_t pairs = frequencies(axes[a].scaling, 1e4, axes[a].dim);
        for (int32_t i = 0; i < pairs; i++) {
            const long double share = pairs > 1 ? (long double)i / (pairs - 1) : 0.0L;
            const long double turns = (1.0L + share * (axes[a].most / 2.0L - 1.0L)) / (axes[a].points - 1.0L);
            expect(i, 2.0L * PI * turns); /* whole turns are kept */
        }
    }
}

static void test_bad_parameters(void **state) {
    (void)state;
    static const char *const bad[] = {"axial", "axial:max-freq=10", "axial:max-freq=1,points=10",
                                      "axial:max-freq=10,points=1", "vision-2d:factor=2"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ropemap_scaling scaling;
        assert_int_equal(ropemap_scaling_parse(bad[i], &scaling, NULL), ROPEMAP_USAGE);
    }
    ropemap_spec spec = ropemap_spec_default();
    ropemap_error error = {0};
    spec.scaling.rule = ROPEMAP_SCALING_VISION_2D;
    spec.rotary_dim = 6;
    assert_int_equal(ropemap_spec_check(&spec, &error), ROPEMAP_USAGE);
    assert_non_null(strstr(error.text, "multiple of 4"));
}

static void test_grid(void **state) {
    (void)state;
    ropemap_positions *positions = NULL;
    ropemap_error error = {0};
    assert_int_equal(ropemap_positions_grid(7, &positions, &error), ROPEMAP_OK);
    assert_int_equal(ropemap_positions_count(positions), 49);
    assert_int_equal(ropemap_positions_axes(positions), 2);
    ropemap_positions_free(positions);
    static const int32_t bad[] = {0, -1, 4097};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(ropemap_positions_grid(bad[i], &positions, &error), ROPEMAP_USAGE);
        assert_null(positions);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vision_2d),
        cmocka_unit_test(test_axial),
        cmocka_unit_test(test_bad_parameters),
        cmocka_unit_test(test_grid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
