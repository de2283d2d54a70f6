/* test_plots.c - plots share their axes, nothing overlaps, and what cannot be shown is refused */
/* SPDX-License-Identifier: MIT */
/*
 * Where a point stands is reckoned here from the points of all plots. This program is linked with the library
 * as an archive and has its allocator from refusing_alloc.h.
 */
#include "host/figure/chart.h"
#include "tests/extents.h"
#include "tests/refusing_alloc.h"

#include <math.h>
#include <stdio.h>

enum { MOST = 12, LINES = 3, POINTS = 20 };

typedef struct stack {
    double x[POINTS], y[MOST][LINES][POINTS];
    ropemap_series series[MOST][LINES];
    ropemap_mark marks[MOST];
    char names[MOST][24];
    ropemap_plot plots[MOST];
    ropemap_plots all;
    double low, high; /* of y */
} stack;

/* x is 0, 100, ..., 1900; y grows from plot to plot. */
static void make_stack(stack *made, int32_t count, int32_t lines) {
    static const char *const labels[LINES] = {"base 1e4", "base 5e5", "base 1e6"};
    *made = (stack){.all = {.page = {.title = "Title of all",
                                     .subtitle = "d = 128",
                                     .x_label = "distance (tokens)",
                                     .y_label = "similarity"},
                            .plots = made->plots,
                            .count = count},
                    .low = INFINITY,
                    .high = -INFINITY};
    for (int32_t plot = 0; plot < count; plot++) {
        for (int32_t line = 0; line < lines; line++) {
            for (int32_t at = 0; at < POINTS; at++) {
                const double y = cos(0.7 * at + line) * (plot + 1.0);
                made->x[at] = 100.0 * at;
                made->y[plot][line][at] = y;
                made->low = fmin(made->low, y);
                made->high = fmax(made->high, y);
            }
            made->series[plot][line] =
                (ropemap_series){labels[line], made->x, made->y[plot][line], POINTS, false, false};
        }
        (void)snprintf(made->names[plot], sizeof made->names[plot], "head-dim %d", 64 + (int)plot);
        made->plots[plot] = (ropemap_plot){made->names[plot], made->series[plot], lines, NULL, 0};
    }
}

static void draw(const ropemap_plots *plots, rm_drawing *drawing) {
    ropemap_error error = {.status = ROPEMAP_OK};
    *drawing = (rm_drawing){.items = NULL};
    if (rm_plots_draw(plots, drawing, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    assert_false(drawing->incomplete);
}

/* The n-th line of series from the start of the drawing: those with points and no dashes, inside of a plot.
 */
static const rm_item *find_line(const rm_drawing *drawing, int32_t number) {
    for (int64_t at = 0; at < drawing->count; at++) {
        const rm_item *item = &drawing->items[at];
        if (item->kind == RM_ITEM_POLYLINE && item->point_count >= POINTS && number-- == 0) {
            return item;
        }
    }
    fail_msg("no line %d", (int)number);
    return NULL;
}

/* Every point where the axes of all plots say, a twentieth of the span left empty above and below. */
static void check_points(const stack *made, const rm_drawing *drawing, int32_t lines, double low,
                         double high) {
    for (int32_t number = 0; number < made->all.count * lines; number++) {
        const rm_item *item = find_line(drawing, number);
        const double *points = item->points + 2 * (item->point_count - POINTS);
        for (int32_t at = 0; at < POINTS; at++) {
            const double across = made->x[at] / 1900.0;
            const double up = (made->y[number / lines][number % lines][at] - low) / (high - low);
            assert_true(fabs(points[2 * at] - (item->x + across * item->width)) < 0.01);
            assert_true(fabs(points[2 * at + 1] - (item->y + (1.0 - up) * item->height)) < 0.01);
        }
    }
}

static void test_shared_axes(void **state) {
    (void)state;
    static stack made;
    rm_drawing drawing;
    for (int32_t count = 1; count <= MOST; count++) {
        const int32_t lines = 1 + count % LINES;
        make_stack(&made, count, lines);
        const double room = 0.05 * (made.high - made.low);
        draw(&made.all, &drawing);
        check_points(&made, &drawing, lines, made.low - room, made.high + room);
        rm_drawing_free(&drawing);
    }
    made.all.page.has_y_limits = true;
    made.all.page.y_low = -50.0;
    made.all.page.y_high = 50.0;
    draw(&made.all, &drawing);
    check_points(&made, &drawing, 1 + MOST % LINES, -50.0, 50.0);
    rm_drawing_free(&drawing);
}

static int32_t count_anchored(const rm_drawing *drawing, const char *text, rm_anchor anchor) {
    int32_t found = 0;
    for (int64_t at = 0; at < drawing->count; at++) {
        const rm_item *item = &drawing->items[at];
        const bool is_that = item->kind == RM_ITEM_TEXT && strcmp(item->text, text) == 0;
        found += is_that && item->style.anchor == anchor ? 1 : 0;
    }
    return found;
}

static int32_t count_texts(const rm_drawing *drawing, const char *text) {
    return count_anchored(drawing, text, RM_ANCHOR_START) + count_anchored(drawing, text, RM_ANCHOR_MIDDLE) +
           count_anchored(drawing, text, RM_ANCHOR_END);
}

/* How many numbers stand below plots and beside them: each column and each row has one "0". */
static void check_grid(int32_t count, int32_t columns, int32_t across) {
    static stack made;
    rm_drawing drawing;
    make_stack(&made, count, 1);
    made.all.columns = columns;
    draw(&made.all, &drawing);
    const int32_t down = (count + across - 1) / across;
    const rm_item *first = find_line(&drawing, 0);
    for (int32_t plot = 0; plot < count; plot++) {
        const rm_item *line = find_line(&drawing, plot);
        assert_true(line->width == first->width && line->height == first->height);
        assert_true((line->x == first->x) == (plot % across == 0));
        assert_true((line->y == first->y) == (plot < across));
        assert_int_equal(count_texts(&drawing, made.names[plot]), 1);
    }
    assert_int_equal(count_anchored(&drawing, "0", RM_ANCHOR_MIDDLE), across);
    assert_int_equal(
        count_anchored(&drawing, "0", RM_ANCHOR_END) + count_anchored(&drawing, "0.0", RM_ANCHOR_END), down);
    const char *const once[] = {"Title of all", "d = 128", "distance (tokens)", "similarity"};
    for (int word = 0; word < 4; word++) {
        assert_int_equal(count_texts(&drawing, once[word]), 1);
    }
    rm_drawing_free(&drawing);
}

static void test_grid(void **state) {
    (void)state;
    static const int32_t across[] = {1, 2, 3, 2, 3, 3, 4, 4, 3, 4, 4, 4};
    for (int32_t count = 1; count <= MOST; count++) {
        check_grid(count, 0, across[count - 1]);
        check_grid(count, 1, 1);
        check_grid(count, 100, count);
    }
}

/* A name for each line, once; of the plot with most lines. */
static void test_legend(void **state) {
    (void)state;
    static stack made;
    rm_drawing drawing;
    make_stack(&made, 4, 3);
    made.plots[0].series_count = 1;
    draw(&made.all, &drawing);
    for (int32_t line = 0; line < LINES; line++) {
        assert_int_equal(count_texts(&drawing, made.series[1][line].label), 1);
    }
    rm_drawing_free(&drawing);
    make_stack(&made, 4, 1);
    draw(&made.all, &drawing);
    assert_int_equal(count_texts(&drawing, made.series[0][0].label), 0);
    rm_drawing_free(&drawing);
}

static void test_no_overlap(void **state) {
    (void)state;
    static const int64_t sizes[][2] = {{0, 0}, {0, 4000}, {700, 0}, {900, 900}, {4000, 0}, {8192, 5000}};
    static char words[201], bytes[201];
    static stack made;
    memset(words, 'W', 200);
    memset(bytes, 0xff, 200);
    const char *const texts[] = {"", "distance (tokens)", words, bytes, NULL};
    for (int pick = 0; pick < 6 * 12 * 5; pick++) {
        rm_drawing drawing;
        make_stack(&made, 1 + pick / 6 % 12, 1 + pick % LINES);
        ropemap_chart *page = &made.all.page;
        page->width = sizes[pick % 6][0];
        page->height = sizes[pick % 6][1];
        made.all.columns = pick % 7 < 4 ? 0 : pick % 7 - 3;
        page->log_x = pick % 5 == 1;
        page->title = page->x_label = page->y_label = texts[pick / 72];
        page->subtitle = texts[4 - pick / 72];
        for (int32_t plot = 0; plot < made.all.count; plot++) {
            made.plots[plot].label = plot % 2 == 0 ? texts[pick / 72] : made.plots[plot].label;
            made.marks[plot] =
                (ropemap_mark){.of_x = true, .at = 64.0 * (plot + 1), .label = "trained length"};
            made.plots[plot].marks = &made.marks[plot];
            made.plots[plot].mark_count = plot % 3 == 0 ? 1 : 0;
        }
        draw(&made.all, &drawing);
        check_texts(&drawing);
        rm_drawing_free(&drawing);
    }
}

static ropemap_status make_kind(const ropemap_plots *plots, int kind, ropemap_bytes *bytes,
                                ropemap_error *error) {
    return kind == 0   ? ropemap_plots_png(plots, bytes, error)
           : kind == 1 ? ropemap_plots_svg(plots, 90.0, bytes, error)
                       : ropemap_plots_pdf(plots, 90.0, bytes, error);
}

/* The same bytes again; and without memory at the k-th allocation a failure that keeps nothing. */
static void test_bytes_and_memory(void **state) {
    (void)state;
    static stack made;
    make_stack(&made, 5, 2);
    for (int kind = 0; kind < 3; kind++) {
        ropemap_bytes first = {.data = NULL}, again = {.data = NULL};
        assert_int_equal(make_kind(&made.all, kind, &first, NULL), ROPEMAP_OK);
        const long before = atomic_load(&live);
        ropemap_status status = ROPEMAP_RESOURCES;
        for (long number = 0; status != ROPEMAP_OK; number++) {
            ropemap_error error = {.status = ROPEMAP_OK};
            refuse_from(number, false);
            status = make_kind(&made.all, kind, &again, &error);
            check_status("plots", number, refuse_no_more(), status, &error);
            assert_true(status == ROPEMAP_OK || (atomic_load(&live) == before && again.data == NULL));
        }
        assert_int_equal(first.size, again.size);
        assert_memory_equal(first.data, again.data, first.size);
        ropemap_bytes_free(&first);
        ropemap_bytes_free(&again);
    }
}

static void refuse(const ropemap_plots *plots, const char *part) {
    for (int kind = 0; kind < 3; kind++) {
        ropemap_bytes bytes = {.data = NULL};
        ropemap_error error = {.status = ROPEMAP_OK};
        assert_int_equal(make_kind(plots, kind, &bytes, &error), ROPEMAP_USAGE);
        if (strstr(error.text, part) == NULL) {
            fail_msg("\"%s\" lacks \"%s\"", error.text, part);
        }
        assert_null(bytes.data);
    }
}

static void test_refused(void **state) {
    (void)state;
    static stack made;
    make_stack(&made, 12, 2);
    made.all.count = 3;
    const struct {
        ropemap_plots plots;
        const char *part;
    } wrong[] = {
        {{.plots = made.plots, .count = 0}, "plots: 0, expected 1 to 100"},
        {{.plots = made.plots, .count = 101}, "plots: 101"},
        {{.count = 2}, "none in memory"},
        {{.plots = made.plots, .count = 3, .columns = -1}, "-1 columns"},
        {{.plots = made.plots, .count = 3, .page.width = 119}, "width 119"},
        {{.plots = made.plots, .count = 3, .page.width = 400, .page.height = 8193}, "height 8193"},
        {{.plots = made.plots, .count = 12, .columns = 12, .page.width = 400, .page.height = 400},
         "chart: 400 x 400 pixels leave no room for 12 x 1 plots"},
        {{.plots = made.plots, .count = 3, .page = {.has_y_limits = true, .y_low = 2.0, .y_high = 1.0}},
         "limits 2 to 1"}};
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        refuse(&wrong[at].plots, wrong[at].part);
    }
    made.y[1][1][3] = INFINITY;
    refuse(&made.all, "plots: 2 \"head-dim 65\": chart: series 2 \"base 5e5\" has y = inf at point 3");
    made.y[1][1][3] = 0.0;
    made.plots[2].series_count = 0;
    refuse(&made.all, "plots: 3 \"head-dim 66\": chart: 0 series");
    made.plots[2].series_count = 2;
    ropemap_bytes bytes = {.data = NULL};
    assert_int_equal(ropemap_plots_svg(&made.all, -1.0, &bytes, NULL), ROPEMAP_USAGE);
    assert_int_equal(ropemap_plots_png(&made.all, &bytes, NULL), ROPEMAP_OK);
    ropemap_bytes_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_axes),      cmocka_unit_test(test_grid),
        cmocka_unit_test(test_legend),           cmocka_unit_test(test_no_overlap),
        cmocka_unit_test(test_bytes_and_memory), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
