/* test_pages.c - pages of figures and charts: fonts inside, sizes that readers take, the same bytes always */
/* SPDX-License-Identifier: MIT */
#include "tests/page_file.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* ---- PDF ---- */

static void a_pdf_is_one_page_with_its_font(void **state) {
    const ropemap_figure figure = make_figure();
    ropemap_bytes pdf = make(&figure, ROPEMAP_PDF, 180.0);
    assert_int_equal(memcmp(pdf.data, "%PDF-1.4", 8), 0);
    assert_int_equal(count(&pdf, "/Type /Page") - count(&pdf, "/Type /Pages"), 1);
    assert_true(has(&pdf, "/Count 1\n"));
    assert_true(has(&pdf, "+DejaVuSans"));
    assert_true(has(&pdf, "/FontFile2"));
    assert_true(has(&pdf, "/ToUnicode"));
    assert_true(has(&pdf, "/MediaBox [ 0 0 510.23622 ")); /* 180 mm */
    assert_true(has(&pdf, "/Title (base 10,000 & <d> = \"128\")"));
    assert_true(has(&pdf, "20000101000000Z)"));
    assert_int_equal(count(&pdf, "/Subtype /Image"), 2);
    assert_false(has(&pdf, "/Interpolate true"));
    ropemap_bytes_free(&pdf);
}

/* ---- sizes ---- */

static void widths_out_of_range_are_refused(void **state) {
    static const double widths[] = {-1.0, 0.5, 5081.0, (double)INFINITY, (double)NAN};
    float cells[SIDE * SIDE];
    const ropemap_map map = make_map(cells, false);
    ropemap_figure figure = make_figure();
    figure.panel.map = &map;
    for (size_t pick = 0; pick < 2 * sizeof widths / sizeof *widths; pick++) {
        ropemap_bytes bytes = {.data = NULL};
        ropemap_error error = {.text = ""};
        const ropemap_page page = {.millimetres = widths[pick / 2]};
        const ropemap_format format = pick % 2 == 0 ? ROPEMAP_SVG : ROPEMAP_PDF;
        assert_int_equal(ropemap_figure_encode(&figure, format, &page, &bytes, &error), ROPEMAP_USAGE);
        assert_says(error.text, "millimetres");
        assert_null(bytes.data);
    }
}

/* A page's sides end at 14,400 points, and images of cairo at 32,767 cells. */
static void pages_end_where_readers_do(void **state) {
    static const struct {
        int64_t width, height;
        double millimetres;
        ropemap_status pdf;
    } cases[] = {
        {19200, 4, 0.0, ROPEMAP_OK},        {19201, 4, 0.0, ROPEMAP_USAGE},   {4, 19201, 0.0, ROPEMAP_USAGE},
        {19201, 192, 100.0, ROPEMAP_USAGE}, {30000, 400, 5080.0, ROPEMAP_OK}, {32767, 350, 600.0, ROPEMAP_OK},
        {32768, 350, 600.0, ROPEMAP_USAGE}, {10, 1000, 60.0, ROPEMAP_USAGE},  {2, 2, 0.0, ROPEMAP_USAGE},
        {1, 1, 1.06, ROPEMAP_OK},
    };
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        ropemap_map map = {.height = cases[pick].height, .width = cases[pick].width, .min = 0.0, .max = 0.0};
        map.cells = calloc((size_t)(map.height * map.width), sizeof *map.cells);
        assert_non_null(map.cells);
        const ropemap_figure figure = {.bare = true, .panel.map = &map};
        const ropemap_page page = {.millimetres = cases[pick].millimetres};
        ropemap_bytes pdf = {.data = NULL}, svg = {.data = NULL};
        ropemap_error error = {.text = ""};
        assert_int_equal(ropemap_figure_encode(&figure, ROPEMAP_PDF, &page, &pdf, &error), cases[pick].pdf);
        assert_true((pdf.data == NULL) == (cases[pick].pdf == ROPEMAP_USAGE));
        assert_int_equal(ropemap_figure_encode(&figure, ROPEMAP_SVG, &page, &svg, NULL), ROPEMAP_OK);
        ropemap_bytes_free(&pdf);
        ropemap_bytes_free(&svg);
        free(map.cells);
    }
}

/* ---- the same bytes ---- */

static void *make_pdf(void *into) {
    const ropemap_figure figure = make_figure();
    *(ropemap_bytes *)into = make(&figure, ROPEMAP_PDF, 0.0);
    return NULL;
}

static void bytes_repeat(void **state) {
    const ropemap_figure figure = make_figure();
    ropemap_bytes svg[2], pdf[5];
    pthread_t threads[4];
    /* Cairo asks for the time zone: the C library's own lock on it is not seen by ThreadSanitizer. */
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    for (int thread = 0; thread < 4; thread++) {
        assert_int_equal(pthread_create(&threads[thread], NULL, make_pdf, &pdf[thread]), 0);
    }
    for (int thread = 0; thread < 4; thread++) {
        assert_int_equal(pthread_join(threads[thread], NULL), 0);
    }
    pdf[4] = make(&figure, ROPEMAP_PDF, 0.0);
    svg[0] = make(&figure, ROPEMAP_SVG, 0.0);
    svg[1] = make(&figure, ROPEMAP_SVG, 0.0);
    assert_true(equal(&svg[0], &svg[1]));
    for (int run = 0; run < 4; run++) {
        assert_true(equal(&pdf[run], &pdf[4]));
        ropemap_bytes_free(&pdf[run]);
    }
    ropemap_bytes_free(&pdf[4]);
    ropemap_bytes_free(&svg[0]);
    ropemap_bytes_free(&svg[1]);
}

static void a_decimal_comma_changes_nothing(void **state) {
    const ropemap_figure figure = make_figure();
    ropemap_bytes svg = make(&figure, ROPEMAP_SVG, 180.0), pdf = make(&figure, ROPEMAP_PDF, 180.0);
    const bool there = setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
    ropemap_bytes svg_again = make(&figure, ROPEMAP_SVG, 180.0);
    ropemap_bytes pdf_again = make(&figure, ROPEMAP_PDF, 180.0);
    assert_non_null(setlocale(LC_ALL, "C"));
    assert_true(equal(&svg, &svg_again) && equal(&pdf, &pdf_again));
    ropemap_bytes_free(&svg);
    ropemap_bytes_free(&pdf);
    ropemap_bytes_free(&svg_again);
    ropemap_bytes_free(&pdf_again);
    if (!there) {
        skip();
    }
}

/* ---- charts ---- */

static void charts_are_pages_too(void **state) {
    static const double x[] = {1.0, 2.0, 3.0, 4.0}, y[] = {0.5, 1.0, 0.25, 0.75};
    const ropemap_series series[] = {{.label = "a & b", .x = x, .y = y, .count = 4},
                                     {.label = "c", .x = x, .y = y, .count = 4, .points = true}};
    ropemap_chart chart = {
        .title = "a chart", .x_label = "distance", .plot = {.series = series, .series_count = 2}};
    ropemap_bytes svg = {.data = NULL}, pdf = {.data = NULL};
    const ropemap_page page = {.millimetres = 120.0}, wrong = {.millimetres = -1.0};
    assert_int_equal(ropemap_chart_encode(&chart, ROPEMAP_SVG, &page, &svg, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_chart_encode(&chart, ROPEMAP_PDF, &page, &pdf, NULL), ROPEMAP_OK);
    assert_true(has(&svg, " width=\"120mm\" height=\"75mm\" viewBox=\"0 0 1600 1000\""));
    assert_true(has(&svg, ">a &amp; b</text>") && has(&svg, ">distance</text>") && has(&svg, "<circle "));
    assert_true(has(&svg, "<title>a chart</title>") && has(&svg, "clip-path=\"url(#clip_"));
    assert_true(has(&pdf, "/Title (a chart)") && has(&pdf, "/FontFile2"));
    ropemap_bytes_free(&svg);
    ropemap_bytes_free(&pdf);
    assert_int_equal(ropemap_chart_encode(&chart, ROPEMAP_SVG, &wrong, &svg, NULL), ROPEMAP_USAGE);
    assert_int_equal(ropemap_chart_encode(&chart, (ropemap_format)3, NULL, &svg, NULL), ROPEMAP_USAGE);
    chart.plot.series_count = 0;
    assert_int_equal(ropemap_chart_encode(&chart, ROPEMAP_PDF, NULL, &pdf, NULL), ROPEMAP_USAGE);
    assert_true(svg.data == NULL && pdf.data == NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pdf_is_one_page_with_its_font), cmocka_unit_test(widths_out_of_range_are_refused),
        cmocka_unit_test(pages_end_where_readers_do),      cmocka_unit_test(bytes_repeat),
        cmocka_unit_test(a_decimal_comma_changes_nothing), cmocka_unit_test(charts_are_pages_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
