/* test_chart.c - lines pass where their numbers say, gaps and limits hold, and a pixel shows all that it
 * holds */
/* SPDX-License-Identifier: MIT */
/*
 * The frame is looked for in the picture, and what is expected within it is computed here from the rules of
 * the axes: five percent of room above and below, none at the sides of lines.
 */
#include "tests/chart_picture.h"

#include <math.h>

/* ---- lines ---- */

static void test_line(void **state) {
    const double x[] = {0.0, 4.0, 10.0}, y[] = {0.0, 4.0, 10.0};
    const ropemap_series series = {"a", x, y, 3, .points = false, .dashed = false};
    const ropemap_chart chart = chart_of(&series, 1);
    picture seen = draw(&chart);
    assert_int_equal(seen.png.width, 1600);
    assert_int_equal(seen.png.height, 1000);
    for (double at = 0.5; at < 10.0; at += 0.5) {
        const int64_t col = col_at(&seen, at / 10.0), row = row_at(&seen, at / 10.5); /* from 0 on */
        assert_true(is_ink(&seen, col, row, blue));
        assert_false(is_ink(&seen, col, row - 5, blue) || is_ink(&seen, col, row + 5, blue));
    }
    free(seen.png.pixels);
}

/* y = x^2 is straight; x = 0 and y = 0 have no place. */
static void test_logarithms(void **state) {
    double x[1001], y[1001];
    for (int i = 0; i <= 1000; i++) {
        x[i] = i;
        y[i] = i == 500 ? 0.0 : x[i] * x[i];
    }
    const ropemap_series series = {"a", x, y, 1001, .points = false, .dashed = false};
    ropemap_chart chart = chart_of(&series, 1);
    chart.log_x = chart.log_y = true;
    picture seen = draw(&chart);
    for (double power = 0.1; power < 2.6; power += 0.1) {
        const int64_t col = col_at(&seen, power / 3.0), row = row_at(&seen, (2.0 * power + 0.3) / 6.6);
        assert_true(count_ink(&seen, col, row - 1, 1, 3, blue) >= 1);
        assert_true(count_in_column(&seen, col, blue) < 8);
    }
    free(seen.png.pixels);
}

static void test_gaps(void **state) {
    const double x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8}, none = (double)NAN;
    const double y[] = {1, 1, none, none, 2, none, none, 1, 1};
    const ropemap_series series = {"a", x, y, 9, .points = false, .dashed = false};
    const ropemap_chart chart = chart_of(&series, 1);
    picture seen = draw(&chart);
    for (double at = 1.1; at < 7.0; at += 0.1) {
        const bool alone = fabs(at - 4.0) < 0.09; /* a point between gaps is a dot */
        assert_int_equal(count_in_column(&seen, col_at(&seen, at / 8.0), blue) > 0, alone);
    }
    assert_true(count_in_column(&seen, col_at(&seen, 0.9 / 8.0), blue) > 0);
    assert_true(count_in_column(&seen, col_at(&seen, 7.1 / 8.0), blue) > 0);
    assert_true(is_ink(&seen, col_at(&seen, 0.5), row_at(&seen, 1.05 / 1.1), blue));
    free(seen.png.pixels);
}

/* Every second point is missing, several points to a pixel: gaps that no pixel can show are none. */
static void test_gaps_within_pixels(void **state) {
    enum { COUNT = 10001 };
    static double x[COUNT], y[COUNT];
    for (int i = 0; i < COUNT; i++) {
        x[i] = i;
        y[i] = i % 2 == 0 ? 1.0 : (double)NAN;
    }
    const ropemap_series series = {"a", x, y, COUNT, .points = false, .dashed = false};
    const ropemap_chart chart = chart_of(&series, 1);
    picture seen = draw(&chart);
    for (int64_t col = 1; col + 1 < seen.width; col++) {
        assert_true(count_in_column(&seen, seen.x + col, blue) > 0);
    }
    free(seen.png.pixels);
}

/* A million points of a sine that is faster than pixels: all of its band, and its mean alone as a line. */
static void test_band(void **state) {
    enum { COUNT = 1000000 };
    double *x = malloc(COUNT * sizeof *x), *y = malloc(COUNT * sizeof *y);
    assert_true(x != NULL && y != NULL);
    for (int i = 0; i < COUNT; i++) {
        x[i] = i;
        y[i] = sin(0.7 * i);
    }
    const ropemap_series series = {"a", x, y, COUNT, .points = false, .dashed = false};
    const ropemap_chart chart = chart_of(&series, 1);
    picture seen = draw(&chart);
    for (int64_t col = 2; col + 2 < seen.width; col += 7) {
        const int64_t at = seen.x + col, middle = row_at(&seen, 0.5);
        assert_true(count_ink(&seen, at, middle - 2, 1, 5, blue) >= 1);
        assert_true(count_in_column(&seen, at, blue) <= 4);
        for (double part = 0.07; part < 0.94; part += 0.12) {
            const uint8_t *tint = pixel(&seen, at, row_at(&seen, part));
            assert_true(tint[0] < 0xb8 && tint[0] > 0x90 && tint[2] > tint[0] + 30);
        }
        const uint8_t *above = pixel(&seen, at, row_at(&seen, 0.97));
        assert_true(above[0] == above[2]);
    }
    free(seen.png.pixels);
    free(x);
    free(y);
}

/* A line begins at its first point, however many share its first pixel. */
static void test_first_point(void **state) {
    enum { COUNT = 200000 };
    double *x = malloc(COUNT * sizeof *x), *y = calloc(COUNT, sizeof *y);
    assert_true(x != NULL && y != NULL);
    for (int i = 0; i < COUNT; i++) {
        x[i] = i;
    }
    y[0] = 1.0;
    const ropemap_series series = {"a", x, y, COUNT, .points = false, .dashed = false};
    const ropemap_chart chart = chart_of(&series, 1);
    picture seen = draw(&chart);
    for (double value = 0.1; value < 0.95; value += 0.1) {
        assert_true(count_ink(&seen, seen.x, row_at(&seen, value / 1.05), 6, 1, blue) >= 1);
        assert_int_equal(count_ink(&seen, seen.x + 12, row_at(&seen, value / 1.05), 99, 1, blue), 0);
    }
    free(seen.png.pixels);
    free(x);
    free(y);
}

/* A slow line is as thin as ever, however many points it has. */
static void test_many_points_on_a_line(void **state) {
    enum { COUNT = 200000 };
    double *x = malloc(COUNT * sizeof *x);
    assert_true(x != NULL);
    for (int i = 0; i < COUNT; i++) {
        x[i] = 1.0 + i;
    }
    const ropemap_series series = {"a", x, x, COUNT, .points = false, .dashed = false};
    const ropemap_chart chart = chart_of(&series, 1);
    picture seen = draw(&chart);
    for (double part = 0.1; part < 0.95; part += 0.1) {
        const int64_t row = row_at(&seen, part / 1.05);
        assert_true(count_ink(&seen, col_at(&seen, part), row - 1, 1, 3, blue) >= 1);
        assert_true(count_in_column(&seen, col_at(&seen, part), blue) <= 4);
    }
    free(seen.png.pixels);
    free(x);
}

static void test_limits(void **state) {
    const double x[] = {0, 2, 3, 4, 5, 6}, y[] = {-5, 5, 1e300, -1e300, -1e300, 1e300};
    const ropemap_series series = {"a", x, y, 6, .points = false, .dashed = false};
    ropemap_chart chart = chart_of(&series, 1);
    chart.has_y_limits = true;
    chart.y_high = 1.0;
    picture seen = draw(&chart);
    for (double value = 0.1; value < 0.95; value += 0.1) {
        const int64_t col = col_at(&seen, (value + 5.0) / 30.0), row = row_at(&seen, value);
        assert_true(count_ink(&seen, col - 1, row, 3, 1, blue) >= 1);
        assert_true(count_ink(&seen, col_at(&seen, 3.5 / 6.0) - 1, row, 3, 1, blue) >= 1);
        assert_int_equal(count_ink(&seen, seen.x, row, col_at(&seen, 0.1) - seen.x, 1, blue), 0);
    }
    assert_int_equal(count_in_column(&seen, col_at(&seen, 2.5 / 6.0), blue), 0);
    assert_int_equal(count_in_column(&seen, col_at(&seen, 4.5 / 6.0), blue), 0);
    /* Nothing outside of the plot, whose legend is empty. */
    assert_int_equal(count_ink(&seen, 0, 0, 1600, seen.y, blue), 0);
    assert_int_equal(count_ink(&seen, 0, seen.y + seen.height, 1600, 1000 - seen.y - seen.height, blue), 0);
    free(seen.png.pixels);
}

/* Two dots of two colours; there is room outside the outer ones. */
static void test_dots(void **state) {
    const double x[] = {0, 100}, y[] = {1, 10}, z[] = {1000, 10};
    const ropemap_series series[] = {{"a", x, y, 2, .points = true, .dashed = false},
                                     {"b", x, z, 2, .points = true, .dashed = true}};
    ropemap_chart chart = chart_of(series, 2);
    chart.log_y = true;
    picture seen = draw(&chart);
    const int64_t left = col_at(&seen, 2.5 / 105.0), right = col_at(&seen, 102.5 / 105.0);
    assert_true(is_ink(&seen, left, row_at(&seen, 0.15 / 3.3), blue));
    assert_int_equal(count_in_column(&seen, col_at(&seen, 0.5), blue), 0);
    /* The second is a ring: white where it is, and red around; it covers the dot of the first. */
    assert_int_equal(pixel(&seen, left, row_at(&seen, 3.15 / 3.3))[2], 0xff);
    assert_true(count_ink(&seen, left - 6, row_at(&seen, 3.15 / 3.3) - 6, 13, 13, red) >= 8);
    assert_int_equal(pixel(&seen, right, row_at(&seen, 1.15 / 3.3))[2], 0xff);
    free(seen.png.pixels);
}

/* From the third on they are dashed, and one that asks for it. */
static void test_dashes(void **state) {
    const double x[] = {0, 1};
    double y[24][2];
    ropemap_series series[24];
    for (int i = 0; i < 24; i++) {
        y[i][0] = y[i][1] = i + 1.0; /* shown from 0 on, with room above the last */
        series[i] = (ropemap_series){"a", x, y[i], 2, .points = false, .dashed = i == 1};
    }
    const ropemap_chart chart = chart_of(series, 24);
    picture seen = draw(&chart);
    for (int i = 0; i < 24; i++) {
        const uint8_t *ink = i % 8 == 0 ? blue : red;
        const int64_t row = row_at(&seen, (i + 1.0) / 25.15);
        const int64_t found = count_ink(&seen, seen.x, row, seen.width, 1, ink);
        if (i == 0) {
            assert_int_equal(found, seen.width);
        } else if (i % 8 < 2) {
            assert_true(found >= seen.width / 4 && found <= seen.width * 9 / 10);
        }
    }
    free(seen.png.pixels);
}

/* Steps of one quantity: solid lines, from the first colour of viridis to lighter ones. */
static void test_ordered(void **state) {
    const double x[] = {0, 1}, ends[4] = {2.0, 1.0, 3.0, 4.0};
    double y[4][2];
    ropemap_series series[4];
    for (int i = 0; i < 4; i++) {
        y[i][0] = y[i][1] = ends[i];
        series[i] = (ropemap_series){"a", x, y[i], 2, .points = false, .dashed = false};
    }
    ropemap_chart chart = chart_of(series, 4);
    chart.plot.ordered = true;
    picture seen = draw(&chart);
    int brightness = 0;
    for (int i = 0; i < 4; i++) {
        const int64_t row = row_at(&seen, ends[i] / 4.15);
        const uint8_t *ink = pixel(&seen, seen.x + seen.width / 2, row);
        assert_true(ink[0] + 2 * ink[1] > brightness);
        brightness = ink[0] + 2 * ink[1];
        assert_int_equal(count_ink(&seen, seen.x, row, seen.width, 1, ink), seen.width);
    }
    assert_memory_equal(pixel(&seen, seen.x + 99, row_at(&seen, 2.0 / 4.15)), ((const uint8_t[]){68, 1, 84}),
                        3);
    free(seen.png.pixels);
}

/* ---- marks ---- */

static int64_t count_dark(const picture *seen) {
    int64_t dark = 0;
    for (int64_t i = 0; i < seen->width * seen->height; i++) {
        dark += pixel(seen, seen->x + i % seen->width, seen->y + i / seen->width)[0] < 0x80 ? 1 : 0;
    }
    return dark;
}

static void test_marks(void **state) {
    const double x[] = {0, 100}, y[] = {0, 0};
    const ropemap_series series = {"a", x, y, 2, .points = false, .dashed = false};
    ropemap_mark marks[] = {{.of_x = true, .at = 25.0, .label = ""}, {.of_x = true, .at = 25.0, .label = ""}};
    ropemap_chart chart = chart_of(&series, 1);
    chart.plot.marks = marks;
    chart.plot.mark_count = 2;
    picture seen = draw(&chart);
    const int64_t col = col_at(&seen, 0.25), line = count_dark(&seen);
    assert_true(count_in_column(&seen, col, grey) >= seen.height / 2 &&
                count_in_column(&seen, col, grey) <= seen.height * 2 / 3);
    free(seen.png.pixels);
    marks[0].label = "Trained length";
    seen = draw(&chart);
    const int64_t once = count_dark(&seen) - line;
    assert_true(once > 300);
    /* Along the line, within the plot, in sight of it. */
    for (int64_t away = 40; col + away < seen.x + seen.width; away++) {
        assert_int_equal(count_in_column(&seen, col + away, (const uint8_t[]){0x1c, 0x1c, 0x1c}), 0);
    }
    free(seen.png.pixels);
    /* A second one does not cover the first: both are there in full. */
    marks[1].label = "Trained length";
    seen = draw(&chart);
    assert_true(count_dark(&seen) - line >= once * 19 / 10 && count_dark(&seen) - line <= once * 21 / 10);
    free(seen.png.pixels);
}

/* A mark belongs to the range, but limits that were given hold. */
static void test_marks_and_ranges(void **state) {
    const double x[] = {0, 1}, y[] = {0, 0.5};
    const ropemap_series series = {"a", x, y, 2, .points = false, .dashed = false};
    const ropemap_mark mark = {.at = 1.0, .label = "one"};
    ropemap_chart chart = chart_of(&series, 1);
    chart.plot.marks = &mark;
    chart.plot.mark_count = 1;
    picture seen = draw(&chart);
    const int64_t row = row_at(&seen, 1.0 / 1.05);
    assert_true(count_ink(&seen, seen.x, row, seen.width, 1, grey) > seen.width / 3);
    free(seen.png.pixels);
    chart.has_y_limits = true;
    chart.y_high = 0.5;
    seen = draw(&chart);
    assert_int_equal(count_ink(&seen, seen.x, seen.y, seen.width, seen.height, grey), 0);
    free(seen.png.pixels);
}

/* What a mark shades: from one number to another, along the other axis throughout, within the plot. */
static void test_stripes(void **state) {
    const double x[] = {0, 100}, y[] = {0, 0};
    const ropemap_series series = {"a", x, y, 2, .points = false, .dashed = false};
    const ropemap_mark marks[] = {{.of_x = true, .at = 50.0, .label = "", .until = 75.0},
                                  {.at = 2.0, .label = "", .until = 1e9}};
    ropemap_chart chart = chart_of(&series, 1);
    chart.has_y_limits = true;
    chart.y_low = -1.0;
    chart.y_high = 1.0;
    chart.plot.marks = marks;
    for (chart.plot.mark_count = 0; chart.plot.mark_count <= 2;
         chart.plot.mark_count++) { /* the second is outside */
        picture seen = draw(&chart);
        static const double shares[] = {0.1, 0.45, 0.55, 0.7, 0.8, 0.99};
        for (int i = 0; i < 6; i++) {
            const int64_t col = col_at(&seen, shares[i]);
            const bool shaded = chart.plot.mark_count > 0 && shares[i] > 0.5 && shares[i] < 0.75;
            for (int64_t row = seen.y + 9; row < seen.y + seen.height - 9; row += 37) {
                if (llabs(row - row_at(&seen, 0.5)) < 5) {
                    continue; /* the line */
                }
                const uint8_t level = pixel(&seen, col, row)[0];
                assert_true(shaded ? level < 0xf0 && level > 0xa0 : level >= 0xe0 || level < 0xa0);
                assert_true(!shaded || level < 0xe4);
            }
            assert_true(pixel(&seen, col, seen.y - 9)[0] >= 0xf0);
        }
        free(seen.png.pixels);
    }
    const ropemap_mark wrong = {.of_x = true, .at = 1.0, .label = "", .until = (double)NAN};
    chart.plot.marks = &wrong;
    chart.plot.mark_count = 1;
    ropemap_bytes bytes = {.data = NULL};
    assert_int_equal(ropemap_chart_encode(&chart, ROPEMAP_PNG, NULL, &bytes, NULL), ROPEMAP_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_stripes),
        cmocka_unit_test(test_logarithms),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_gaps_within_pixels),
        cmocka_unit_test(test_band),
        cmocka_unit_test(test_first_point),
        cmocka_unit_test(test_many_points_on_a_line),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_dots),
        cmocka_unit_test(test_dashes),
        cmocka_unit_test(test_ordered),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_marks_and_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
