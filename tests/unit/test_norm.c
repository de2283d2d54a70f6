/* test_norm.c - logarithmic colour scales, and limits that leave out a share of the cells */
/* SPDX-License-Identifier: MIT */
#include "host/figure/colour.h"
#include "tests/unit.h"

#include <float.h>
#include <math.h>

static const rm_value_norm linear = {.kind = ROPEMAP_NORM_LINEAR}, logarithmic = {.kind = ROPEMAP_NORM_LOG};

static void names_are_listed(void **state) {
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

static uint64_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 24;
}

/* Each level is the nearest to the value's place; where two are equally near to 1e-9, either. */
static void levels_follow_the_norm(void **state) {
    static const rm_colour colours[] = {
        {.low = 1e-5, .high = 1.0, .norm = {.kind = ROPEMAP_NORM_LOG}},
        {.low = 0.9, .high = 1.1, .norm = {.kind = ROPEMAP_NORM_LOG}},
        {.low = 1e-44, .high = 3e38, .norm = {.kind = ROPEMAP_NORM_LOG}},
        {.low = -1.0, .high = 1.0, .norm = {.kind = ROPEMAP_NORM_SYMLOG, .linear_below = 1e-3}},
        {.low = -0.2, .high = 3e3, .norm = {.kind = ROPEMAP_NORM_SYMLOG, .linear_below = 0.5}},
    };
    uint64_t random = 1;
    for (size_t pick = 0; pick < sizeof colours / sizeof *colours; pick++) {
        for (int round = 0; round < 20000; round++) {
            const double part = (double)(next_random(&random) % 1000001) / 1e6 * 1.1 - 0.05;
            const double first = rm_norm_along(colours[pick].norm, colours[pick].low);
            const double last = rm_norm_along(colours[pick].norm, colours[pick].high);
            const float cell = (float)rm_norm_value(colours[pick].norm, first + part * (last - first));
            uint8_t level = 0;
            rm_colour_levels(&colours[pick], &cell, 1, &level);
            const double place = rm_colour_place(&colours[pick], (double)cell);
            assert_true(fabs((double)level - RM_LEVEL_MAX * place) <= 0.5 + 1e-9);
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

static rm_colour choose(ropemap_figure figure, float *cells, int64_t count) {
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
        const rm_colour colour = choose((ropemap_figure){.norm = ROPEMAP_NORM_LOG}, cells, 4);
        assert_true(colour.low == cases[pick].low && colour.high == cases[pick].high);
        assert_int_equal(colour.colormap, ROPEMAP_COLORMAP_VIRIDIS);
    }
    float cells[2] = {0.25F, 2.0F};
    const rm_colour diverging =
        choose((ropemap_figure){.norm = ROPEMAP_NORM_LOG, .colormap = ROPEMAP_COLORMAP_DIVERGING}, cells, 2);
    assert_true(diverging.low == 0.25 && diverging.high == 2.0);
}

static void symlog_limits_are_as_linear_ones(void **state) {
    float cells[2] = {-0.25F, 2.0F};
    rm_colour colour = choose((ropemap_figure){.norm = ROPEMAP_NORM_SYMLOG}, cells, 2);
    assert_int_equal(colour.colormap, ROPEMAP_COLORMAP_DIVERGING);
    assert_true(colour.low == -2.0 && colour.high == 2.0);
    assert_true(colour.norm.linear_below == 2e-3);
    colour = choose((ropemap_figure){.norm = ROPEMAP_NORM_SYMLOG, .linear_below = 0.5}, cells, 2);
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
        const int64_t count = round < 40 ? round + 2 : 2 + (int64_t)(next_random(&random) % MOST);
        for (int64_t cell = 0; cell < count; cell++) {
            const uint64_t bits = next_random(&random);
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
    rm_colour colour = choose((ropemap_figure){.percentile = 0.1}, cells, 100);
    assert_true(colour.low == 10.0 && colour.high == 89.0);
    cells[0] = -1000.0F;
    colour = choose((ropemap_figure){.percentile = 0.01, .norm = ROPEMAP_NORM_LOG}, cells, 100);
    assert_true(colour.low == 1.0 && colour.high == 99.0); /* floor(0.99) of the 99 above 0 */
    colour = choose((ropemap_figure){.percentile = 0.05, .colormap = ROPEMAP_COLORMAP_DIVERGING}, cells, 100);
    assert_true(colour.low == -94.0 && colour.high == 94.0);
    for (int cell = 0; cell < 100; cell++) {
        cells[cell] = cell < 95 ? 2.0F : 50.0F;
    }
    colour = choose((ropemap_figure){.percentile = 0.05}, cells, 100);
    assert_true(colour.low == 0.0 && colour.high == 2.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_listed),
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
