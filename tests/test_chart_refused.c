/* test_chart_refused.c - what a chart refuses, the same bytes every time, and memory that runs out */
/* SPDX-License-Identifier: MIT */
/*
 * This program has its own rm_alloc, rm_alloc_raw and rm_free (see test_alloc_failure.c), so that
 * host/base/alloc.c stays out.
 */
#include "host/base/alloc.h"
#include "tests/chart_picture.h"

#include <math.h>

static long granted = -1; /* allocations until one is refused; below 0: none is */
static long live;

void *rm_alloc_raw(uint64_t count, size_t size) {
    if (granted == 0 || count > ((uint64_t)1 << 32) / (size + 1)) {
        granted = -1;
        return NULL;
    }
    granted -= granted > 0 ? 1 : 0;
    void *memory = aligned_alloc(64, ((size_t)count * size + 64) / 64 * 64);
    live += memory != NULL ? 1 : 0;
    return memory;
}

void *rm_alloc(uint64_t count, size_t size) {
    void *memory = rm_alloc_raw(count, size);
    if (memory != NULL) {
        memset(memory, 0, (size_t)count * size);
    }
    return memory;
}

void rm_free(void *memory) {
    live -= memory != NULL ? 1 : 0;
    free(memory);
}

static void expect_refused(const ropemap_chart *chart, const char *part) {
    ropemap_bytes bytes = {.data = NULL};
    ropemap_error error = {0};
    assert_int_equal(ropemap_chart_png(chart, &bytes, &error), ROPEMAP_USAGE);
    if (strstr(error.text, part) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", error.text, part);
    }
    assert_null(bytes.data);
}

static void test_refused_series(void **state) {
    (void)state;
    double x[3] = {1, 2, 3}, y[3] = {1, 2, 3};
    ropemap_series series[2] = {{"good", x, x, 3, false, false}, {"second", x, y, 3, false, false}};
    ropemap_chart chart = chart_of(series, 2);
    y[1] = (double)INFINITY;
    expect_refused(&chart, "series 2 \"second\" has y = inf at point 1");
    y[0] = y[1] = y[2] = (double)NAN;
    expect_refused(&chart, "series 2 \"second\" has nothing to draw");
    y[0] = y[1] = y[2] = -1.0;
    chart.log_y = true;
    expect_refused(&chart, "series 2 \"second\" has nothing to draw: no y above 0");
    chart.log_y = false;
    x[1] = 0.5;
    expect_refused(&chart, "series 1 \"good\" has x = 0.5 at point 1");
    x[1] = (double)NAN;
    expect_refused(&chart, "series 1 \"good\" has x = nan at point 1");
    x[1] = 2.0;
    series[1].count = 0;
    expect_refused(&chart, "series 2 \"second\" has no points");
    chart.series_count = 0;
    expect_refused(&chart, "0 series");
    chart.series_count = 25;
    expect_refused(&chart, "25 series");
}

static void test_refused_settings(void **state) {
    (void)state;
    const double x[3] = {1, 2, 3};
    const ropemap_series series = {"a", x, x, 3, false, false};
    ropemap_mark mark = {.of_x = true, .at = -1.0, .label = "here"};
    ropemap_chart chart = chart_of(&series, 1);
    chart.width = 119;
    expect_refused(&chart, "width 119");
    chart.width = 0;
    chart.height = 8193;
    expect_refused(&chart, "height 8193");
    chart.height = 0;
    chart.has_y_limits = true;
    chart.y_low = chart.y_high = 1.0;
    expect_refused(&chart, "limits 1 to 1");
    chart.y_high = (double)NAN;
    expect_refused(&chart, "limits 1 to nan");
    chart.y_high = nextafter(1.0, 2.0);
    expect_refused(&chart, "1e-12");
    chart.log_y = true;
    chart.y_low = 0.0;
    expect_refused(&chart, "above 0");
    chart.has_y_limits = false;
    chart.marks = &mark;
    chart.mark_count = 1;
    chart.log_x = true;
    expect_refused(&chart, "mark 1 \"here\" is at x = -1, expected a number above 0");
    chart.mark_count = 17;
    expect_refused(&chart, "17 marks");
}

/* The same bytes again; and without memory at the k-th allocation, for every k, a failure that keeps nothing.
 */
static void test_bytes_and_memory(void **state) {
    (void)state;
    double x[2000], y[2000];
    for (int i = 0; i < 2000; i++) {
        x[i] = i;
        y[i] = i % 100 < 5 ? (double)NAN : sin(i * 0.3);
    }
    const ropemap_series series[] = {{"a", x, y, 2000, false, false}, {"b", x, x, 40, true, false}};
    const ropemap_mark marks[] = {{.of_x = true, .at = 50.0, .label = "mark"}, {.at = 3.0, .label = "other"}};
    ropemap_chart chart = chart_of(series, 2);
    chart.marks = marks;
    chart.mark_count = 2;
    chart.width = 600;
    chart.height = 400;
    ropemap_bytes first = {.data = NULL}, again = {.data = NULL};
    assert_int_equal(ropemap_chart_png(&chart, &first, NULL), ROPEMAP_OK);
    ropemap_status status = ROPEMAP_RESOURCES;
    long refusals = 0;
    for (; status != ROPEMAP_OK; refusals++) {
        const long before = live;
        ropemap_error error = {0};
        granted = refusals;
        status = ropemap_chart_png(&chart, &again, &error);
        granted = -1;
        if (status != ROPEMAP_OK) {
            assert_int_equal(status, ROPEMAP_RESOURCES);
            assert_true(error.text[0] != '\0' && again.data == NULL && live == before);
        }
    }
    assert_true(refusals > 10);
    assert_int_equal(first.size, again.size);
    assert_memory_equal(first.data, again.data, first.size);
    ropemap_bytes_free(&first);
    ropemap_bytes_free(&again);
    assert_int_equal(live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_series),
        cmocka_unit_test(test_refused_settings),
        cmocka_unit_test(test_bytes_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
