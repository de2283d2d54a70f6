/* test_colour.c - colour maps, norms, limits and levels */
/* SPDX-License-Identifier: MIT */
#include "host/figure/colour.h"
#include "tests/unit.h"

#include <float.h>
#include <math.h>

static void names_are_listed(void **state) {
    static const char *const names[] = {"auto",      "viridis",    "magma", "cividis", "batlow",
                                        "diverging", "grey",       "turbo", "seed",    "cyclic",
                                        "dark",      "difference", "dusk"};
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

/* A difference is not taken for a similarity: purple and orange, as far from white as each other. */
static void difference_is_symmetric_about_white(void **state) {
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_DIFFERENCE, false, &palette);
    assert_true(lightness(palette.rgb[127]) > 94.0);
    for (int away = 4; away <= 127; away++) {
        const uint8_t *purple = palette.rgb[127 - away], *orange = palette.rgb[127 + away];
        assert_true(orange[0] > orange[1] && orange[1] > orange[2]);
        assert_true(purple[0] > purple[1] && purple[2] > purple[1]);
        assert_true(fabs(lightness(orange) - lightness(purple)) < 3.5);
        assert_true(lightness(purple) < lightness(palette.rgb[127 - away + 4]));
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
                            : low[0] > low[1] && low[2] > low[1] && high[0] > high[1] && high[1] >= high[2]);
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

static const rm_value_norm linear = {.kind = ROPEMAP_NORM_LINEAR}, logarithmic = {.kind = ROPEMAP_NORM_LOG};

static void norms_are_listed(void **state) {
    assert_string_equal(ropemap_norm_name(ROPEMAP_NORM_LINEAR), "linear");
    assert_string_equal(ropemap_norm_name(ROPEMAP_NORM_LOG), "log");
    assert_string_equal(ropemap_norm_name(ROPEMAP_NORM_SYMLOG), "symlog");
    assert_null(ropemap_norm_name((ropemap_norm)3));
    assert_null(ropemap_norm_name((ropemap_norm)-1));
}

/* matplotlib.colors.SymLogNorm(linthresh, linscale=1, vmin, vmax, base=10), of version 3.10. */
static void symlog_is_that_of_matplotlib(void **state) {
    static const struct {
        double below, low, high, value, place;
    } cases[] = {
        {1e-3, -1.0, 1.0, 0.0, 0.5},
        {1e-3, -1.0, 1.0, 1e-3, 0.6351351351351351},
        {1e-3, -1.0, 1.0, -5e-4, 0.43243243243243246},
        {1e-3, -1.0, 1.0, 0.1, 0.8783783783783784},
        {1e-3, -1.0, 1.0, -1.0, 0.0},
        {0.1, -0.3, 2.0, 0.5, 0.8494990541631162},
        {0.1, -0.3, 2.0, 0.05, 0.5358969446394848},
        {2.0, -1.0, 1.0, 0.5, 0.75},
    };
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        const rm_value_norm norm = {.kind = ROPEMAP_NORM_SYMLOG, .linear_below = cases[pick].below};
        const double place = rm_norm_place(norm, cases[pick].low, cases[pick].high, cases[pick].value);
        assert_true(fabs(place - cases[pick].place) < 1e-12);
    }
}

static void places_and_values_are_inverse(void **state) {
    static const double below[] = {1e-300, 1e-6, 0.5, 1e6};
    for (int power = -290; power <= 290; power += 5) {
        const double value = 3.7 * pow(10.0, power);
        assert_true(fabs(rm_norm_value(logarithmic, rm_norm_along(logarithmic, value)) / value - 1.0) <
                    1e-12);
        assert_true(rm_norm_value(linear, rm_norm_along(linear, value)) == value);
        for (size_t pick = 0; pick < 4; pick++) {
            const rm_value_norm norm = {.kind = ROPEMAP_NORM_SYMLOG, .linear_below = below[pick]};
            const double along = rm_norm_along(norm, value);
            assert_true(fabs(rm_norm_value(norm, along) / value - 1.0) < 1e-12);
            assert_true(rm_norm_along(norm, -value) == -along);
        }
    }
}

static void places_of_what_is_beyond(void **state) {
    assert_true(rm_norm_place(logarithmic, 1e-3, 1.0, 0.0) == 0.0);
    assert_true(rm_norm_place(logarithmic, 1e-3, 1.0, -5.0) == 0.0);
    assert_true(rm_norm_place(logarithmic, 1e-3, 1.0, -(double)INFINITY) == 0.0);
    assert_true(rm_norm_place(logarithmic, 1e-3, 1.0, (double)INFINITY) == 1.0);
    const rm_value_norm norm = {.kind = ROPEMAP_NORM_SYMLOG, .linear_below = 0.1};
    assert_true(rm_norm_place(norm, -1.0, 1.0, -(double)INFINITY) == 0.0);
    assert_true(rm_norm_place(norm, -1.0, 1.0, 7.0) == 1.0);
    assert_true(isnan(rm_norm_place(logarithmic, 1e-3, 1.0, (double)NAN)));
    assert_true(isnan(rm_norm_place(norm, -1.0, 1.0, (double)NAN)));
}

/* Each level is the nearest to the value's place; where two are equally near to 1e-9, either. All cells in
 * one call: each call finds the steps between levels anew. */
static void levels_follow_the_norm(void **state) {
    static const rm_colour colours[] = {
        {.low = 1e-5, .high = 1.0, .norm = {.kind = ROPEMAP_NORM_LOG}},
        {.low = 0.9, .high = 1.1, .norm = {.kind = ROPEMAP_NORM_LOG}},
        {.low = 1e-44, .high = 3e38, .norm = {.kind = ROPEMAP_NORM_LOG}},
        {.low = -1.0, .high = 1.0, .norm = {.kind = ROPEMAP_NORM_SYMLOG, .linear_below = 1e-3}},
        {.low = -0.2, .high = 3e3, .norm = {.kind = ROPEMAP_NORM_SYMLOG, .linear_below = 0.5}},
    };
    static float cells[20000];
    static uint8_t levels[20000];
    const int count = (int)(sizeof levels / sizeof *levels);
    uint64_t random = 1;
    for (size_t pick = 0; pick < sizeof colours / sizeof *colours; pick++) {
        const double first = rm_norm_along(colours[pick].norm, colours[pick].low);
        const double last = rm_norm_along(colours[pick].norm, colours[pick].high);
        for (int cell = 0; cell < count; cell++) {
            const double part = (double)(chance_bits(&random) % 1000001) / 1e6 * 1.1 - 0.05;
            cells[cell] = (float)rm_norm_value(colours[pick].norm, first + part * (last - first));
        }
        rm_colour_levels(&colours[pick], cells, count, levels);
        for (int cell = 0; cell < count; cell++) {
            const double place = rm_colour_place(&colours[pick], (double)cells[cell]);
            assert_true(fabs((double)levels[cell] - RM_LEVEL_MAX * place) <= 0.5 + 1e-9);
        }
    }
}

static void levels_of_what_has_no_logarithm(void **state) {
    const float cells[] = {NAN, -INFINITY, INFINITY, -1.0F, 0.0F, -0.0F, 1e-45F, 0.01F, 1.0F, -NAN};
    const int log_levels[] = {255, 0, 254, 0, 0, 0, 0, 127, 254, 255};
    const int both_levels[] = {255, 0, 254, 0, 127, 127, 127, 190, 254, 255};
    const rm_colour colours[] = {
        {.low = 1e-4, .high = 1.0, .norm = logarithmic},
        {.low = -1.0, .high = 1.0, .norm = {.kind = ROPEMAP_NORM_SYMLOG, .linear_below = 0.01}}};
    uint8_t levels[10];
    rm_colour_levels(&colours[0], cells, 10, levels);
    for (int cell = 0; cell < 10; cell++) {
        assert_int_equal(levels[cell], log_levels[cell]);
    }
    rm_colour_levels(&colours[1], cells, 10, levels);
    for (int cell = 0; cell < 10; cell++) {
        /* 127 (1 + (10/9) / (10/9 + 2)) = 172.36 of 0.01 */
        assert_int_equal(levels[cell], cell == 7 ? 172 : both_levels[cell]);
    }
}

/* ---- limits ---- */

static rm_colour colour_of(ropemap_figure figure, float *cells, int64_t count) {
    ropemap_map map = {.height = 1, .width = count, .cells = cells, .min = (double)NAN, .max = (double)NAN};
    for (int64_t cell = 0; cell < count; cell++) {
        if (isfinite(cells[cell])) {
            map.min = fmin(map.min, (double)cells[cell]);
            map.max = fmax(map.max, (double)cells[cell]);
        }
    }
    rm_colour colour;
    figure.panel.map = &map;
    assert_int_equal(rm_colour_choose(&figure, &colour, NULL), ROPEMAP_OK);
    return colour;
}

static void logarithmic_limits_are_above_0(void **state) {
    static const struct {
        float cells[4];
        double low, high;
    } cases[] = {
        {{0.5F, 0.25F, 2.0F, 1.0F}, 0.25, 2.0},  {{-3.0F, 0.0F, 0.125F, 4.0F}, 0.125, 4.0},
        {{NAN, INFINITY, 0.5F, 1.0F}, 0.5, 1.0}, {{-1.0F, 0.0F, -2.0F, NAN}, 0.1, 1.0},
        {{NAN, NAN, NAN, NAN}, 0.1, 1.0},        {{5.0F, 5.0F, 5.0F, -5.0F}, 0.5, 5.0},
    };
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        float cells[4];
        memcpy(cells, cases[pick].cells, sizeof cells);
        const rm_colour colour = colour_of((ropemap_figure){.norm = ROPEMAP_NORM_LOG}, cells, 4);
        assert_true(colour.low == cases[pick].low && colour.high == cases[pick].high);
        assert_int_equal(colour.colormap, ROPEMAP_COLORMAP_VIRIDIS);
    }
    float cells[2] = {0.25F, 2.0F};
    const rm_colour diverging = colour_of(
        (ropemap_figure){.norm = ROPEMAP_NORM_LOG, .colormap = ROPEMAP_COLORMAP_DIVERGING}, cells, 2);
    assert_true(diverging.low == 0.25 && diverging.high == 2.0);
}

static void symlog_limits_are_as_linear_ones(void **state) {
    float cells[2] = {-0.25F, 2.0F};
    rm_colour colour = colour_of((ropemap_figure){.norm = ROPEMAP_NORM_SYMLOG}, cells, 2);
    assert_int_equal(colour.colormap, ROPEMAP_COLORMAP_DIVERGING);
    assert_true(colour.low == -2.0 && colour.high == 2.0);
    assert_true(colour.norm.linear_below == 2e-3);
    colour = colour_of((ropemap_figure){.norm = ROPEMAP_NORM_SYMLOG, .linear_below = 0.5}, cells, 2);
    assert_true(colour.norm.linear_below == 0.5);
}

static void given_limits_must_have_logarithms(void **state) {
    float cells[1] = {1.0F};
    const ropemap_map map = {.height = 1, .width = 1, .cells = cells, .min = 1.0, .max = 1.0};
    static const struct {
        double low, high;
        ropemap_status status;
    } cases[] = {{0.0, 1.0, ROPEMAP_USAGE},
                 {-1.0, 1.0, ROPEMAP_USAGE},
                 {-2.0, -1.0, ROPEMAP_USAGE},
                 {1.0, 1.0 + DBL_EPSILON, ROPEMAP_OK},
                 {1e300, 1e300 * (1.0 + DBL_EPSILON), ROPEMAP_USAGE}, /* the same logarithm */
                 {1e-310, 1e308, ROPEMAP_OK}};
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        const ropemap_figure figure = {.norm = ROPEMAP_NORM_LOG,
                                       .has_limits = true,
                                       .low = cases[pick].low,
                                       .high = cases[pick].high,
                                       .panel.map = &map};
        rm_colour colour;
        assert_int_equal(rm_colour_choose(&figure, &colour, NULL), cases[pick].status);
    }
}

static int compare(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The definition itself, on a sorted copy; the cells in two maps. Limits of one number are widened to 0, and
 * on a logarithmic scale by a decade. */
static void check_percentile(float *cells, int64_t count, double share, bool positive) {
    float *sorted = malloc((size_t)count * sizeof *sorted);
    int64_t found = 0;
    for (int64_t cell = 0; cell < count; cell++) {
        if (isfinite(cells[cell]) && (!positive || cells[cell] > 0.0F)) {
            sorted[found++] = cells[cell];
        }
    }
    qsort(sorted, (size_t)found, sizeof *sorted, compare);
    const int64_t part = (count + 2) / 3;
    const ropemap_map maps[2] = {{.height = 1, .width = part, .cells = cells},
                                 {.height = 1, .width = count - part, .cells = cells + part}};
    const ropemap_panel panels[2] = {{.map = &maps[0]}, {.map = &maps[1]}};
    const ropemap_figure figure = {.panels = panels,
                                   .count = 2,
                                   .percentile = share,
                                   .colormap = ROPEMAP_COLORMAP_VIRIDIS,
                                   .norm = positive ? ROPEMAP_NORM_LOG : ROPEMAP_NORM_LINEAR};
    rm_colour colour;
    assert_int_equal(rm_colour_choose(&figure, &colour, NULL), ROPEMAP_OK);
    const int64_t first = (int64_t)floor(share * (double)found + 1e-9);
    double low = found == 0 ? 1.0 : (double)sorted[first];
    double high = found == 0 ? 1.0 : (double)sorted[found - 1 - first];
    if (!(low < high) && positive) {
        low = high / 10.0;
    } else if (!(low < high)) {
        const double only = high;
        low = fmin(only, 0.0);
        high = only == 0.0 ? 1.0 : fmax(only, 0.0);
    }
    assert_true(colour.low == low && colour.high == high);
    free(sorted);
}

static void percentiles_are_exact(void **state) {
    static const double shares[] = {1e-9, 0.001, 0.005, 0.1, 0.3, 0.4};
    enum { MOST = 3000 };
    float *cells = malloc((MOST + 1) * sizeof *cells);
    uint64_t random = 5;
    for (int round = 0; round < 300; round++) {
        const int64_t count = round < 40 ? round + 2 : 2 + (int64_t)(chance_bits(&random) % MOST);
        for (int64_t cell = 0; cell < count; cell++) {
            const uint64_t bits = chance_bits(&random);
            const uint32_t any = (uint32_t)bits; /* all sizes, NaN and infinity among them */
            memcpy(&cells[cell], &any, sizeof any);
            cells[cell] = round % 3 == 0   ? cells[cell]
                          : round % 3 == 1 ? (float)(bits % 7) - 3.0F
                                           : (float)(bits % 100001) * 1e-5F - 0.3F;
        }
        for (size_t share = 0; share < sizeof shares / sizeof *shares; share++) {
            check_percentile(cells, count, shares[share], round % 2 == 0);
        }
    }
    free(cells);
}

static void percentiles_make_limits(void **state) {
    float cells[100];
    for (int cell = 0; cell < 100; cell++) {
        cells[cell] = (float)((cell * 37) % 100); /* 0 to 99 in some order */
    }
    rm_colour colour = colour_of((ropemap_figure){.percentile = 0.1}, cells, 100);
    assert_true(colour.low == 10.0 && colour.high == 89.0);
    cells[0] = -1000.0F;
    colour = colour_of((ropemap_figure){.percentile = 0.01, .norm = ROPEMAP_NORM_LOG}, cells, 100);
    assert_true(colour.low == 1.0 && colour.high == 99.0); /* floor(0.99) of the 99 above 0 */
    colour =
        colour_of((ropemap_figure){.percentile = 0.05, .colormap = ROPEMAP_COLORMAP_DIVERGING}, cells, 100);
    assert_true(colour.low == -94.0 && colour.high == 94.0);
    for (int cell = 0; cell < 100; cell++) {
        cells[cell] = cell < 95 ? 2.0F : 50.0F;
    }
    colour = colour_of((ropemap_figure){.percentile = 0.05}, cells, 100);
    assert_true(colour.low == 0.0 && colour.high == 2.0);
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
        cmocka_unit_test(norms_are_listed),
        cmocka_unit_test(symlog_is_that_of_matplotlib),
        cmocka_unit_test(places_and_values_are_inverse),
        cmocka_unit_test(places_of_what_is_beyond),
        cmocka_unit_test(levels_follow_the_norm),
        cmocka_unit_test(levels_of_what_has_no_logarithm),
        cmocka_unit_test(logarithmic_limits_are_above_0),
        cmocka_unit_test(symlog_limits_are_as_linear_ones),
        cmocka_unit_test(given_limits_must_have_logarithms),
        cmocka_unit_test(percentiles_are_exact),
        cmocka_unit_test(percentiles_make_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}