/* chart_check.c - whether a chart can be drawn at all */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_check.h"
#include "host/base/label.h"
#include "host/figure/page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

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
