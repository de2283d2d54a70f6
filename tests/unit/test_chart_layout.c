/* test_chart_layout.c - plots share their axes, no text overlaps, and what cannot be shown is refused */
/* SPDX-License-Identifier: MIT */
/* Where a point is drawn is computed here from the points of all plots. */
#include "host/figure/chart.h"
#include "tests/extents.h"
#include "tests/stand_ins.h"
#include "tests/unit.h"

#include <math.h>

enum { MOST = 12, LINES = 3, POINTS = 20 };

typedef struct stack {
    double x[POINTS], y[MOST][LINES][POINTS];
    ropemap_series series[MOST][LINES];
    ropemap_mark marks[MOST];
    char names[MOST][24];
    ropemap_plot plots[MOST];
    ropemap_chart chart;
    double low, high; /* of y */
} stack;

/* x is 0, 100, ..., 1900; y grows from plot to plot. */
static void make_stack(stack *made, int32_t count, int32_t lines) {
    static const char *const labels[LINES] = {"base 1e4", "base 5e5", "base 1e6"};
    *made = (stack){.chart = {.title = "Title of all",
                              .subtitle = "d = 128",
                              .x_label = "distance (tokens)",
                              .y_label = "similarity",
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
            made->series[plot][line] = (ropemap_series){
                .label = labels[line], .x = made->x, .y = made->y[plot][line], .count = POINTS};
        }
        (void)snprintf(made->names[plot], sizeof made->names[plot], "head-dim %d", 64 + (int)plot);
        made->plots[plot] =
            (ropemap_plot){.label = made->names[plot], .series = made->series[plot], .series_count = lines};
    }
}

static void draw(const ropemap_chart *chart, rm_drawing *drawing) {
    ropemap_error error = {.status = ROPEMAP_OK};
    *drawing = (rm_drawing){.items = NULL};
    if (rm_chart_draw(chart, drawing, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    assert_false(drawing->incomplete);
}

/* The n-th line of series from the start of the drawing. */
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

/* ---- axes ---- */

/* Every point where the axes of all plots have it, a twentieth of the span left empty above and below. */
static void check_points(const stack *made, const rm_drawing *drawing, int32_t lines, double low,
                         double high) {
    for (int32_t number = 0; number < made->chart.count * lines; number++) {
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
    static stack made;
    rm_drawing drawing;
    for (int32_t count = 1; count <= MOST; count++) {
        const int32_t lines = 1 + count % LINES;
        make_stack(&made, count, lines);
        const double room = 0.05 * (made.high - made.low);
        draw(&made.chart, &drawing);
        check_points(&made, &drawing, lines, made.low - room, made.high + room);
        rm_drawing_free(&drawing);
    }
    made.chart.has_y_limits = true;
    made.chart.y_low = -50.0;
    made.chart.y_high = 50.0;
    draw(&made.chart, &drawing);
    check_points(&made, &drawing, 1 + MOST % LINES, -50.0, 50.0);
    rm_drawing_free(&drawing);
}

/* Positions end at a length or just before it; other axes are given in tens. Of logarithmic ones only those
 * that are said to count tokens have powers of two. */
static void test_positions(void **state) {
    static const struct {
        double x[3];
        bool log, tokens, binary;
        double high;
    } cases[] = {
        {{0, 1, 131071}, false, true, true, 131072},  {{0, 512, 131072}, false, false, true, 131072},
        {{1, 2, 98304}, false, false, true, 98304},   {{0, 1000, 128000}, false, true, false, 128000},
        {{0, 0.5, 4096}, false, false, false, 4096},  {{0, 1, 512}, false, false, false, 512},
        {{1024, 2048, 4096}, true, true, true, 4096}, {{1, 3, 4095}, true, true, true, 4096},
        {{1, 1000, 99999}, true, true, true, 99999},  {{1, 2, 4096}, true, false, false, 4096}};
    static const double y[3] = {1, 2, 3};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const ropemap_series series = {.label = "a", .x = cases[i].x, .y = y, .count = 3};
        const ropemap_chart chart = {.log_x = cases[i].log,
                                     .x_tokens = cases[i].tokens,
                                     .plot = {.series = &series, .series_count = 1}};
        const rm_axis_span axis = rm_chart_range_x(&chart);
        assert_int_equal(axis.binary, cases[i].binary);
        assert_true(axis.high == (cases[i].log ? log10(cases[i].high) : cases[i].high));
    }
}

/* ---- the grid and its words ---- */

/* How many numbers are below plots and next to them: each column and each row has one "0". */
static void check_grid(int32_t count, int32_t columns, int32_t across) {
    static stack made;
    rm_drawing drawing;
    make_stack(&made, count, 1);
    made.chart.columns = columns;
    draw(&made.chart, &drawing);
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
    static const int32_t across[] = {1, 2, 3, 2, 3, 3, 4, 4, 3, 4, 4, 4};
    for (int32_t count = 1; count <= MOST; count++) {
        check_grid(count, 0, across[count - 1]);
        check_grid(count, 1, 1);
        check_grid(count, 100, count);
    }
}

/* A name for each line, once, below the word that they begin with; of the plot with most lines, from the top
 * down as the lines end. */
static void test_legend(void **state) {
    static stack made;
    rm_drawing drawing;
    make_stack(&made, 4, 3);
    made.plots[0].series_count = 1;
    draw(&made.chart, &drawing);
    double ends[LINES], places[LINES] = {0.0};
    for (int32_t line = 0; line < LINES; line++) {
        const char *name = made.series[1][line].label + strlen("base ");
        assert_int_equal(count_texts(&drawing, name), 1);
        ends[line] = made.y[1][line][POINTS - 1];
        for (int64_t at = 0; at < drawing.count; at++) {
            places[line] = strcmp(drawing.items[at].text, name) == 0 ? drawing.items[at].y : places[line];
        }
    }
    assert_int_equal(count_texts(&drawing, "base"), 1);
    for (int32_t line = 1; line < LINES; line++) {
        assert_int_equal(ends[line] > ends[0], places[line] < places[0]);
    }
    rm_drawing_free(&drawing);
    make_stack(&made, 4, 1);
    draw(&made.chart, &drawing);
    assert_int_equal(count_texts(&drawing, made.series[0][0].label), 0);
    rm_drawing_free(&drawing);
}

/* Heads, of which there are whole ones alone. */
static void test_whole_numbers(void **state) {
    const double x[] = {0.0, 1.0, 2.0}, y[] = {0.2, 0.7, 0.4};
    const ropemap_series series = {.label = "sink", .x = x, .y = y, .count = 3, .points = true};
    const ropemap_chart chart = {.plot = {.series = &series, .series_count = 1}};
    rm_chart_layout layout;
    assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
    assert_int_equal(rm_chart_layout_make(&layout, &chart, NULL), ROPEMAP_OK);
    assert_int_equal(layout.x_ticks.count, 3);
    for (int32_t tick = 0; tick < 3; tick++) {
        assert_string_equal(layout.x_ticks.tick[tick].label, ((const char *[]){"0", "1", "2"})[tick]);
    }
}

/* In a narrow figure names take no width from the plots: they are in rows below, in the series' order. */
static void test_legend_below(void **state) {
    static stack made;
    rm_drawing drawing;
    rm_chart_layout layout;
    make_stack(&made, 3, 3);
    made.chart.width = 1039;
    made.chart.font_size = 28.6;
    made.chart.columns = 3;
    for (int32_t at = 0; at < 3 * LINES; at++) {
        made.series[at / LINES][at % LINES].label =
            ((const char *[]){"base 10,000", "base 500,000", "base 1,000,000"})[at % LINES];
    }
    draw(&made.chart, &drawing);
    assert_int_equal(rm_chart_layout_make(&layout, &made.chart, NULL), ROPEMAP_OK);
    assert_true(layout.legend.below > 0);
    assert_true(5 * layout.plot.width >= 1039);
    double last = 0.0, label = 0.0;
    for (int64_t at = 0; at < drawing.count; at++) {
        label = strcmp(drawing.items[at].text, "distance (tokens)") == 0 ? drawing.items[at].y : label;
    }
    for (int32_t line = 0; line < LINES; line++) {
        const char *name = made.series[0][line].label + strlen("base ");
        assert_int_equal(count_texts(&drawing, name), 1);
        for (int64_t at = 0; at < drawing.count; at++) {
            const rm_item *item = &drawing.items[at];
            if (strcmp(item->text, name) == 0) {
                assert_true(item->y > label && item->y < (double)drawing.height && item->x > last);
                last = item->x;
            }
        }
    }
    assert_int_equal(count_texts(&drawing, "base"), 1);
    check_texts(&drawing, 1.0);
    rm_drawing_free(&drawing);
}

/* Any number of plots and lines, sizes and words. */
static void test_no_overlap(void **state) {
    static const int64_t sizes[][2] = {{0, 0}, {0, 4000}, {700, 0}, {900, 900}, {4000, 0}, {8192, 5000}};
    static char words[201], bytes[201];
    static stack made;
    memset(words, 'W', 200);
    memset(bytes, 0xff, 200);
    const char *const texts[] = {"", "distance (tokens)", words, bytes, NULL};
    for (int pick = 0; pick < 6 * 12 * 5; pick += CASE_STEP) {
        rm_drawing drawing;
        make_stack(&made, 1 + pick / 6 % 12, 1 + pick % LINES);
        ropemap_chart *chart = &made.chart;
        chart->width = sizes[pick % 6][0];
        chart->height = sizes[pick % 6][1];
        chart->columns = pick % 7 < 4 ? 0 : pick % 7 - 3;
        chart->log_x = pick % 5 == 1;
        chart->title = chart->x_label = chart->y_label = texts[pick / 72];
        chart->subtitle = texts[4 - pick / 72];
        for (int32_t plot = 0; plot < chart->count; plot++) {
            made.plots[plot].label = plot % 2 == 0 ? texts[pick / 72] : made.plots[plot].label;
            made.marks[plot] =
                (ropemap_mark){.of_x = true, .at = 64.0 * (plot + 1), .label = "trained length"};
            made.plots[plot].marks = &made.marks[plot];
            made.plots[plot].mark_count = plot % 3 == 0 ? 1 : 0;
        }
        draw(chart, &drawing);
        check_texts(&drawing, 1.0);
        rm_drawing_free(&drawing);
    }
}

/* As much as one plot takes, in every size: no text overlaps, and the plot keeps a quarter of each side. */
static void test_full_plots(void **state) {
    static const int64_t sizes[][2] = {{600, 400},  {400, 400},  {1600, 1000},
                                       {4000, 400}, {400, 4000}, {8192, 5000}};
    static const char words[] =
        "a text that goes on and on and on and on and on and on and on \xff and on and on and on "
        "and on and on and on and on and on and on and on and on and on and on and on";
    double x[50], y[24][50];
    ropemap_series series[24];
    ropemap_mark marks[16];
    for (int i = 0; i < 24; i++) {
        for (int j = 0; j < 50; j++) {
            x[j] = 1e6 * j;
            y[i][j] = 1e5 * cos(0.2 * j + i);
        }
        series[i] = (ropemap_series){
            .label = words, .x = x, .y = y[i], .count = 50, .points = i % 3 == 1, .dashed = i % 5 == 1};
        marks[i % 16] = (ropemap_mark){.of_x = i % 2 == 0, .at = i % 4 < 2 ? 1e4 * i : 5e4, .label = words};
    }
    for (size_t pick = 0; pick < 2 * sizeof sizes / sizeof sizes[0]; pick++) {
        const ropemap_chart chart = {
            .title = words,
            .subtitle = words,
            .x_label = words,
            .y_label = words,
            .width = sizes[pick / 2][0],
            .height = sizes[pick / 2][1],
            .plot = {
                .series = series, .series_count = pick % 2 == 0 ? 1 : 24, .marks = marks, .mark_count = 16}};
        rm_drawing drawing;
        rm_chart_layout layout;
        draw(&chart, &drawing);
        check_texts(&drawing, 4.0);
        assert_true(drawing.width == chart.width && drawing.height == chart.height);
        assert_int_equal(rm_chart_layout_make(&layout, &chart, NULL), ROPEMAP_OK);
        assert_true(4 * layout.plot.width >= chart.width && 4 * layout.plot.height >= chart.height);
        rm_drawing_free(&drawing);
    }
}

/* ---- references and numbered points ---- */

enum { NAMED = 40 };

typedef struct roofline {
    double x[NAMED], y[NAMED];
    char words[NAMED][32];
    const char *names[NAMED];
    double line_x[2][2], line_y[2][2];
    ropemap_series series[3];
    ropemap_chart chart;
} roofline;

/* `count` points below a slope y = x and a level of 100, `spread` apart. */
static void make_roofline(roofline *made, int32_t count, double spread) {
    *made = (roofline){.line_x = {{0.1, 100.0}, {100.0, 1e4}}, .line_y = {{0.1, 100.0}, {100.0, 100.0}}};
    for (int32_t at = 0; at < count; at++) {
        made->x[at] = pow(10.0, 3.0 * at / NAMED);
        made->y[at] = fmin(made->x[at], 100.0) * pow(0.5, 1.0 + spread * (at % 3));
        (void)snprintf(made->words[at], sizeof made->words[at], "kernel %d \xff", (int)at);
        made->names[at] = made->words[at];
    }
    made->series[0] = (ropemap_series){
        .label = "kernels", .x = made->x, .y = made->y, .count = count, .points = true, .names = made->names};
    for (int line = 0; line < 2; line++) {
        made->series[1 + line] =
            (ropemap_series){.label = line == 0 ? "copy: 1 GB/s" : "product: 100 GFLOP/s",
                             .x = made->line_x[line],
                             .y = made->line_y[line],
                             .count = 2,
                             .reference = true};
    }
    made->chart = (ropemap_chart){.title = "Roofline",
                                  .log_x = true,
                                  .log_y = true,
                                  .has_y_limits = true,
                                  .y_low = 0.01,
                                  .y_high = 1000.0,
                                  .plot = {.series = made->series, .series_count = 3}};
}

/* Each name is listed once with its number, which is in the plot once more unless it has no room; references
 * have a label and no entry. */
static void test_names(void **state) {
    static roofline made;
    for (int32_t count = 1; count <= NAMED; count += 3) {
        rm_drawing drawing;
        make_roofline(&made, count, count % 2);
        made.chart.width = count % 4 == 0 ? 900 : 0;
        draw(&made.chart, &drawing);
        check_texts(&drawing, 1.0);
        for (int32_t at = 0; at < count; at++) {
            char number[16], name[40];
            (void)snprintf(number, sizeof number, "%d", (int)at + 1);
            (void)snprintf(name, sizeof name, "kernel %d \ufffd", (int)at);
            assert_int_equal(count_anchored(&drawing, number, RM_ANCHOR_END), 1);
            assert_int_equal(count_texts(&drawing, name), 1);
            assert_true(count != 7 || count_anchored(&drawing, number, RM_ANCHOR_MIDDLE) == 1);
        }
        assert_int_equal(count_texts(&drawing, "copy: 1 GB/s"), 1);
        assert_int_equal(count_texts(&drawing, "product: 100 GFLOP/s"), 1);
        assert_int_equal(count_texts(&drawing, "kernels"), 0);
        rm_drawing_free(&drawing);
    }
}

/* A reference is straight on logarithmic axes, from end to end, and points keep the colours they have alone.
 */
static void test_references(void **state) {
    static roofline made;
    rm_drawing drawing;
    rm_chart_layout layout;
    make_roofline(&made, 5, 0.0);
    draw(&made.chart, &drawing);
    assert_int_equal(rm_chart_layout_make(&layout, &made.chart, NULL), ROPEMAP_OK);
    int32_t lines = 0;
    for (int64_t at = 0; at < drawing.count; at++) {
        const rm_item *item = &drawing.items[at];
        if (item->kind == RM_ITEM_POLYLINE) {
            double left = INFINITY, right = -INFINITY;
            for (int64_t point = 0; point < item->point_count; point++) {
                left = fmin(left, item->points[2 * point]); /* NaN between lines plays no part */
                right = fmax(right, item->points[2 * point]);
            }
            assert_true(item->ink.r == item->ink.g && item->ink.g == item->ink.b);
            assert_true(lines != 0 || fabs(left - (double)layout.plot.x) < 1.0);
            assert_true(lines != 1 || fabs(right - (double)(layout.plot.x + layout.plot.width)) < 1.0);
            lines++;
        } else if (item->kind == RM_ITEM_DOTS) {
            assert_true(item->ink.r == 0x00 && item->ink.g == 0x72 && item->ink.b == 0xb2);
        }
    }
    assert_int_equal(lines, 2);
    rm_drawing_free(&drawing);
}

static const rm_item *text_of(const rm_drawing *drawing, const char *text) {
    for (int64_t at = 0; at < drawing->count; at++) {
        if (drawing->items[at].kind == RM_ITEM_TEXT && strcmp(drawing->items[at].text, text) == 0) {
            return &drawing->items[at];
        }
    }
    fail_msg("no \"%s\"", text);
    return NULL;
}

/* Names stand in the order of the lines' ends; those of steps of a quantity in its order, where the ends are
 * less than a row apart, or than they swing. */
static void test_names_at_ends(void **state) {
    enum { COUNT = 200, SERIES = 3 };
    static const char *const names[SERIES] = {"1k", "2k", "4k"};
    static const struct {
        bool ordered;
        double ends[SERIES], swing;
        int32_t order[SERIES]; /* from the top */
    } cases[] = {{false, {0.2, 0.5, 0.9}, 0.0, {2, 1, 0}},     {true, {0.2, 0.5, 0.9}, 0.0, {2, 1, 0}},
                 {false, {0.2, 0.202, 0.201}, 0.0, {1, 2, 0}}, {true, {0.2, 0.202, 0.201}, 0.0, {2, 1, 0}},
                 {true, {0.202, 0.2, 0.201}, 0.0, {0, 1, 2}},  {true, {0.2, 0.9, 0.5}, 0.0, {1, 2, 0}},
                 {true, {0.9, 0.1, 0.5}, 0.0, {0, 2, 1}},      {true, {0.9, 0.1, 0.5}, 0.3, {0, 1, 2}},
                 {false, {0.9, 0.1, 0.5}, 0.3, {0, 2, 1}}};
    static double x[COUNT], y[SERIES][COUNT];
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        ropemap_series series[SERIES];
        for (int32_t line = 0; line < SERIES; line++) {
            for (int32_t point = 0; point < COUNT; point++) {
                const double swing = point % 2 == 0 ? cases[at].swing : -cases[at].swing;
                x[point] = point;
                y[line][point] = point < COUNT / 2 ? 1.0 : cases[at].ends[line] + swing;
            }
            series[line] = (ropemap_series){.label = names[line], .x = x, .y = y[line], .count = COUNT};
        }
        const ropemap_chart chart = {
            .title = "T", .plot = {.series = series, .series_count = SERIES, .ordered = cases[at].ordered}};
        rm_drawing drawing;
        draw(&chart, &drawing);
        double above = -INFINITY;
        for (int32_t row = 0; row < SERIES; row++) {
            const double y_of_name = text_of(&drawing, names[cases[at].order[row]])->y;
            assert_true(y_of_name > above);
            above = y_of_name;
        }
        rm_drawing_free(&drawing);
    }
}

/* A label covers nothing of a curve, at whatever height it crosses the mark. */
static void test_label_off_curve(void **state) {
    const double x[2] = {0.0, 100.0};
    const ropemap_mark mark = {.of_x = true, .at = 25.0, .label = "trained length"};
    for (double height = 0.0; height <= 1.0; height += 0.04) {
        const double y[2] = {height, height};
        const ropemap_series series = {.label = "a", .x = x, .y = y, .count = 2};
        const ropemap_chart chart = {
            .title = "T",
            .has_y_limits = true,
            .y_high = 1.0,
            .plot = {.series = &series, .series_count = 1, .marks = &mark, .mark_count = 1}};
        rm_drawing drawing;
        rm_chart_layout layout;
        draw(&chart, &drawing);
        assert_int_equal(rm_chart_layout_make(&layout, &chart, NULL), ROPEMAP_OK);
        const extent label = text_extent(text_of(&drawing, mark.label));
        const double line = rm_chart_down(&layout, height);
        assert_true(line + layout.thickness / 2.0 <= label.top ||
                    line - layout.thickness / 2.0 >= label.bottom ||
                    rm_chart_across(&layout, 0.0) >= label.right);
        rm_drawing_free(&drawing);
    }
}

/* ---- files ---- */

static ropemap_status encode(const ropemap_chart *chart, int kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    return ropemap_chart_encode(chart, (ropemap_format)kind, NULL, bytes, error);
}

/* The same bytes again; and without memory at the k-th allocation a failure that keeps nothing. */
static void check_bytes(const ropemap_chart *chart) {
    for (int kind = 0; kind < 3; kind++) {
        ropemap_bytes first = {.data = NULL}, again = {.data = NULL};
        assert_int_equal(encode(chart, kind, &first, NULL), ROPEMAP_OK);
        const long before = blocks_live();
        ropemap_status status = ROPEMAP_RESOURCES;
        for (long number = 0; status != ROPEMAP_OK; number++) {
            ropemap_error error = {.status = ROPEMAP_OK};
            refuse_from(number, false);
            status = encode(chart, kind, &again, &error);
            check_status("chart", number, refuse_no_more(), status, &error);
            assert_true(status == ROPEMAP_OK || (blocks_live() == before && again.data == NULL));
        }
        assert_int_equal(first.size, again.size);
        assert_memory_equal(first.data, again.data, first.size);
        ropemap_bytes_free(&first);
        ropemap_bytes_free(&again);
    }
}

static void test_bytes_and_memory(void **state) {
    static stack made;
    static roofline roof;
    make_stack(&made, 5, 2);
    made.y[0][0][3] = (double)NAN; /* a gap */
    made.marks[0] = (ropemap_mark){.of_x = true, .at = 500.0, .label = "mark"};
    made.plots[0].marks = made.marks;
    made.plots[0].mark_count = 1;
    made.series[0][1].points = true;
    check_bytes(&made.chart);
    make_roofline(&roof, 5, 1.0);
    roof.chart.width = 900;
    roof.chart.height = 500;
    check_bytes(&roof.chart);
}

/* Numbers at the ends of what numbers are, on every kind of axis: something is drawn. */
static void test_extreme_numbers(void **state) {
    static const double ends[][2] = {{0.0, 0.0},       {5.0, 5.0},         {-1e300, 1e300},
                                     {1e-320, 2e-320}, {1e15, 1e15 + 1.0}, {1e-300, 1e-299},
                                     {1e300, 1e300},   {0.1, 0.1 + 1e-16}, {1e-300, 1e300}};
    static const char *const names[2] = {"a", NULL};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        for (int pick = 0; pick < (ends[i][0] > 0.0 ? 8 : 4); pick++) {
            const bool log = pick >= 4, points = pick / 2 % 2 == 1;
            const ropemap_series series = {.x = ends[i],
                                           .y = ends[i],
                                           .count = 2,
                                           .points = points,
                                           .reference = !points && i % 2 == 1,
                                           .names = points ? names : NULL};
            const ropemap_mark mark = {.of_x = true, .at = 1e300};
            const ropemap_chart chart = {
                .log_x = log,
                .log_y = log,
                .width = 600,
                .height = 400,
                .plot = {.series = &series, .series_count = 1, .marks = &mark, .mark_count = pick % 2}};
            ropemap_bytes bytes = {.data = NULL};
            assert_int_equal(encode(&chart, 0, &bytes, NULL), ROPEMAP_OK);
            ropemap_bytes_free(&bytes);
        }
    }
}

/* ---- refused ---- */

static void refuse(const ropemap_chart *chart, const char *part) {
    for (int kind = 0; kind < 3; kind++) {
        ropemap_bytes bytes = {.data = NULL};
        ropemap_error error = {.status = ROPEMAP_OK};
        assert_int_equal(encode(chart, kind, &bytes, &error), ROPEMAP_USAGE);
        assert_says(error.text, part);
        assert_null(bytes.data);
    }
}

static void test_refused_plots(void **state) {
    static stack made;
    make_stack(&made, 12, 2);
    made.chart.count = 3;
    const struct {
        ropemap_chart chart;
        const char *part;
    } wrong[] = {
        {{.plots = made.plots, .count = 0}, "chart: 0 plots"},
        {{.plots = made.plots, .count = 101}, "101 plots"},
        {{.count = 2}, "none in memory"},
        {{.plots = made.plots, .count = 3, .columns = -1}, "-1 columns"},
        {{.plots = made.plots, .count = 3, .width = 119}, "width 119"},
        {{.plots = made.plots, .count = 3, .width = 400, .height = 8193}, "height 8193"},
        {{.plots = made.plots, .count = 3, .font_size = 401.0}, "font-size: 401 pixels"},
        {{.plots = made.plots, .count = 12, .columns = 12, .width = 400, .height = 400},
         "400 x 400 pixels leave no room for 12 x 1 plots"},
        {{.plots = made.plots, .count = 3, .has_y_limits = true, .y_low = 2.0, .y_high = 1.0},
         "limits 2 to 1"},
        {{.plots = made.plots, .count = 3, .has_y_limits = true, .y_low = 1.0, .y_high = (double)NAN},
         "limits 1 to nan"},
        {{.plots = made.plots, .count = 3, .has_y_limits = true, .y_low = 1.0, .y_high = 1.0 + 1e-15},
         "1e-12"},
        {{.plots = made.plots, .count = 3, .has_y_limits = true, .y_high = 1.0, .log_y = true}, "above 0"}};
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        refuse(&wrong[at].chart, wrong[at].part);
    }
    made.y[1][1][3] = INFINITY;
    refuse(&made.chart, "chart: plot 2 \"head-dim 65\": series 2 \"base 5e5\" has y = inf at point 3");
    made.y[1][1][3] = 0.0;
    made.plots[2].series_count = 0;
    refuse(&made.chart, "plot 3 \"head-dim 66\": 0 series");
    made.plots[2].series_count = 25;
    refuse(&made.chart, "25 series");
}

static void test_refused_series(void **state) {
    double x[3] = {1, 2, 3}, y[3] = {1, 2, 3};
    static const char *names[501];
    ropemap_series series[2] = {{.label = "good", .x = x, .y = x, .count = 3},
                                {.label = "second", .x = x, .y = y, .count = 3}};
    ropemap_mark mark = {.of_x = true, .at = -1.0, .label = "here"};
    ropemap_chart chart = {.plot = {.series = series, .series_count = 2}};
    y[0] = y[1] = y[2] = (double)NAN;
    refuse(&chart, "chart: series 2 \"second\" has nothing to draw");
    y[0] = y[1] = y[2] = -1.0;
    chart.log_y = true;
    refuse(&chart, "series 2 \"second\" has nothing to draw: no y above 0");
    chart.log_y = false;
    x[1] = 0.5;
    refuse(&chart, "series 1 \"good\" has x = 0.5 at point 1");
    x[1] = (double)NAN;
    refuse(&chart, "series 1 \"good\" has x = nan at point 1");
    x[1] = 2.0;
    series[1].count = 0;
    refuse(&chart, "series 2 \"second\" has no points");
    double many[501];
    for (int at = 0; at < 501; at++) {
        many[at] = at;
    }
    series[1] = (ropemap_series){.x = many, .y = many, .count = 501, .points = true, .names = names};
    refuse(&chart, "501 points with names");
    chart.plot.series_count = 1;
    chart.plot.marks = &mark;
    chart.plot.mark_count = 17;
    refuse(&chart, "17 marks");
    chart.plot.mark_count = 1;
    chart.log_x = true;
    refuse(&chart, "mark 1 \"here\" is at x = -1, expected a number above 0");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared_axes),
                                       cmocka_unit_test(test_positions),
                                       cmocka_unit_test(test_grid),
                                       cmocka_unit_test(test_legend),
                                       cmocka_unit_test(test_legend_below),
                                       cmocka_unit_test(test_whole_numbers),
                                       cmocka_unit_test(test_no_overlap),
                                       cmocka_unit_test(test_full_plots),
                                       cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_names_at_ends),
                                       cmocka_unit_test(test_label_off_curve),
                                       cmocka_unit_test(test_references),
                                       cmocka_unit_test(test_extreme_numbers),
                                       cmocka_unit_test(test_bytes_and_memory),
                                       cmocka_unit_test(test_refused_plots),
                                       cmocka_unit_test(test_refused_series)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
