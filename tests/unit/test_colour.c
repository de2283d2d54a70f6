/* test_colour.c - colour maps, limits and levels */
/* SPDX-License-Identifier: MIT */
#include "host/figure/colour.h"
#include "tests/unit.h"

#include <float.h>
#include <math.h>

static void names_are_listed(void **state) {
    static const char *const names[] = {"auto",      "viridis",    "magma",          "cividis", "batlow",
                                        "diverging", "grey",       "turbo",          "seed",    "cyclic",
                                        "dark",      "difference", "difference-dark"};
    const int count = (int)(sizeof names / sizeof *names);
    for (int map = 0; map < count; map++) {
        assert_string_equal(ropemap_colormap_name((ropemap_colormap)map), names[map]);
    }
    assert_null(ropemap_colormap_name((ropemap_colormap)count));
    assert_null(ropemap_colormap_name((ropemap_colormap)-1));
}

/* CIE 1976 lightness of an sRGB colour, 0 to 100. */
static double lightness(const uint8_t rgb[3]) {
    static const double weight[3] = {0.2126, 0.7152, 0.0722};
    double y = 0.0;
    for (int channel = 0; channel < 3; channel++) {
        const double v = rgb[channel] / 255.0;
        y += weight[channel] * (v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
    }
    return y > 216.0 / 24389.0 ? 116.0 * cbrt(y) - 16.0 : y * 24389.0 / 27.0;
}

/* A bare picture's palette is the public one, and its scale gives the value of a level. */
static void public_colours_and_scale_are_those_in_effect(void **state) {
    float cells[4] = {-0.5f, 0.0f, 0.25f, 1.0f};
    const ropemap_map map = {.height = 1, .width = 4, .cells = cells, .min = -0.5, .max = 1.0};
    for (int index = 0; ropemap_colormap_name((ropemap_colormap)index) != NULL; index++) {
        const ropemap_figure figure = {.colormap = (ropemap_colormap)index, .bare = true, .panel.map = &map};
        uint8_t rgb[ROPEMAP_LEVELS + 1][3];
        ropemap_scale scale;
        rm_colour colour;
        assert_int_equal(ropemap_figure_scale(&figure, &scale, NULL), ROPEMAP_OK);
        assert_int_equal(rm_colour_choose(&figure, &colour, NULL), ROPEMAP_OK);
        ropemap_colormap_rgb(scale.colormap, rgb);
        assert_memory_equal(rgb, colour.palette.rgb, sizeof rgb);
        assert_true(scale.colormap != ROPEMAP_COLORMAP_AUTO && scale.low < scale.high);
        const bool diverging = index == ROPEMAP_COLORMAP_AUTO || index == ROPEMAP_COLORMAP_DIVERGING ||
                               index == ROPEMAP_COLORMAP_DARK || index >= ROPEMAP_COLORMAP_DIFFERENCE;
        assert_float_equal(scale.low, (diverging ? -1.0 : -0.5), 0.0);
        assert_float_equal(scale.high, 1.0, 0.0);
    }
    const ropemap_figure backwards = {.has_limits = true, .low = 1.0, .high = 0.0, .panel.map = &map};
    ropemap_scale unused;
    assert_int_equal(ropemap_figure_scale(&backwards, &unused, NULL), ROPEMAP_USAGE);
}

/* First, middle and last colours as their authors publish them; the middle to a level's rounding. */
static void tables_are_the_published_ones(void **state) {
    static const struct {
        ropemap_colormap map;
        uint8_t first[3], middle[3], last[3];
    } maps[] = {
        {ROPEMAP_COLORMAP_VIRIDIS, {68, 1, 84}, {33, 145, 140}, {253, 231, 37}},
        {ROPEMAP_COLORMAP_MAGMA, {0, 0, 4}, {183, 55, 121}, {252, 253, 191}},
        {ROPEMAP_COLORMAP_CIVIDIS, {0, 34, 78}, {125, 124, 120}, {254, 232, 56}},
        {ROPEMAP_COLORMAP_TURBO, {48, 18, 59}, {164, 252, 60}, {122, 4, 3}},
        {ROPEMAP_COLORMAP_BATLOW, {1, 25, 89}, {130, 130, 49}, {250, 204, 250}},
        {ROPEMAP_COLORMAP_GREY, {0, 0, 0}, {128, 128, 128}, {255, 255, 255}},
    };
    for (size_t pick = 0; pick < sizeof maps / sizeof *maps; pick++) {
        rm_palette palette;
        rm_palette_make(maps[pick].map, false, &palette);
        assert_memory_equal(palette.rgb[0], maps[pick].first, 3);
        assert_memory_equal(palette.rgb[254], maps[pick].last, 3);
        for (int channel = 0; channel < 3; channel++) {
            assert_true(abs(palette.rgb[127][channel] - maps[pick].middle[channel]) <= 3);
        }
    }
}

static void sequential_maps_grow_lighter(void **state) {
    static const ropemap_colormap maps[] = {ROPEMAP_COLORMAP_VIRIDIS, ROPEMAP_COLORMAP_MAGMA,
                                            ROPEMAP_COLORMAP_CIVIDIS, ROPEMAP_COLORMAP_BATLOW,
                                            ROPEMAP_COLORMAP_GREY};
    for (size_t pick = 0; pick < sizeof maps / sizeof *maps; pick++) {
        rm_palette palette;
        rm_palette_make(maps[pick], false, &palette);
        for (int level = 4; level < RM_LEVELS;
             level++) { /* over four levels, rounding to bytes does not show */
            assert_true(lightness(palette.rgb[level]) > lightness(palette.rgb[level - 4]));
        }
    }
}

static void diverging_is_symmetric_about_white(void **state) {
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_DIVERGING, false, &palette);
    const uint8_t *middle = palette.rgb[127];
    assert_true(lightness(middle) > 94.0);
    assert_true(abs(middle[0] - middle[1]) <= 1 && abs(middle[1] - middle[2]) <= 1);
    for (int away = 1; away <= 127; away++) {
        const uint8_t *blue = palette.rgb[127 - away], *red = palette.rgb[127 + away];
        assert_true(blue[2] > blue[0] && red[0] > red[2]);
        assert_true(fabs(lightness(blue) - lightness(red)) < 3.5);
        if (away >= 4) {
            assert_true(lightness(blue) < lightness(palette.rgb[127 - away + 4]));
            assert_true(lightness(red) < lightness(palette.rgb[127 + away - 4]));
        }
    }
}

/* A difference is not taken for a similarity: orange and purple, as far from white as each other. */
static void difference_is_symmetric_about_white(void **state) {
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_DIFFERENCE, false, &palette);
    assert_true(lightness(palette.rgb[127]) > 94.0);
    for (int away = 4; away <= 127; away++) {
        const uint8_t *orange = palette.rgb[127 - away], *purple = palette.rgb[127 + away];
        assert_true(orange[0] > orange[1] && orange[1] > orange[2]);
        assert_true(purple[0] > purple[1] && purple[2] > purple[1]);
        assert_true(fabs(lightness(orange) - lightness(purple)) < 3.5);
        assert_true(lightness(orange) < lightness(palette.rgb[127 - away + 4]));
    }
}

/* On a dark page what is near 0 is quiet, and both signs are as bright. */
static void dark_ones_are_symmetric_about_a_dark_middle(void **state) {
    for (int pair = 0; pair < 2; pair++) {
        rm_palette palette;
        rm_palette_make(pair == 0 ? ROPEMAP_COLORMAP_DARK : ROPEMAP_COLORMAP_DIFFERENCE_DARK, false,
                        &palette);
        const uint8_t *middle = palette.rgb[127];
        assert_true(lightness(middle) < 12.0);
        assert_true(abs(middle[0] - middle[1]) <= 1 && abs(middle[1] - middle[2]) <= 1);
        for (int away = 4; away <= 127; away++) {
            const uint8_t *low = palette.rgb[127 - away], *high = palette.rgb[127 + away];
            assert_true(pair == 0
                            ? low[2] > low[0] && high[0] > high[2]
                            : low[0] > low[1] && low[1] >= low[2] && high[0] > high[1] && high[2] > high[1]);
            assert_true(fabs(lightness(low) - lightness(high)) < 6.0);
            assert_true(lightness(low) > lightness(palette.rgb[127 - away + 4]));
            assert_true(lightness(high) > lightness(palette.rgb[127 + away - 4]));
        }
    }
}

/* Ends that are one colour; a quarter turn away from white, blue on one side and red on the other. */
static void cyclic_ends_where_it_begins(void **state) {
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_CYCLIC, false, &palette);
    assert_memory_equal(palette.rgb[0], palette.rgb[RM_LEVEL_MAX], 3);
    assert_true(lightness(palette.rgb[0]) < 30.0 && lightness(palette.rgb[127]) > 94.0);
    assert_true(palette.rgb[63][2] > palette.rgb[63][0] + 80 &&
                palette.rgb[190][0] > palette.rgb[190][2] + 80);
    for (int away = 4; away <= 127; away++) {
        assert_true(lightness(palette.rgb[127 - away]) < lightness(palette.rgb[127 - away + 4]));
        assert_true(lightness(palette.rgb[127 + away]) < lightness(palette.rgb[127 + away - 4]));
    }
}

/* CSS Color 4's form of HSL, which has no cases of hue. */
static double hsl_channel(int n, double hue, double saturation, double light) {
    const double k = fmod(n + hue / 30.0, 12.0), a = saturation * fmin(light, 1.0 - light);
    return light - a * fmax(-1.0, fmin(fmin(k - 3.0, 9.0 - k), 1.0));
}

static void seed_is_the_hsl_rule(void **state) {
    static const int place[3] = {0, 8, 4};
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_SEED, false, &palette);
    for (int level = 0; level < RM_LEVELS; level++) {
        const double v = level / 254.0;
        for (int channel = 0; channel < 3; channel++) {
            const double exact = 255.0 * hsl_channel(place[channel], (1.0 - v) * 240.0, 1.0, 0.5 + 0.3 * v);
            assert_true(fabs(palette.rgb[level][channel] - exact) <= 0.5 + 1e-9);
        }
    }
}

static void nan_is_told_from_every_level(void **state) {
    for (int map = 1; ropemap_colormap_name((ropemap_colormap)map) != NULL; map++) {
        rm_palette palette;
        rm_palette_make((ropemap_colormap)map, false, &palette);
        const uint8_t *nan = palette.rgb[RM_LEVEL_NAN];
        for (int level = 0; level < RM_LEVELS; level++) {
            const uint8_t *rgb = palette.rgb[level];
            const double apart = hypot(hypot(rgb[0] - nan[0], rgb[1] - nan[1]), rgb[2] - nan[2]);
            assert_true(apart > 40.0);
        }
        /* Neutral next to colours, coloured next to greys. */
        assert_int_equal(nan[0] == nan[1] && nan[1] == nan[2], map != ROPEMAP_COLORMAP_GREY);
    }
}

static ropemap_status choose(const ropemap_figure *figure, double min, double max, rm_colour *colour) {
    float cells[2] = {(float)min, (float)max};
    const ropemap_map map = {.height = 1, .width = 2, .cells = cells, .min = min, .max = max};
    ropemap_figure own = *figure;
    own.panel.map = &map;
    return rm_colour_choose(&own, colour, NULL);
}

static void limits_come_from_the_map(void **state) {
    static const struct {
        double min, max;
        ropemap_colormap asked, chosen;
        double low, high;
    } cases[] = {
        {0.25, 0.75, ROPEMAP_COLORMAP_AUTO, ROPEMAP_COLORMAP_VIRIDIS, 0.25, 0.75},
        {-0.25, 1.0, ROPEMAP_COLORMAP_AUTO, ROPEMAP_COLORMAP_DIVERGING, -1.0, 1.0},
        {-2.0, 0.5, ROPEMAP_COLORMAP_AUTO, ROPEMAP_COLORMAP_DIVERGING, -2.0, 2.0},
        {-2.0, -0.5, ROPEMAP_COLORMAP_AUTO, ROPEMAP_COLORMAP_VIRIDIS, -2.0, -0.5},
        {0.0, 1.0, ROPEMAP_COLORMAP_AUTO, ROPEMAP_COLORMAP_VIRIDIS, 0.0, 1.0},
        {0.25, 0.75, ROPEMAP_COLORMAP_DIVERGING, ROPEMAP_COLORMAP_DIVERGING, -0.75, 0.75},
        {-0.25, 0.75, ROPEMAP_COLORMAP_MAGMA, ROPEMAP_COLORMAP_MAGMA, -0.25, 0.75},
        {0.0, 0.0, ROPEMAP_COLORMAP_AUTO, ROPEMAP_COLORMAP_VIRIDIS, 0.0, 1.0},
        {0.0, 0.0, ROPEMAP_COLORMAP_DIVERGING, ROPEMAP_COLORMAP_DIVERGING, -1.0, 1.0},
        {3.0, 3.0, ROPEMAP_COLORMAP_AUTO, ROPEMAP_COLORMAP_VIRIDIS, 0.0, 3.0},
        {-3.0, -3.0, ROPEMAP_COLORMAP_AUTO, ROPEMAP_COLORMAP_VIRIDIS, -3.0, 0.0},
        {1.0, (double)INFINITY, ROPEMAP_COLORMAP_AUTO, ROPEMAP_COLORMAP_VIRIDIS, 0.0, 1.0},
        {-(double)INFINITY, (double)INFINITY, ROPEMAP_COLORMAP_AUTO, ROPEMAP_COLORMAP_VIRIDIS, 0.0, 1.0},
        {(double)NAN, (double)NAN, ROPEMAP_COLORMAP_AUTO, ROPEMAP_COLORMAP_VIRIDIS, 0.0, 1.0},
        {-(double)FLT_MAX, (double)FLT_MAX, ROPEMAP_COLORMAP_AUTO, ROPEMAP_COLORMAP_DIVERGING,
         -(double)FLT_MAX, (double)FLT_MAX},
    };
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        rm_colour colour;
        assert_int_equal(choose(&(ropemap_figure){.colormap = cases[pick].asked}, cases[pick].min,
                                cases[pick].max, &colour),
                         ROPEMAP_OK);
        assert_int_equal(colour.colormap, cases[pick].chosen);
        assert_true(colour.low == cases[pick].low && colour.high == cases[pick].high);
    }
}

static void given_limits_stay(void **state) {
    rm_colour colour;
    ropemap_figure figure = {.has_limits = true, .low = -0.5, .high = 2.0};
    assert_int_equal(choose(&figure, 5.0, 6.0, &colour), ROPEMAP_OK);
    assert_int_equal(colour.colormap, ROPEMAP_COLORMAP_DIVERGING);
    assert_true(colour.low == -0.5 && colour.high == 2.0);

    static const double bad[][2] = {{1.0, 1.0},
                                    {2.0, 1.0},
                                    {(double)NAN, 1.0},
                                    {0.0, (double)NAN},
                                    {0.0, (double)INFINITY},
                                    {-(double)INFINITY, 0.0},
                                    {-DBL_MAX, DBL_MAX},
                                    {0.0, 1e-310}};
    for (size_t pick = 0; pick < sizeof bad / sizeof *bad; pick++) {
        figure.low = bad[pick][0];
        figure.high = bad[pick][1];
        assert_int_equal(choose(&figure, 5.0, 6.0, &colour), ROPEMAP_USAGE);
    }
}

static void check_levels(double low, double high, const float *cells, const int *expected, int64_t count) {
    const rm_colour colour = {.low = low, .high = high};
    uint8_t levels[512];
    rm_colour_levels(&colour, cells, count, levels);
    for (int64_t cell = 0; cell < count; cell++) {
        assert_int_equal(levels[cell], expected[cell]);
    }
}

/* Every level from its own value, and the values around the steps between levels, at offsets a vector loop
 * tails. */
static void levels_are_the_nearest(void **state) {
    float cells[509];
    int expected[509];
    for (int level = 0; level < RM_LEVELS; level++) {
        cells[2 * level] = (float)level;
        expected[2 * level] = level;
        if (level < RM_LEVEL_MAX) {
            cells[2 * level + 1] = (float)level + 0.75F;
            expected[2 * level + 1] = level + 1;
        }
    }
    for (int64_t start = 0; start < 17; start++) {
        for (int64_t end = 492; end <= 509; end++) {
            check_levels(0.0, 254.0, cells + start, expected + start, end - start);
        }
    }
}

static void levels_of_what_is_no_number(void **state) {
    const float cells[] = {NAN, -INFINITY, INFINITY, -FLT_MAX, FLT_MAX, -0.0F, 1e-45F, 1.0F, -1.0F, -NAN};
    const int expected[] = {255, 0, 254, 0, 254, 127, 127, 254, 0, 255};
    check_levels(-1.0, 1.0, cells, expected, 10);
    const float wide[] = {-FLT_MAX, 0.0F, FLT_MAX, FLT_MAX / 2.0F, NAN};
    const int wide_levels[] = {0, 127, 254, 191, 255};
    check_levels(-(double)FLT_MAX, (double)FLT_MAX, wide, wide_levels, 5);
    const float close[] = {1.0F, 1.0F + FLT_EPSILON, 1.0F + 2.0F * FLT_EPSILON, 0.0F};
    const int close_levels[] = {0, 127, 254, 0};
    check_levels(1.0, 1.0 + 2.0 * (double)FLT_EPSILON, close, close_levels, 4);
}

static void places_are_between_0_and_1(void **state) {
    const rm_colour colour = {.low = -1.0, .high = 3.0};
    assert_true(rm_colour_place(&colour, 0.0) == 0.25);
    assert_true(rm_colour_place(&colour, -7.0) == 0.0);
    assert_true(rm_colour_place(&colour, (double)INFINITY) == 1.0);
    assert_true(isnan(rm_colour_place(&colour, (double)NAN)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_listed),
        cmocka_unit_test(public_colours_and_scale_are_those_in_effect),
        cmocka_unit_test(tables_are_the_published_ones),
        cmocka_unit_test(sequential_maps_grow_lighter),
        cmocka_unit_test(diverging_is_symmetric_about_white),
        cmocka_unit_test(difference_is_symmetric_about_white),
        cmocka_unit_test(dark_ones_are_symmetric_about_a_dark_middle),
        cmocka_unit_test(cyclic_ends_where_it_begins),
        cmocka_unit_test(seed_is_the_hsl_rule),
        cmocka_unit_test(nan_is_told_from_every_level),
        cmocka_unit_test(limits_come_from_the_map),
        cmocka_unit_test(given_limits_stay),
        cmocka_unit_test(levels_are_the_nearest),
        cmocka_unit_test(levels_of_what_is_no_number),
        cmocka_unit_test(places_are_between_0_and_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
