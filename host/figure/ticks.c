/* ticks.c - the places on an axis or a colour scale that get a label */
/* SPDX-License-Identifier: MIT */
#include "host/figure/frame.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Positions are written in full where an axis ends below this. */
static const double IN_FULL = 8192.0;

/* "96k" on an axis that goes far, else "1,024". */
static void label_position(char text[RM_NUMBER_TEXT], int64_t position, bool whole) {
    if (whole) {
        rm_number_grouped(text, position);
    } else {
        rm_number_position(text, position);
    }
}

static void add_position(rm_ticks *ticks, int64_t position, double at, bool whole) {
    rm_tick *tick = &ticks->tick[ticks->count++];
    tick->at = at;
    label_position(tick->label, position, whole);
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
        const bool whole =
            !binary || spacing < 1024 || (double)last < IN_FULL; /* however many ticks a side has */
        add_position(&ticks, position, places / (double)range.count, whole);
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
    const bool plain = greatest == 0 || (order >= -4 && order < 7);
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
        /* Zero alone is 0, however fine its scale: hundreds of decimals would not fit. */
        rm_number_decimal(tick->label, value, chosen.power < 0 && greatest != 0 ? -chosen.power : 0);
    }
    return ticks;
}

/* ---- labels ---- */

/* 10⁴ */
static void label_power(char text[RM_NUMBER_TEXT], int power, bool negative) {
    char number[RM_NUMBER_TEXT];
    rm_number_scientific(number, 1, 0, power);
    (void)snprintf(text, RM_NUMBER_TEXT, "%s%s", negative ? RM_MINUS : "", number + strlen("1×"));
}

/* lead * 10^power, plainly where that is short. */
static void label_multiple(char text[RM_NUMBER_TEXT], int64_t lead, int power) {
    if (power < -4 || power > 5) {
        rm_number_scientific(text, lead, 0, power);
    } else if (power < 0) {
        rm_number_decimal(text, lead, -power);
    } else {
        rm_number_grouped(text, lead * llround(pow(10.0, power)));
    }
}

bool rm_ticks_fit(rm_ticks *ticks, double length, double size, bool along) {
    double last_end = -(double)INFINITY;
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

/* ---- colour scales ---- */

/* What rounding may put a power of ten beyond an end by, in decades. */
#define SLACK 1e-9

/* A label_scale that ticks are put on. */
typedef struct label_scale {
    rm_value_norm norm;
    double low, high;
} label_scale;

/* Powers of ten from 10^first to 10^last, both in the label_scale; none where last < first. */
typedef struct decades {
    int first, last;
} decades;

static decades decades_between(double low, double high) {
    return (decades){.first = (int)ceil(log10(low) - SLACK), .last = (int)floor(log10(high) + SLACK)};
}

/* How many powers are left when those alone stay that are a multiple of `every` below `top`. */
static int32_t count_decades(decades given, int top, int every) {
    return given.last < given.first
               ? 0
               : (top - given.first) / every - (top - given.last + every - 1) / every + 1;
}

static rm_tick *add_tick(rm_ticks *ticks, const label_scale *on, double value) {
    rm_tick *tick = &ticks->tick[ticks->count++];
    tick->at = rm_norm_place(on->norm, on->low, on->high, value);
    return tick;
}

/* ±10^power */
static void add_power(rm_ticks *ticks, const label_scale *on, int power, bool negative) {
    rm_tick *tick = add_tick(ticks, on, (negative ? -1.0 : 1.0) * pow(10.0, power));
    label_power(tick->label, power, negative);
}

/* Ticks that are equally far apart in value, where their label_scale puts them. */
static rm_ticks ticks_by_value(const label_scale *on, int32_t most) {
    rm_ticks ticks = rm_ticks_values(on->low, on->high, most < 2 ? 2 : most);
    ticks.count = ticks.count < most ? ticks.count : most;
    for (int32_t tick = 0; tick < ticks.count; tick++) {
        const double value = on->low + ticks.tick[tick].at * (on->high - on->low);
        ticks.tick[tick].at = rm_norm_place(on->norm, on->low, on->high, value);
    }
    return ticks;
}

static void add_multiple(rm_ticks *ticks, const label_scale *on, int64_t lead, int power) {
    rm_tick *tick = add_tick(ticks, on, (double)lead * pow(10.0, power));
    label_multiple(tick->label, lead, power);
}

/* Some of 1 to 9 times powers of ten; of too many none. */
static rm_ticks ticks_by_multiple(const label_scale *on, const char *leads, int32_t most) {
    const double first = log10(on->low) - SLACK, last = log10(on->high) + SLACK;
    rm_ticks ticks = {.count = 0};
    for (int power = (int)floor(first); power <= (int)floor(last); power++) {
        for (const char *lead = leads; *lead != '\0'; lead++) {
            const double along = log10((double)(*lead - '0')) + power;
            if (along < first || along > last) {
                continue;
            }
            if (ticks.count == most) {
                return (rm_ticks){.count = 0};
            }
            add_multiple(&ticks, on, *lead - '0', power);
        }
    }
    return ticks;
}

static rm_ticks ticks_by_decade(const label_scale *on, decades found, int32_t most) {
    int every = 1;
    while (count_decades(found, found.last, every) > most) {
        every++;
    }
    rm_ticks ticks = {.count = 0};
    for (int power = found.last - (found.last - found.first) / every * every; power <= found.last;
         power += every) {
        add_power(&ticks, on, power, false);
    }
    return ticks;
}

static rm_ticks ticks_of_log(const label_scale *on, int32_t most) {
    const decades found = decades_between(on->low, on->high);
    if (found.last - found.first >= 2) {
        return ticks_by_decade(on, found, most);
    }
    static const char *const leads[] = {"12357", "125"};
    for (size_t pick = 0; pick < sizeof leads / sizeof *leads; pick++) {
        const rm_ticks multiples = ticks_by_multiple(on, leads[pick], most);
        if (multiples.count >= 2) {
            return multiples;
        }
    }
    return found.last > found.first ? ticks_by_decade(on, found, most) : ticks_by_value(on, most);
}

/* Powers of ten that are at least linear_below, on the side of the label_scale that ends at `end`;
 * `start` is the other end where that is on this side too, else 0 or less. */
static decades decades_beyond(double linear_below, double start, double end) {
    const double low = fmax(linear_below, start);
    return end > 0.0 ? decades_between(low, end) : (decades){.first = 0, .last = -1};
}

static void add_side(rm_ticks *ticks, const label_scale *on, decades side, int top, int every,
                     bool negative) {
    for (int step = side.last - side.first; step >= 0; step--) {
        const int power = negative ? side.first + step : side.last - step;
        if ((top - power) % every == 0) {
            add_power(ticks, on, power, negative);
        }
    }
}

static rm_ticks ticks_of_symlog(const label_scale *on, int32_t most) {
    const decades above = decades_beyond(on->norm.linear_below, on->low, on->high);
    const decades below = decades_beyond(on->norm.linear_below, -on->high, -on->low);
    const bool zero = on->low <= 0.0 && on->high >= 0.0;
    const bool has_above = above.last >= above.first, has_below = below.last >= below.first;
    const int top = !has_below                ? above.last
                    : !has_above              ? below.last
                    : above.last > below.last ? above.last
                                              : below.last;
    const int32_t fixed = zero ? 1 : 0;
    if (count_decades(above, top, 1) + count_decades(below, top, 1) + fixed < 2) {
        return ticks_by_value(on, most);
    }
    int every = 1;
    while (every < 1000 &&
           count_decades(above, top, every) + count_decades(below, top, every) + fixed > most) {
        every++;
    }
    const bool crowded = every == 1000; /* the ends alone are too many: 0 is left */
    rm_ticks ticks = {.count = 0};
    if (!crowded) {
        add_side(&ticks, on, below, top, every, true);
    }
    if (zero) {
        (void)snprintf(add_tick(&ticks, on, 0.0)->label, RM_NUMBER_TEXT, "0");
    }
    if (!crowded) {
        add_side(&ticks, on, above, top, every, false);
    }
    return ticks;
}

rm_ticks rm_ticks_scale(rm_value_norm norm, double low, double high, int32_t most) {
    const label_scale on = {.norm = norm, .low = low, .high = high};
    switch (norm.kind) {
    case ROPEMAP_NORM_LOG:
        return ticks_of_log(&on, most);
    case ROPEMAP_NORM_SYMLOG:
        return ticks_of_symlog(&on, most);
    case ROPEMAP_NORM_LINEAR:
        break;
    }
    return rm_ticks_values(low, high, most);
}

/* ---- axes of charts ---- */

/* In sizes of a label: room for one across and down, and from what distance on minor ticks are distinct. */
#define ROOM_ALONG 4.5

#define ROOM_DOWN 1.6

#define DECADE_LEAST 1.4

#define MINOR_LEAST 0.2

enum { LINEAR_MOST = 8, STEPS = 14, BINARY_LAST = 40 };

/* Farther out a line is as good as upright, and products stay finite. */
#define FARTHEST 1e6

double rm_axis_place(const rm_axis_span *axis, double value) {
    const double number = axis->log ? log10(value) : value;
    return fmin(fmax((number - axis->low) / (axis->high - axis->low), -FARTHEST), 1.0 + FARTHEST);
}

static void put_tick(rm_ticks *ticks, double at, const char *label) {
    rm_tick *tick = &ticks->tick[ticks->count++];
    tick->at = fmin(fmax(at, 0.0), 1.0);
    (void)snprintf(tick->label, sizeof tick->label, "%s", label);
}

static void put_minor(rm_ticks *ticks, double at) {
    if (at >= 0.0 && at <= 1.0 && ticks->minor_count < RM_MINOR_MAX) {
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

static powers powers_of(const rm_axis_span *axis) {
    powers all = {.unit = axis->binary ? log10(2.0) : 1.0, .binary = axis->binary};
    all.first = (int)ceil(axis->low / all.unit - SLACK);
    all.last = (int)floor(axis->high / all.unit + SLACK);
    if (axis->binary) { /* positions alone have such names */
        all.first = all.first < 0 ? 0 : all.first;
        all.last = all.last > BINARY_LAST ? BINARY_LAST : all.last;
    }
    return all;
}

static double place_of_log(const rm_axis_span *axis, double number) {
    return (number - axis->low) / (axis->high - axis->low);
}

/* Every `step`-th; false where there are more than a chart takes. */
static bool put_powers(rm_ticks *ticks, const rm_axis_span *axis, const powers *all, int step) {
    int start = (int)ceil((double)all->first / step) * step;
    start = start + step > all->last ? all->first : start;
    if ((all->last - start) / step >= RM_TICKS_MAX) {
        return false;
    }
    for (int power = start; power <= all->last; power += step) {
        char text[RM_NUMBER_TEXT];
        if (all->binary) {
            label_position(text, (int64_t)1 << power, pow(10.0, axis->high) < IN_FULL);
        } else {
            label_power(text, power, false);
        }
        put_tick(ticks, place_of_log(axis, power * all->unit), text);
    }
    return true;
}

/* The powers left out, or where none are, 2 to 9 times each power of ten. */
static void put_minor_powers(rm_ticks *ticks, const rm_axis_span *axis, const powers *all, int step,
                             double apart, double size) {
    if (step > 1 && apart >= MINOR_LEAST * size && all->last - all->first < RM_MINOR_MAX) {
        for (int power = all->first; power <= all->last; power++) {
            put_minor(ticks, place_of_log(axis, power * all->unit));
        }
    }
    if (step == 1 && !all->binary && apart >= DECADE_LEAST * size) {
        for (int power = all->first - 1; power <= all->last; power++) {
            for (int lead = 2; lead <= 9; lead++) {
                put_minor(ticks, place_of_log(axis, power + log10(lead)));
            }
        }
    }
}

static rm_ticks log_ticks(const rm_axis_span *axis, const powers *all, double length, double size,
                          bool along) {
    static const int steps[STEPS] = {1, 2, 3, 4, 5, 10, 20, 25, 50, 100, 200, 300, 400, 500};
    rm_ticks ticks = {.count = 0};
    for (int step = 0; step < STEPS; step++) {
        ticks = (rm_ticks){.count = 0};
        if (put_powers(&ticks, axis, all, steps[step]) && rm_ticks_fit(&ticks, length, size, along)) {
            const double apart = all->unit / (axis->high - axis->low) * length;
            put_minor_powers(&ticks, axis, all, steps[step], apart, size);
            break;
        }
    }
    return ticks;
}

/* ---- less than two powers on a logarithmic axis */

/* 1, 2 and 5 times each power of ten. */
static rm_ticks multiple_ticks(const rm_axis_span *axis) {
    static const int leads[] = {1, 2, 5};
    rm_ticks ticks = {.count = 0};
    for (int power = (int)floor(axis->low); power <= (int)floor(axis->high); power++) {
        for (int lead = 0; lead < 3; lead++) {
            const double at = place_of_log(axis, power + log10(leads[lead]));
            if (at >= 0.0 && at <= 1.0 && ticks.count < RM_TICKS_MAX) {
                char text[RM_NUMBER_TEXT];
                label_multiple(text, leads[lead], power);
                put_tick(&ticks, at, text);
            }
        }
        for (int lead = 2; lead <= 9; lead++) {
            put_minor(&ticks, place_of_log(axis, power + log10(lead)));
        }
    }
    return ticks;
}

/* ---- even steps */

static rm_ticks even_ticks(const rm_axis_span *axis, int32_t most) {
    const double low = axis->log ? pow(10.0, axis->low) : axis->low;
    const double high = axis->log ? pow(10.0, axis->high) : axis->high;
    const rm_ticks values = rm_ticks_values(low, high, most);
    rm_ticks ticks = {.count = values.count};
    memcpy(ticks.tick, values.tick, sizeof values.tick);
    for (int32_t tick = 0; axis->log && tick < ticks.count; tick++) {
        ticks.tick[tick].at = place_of_log(axis, log10(low + ticks.tick[tick].at * (high - low)));
    }
    return ticks;
}

static rm_ticks binary_ticks(const rm_axis_span *axis, int32_t most) {
    double spacing = 1.0;
    while ((axis->high - axis->low) / spacing > most - 1) {
        spacing *= 2.0;
    }
    rm_ticks ticks = {.count = 0};
    for (double at = fmax(ceil(axis->low / spacing), 0.0) * spacing; at <= axis->high; at += spacing) {
        char text[RM_NUMBER_TEXT];
        label_position(text, (int64_t)at, axis->high < IN_FULL);
        put_tick(&ticks, rm_axis_place(axis, at), text);
    }
    return ticks;
}

static rm_ticks linear_ticks(const rm_axis_span *axis, double length, double size, bool along) {
    const double room = length / ((along ? ROOM_ALONG : ROOM_DOWN) * size);
    const double numbers = axis->whole ? floor(axis->high - axis->low) + 1.0 : LINEAR_MOST + 1;
    rm_ticks ticks = {.count = 0};
    for (int32_t most = (int32_t)fmax(fmin(fmin(room, LINEAR_MOST + 1), numbers), 2.0); most >= 2; most--) {
        ticks = axis->binary && !axis->log ? binary_ticks(axis, most) : even_ticks(axis, most);
        if (rm_ticks_fit(&ticks, length, size, along)) {
            break;
        }
    }
    return ticks;
}

rm_ticks rm_ticks_axis(const rm_axis_span *axis, double length, double size, bool along) {
    if (!axis->log) {
        return linear_ticks(axis, length, size, along);
    }
    const powers all = powers_of(axis);
    if (all.last > all.first) {
        return log_ticks(axis, &all, length, size, along);
    }
    rm_ticks ticks = multiple_ticks(axis);
    return ticks.count >= 2 && rm_ticks_fit(&ticks, length, size, along)
               ? ticks
               : linear_ticks(axis, length, size, along);
}
