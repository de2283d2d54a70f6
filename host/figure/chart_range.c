/* chart_range.c - what the axes of a chart reach from and to */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_range.h"
#include "host/figure/chart_check.h"

#include <math.h>

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
