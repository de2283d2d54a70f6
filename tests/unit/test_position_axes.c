/* test_position_axes.c - rules for the axes of images, against their formulas in long double */
/* SPDX-License-Identifier: MIT */
#include "host/base/status.h"
#include "host/data/vectors.h"
#include "tests/divisors.h"
#include "tests/unit.h"

#include <math.h>

static const long double PI = 3.14159265358979323846264338327950288L;

static double radians[ROPEMAP_MAX_PAIRS];

static int32_t frequencies(const char *scaling, double base, int32_t dim) {
    static ropemap_freqs freqs;
    ropemap_spec spec = ropemap_spec_default();
    ropemap_error error = {0};
    spec.base = base;
    spec.head_dim = dim;
    if (ropemap_scaling_parse(scaling, some_divisors(), &spec.scaling, &error) != ROPEMAP_OK ||
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
static void vision_2d_gives_each_axis_half_of_the_pairs(void **state) {
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
static void axial_frequencies_are_evenly_spaced(void **state) {
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

static void bad_parameters_are_refused(void **state) {
    static const char *const bad[] = {"axial", "axial:max-freq=10", "axial:max-freq=1,points=10",
                                      "axial:max-freq=10,points=1", "vision-2d:factor=2"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ropemap_scaling scaling;
        assert_int_equal(ropemap_scaling_parse(bad[i], some_divisors(), &scaling, NULL), ROPEMAP_USAGE);
    }
    ropemap_spec spec = ropemap_spec_default();
    ropemap_error error = {0};
    spec.scaling.rule = ROPEMAP_SCALING_VISION_2D;
    spec.rotary_dim = 6;
    assert_int_equal(ropemap_spec_check(&spec, &error), ROPEMAP_USAGE);
    assert_says(error.text, "multiple of 4");
}

/* Row by row, the last side innermost; Llama 4 numbers columns first and counts from 1. */
static void a_grid_gives_positions_in_reading_order(void **state) {
    ropemap_positions *positions = NULL;
    ropemap_error error = {0};
    const ropemap_grid video = {.axes = 3, .sides = {2, 3, 4}};
    assert_int_equal(ropemap_positions_grid(&video, &positions, &error), ROPEMAP_OK);
    assert_int_equal(ropemap_positions_count(positions), 24);
    assert_int_equal(ropemap_positions_axes(positions), 3);
    assert_int_equal(ropemap_positions_last(positions), 3);
    int64_t patch = 0;
    for (int64_t t = 0; t < 2; t++) {
        for (int64_t h = 0; h < 3; h++) {
            for (int64_t w = 0; w < 4; w++, patch++) {
                assert_int_equal(positions->values[patch], t);
                assert_int_equal(positions->values[24 + patch], h);
                assert_int_equal(positions->values[48 + patch], w);
            }
        }
    }
    ropemap_positions_free(positions);
    const ropemap_grid llama = {.axes = 2, .sides = {3, 7}, .first = 1, .across_first = true};
    assert_int_equal(ropemap_positions_grid(&llama, &positions, &error), ROPEMAP_OK);
    assert_int_equal(ropemap_positions_last(positions), 7);
    for (int64_t i = 0; i < 21; i++) {
        assert_int_equal(positions->values[i], i % 7 + 1);
        assert_int_equal(positions->values[21 + i], i / 7 + 1);
    }
    ropemap_positions_free(positions);
    const ropemap_grid bad[] = {{.axes = 2, .sides = {3, 0}},
                                {.axes = 2, .sides = {-1, 3}},
                                {.axes = 2, .sides = {4097, 1}},
                                {.axes = 1, .sides = {4}},
                                {.axes = 5, .sides = {1, 1, 1, 1}},
                                {.axes = 2, .sides = {2, 2}, .first = -1},
                                {.axes = 4, .sides = {4096, 4096, 4096, 4096}}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(ropemap_positions_grid(&bad[i], &positions, &error), ROPEMAP_USAGE);
        assert_null(positions);
    }
}

/* ---- frequencies of several axes, against their formulas in long double ---- */

static void deal(const ropemap_axes *axes, const char *scaling, double base) {
    ropemap_spec spec = ropemap_spec_default();
    ropemap_error error = {0};
    int32_t pairs = 0;
    for (int32_t axis = 0; axis < axes->count; axis++) {
        pairs += axes->pairs[axis];
    }
    spec.base = base;
    spec.head_dim = 2 * pairs;
    spec.axes = *axes;
    if (ropemap_scaling_parse(scaling, some_divisors(), &spec.scaling, &error) != ROPEMAP_OK ||
        ropemap_spec_radians(&spec, radians, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
}

static void axes_may_have_a_ladder_each(void **state) {
    const ropemap_axes flux = {3, ROPEMAP_DEAL_LADDERS, {8, 28, 28}, {0}};
    for (int scaled = 0; scaled < 2; scaled++) {
        deal(&flux, scaled ? "ntk:factor=4" : "none", 1e4);
        for (int32_t axis = 0, pair = 0; axis < 3; axis++) {
            const long double dim = 2.0L * flux.pairs[axis];
            const long double base = scaled ? 1e4L * powl(4.0L, dim / (dim - 2.0L)) : 1e4L;
            for (int32_t j = 0; j < flux.pairs[axis]; j++, pair++) {
                expect(pair, powl(base, -2.0L * j / dim));
                assert_int_equal(ropemap_axes_follow(&flux, pair), axis);
            }
        }
    }
    /* DINOv3: coordinates (2 c + 1 - n) / n, times 2 pi: 4 pi / n a patch */
    const ropemap_axes dino = {2, ROPEMAP_DEAL_UNIT, {16, 16}, {14, 37}};
    deal(&dino, "none", 100.0);
    for (int32_t i = 0; i < 32; i++) {
        expect(i, 4.0L * PI / (i < 16 ? 14.0L : 37.0L) * powl(100.0L, -(long double)(i % 16) / 16.0L));
    }
}

static void axes_may_share_one_ladder(void **state) {
    const ropemap_axes pixtral = {2, ROPEMAP_DEAL_STRIDED, {16, 16}, {0}};
    deal(&pixtral, "none", 1e4);
    for (int32_t i = 0; i < 32; i++) {
        const int32_t taken = i < 16 ? 2 * i : 2 * (i - 16) + 1;
        expect(i, powl(1e4L, -2.0L * taken / 64.0L));
        assert_int_equal(ropemap_axes_follow(&pixtral, i), i / 16);
    }
    const ropemap_axes three = {3, ROPEMAP_DEAL_STRIDED, {3, 3, 2}, {0}};
    deal(&three, "none", 1e4);
    static const int32_t taken[] = {0, 3, 6, 1, 4, 7, 2, 5};
    for (int32_t i = 0; i < 8; i++) {
        expect(i, powl(1e4L, -2.0L * taken[i] / 16.0L));
    }
    const ropemap_axes ernie = {3, ROPEMAP_DEAL_TIME_LAST, {20, 22, 22}, {0}};
    deal(&ernie, "none", 5e5);
    for (int32_t i = 0; i < 64; i++) {
        expect(i, powl(5e5L, -2.0L * i / 128.0L));
        assert_int_equal(ropemap_axes_follow(&ernie, i), i >= 44 ? 0 : 1 + i % 2);
    }
}

static void axes_survive_their_text_form(void **state) {
    static const char *const good[] = {
        "16,56,56",    "unit:32,32",      "strided:32,32", "sections:32,48,48",
        "32,32,32,32", "interleaved:6,6", "2,2",           "time-last:40,44,44"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ropemap_axes axes;
        char text[80];
        assert_int_equal(ropemap_axes_parse(good[i], &axes, NULL), ROPEMAP_OK);
        ropemap_axes_format(&axes, text, sizeof text);
        assert_string_equal(text, good[i]);
    }
    static const char *const bad[] = {"",
                                      "16",
                                      "16,",
                                      ",16",
                                      "16,17",
                                      "16,x",
                                      "-2,4",
                                      "unit:16",
                                      "a:4,4",
                                      "4,4,4,4,4",
                                      "4;4",
                                      "4,4 ",
                                      "4,99999999999999999999",
                                      "unit",
                                      "4,,4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ropemap_axes axes;
        ropemap_error error = {0};
        assert_int_equal(ropemap_axes_parse(bad[i], &axes, &error), ROPEMAP_USAGE);
        assert_says(error.text, "16,56,56");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vision_2d_gives_each_axis_half_of_the_pairs),
        cmocka_unit_test(axial_frequencies_are_evenly_spaced),
        cmocka_unit_test(bad_parameters_are_refused),
        cmocka_unit_test(a_grid_gives_positions_in_reading_order),
        cmocka_unit_test(axes_may_have_a_ladder_each),
        cmocka_unit_test(axes_may_share_one_ladder),
        cmocka_unit_test(axes_survive_their_text_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
