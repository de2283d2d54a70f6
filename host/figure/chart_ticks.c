/* chart_ticks.c - the numbers along an axis of a chart */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_ticks.h"
#include "host/figure/font.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* In sizes of a label: room for one across and down, and from what distance on minor ticks are told apart. */
#define ROOM_ALONG   4.5
#define ROOM_DOWN    1.6
#define DECADE_LEAST 1.4
#define MINOR_LEAST  0.2

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
