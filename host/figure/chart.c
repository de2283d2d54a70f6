/* chart.c - series against an axis in one plot or a grid of them, from a checked chart to a drawing */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart.h"
#include "host/base/text.h"
#include "host/figure/drawing.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { PLOTS_MAX = 100 };

static const rm_rgb grid_ink = {0xe4, 0xe4, 0xe4}, zero_ink = {0x9a, 0x9a, 0x9a};

rm_plots rm_plots_of(const ropemap_chart *chart) {
    return chart->plots != NULL ? (rm_plots){.plot = chart->plots, .count = chart->count}
                                : (rm_plots){.plot = &chart->plot, .count = 1};
}

/* ---- checks ---- */

/* Numbers beyond this leave no room for what is computed with them. */
#define RM_CHART_NUMBER_MAX 1e300

/* Two ends of an axis that are closer, as a part of their size, have no numbers between them. */
#define NARROWEST 1e-12

enum { NAME_BYTES = 96 };

static bool has_place(double value, bool log) {
    return !isnan(value) && (!log || value > 0.0);
}

static bool is_number(double value) {
    return fabs(value) <= RM_CHART_NUMBER_MAX;
}

bool rm_chart_shows(const ropemap_chart *chart, const ropemap_series *series, int64_t point) {
    return has_place(series->x[point], chart->log_x) && has_place(series->y[point], chart->log_y);
}

/* series 2 "base 10,000", counted from 1 */
static void name_of(char name[NAME_BYTES], const char *kind, int32_t index, const char *label) {
    char clean[NAME_BYTES - 24];
    rm_label_make(clean, sizeof clean, label != NULL ? label : "");
    (void)snprintf(name, NAME_BYTES, "%s %" PRId32 " \"%s\"", kind, index + 1, clean);
}

static ropemap_status check_counts(const ropemap_plot *plot, ropemap_error *error) {
    if (plot->series == NULL || plot->series_count < 1 || plot->series_count > RM_CHART_SERIES_MAX) {
        return rm_fail(error, ROPEMAP_USAGE, "%" PRId32 " series%s, expected 1 to %d", plot->series_count,
                       plot->series == NULL ? " and none in memory" : "", (int)RM_CHART_SERIES_MAX);
    }
    if (plot->mark_count < 0 || plot->mark_count > RM_CHART_MARKS_MAX ||
        (plot->mark_count > 0 && plot->marks == NULL)) {
        return rm_fail(error, ROPEMAP_USAGE, "%" PRId32 " marks%s, at most %d", plot->mark_count,
                       plot->marks == NULL ? " and none in memory" : "", (int)RM_CHART_MARKS_MAX);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_side(const char *name, int64_t side, ropemap_error *error) {
    if (side != 0 && (side < RM_CHART_SIDE_MIN || side > RM_CHART_SIDE_MAX)) {
        return rm_fail(error, ROPEMAP_USAGE, "chart: %s %" PRId64 ", expected %d to %d pixels, or 0", name,
                       side, (int)RM_CHART_SIDE_MIN, (int)RM_CHART_SIDE_MAX);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_limits(const ropemap_chart *chart, ropemap_error *error) {
    const double low = chart->y_low, high = chart->y_high;
    if (!chart->has_y_limits) {
        return ROPEMAP_OK;
    }
    if (!is_number(low) || !is_number(high) || !(high > low) || !has_place(low, chart->log_y)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "chart: limits %g to %g, expected numbers%s, the lower one first", low, high,
                       chart->log_y ? " above 0" : "");
    }
    if (high - low < NARROWEST * fmax(fabs(low), fabs(high))) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "chart: limits %.17g to %.17g, expected them to differ by 1e-12 of their size", low,
                       high);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_series(const ropemap_chart *chart, const ropemap_plot *plot, int32_t index,
                                   ropemap_error *error) {
    const ropemap_series *series = &plot->series[index];
    char name[NAME_BYTES];
    name_of(name, "series", index, series->label);
    if (series->count < 1 || series->x == NULL || series->y == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "%s has no points, expected one at least", name);
    }
    int64_t shown = 0;
    for (int64_t point = 0; point < series->count; point++) {
        const double x = series->x[point], y = series->y[point];
        if (!is_number(x) || (point > 0 && x < series->x[point - 1])) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "%s has x = %g at point %" PRId64
                           ", expected numbers that never fall, of at most 1e300",
                           name, x, point);
        }
        if (!isnan(y) && !is_number(y)) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "%s has y = %g at point %" PRId64 ", expected at most 1e300, or NaN for a gap",
                           name, y, point);
        }
        shown += rm_chart_shows(chart, series, point) ? 1 : 0;
    }
    if (shown == 0) {
        return rm_fail(error, ROPEMAP_USAGE, "%s has nothing to draw: no y%s%s", name,
                       chart->log_y ? " above 0" : " that is a number",
                       chart->log_x ? " at an x above 0" : "");
    }
    return ROPEMAP_OK;
}

static ropemap_status check_mark(const ropemap_chart *chart, const ropemap_plot *plot, int32_t index,
                                 ropemap_error *error) {
    const ropemap_mark *mark = &plot->marks[index];
    const bool log = mark->of_x ? chart->log_x : chart->log_y;
    const bool has_end = mark->until == 0.0 || (is_number(mark->until) && has_place(mark->until, log));
    if (!is_number(mark->at) || !has_place(mark->at, log) || !has_end) {
        char name[NAME_BYTES];
        name_of(name, "mark", index, mark->label);
        return rm_fail(error, ROPEMAP_USAGE, "%s is at %s = %g, expected a number%s", name,
                       mark->of_x ? "x" : "y", mark->at, log ? " above 0" : "");
    }
    return ROPEMAP_OK;
}

static ropemap_status check_names(const ropemap_plot *plot, ropemap_error *error) {
    int64_t names = 0;
    for (int32_t index = 0; index < plot->series_count; index++) {
        names += plot->series[index].names != NULL ? plot->series[index].count : 0;
    }
    return names <= RM_CHART_NAMES_MAX
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "%" PRId64 " points with names, at most %d", names,
                         (int)RM_CHART_NAMES_MAX);
}

static ropemap_status check_plot(const ropemap_chart *chart, const ropemap_plot *plot, ropemap_error *error) {
    RM_TRY(check_counts(plot, error));
    for (int32_t index = 0; index < plot->series_count; index++) {
        RM_TRY(check_series(chart, plot, index, error));
    }
    for (int32_t index = 0; index < plot->mark_count; index++) {
        RM_TRY(check_mark(chart, plot, index, error));
    }
    return check_names(plot, error);
}

static ropemap_status check_plots(const ropemap_chart *chart, ropemap_error *error) {
    const rm_plots plots = rm_plots_of(chart);
    if (plots.count < 1 || plots.count > PLOTS_MAX || (chart->plots == NULL && chart->count > 0)) {
        return rm_fail(error, ROPEMAP_USAGE, "chart: %" PRId32 " plots%s, 1 to %d are possible", chart->count,
                       chart->plots == NULL ? " and none in memory" : "", (int)PLOTS_MAX);
    }
    if (chart->columns < 0 || chart->columns > PLOTS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "chart: %" PRId32 " columns, expected 1 to %d, or 0 for as the page is best filled",
                       chart->columns, (int)PLOTS_MAX);
    }
    for (int32_t index = 0; index < plots.count; index++) {
        const ropemap_plot *plot = &plots.plot[index];
        ropemap_error why = {.status = ROPEMAP_OK};
        const ropemap_status status = check_plot(chart, plot, &why);
        if (status != ROPEMAP_OK && chart->plots == NULL) {
            return rm_fail(error, status, "chart: %s", why.text);
        }
        if (status != ROPEMAP_OK) {
            char name[NAME_BYTES];
            name_of(name, "plot", index, plot->label);
            return rm_fail(error, status, "chart: %s: %s", name, why.text);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status check(const ropemap_chart *chart, ropemap_error *error) {
    RM_TRY(check_side("width", chart->width, error));
    RM_TRY(check_side("height", chart->height, error));
    RM_TRY(rm_font_size_check(chart->font_size, error));
    RM_TRY(check_limits(chart, error));
    return check_plots(chart, error);
}

/* ---- what the axes cover ---- */

/* Left empty at the ends of an axis, as parts of what is drawn: above and below lines, and to both sides of
 * dots. */
#define ROOM_Y 0.05

#define ROOM_X 0.025

/* Values above 0 whose least is a smaller part of the greatest are shown from 0 on. */
#define NEAR_NOTHING 0.5

/* A range that is narrower, as a part of its size, is one number. */
#define ONE_NUMBER 1e-11

enum { BINARY_FROM = 1024, BINARY_PARTS = 16, NEAR_ZERO = 64 /* positions from 1 on are shown from 0 on */ };

static void take(rm_axis_span *axis, double value) {
    const double number = axis->log ? log10(value) : value;
    axis->low = fmin(axis->low, number);
    axis->high = fmax(axis->high, number);
}

static void take_marks(rm_axis_span *axis, const rm_plots plots, bool of_x) {
    for (int32_t index = 0; index < plots.count; index++) {
        const ropemap_plot *plot = &plots.plot[index];
        for (int32_t mark = 0; mark < plot->mark_count; mark++) {
            if (plot->marks[mark].of_x == of_x) {
                take(axis, plot->marks[mark].at);
            }
        }
    }
}

/* Adds `room` at both ends; around a single number there is something to either side. */
static void widen(rm_axis_span *axis, double room) {
    const double size = fmax(fabs(axis->low), fabs(axis->high)), span = axis->high - axis->low;
    double more = room * span;
    if (axis->log) {
        more = span < ONE_NUMBER * fmax(size, 1.0) ? 0.3 : more;
    } else if (span <= ONE_NUMBER * size || size < 1e-290) {
        more = size < 1e-290 ? 1.0 : size / 10.0;
    }
    axis->low -= more;
    axis->high += more;
}

/* Whether a length of positions is some sixteen times a power of two at most: 128k, 96k. */
static bool is_binary_length(double length) {
    if (length < BINARY_FROM || length > (double)ROPEMAP_POSITION_END) {
        return false;
    }
    double part = 1.0;
    while (part * (double)BINARY_PARTS < length) {
        part *= 2.0;
    }
    return fmod(length, part) == 0.0;
}

/* Positions are whole numbers. */
static bool are_positions(const ropemap_series *series) {
    for (int64_t point = 0; point < series->count; point++) {
        if (series->x[point] < 0.0 || series->x[point] != floor(series->x[point])) {
            return false;
        }
    }
    return true;
}

/* From the first point that is shown to the last one. */
static void take_series(rm_axis_span *axis, const ropemap_chart *chart, const ropemap_series *series) {
    int64_t first = 0, last = series->count - 1;
    while (!rm_chart_shows(chart, series, first)) {
        first++;
    }
    while (!rm_chart_shows(chart, series, last)) {
        last--;
    }
    take(axis, series->x[first]);
    take(axis, series->x[last]);
}

rm_axis_span rm_chart_range_x(const ropemap_chart *chart) {
    const rm_plots plots = rm_plots_of(chart);
    rm_axis_span axis = {.log = chart->log_x, .low = INFINITY, .high = -INFINITY};
    bool dots = false, references = false, positions = true;
    double last = 0.0;
    for (int32_t index = 0; index < plots.count; index++) {
        for (int32_t at = 0; at < plots.plot[index].series_count; at++) {
            const ropemap_series *series = &plots.plot[index].series[at];
            take_series(&axis, chart, series);
            dots = dots || series->points;
            references = references || series->reference;
            positions = positions && (chart->log_x ? chart->x_tokens : are_positions(series));
            last = fmax(last, series->x[series->count - 1]);
        }
    }
    const double length = is_binary_length(last + 1.0) ? last + 1.0 : last;
    axis.whole = positions && !chart->log_x;
    axis.binary = positions && (chart->log_x || is_binary_length(length));
    if (axis.binary) {
        take(&axis, length);
        take(&axis, !axis.log && axis.low < length / (double)NEAR_ZERO ? 0.0 : length);
    }
    take_marks(&axis, plots, true);
    axis.binary = axis.binary && axis.high <= (double)ROPEMAP_POSITION_END;
    widen(&axis, dots && !references ? ROOM_X : 0.0); /* references reach from end to end */
    return axis;
}

static void take_values(rm_axis_span *axis, const ropemap_chart *chart, const ropemap_series *series) {
    double low = INFINITY, high = -INFINITY;
    for (int64_t point = 0; point < series->count; point++) {
        if (rm_chart_shows(chart, series, point)) {
            low = fmin(low, series->y[point]);
            high = fmax(high, series->y[point]);
        }
    }
    take(axis, low);
    take(axis, high);
}

rm_axis_span rm_chart_range_y(const ropemap_chart *chart) {
    const rm_plots plots = rm_plots_of(chart);
    rm_axis_span axis = {
        .log = chart->log_y, .binary = chart->log_y && chart->y_tokens, .low = INFINITY, .high = -INFINITY};
    if (chart->has_y_limits) {
        take(&axis, chart->y_low);
        take(&axis, chart->y_high);
        return axis;
    }
    for (int32_t index = 0; index < plots.count; index++) {
        for (int32_t at = 0; at < plots.plot[index].series_count; at++) {
            take_values(&axis, chart, &plots.plot[index].series[at]);
        }
    }
    take_marks(&axis, plots, false);
    const bool from_zero = !axis.log && axis.low >= 0.0 && axis.low < NEAR_NOTHING * axis.high;
    widen(&axis, ROOM_Y);
    axis.low = from_zero ? 0.0 : axis.low;
    return axis;
}

/* ---- drawing ---- */

/* Behind the series: lines at the ticks, and at 0. */
static void draw_grid(rm_drawing *drawing, const rm_chart_layout *layout) {
    const rm_box *plot = &layout->plot;
    const int64_t line = layout->sizes.line;
    const double x = (double)plot->x, y = (double)plot->y, pen = (double)line;
    const double width = (double)plot->width, height = (double)plot->height;
    for (int32_t tick = 0; tick < layout->x_ticks.count; tick++) {
        const double place = x + rm_snap(layout->x_ticks.tick[tick].at * width, plot->width, line);
        rm_drawing_line(drawing, place, y, 0.0, height, pen, grid_ink);
    }
    for (int32_t tick = 0; tick < layout->y_ticks.count; tick++) {
        const double place = y + rm_snap((1.0 - layout->y_ticks.tick[tick].at) * height, plot->height, line);
        rm_drawing_line(drawing, x, place, width, 0.0, pen, grid_ink);
    }
    if (!layout->y.log && layout->y.low < 0.0 && layout->y.high > 0.0) {
        const double at = 1.0 - rm_axis_place(&layout->y, 0.0);
        rm_drawing_line(drawing, x, y + rm_snap(at * height, plot->height, line), width, 0.0, pen, zero_ink);
    }
}

/* From back to front: bands, references and marks, series, labels. */
static void draw_contents(rm_drawing *drawing, const ropemap_chart *chart, const ropemap_plot *plot,
                          const rm_chart_layout *layout, const rm_chart_curve *curves) {
    for (int32_t index = 0; index < plot->series_count; index++) {
        rm_chart_band_draw(drawing, plot, index, layout, &curves[index]);
    }
    rm_chart_marks_draw(drawing, plot, layout);
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t index = 0; index < plot->series_count; index++) {
            if (plot->series[index].reference == (pass == 0)) {
                rm_chart_series_draw(drawing, chart, plot, index, layout, &curves[index]);
            }
        }
    }
    rm_chart_rings_draw(drawing, plot, layout);
    rm_chart_labels_draw(drawing, chart, plot, layout, curves);
}

static void draw_plot(rm_drawing *drawing, const ropemap_chart *chart, const ropemap_plot *plot,
                      const rm_chart_layout *layout) {
    rm_chart_curve curves[RM_CHART_SERIES_MAX];
    int32_t made = 0;
    while (made < plot->series_count &&
           rm_chart_curve_make(chart, &plot->series[made], layout, &curves[made])) {
        made++;
    }
    if (made == plot->series_count) {
        draw_contents(drawing, chart, plot, layout, curves);
    } else {
        drawing->incomplete = true;
    }
    while (made > 0) {
        rm_chart_curve_free(&curves[--made]);
    }
}

static void draw_name(rm_drawing *drawing, const rm_chart_layout *layout, const char *label) {
    const rm_sizes *sizes = &layout->sizes;
    const rm_text_lines name =
        rm_text_break(label, sizes->name, (double)layout->plot.width, layout->name_lines);
    const double last = (double)(layout->plot.y - sizes->line) - sizes->name_rise;
    for (int32_t line = 0; line < name.count; line++) {
        rm_drawing_text(drawing, (double)layout->plot.x, last - (name.count - 1 - line) * sizes->name_step,
                        name.line[line], (rm_text_style){.size = sizes->name, .ink = layout->theme->ink});
    }
}

/* To the right of the last column. */
static void draw_row_heading(rm_drawing *drawing, const rm_chart_layout *layout, const char *text) {
    const rm_sizes *sizes = &layout->sizes;
    rm_axis_label heading;
    rm_row_heading_fit(&heading, text, sizes, (double)layout->plot.height);
    heading.x =
        (double)(layout->area.x + layout->area.width + sizes->line + sizes->gap) + 0.78 * heading.size;
    heading.y = (double)layout->plot.y + (double)layout->plot.height / 2.0;
    rm_axis_label_draw(drawing, &heading, layout->theme, true);
}

/* Numbers are next to the first column, and below what has no plot below it. */
static void draw_place(rm_drawing *drawing, const ropemap_chart *chart, int32_t index,
                       const rm_chart_layout *layout) {
    const rm_plots plots = rm_plots_of(chart);
    const int32_t col = index % layout->across, row = index / layout->across;
    rm_chart_layout own = *layout;
    own.plot.x += col * (layout->plot.width + layout->apart_x);
    own.plot.y += row * (layout->plot.height + layout->apart_y);
    rm_frame_draw(drawing, own.plot, &own.sizes, own.theme);
    draw_grid(drawing, &own);
    if (index + layout->across >= plots.count) {
        rm_ticks_draw(drawing, &own.x_ticks, own.plot, RM_EDGE_BELOW, false, &own.sizes, own.theme);
    }
    if (col == 0) {
        rm_ticks_draw(drawing, &own.y_ticks, own.plot, RM_EDGE_LEFT, true, &own.sizes, own.theme);
    }
    draw_plot(drawing, chart, &plots.plot[index], &own);
    draw_name(drawing, &own, rm_chart_name(layout, chart, index));
    if (col == 0 && chart->row_headings != NULL) {
        draw_row_heading(drawing, &own, chart->row_headings[row]);
    }
}

ropemap_status rm_chart_draw(const ropemap_chart *chart, rm_drawing *drawing, ropemap_error *error) {
    rm_chart_layout layout;
    RM_TRY(check(chart, error));
    RM_TRY(rm_font_use(chart->font, error));
    RM_TRY(rm_chart_layout_make(&layout, chart, error));
    drawing->width = layout.width;
    drawing->height = layout.height;
    drawing->flat = true;
    for (int32_t index = 0; index < rm_plots_of(chart).count; index++) {
        draw_place(drawing, chart, index, &layout);
    }
    rm_axis_label_draw(drawing, &layout.x_label, layout.theme, false);
    rm_axis_label_draw(drawing, &layout.y_label, layout.theme, true);
    rm_heading_draw(drawing, &layout.heading, &layout.sizes, layout.theme, (double)layout.area.x);
    rm_legend_draw(drawing, &layout);
    return ROPEMAP_OK;
}

ropemap_status ropemap_chart_encode(const ropemap_chart *chart, ropemap_format format,
                                    const ropemap_page *page, ropemap_bytes *bytes, ropemap_error *error) {
    const rm_metadata metadata = rm_metadata_of(chart->title, SIZE_MAX, chart->description, SIZE_MAX);
    rm_drawing drawing = {.items = NULL};
    RM_TRY(rm_format_check(format, page, error));
    ropemap_status status = rm_chart_draw(chart, &drawing, error);
    status = status == ROPEMAP_OK ? rm_encode(&drawing, format, page, &metadata, bytes, error) : status;
    rm_drawing_free(&drawing);
    return status;
}
