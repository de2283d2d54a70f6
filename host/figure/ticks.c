/* ticks.c - the places on an axis that get a label */
/* SPDX-License-Identifier: MIT */
#include "host/figure/ticks.h"

#include <math.h>
#include <stdlib.h>

/* What follows 1, 2, 5, 10, 20, ... or 1, 2, 4, 8, ... */
static int64_t next_spacing(int64_t spacing, bool binary) {
    if (binary) {
        return spacing * 2;
    }
    int64_t lead = spacing;
    while (lead >= 10) {
        lead /= 10;
    }
    return lead == 2 ? spacing / 2 * 5 : spacing * 2;
}

/*
 * Both ends are multiples of a power of two that is no less than a sixteenth of the range (a quarter where it
 * does not start at 0), or the positions are such a power apart. Short ranges of round decimal numbers stay
 * decimal.
 */
static bool is_binary(ropemap_range range) {
    const int64_t first = range.first, span = range.count * range.step;
    const bool power = range.step > 1 && (range.step & (range.step - 1)) == 0;
    if (span < 1024 && (span % 10 == 0 || (first % 10 == 0 && first % 1024 != 0))) {
        return false;
    }
    int64_t part = 1;
    for (const int64_t least = first == 0 ? (span + 15) / 16 : (span + 3) / 4; part < least;) {
        part *= 2;
    }
    return (first % part == 0 && span % part == 0) || (power && first % range.step == 0);
}

static void add_position(rm_ticks *ticks, int64_t position, double at, bool whole) {
    rm_tick *tick = &ticks->tick[ticks->count++];
    tick->at = at;
    if (whole) {
        rm_number_grouped(tick->label, position);
    } else {
        rm_number_position(tick->label, position);
    }
}

/* Every position, or every second, fifth, tenth, ..., counted from the first: where no round ones are in the
 * range. */
static rm_ticks ticks_by_index(ropemap_range range, int32_t most) {
    int64_t every = 1;
    while ((range.count - 1) / every + 1 > most) {
        every = next_spacing(every, false);
    }
    rm_ticks ticks = {.count = 0};
    for (int64_t index = 0; index < range.count; index += every) {
        const double at = ((double)index + 0.5) / (double)range.count;
        add_position(&ticks, range.first + index * range.step, at, true);
    }
    return ticks;
}

rm_ticks rm_ticks_positions(ropemap_range range, bool centred, int32_t most) {
    const int64_t span = range.count * range.step;
    const int64_t last = range.first + (centred ? span - range.step : span);
    const bool binary = is_binary(range);
    if (centred && range.first % range.step != 0) {
        return ticks_by_index(range, most);
    }
    int64_t spacing = 1;
    while ((last / spacing) - (range.first + spacing - 1) / spacing + 1 > most ||
           (centred && spacing % range.step != 0 && spacing < span)) {
        spacing = next_spacing(spacing, binary);
    }
    const int64_t start = (range.first + spacing - 1) / spacing * spacing;
    if (start > last || (centred && spacing % range.step != 0)) {
        return ticks_by_index(range, most);
    }
    rm_ticks ticks = {.count = 0};
    for (int64_t position = start; position <= last; position += spacing) {
        const double places = (double)(position - range.first) / (double)range.step + (centred ? 0.5 : 0.0);
        add_position(&ticks, position, places / (double)range.count, !binary || spacing < 1024);
    }
    return ticks;
}

/* Ticks first * unit to last * unit, unit = lead * 10^power. */
typedef struct scale {
    int64_t first, last, lead;
    int power;
} scale;

/*
 * The finest 1, 2, 5 scale with at most `most` ticks. It has a tick: a scale with three or more spans twice
 * its unit, and no such stretch is without a multiple of the next unit, which is at most 2.5 times as wide.
 */
static scale choose_scale(double low, double high, int32_t most) {
    static const int64_t leads[] = {1, 2, 5};
    const int start = (int)floor(log10((high - low) / most)) - 1;
    for (int step = 0;; step++) {
        const int power = start + step / 3;
        const double unit = (double)leads[step % 3] * pow(10.0, power);
        /* A tick that rounding puts just outside of the scale is on its end. */
        const double first = ceil(low / unit - 1e-9), last = floor(high / unit + 1e-9);
        if (last - first < most) {
            return (scale){
                .first = (int64_t)first, .last = (int64_t)last, .lead = leads[step % 3], .power = power};
        }
    }
}

/* floor(log10(value)) of a value >= 1, and 0 of 0. */
static int decimal_order(int64_t value) {
    int order = 0;
    while (value >= 10) {
        value /= 10;
        order++;
    }
    return order;
}

rm_ticks rm_ticks_values(double low, double high, int32_t most) {
    const scale chosen = choose_scale(low, high, most);
    const int64_t first = chosen.first * chosen.lead, last = chosen.last * chosen.lead;
    const int64_t greatest = llabs(first) > llabs(last) ? llabs(first) : llabs(last);
    const int order = decimal_order(greatest) + chosen.power;
    const bool plain = greatest == 0 || (order >= -4 && order < 5);
    const double unit = (double)chosen.lead * pow(10.0, chosen.power);
    rm_ticks ticks = {.count = 0};
    for (int64_t place = chosen.first; place <= chosen.last && ticks.count < RM_TICKS_MAX; place++) {
        rm_tick *tick = &ticks.tick[ticks.count++];
        int64_t value = place * chosen.lead;
        tick->at = fmin(fmax(((double)place * unit - low) / (high - low), 0.0), 1.0);
        if (!plain) {
            rm_number_scientific(tick->label, value, order - chosen.power, order);
            continue;
        }
        for (int zero = 0; zero < chosen.power; zero++) {
            value *= 10;
        }
        rm_number_decimal(tick->label, value, chosen.power < 0 ? -chosen.power : 0);
    }
    return ticks;
}
