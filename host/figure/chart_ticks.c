/* chart_ticks.c - whether a chart can be drawn, what its axes cover, and the numbers along them */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_ticks.h"
#include "host/base/text.h"
#include "host/figure/drawing.h"
#include "host/figure/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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

static ropemap_status check_counts(const ropemap_chart *chart, ropemap_error *error) {
    if (chart->series == NULL || chart->series_count < 1 || chart->series_count > RM_CHART_SERIES_MAX) {
        return rm_fail(error, ROPEMAP_USAGE, "chart: %" PRId32 " series%s, expected 1 to %d",
                       chart->series_count, chart->series == NULL ? " and none in memory" : "",
                       (int)RM_CHART_SERIES_MAX);
    }
    if (chart->mark_count < 0 || chart->mark_count > RM_CHART_MARKS_MAX ||
        (chart->mark_count > 0 && chart->marks == NULL)) {
        return rm_fail(error, ROPEMAP_USAGE, "chart: %" PRId32 " marks%s, expected at most %d",
                       chart->mark_count, chart->marks == NULL ? " and none in memory" : "",
                       (int)RM_CHART_MARKS_MAX);
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

static ropemap_status check_series(const ropemap_chart *chart, int32_t index, ropemap_error *error) {
    const ropemap_series *series = &chart->series[index];
    char name[NAME_BYTES];
    name_of(name, "series", index, series->label);
    if (series->count < 1 || series->x == NULL || series->y == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "chart: %s has no points, expected one at least", name);
    }
    int64_t shown = 0;
    for (int64_t point = 0; point < series->count; point++) {
        const double x = series->x[point], y = series->y[point];
        if (!is_number(x) || (point > 0 && x < series->x[point - 1])) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "chart: %s has x = %g at point %" PRId64
                           ", expected numbers that never fall, of at most 1e300",
                           name, x, point);
        }
        if (!isnan(y) && !is_number(y)) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "chart: %s has y = %g at point %" PRId64
                           ", expected at most 1e300, or NaN for a gap",
                           name, y, point);
        }
        shown += rm_chart_shows(chart, series, point) ? 1 : 0;
    }
    if (shown == 0) {
        return rm_fail(error, ROPEMAP_USAGE, "chart: %s has nothing to draw: no y%s%s", name,
                       chart->log_y ? " above 0" : " that is a number",
                       chart->log_x ? " at an x above 0" : "");
    }
    return ROPEMAP_OK;
}

static ropemap_status check_mark(const ropemap_chart *chart, int32_t index, ropemap_error *error) {
    const ropemap_mark *mark = &chart->marks[index];
    const bool log = mark->of_x ? chart->log_x : chart->log_y;
    const bool has_end = mark->until == 0.0 || (is_number(mark->until) && has_place(mark->until, log));
    if (!is_number(mark->at) || !has_place(mark->at, log) || !has_end) {
        char name[NAME_BYTES];
        name_of(name, "mark", index, mark->label);
        return rm_fail(error, ROPEMAP_USAGE, "chart: %s is at %s = %g, expected a number%s", name,
                       mark->of_x ? "x" : "y", mark->at, log ? " above 0" : "");
    }
    return ROPEMAP_OK;
}

ropemap_status rm_chart_check(const ropemap_chart *chart, ropemap_error *error) {
    RM_TRY(check_counts(chart, error));
    RM_TRY(check_side("width", chart->width, error));
    RM_TRY(check_side("height", chart->height, error));
    RM_TRY(rm_print_check(chart->font_size, chart->dpi, error));
    RM_TRY(check_limits(chart, error));
    for (int32_t index = 0; index < chart->series_count; index++) {
        RM_TRY(check_series(chart, index, error));
    }
    for (int32_t index = 0; index < chart->mark_count; index++) {
        RM_TRY(check_mark(chart, index, error));
    }
    return ROPEMAP_OK;
}

/* Left empty at the ends of an axis, as parts of what is drawn: above and below lines, and beside dots. */
#define ROOM_Y 0.05

#define ROOM_X 0.025

/* A range that is narrower, as a part of its size, is one number. */
#define ONE_NUMBER 1e-11

enum { BINARY_FROM = 1024, BINARY_PARTS = 16, NEAR_ZERO = 64 /* positions from 1 on are shown from 0 on */ };

/* Farther out a line is as good as upright, and products stay finite. */
#define FARTHEST 1e6

double rm_chart_place(const rm_chart_axis *axis, double value) {
    const double number = axis->log ? log10(value) : value;
    return fmin(fmax((number - axis->low) / (axis->high - axis->low), -FARTHEST), 1.0 + FARTHEST);
}

static void take(rm_chart_axis *axis, double value) {
    const double number = axis->log ? log10(value) : value;
    axis->low = fmin(axis->low, number);
    axis->high = fmax(axis->high, number);
}

static void take_marks(rm_chart_axis *axis, const ropemap_chart *chart, bool of_x) {
    for (int32_t mark = 0; mark < chart->mark_count; mark++) {
        if (chart->marks[mark].of_x == of_x) {
            take(axis, chart->marks[mark].at);
        }
    }
}

/* Adds `room` at both ends; around a single number there is something to either side. */
static void widen(rm_chart_axis *axis, double room) {
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

static bool is_power_of_two(double value) {
    int exponent;
    return frexp(value, &exponent) == 0.5;
}

/* Whether a length of positions is some sixteen times a power of two at most: 128k, 96k. */
static bool is_binary_length(double length) {
    if (length < BINARY_FROM || length > (double)ROPEMAP_POSITION_END) {
        return false;
    }
    double part = 1.0;
    while (part * BINARY_PARTS < length) {
        part *= 2.0;
    }
    return fmod(length, part) == 0.0;
}

/* Positions as far as a length in powers of two; on a logarithmic axis, nothing but powers of two. */
static bool is_binary(const ropemap_chart *chart, double *length) {
    double last = 0.0;
    for (int32_t index = 0; index < chart->series_count; index++) {
        const ropemap_series *series = &chart->series[index];
        for (int64_t point = 0; point < series->count; point++) {
            const double x = series->x[point];
            if (chart->log_x ? !(x <= 0.0 || (x >= 1.0 && is_power_of_two(x))) : x < 0.0 || x != floor(x)) {
                return false;
            }
        }
        last = fmax(last, series->x[series->count - 1]);
    }
    *length = !chart->log_x && is_binary_length(last + 1.0) ? last + 1.0 : last;
    return is_binary_length(*length);
}

rm_chart_axis rm_chart_range_x(const ropemap_chart *chart) {
    rm_chart_axis axis = {.log = chart->log_x, .low = INFINITY, .high = -INFINITY};
    bool dots = false;
    for (int32_t index = 0; index < chart->series_count; index++) {
        const ropemap_series *series = &chart->series[index];
        int64_t first = 0, last = series->count - 1;
        while (!rm_chart_shows(chart, series, first)) {
            first++;
        }
        while (!rm_chart_shows(chart, series, last)) {
            last--;
        }
        take(&axis, series->x[first]);
        take(&axis, series->x[last]);
        dots = dots || series->points;
    }
    double length;
    axis.binary = is_binary(chart, &length);
    if (axis.binary) {
        take(&axis, length);
        take(&axis, !axis.log && axis.low < length / NEAR_ZERO ? 0.0 : length);
    }
    take_marks(&axis, chart, true);
    axis.binary = axis.binary && axis.high <= (double)ROPEMAP_POSITION_END;
    widen(&axis, dots ? ROOM_X : 0.0);
    return axis;
}

rm_chart_axis rm_chart_range_y(const ropemap_chart *chart) {
    rm_chart_axis axis = {.log = chart->log_y, .low = INFINITY, .high = -INFINITY};
    if (chart->has_y_limits) {
        take(&axis, chart->y_low);
        take(&axis, chart->y_high);
        return axis;
    }
    double low = INFINITY, high = -INFINITY;
    for (int32_t index = 0; index < chart->series_count; index++) {
        const ropemap_series *series = &chart->series[index];
        for (int64_t point = 0; point < series->count; point++) {
            if (rm_chart_shows(chart, series, point)) {
                low = fmin(low, series->y[point]);
                high = fmax(high, series->y[point]);
            }
        }
    }
    take(&axis, low);
    take(&axis, high);
    take_marks(&axis, chart, false);
    widen(&axis, ROOM_Y);
    return axis;
}

/* In sizes of a label: room for one across and down, and from what distance on minor ticks are told apart. */
#define ROOM_ALONG 4.5

#define ROOM_DOWN 1.6

#define DECADE_LEAST 1.4

#define MINOR_LEAST 0.2

/* What rounding may move a tick by, in units of the tick's spacing. */
#define SLACK 1e-9

enum { LINEAR_MOST = 8, STEPS = 14, BINARY_LAST = 40 };

/* ---- labels */

/* 10⁴ */
static void label_decade(char text[RM_NUMBER_TEXT], int power) {
    char number[RM_NUMBER_TEXT];
    rm_number_scientific(number, 1, 0, power);
    (void)snprintf(text, RM_NUMBER_TEXT, "%s", number + strlen("1×"));
}

/* lead * 10^power */
static void label_multiple(char text[RM_NUMBER_TEXT], int64_t lead, int power) {
    if (power < -4 || power > 5) {
        rm_number_scientific(text, lead, 0, power);
    } else if (power < 0) {
        rm_number_decimal(text, lead, -power);
    } else {
        rm_number_grouped(text, lead * llround(pow(10.0, power)));
    }
}

/* Whether labels keep a distance; measures them. */
static bool fit(rm_chart_ticks *ticks, double length, double size, bool along) {
    double last_end = -INFINITY;
    bool fits = true;
    ticks->widest = 0.0;
    for (int32_t tick = 0; tick < ticks->count; tick++) {
        const double width = rm_font_width(ticks->tick[tick].label, size);
        const double half = along ? width / 2.0 + 0.4 * size : 0.8 * size;
        fits = fits && ticks->tick[tick].at * length - half >= last_end;
        last_end = ticks->tick[tick].at * length + half;
        ticks->widest = fmax(ticks->widest, width);
    }
    return fits;
}

static void add(rm_chart_ticks *ticks, double at, const char *label) {
    rm_tick *tick = &ticks->tick[ticks->count++];
    tick->at = fmin(fmax(at, 0.0), 1.0);
    (void)snprintf(tick->label, sizeof tick->label, "%s", label);
}

static void add_minor(rm_chart_ticks *ticks, double at) {
    if (at >= 0.0 && at <= 1.0 && ticks->minor_count < RM_CHART_MINOR_MAX) {
        ticks->minor[ticks->minor_count++] = at;
    }
}

/* ---- powers on a logarithmic axis */

/* Whole powers of ten, or of two, from `first` to `last`. */
typedef struct powers {
    double unit; /* of one of them, in decimal logarithms */
    int first, last;
    bool binary;
} powers;

static powers powers_of(const rm_chart_axis *axis) {
    powers all = {.unit = axis->binary ? log10(2.0) : 1.0, .binary = axis->binary};
    all.first = (int)ceil(axis->low / all.unit - SLACK);
    all.last = (int)floor(axis->high / all.unit + SLACK);
    if (axis->binary) { /* positions alone have such names */
        all.first = all.first < 0 ? 0 : all.first;
        all.last = all.last > BINARY_LAST ? BINARY_LAST : all.last;
    }
    return all;
}

static double place_of_log(const rm_chart_axis *axis, double number) {
    return (number - axis->low) / (axis->high - axis->low);
}

/* Every `step`-th; false where there are more than a chart takes. */
static bool add_powers(rm_chart_ticks *ticks, const rm_chart_axis *axis, const powers *all, int step) {
    int start = (int)ceil((double)all->first / step) * step;
    start = start + step > all->last ? all->first : start;
    if ((all->last - start) / step >= RM_CHART_TICKS_MAX) {
        return false;
    }
    for (int power = start; power <= all->last; power += step) {
        char text[RM_NUMBER_TEXT];
        if (all->binary) {
            rm_number_position(text, (int64_t)1 << power);
        } else {
            label_decade(text, power);
        }
        add(ticks, place_of_log(axis, power * all->unit), text);
    }
    return true;
}

/* The powers left out, or where none are, 2 to 9 times each power of ten. */
static void add_minor_powers(rm_chart_ticks *ticks, const rm_chart_axis *axis, const powers *all, int step,
                             double apart, double size) {
    if (step > 1 && apart >= MINOR_LEAST * size && all->last - all->first < RM_CHART_MINOR_MAX) {
        for (int power = all->first; power <= all->last; power++) {
            add_minor(ticks, place_of_log(axis, power * all->unit));
        }
    }
    if (step == 1 && !all->binary && apart >= DECADE_LEAST * size) {
        for (int power = all->first - 1; power <= all->last; power++) {
            for (int lead = 2; lead <= 9; lead++) {
                add_minor(ticks, place_of_log(axis, power + log10(lead)));
            }
        }
    }
}

static rm_chart_ticks log_ticks(const rm_chart_axis *axis, const powers *all, double length, double size,
                                bool along) {
    static const int steps[STEPS] = {1, 2, 3, 4, 5, 10, 20, 25, 50, 100, 200, 300, 400, 500};
    rm_chart_ticks ticks = {.count = 0};
    for (int step = 0; step < STEPS; step++) {
        ticks = (rm_chart_ticks){.count = 0};
        if (add_powers(&ticks, axis, all, steps[step]) && fit(&ticks, length, size, along)) {
            const double apart = all->unit / (axis->high - axis->low) * length;
            add_minor_powers(&ticks, axis, all, steps[step], apart, size);
            break;
        }
    }
    return ticks;
}

/* ---- less than two powers on a logarithmic axis */

/* 1, 2 and 5 times each power of ten. */
static rm_chart_ticks multiple_ticks(const rm_chart_axis *axis) {
    static const int leads[] = {1, 2, 5};
    rm_chart_ticks ticks = {.count = 0};
    for (int power = (int)floor(axis->low); power <= (int)floor(axis->high); power++) {
        for (int lead = 0; lead < 3; lead++) {
            const double at = place_of_log(axis, power + log10(leads[lead]));
            if (at >= 0.0 && at <= 1.0 && ticks.count < RM_CHART_TICKS_MAX) {
                char text[RM_NUMBER_TEXT];
                label_multiple(text, leads[lead], power);
                add(&ticks, at, text);
            }
        }
        for (int lead = 2; lead <= 9; lead++) {
            add_minor(&ticks, place_of_log(axis, power + log10(lead)));
        }
    }
    return ticks;
}

/* ---- even steps */

/* Whole numbers of four to seven digits are grouped. */
static void group_labels(rm_chart_ticks *ticks, double low, double high) {
    const double greatest = fmax(fabs(low), fabs(high));
    if (ticks->count < 2 || greatest < 1e3 || greatest >= 1e7 ||
        (ticks->tick[1].at - ticks->tick[0].at) * (high - low) < 0.9) {
        return;
    }
    for (int32_t tick = 0; tick < ticks->count; tick++) {
        rm_number_grouped(ticks->tick[tick].label, llround(low + ticks->tick[tick].at * (high - low)));
    }
}

static rm_chart_ticks even_ticks(const rm_chart_axis *axis, int32_t most) {
    const double low = axis->log ? pow(10.0, axis->low) : axis->low;
    const double high = axis->log ? pow(10.0, axis->high) : axis->high;
    const rm_ticks values = rm_ticks_values(low, high, most);
    rm_chart_ticks ticks = {.count = values.count};
    memcpy(ticks.tick, values.tick, sizeof values.tick);
    group_labels(&ticks, low, high);
    for (int32_t tick = 0; axis->log && tick < ticks.count; tick++) {
        ticks.tick[tick].at = place_of_log(axis, log10(low + ticks.tick[tick].at * (high - low)));
    }
    return ticks;
}

static rm_chart_ticks binary_ticks(const rm_chart_axis *axis, int32_t most) {
    double spacing = 1.0;
    while ((axis->high - axis->low) / spacing > most - 1) {
        spacing *= 2.0;
    }
    rm_chart_ticks ticks = {.count = 0};
    for (double at = fmax(ceil(axis->low / spacing), 0.0) * spacing; at <= axis->high; at += spacing) {
        char text[RM_NUMBER_TEXT];
        rm_number_position(text, (int64_t)at);
        add(&ticks, rm_chart_place(axis, at), text);
    }
    return ticks;
}

static rm_chart_ticks linear_ticks(const rm_chart_axis *axis, double length, double size, bool along) {
    const double room = length / ((along ? ROOM_ALONG : ROOM_DOWN) * size);
    rm_chart_ticks ticks = {.count = 0};
    for (int32_t most = (int32_t)fmin(fmax(room, 2.0), LINEAR_MOST + 1); most >= 2; most--) {
        ticks = axis->binary && !axis->log ? binary_ticks(axis, most) : even_ticks(axis, most);
        if (fit(&ticks, length, size, along)) {
            break;
        }
    }
    return ticks;
}

rm_chart_ticks rm_chart_ticks_make(const rm_chart_axis *axis, double length, double size, bool along) {
    if (!axis->log) {
        return linear_ticks(axis, length, size, along);
    }
    const powers all = powers_of(axis);
    if (all.last > all.first) {
        return log_ticks(axis, &all, length, size, along);
    }
    rm_chart_ticks ticks = multiple_ticks(axis);
    return ticks.count >= 2 && fit(&ticks, length, size, along) ? ticks
                                                                : linear_ticks(axis, length, size, along);
}
