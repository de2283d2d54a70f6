/* test_chart_words.c - numbers and texts of a chart, in every size of it and at the ends of what numbers are
 */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_ticks.h"
#include "host/figure/text.h"
#include "tests/chart_picture.h"

#include <math.h>

static void expect_ticks(rm_chart_axis axis, bool along, int32_t count, const char *const *labels) {
    const rm_chart_ticks ticks = rm_chart_ticks_make(&axis, along ? 1000.0 : 700.0, 20.0, along);
    assert_int_equal(ticks.count, count);
    for (int32_t tick = 0; tick < count; tick++) {
        assert_string_equal(ticks.tick[tick].label, labels[tick]);
    }
}

static void test_ticks(void **state) {
    (void)state;
    assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
    expect_ticks((rm_chart_axis){.low = 0.0, .high = 131072.0, .binary = true}, true, 9,
                 (const char *const[]){"0", "16k", "32k", "48k", "64k", "80k", "96k", "112k", "128k"});
    expect_ticks((rm_chart_axis){.low = -10.0, .high = 45000.0}, true, 5,
                 (const char *const[]){"0", "10,000", "20,000", "30,000", "40,000"});
    expect_ticks((rm_chart_axis){.low = -0.25, .high = 0.3}, false, 6,
                 (const char *const[]){"−0.2", "−0.1", "0.0", "0.1", "0.2", "0.3"});
    expect_ticks((rm_chart_axis){.low = -2.1, .high = 1.1, .log = true}, false, 4,
                 (const char *const[]){"10⁻²", "10⁻¹", "10⁰", "10¹"});
    expect_ticks((rm_chart_axis){.low = 0.2, .high = 1.4, .log = true}, false, 4,
                 (const char *const[]){"2", "5", "10", "20"});
    expect_ticks((rm_chart_axis){.low = log10(512.0), .high = log10(4096.0), .log = true, .binary = true},
                 true, 4, (const char *const[]){"512", "1k", "2k", "4k"});
    expect_ticks((rm_chart_axis){.low = log10(100.0), .high = log10(103.0), .log = true}, true, 7,
                 (const char *const[]){"100.0", "100.5", "101.0", "101.5", "102.0", "102.5", "103.0"});
    expect_ticks((rm_chart_axis){.low = -300.0, .high = 300.0, .log = true}, false, 13,
                 (const char *const[]){"10⁻³⁰⁰", "10⁻²⁵⁰", "10⁻²⁰⁰", "10⁻¹⁵⁰", "10⁻¹⁰⁰", "10⁻⁵⁰", "10⁰",
                                       "10⁵⁰", "10¹⁰⁰", "10¹⁵⁰", "10²⁰⁰", "10²⁵⁰", "10³⁰⁰"});
}

/* Positions end at a length or just before it; an axis that is otherwise told in tens stays so. */
static void test_positions(void **state) {
    (void)state;
    static const struct {
        double x[3];
        bool log, binary;
        double high;
    } cases[] = {{{0, 1, 131071}, false, true, 131072},  {{0, 512, 131072}, false, true, 131072},
                 {{1, 2, 98304}, false, true, 98304},    {{0, 1000, 128000}, false, false, 128000},
                 {{0, 0.5, 4096}, false, false, 4096},   {{0, 1, 512}, false, false, 512},
                 {{1024, 2048, 4096}, true, true, 4096}, {{1, 3, 4096}, true, false, 4096}};
    static const double y[3] = {1, 2, 3};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const ropemap_series series = {"a", cases[i].x, y, 3, false, false};
        ropemap_chart chart = chart_of(&series, 1);
        chart.log_x = cases[i].log;
        const rm_chart_axis axis = rm_chart_range_x(&chart);
        assert_int_equal(axis.binary, cases[i].binary);
        assert_true(axis.high == (cases[i].log ? log10(cases[i].high) : cases[i].high));
    }
}

static void test_text(void **state) {
    (void)state;
    char out[RM_TEXT_BYTES], tall[600];
    assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
    const double whole = rm_chart_text_fit(out, "wavelength λλλ", 20.0, 1e9);
    assert_string_equal(out, "wavelength λλλ");
    assert_true(rm_chart_text_fit(out, "wavelength λλλ", 20.0, whole - 1.0) <= whole - 1.0);
    assert_string_equal(out, "wavelength λ…");
    assert_true(rm_chart_text_fit(out, "wavelength", 20.0, 3.0) == 0.0 && out[0] == '\0');
    assert_true(rm_chart_text_fit(out, NULL, 20.0, 100.0) == 0.0);
    memset(tall, 'm', sizeof tall - 1);
    tall[sizeof tall - 1] = '\0';
    (void)rm_chart_text_fit(out, tall, 20.0, 1e9);
    assert_string_equal(out + strlen(out) - strlen("…"), "…");
    const rm_text_lines lines = rm_chart_text_lines("one two three four one two three", 20.0, 100.0, 2);
    assert_int_equal(lines.count, 2);
    assert_string_equal(lines.line[0], "one two");
    assert_memory_equal(lines.line[1], "three", 5);
    assert_true(lines.width <= 100.0);
}

static void assert_white_margin(const picture *seen) {
    const int64_t right = seen->png.width - 1, bottom = seen->png.height - 1;
    for (int64_t x = 0; x <= right; x++) {
        assert_true(pixel(seen, x, 0)[1] == 0xff && pixel(seen, x, 3)[1] == 0xff);
        assert_true(pixel(seen, x, bottom)[1] == 0xff && pixel(seen, x, bottom - 3)[1] == 0xff);
    }
    for (int64_t y = 0; y <= bottom; y++) {
        assert_true(pixel(seen, 0, y)[1] == 0xff && pixel(seen, 3, y)[1] == 0xff);
        assert_true(pixel(seen, right, y)[1] == 0xff && pixel(seen, right - 3, y)[1] == 0xff);
    }
}

/* As much as a chart takes, in every size: nothing runs out of the figure, and the plot keeps its place. */
static void test_sizes(void **state) {
    (void)state;
    static const int64_t sizes[][2] = {{600, 400},  {400, 400},  {1600, 1000},
                                       {4000, 400}, {400, 4000}, {8192, 5000}};
    static const char words[] =
        "a text that goes on and on and on and on and on and on and on \xff and on and on and on "
        "and on and on and on and on and on and on and on and on and on and on and on and on";
    double x[50], y[24][50];
    ropemap_series series[24];
    ropemap_mark marks[16];
    for (int i = 0; i < 24; i++) {
        for (int j = 0; j < 50; j++) {
            x[j] = 1e6 * j;
            y[i][j] = 1e5 * cos(0.2 * j + i);
        }
        series[i] = (ropemap_series){words, x, y[i], 50, i % 3 == 1, i % 5 == 1};
        marks[i % 16] = (ropemap_mark){.of_x = i % 2 == 0, .at = i % 4 < 2 ? 1e4 * i : 5e4, .label = words};
    }
    ropemap_chart chart = {.title = words, .subtitle = words, .x_label = words, .y_label = words};
    chart.series = series;
    chart.marks = marks;
    chart.mark_count = 16;
    for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++) {
        for (int32_t count = 1; count <= 24; count += 23) {
            chart.series_count = count;
            chart.width = sizes[size][0];
            chart.height = sizes[size][1];
            picture seen = draw(&chart);
            assert_true(seen.png.width == chart.width && seen.png.height == chart.height);
            assert_true(seen.width >= chart.width / 4 && seen.height >= chart.height / 4);
            assert_white_margin(&seen);
            free(seen.png.pixels);
        }
    }
}

static void test_extreme_numbers(void **state) {
    (void)state;
    static const double ends[][2] = {{0.0, 0.0},       {5.0, 5.0},         {-1e300, 1e300},
                                     {1e-320, 2e-320}, {1e15, 1e15 + 1.0}, {1e-300, 1e-299},
                                     {1e300, 1e300},   {0.1, 0.1 + 1e-16}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        for (int log = 0; log < (ends[i][0] > 0.0 ? 2 : 1); log++) {
            const ropemap_series series = {NULL, ends[i], ends[i], 2, i % 2 == 1, false};
            const ropemap_mark mark = {.of_x = true, .at = 1e300};
            ropemap_chart chart = {
                .series = &series, .series_count = 1, .log_x = log == 1, .log_y = log == 1};
            chart.width = 600;
            chart.height = 400;
            for (chart.mark_count = 0; chart.mark_count < 2; chart.mark_count++) {
                chart.marks = &mark;
                picture seen = draw(&chart);
                free(seen.png.pixels);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks), cmocka_unit_test(test_positions),       cmocka_unit_test(test_text),
        cmocka_unit_test(test_sizes), cmocka_unit_test(test_extreme_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
