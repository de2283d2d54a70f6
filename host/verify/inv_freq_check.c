/* inv_freq_check.c - a dumped buffer of inverse frequencies, compared with a rule */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/ropemap_model.h"
#include "host/rule/rule.h"
#include "host/rule/scaling.h"
#include "host/verify/verify.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Cosines of float32 angles: the angle is off by the roundings of inv_freq and of its product with the
 * position, 4 of 2^-23 of it, the rest by the rounding of the result, for which a bfloat16 or a binary16 has
 * 2^-8 and 2^-11.
 */
static const double ANGLE_ERROR = 4 * 0x1p-23;

static const double CELL_ERROR[RM_PRECISION_COUNT] = {4 * 0x1p-23, 0x1p-8, 0x1p-11};

/* What the elements of a row are. */
typedef enum table_columns {
    COLUMNS_COSINES,
    COLUMNS_SINES,
    COLUMNS_BOTH, /* all cosines, then all sines, as vLLM keeps them */
    COLUMNS_NONE  /* not a table */
} table_columns;

struct table {
    const float *cells; /* [rows, count] of positions 0, 1, ... */
    int64_t rows, count;
    int32_t pairs;
    table_columns columns;
    bool neighbours; /* cells 2i and 2i + 1 are of pair i; else i and i + pairs */
    rm_precision precision;
    double gain; /* that cosines are multiplied by; 0: sines alone do not show it */
};

static bool all_are(const float *row, int64_t count, float value) {
    for (int64_t i = 0; i < count; i++) {
        if (row[i] != value) {
            return false;
        }
    }
    return true;
}

/* At position 0 all cosines are one number, and all sines 0. */
static table_columns columns_of(const float *cells, int64_t count, int32_t pairs) {
    if (count != pairs && count != 2 * (int64_t)pairs) {
        return COLUMNS_NONE;
    }
    if (cells[0] == 0.0f) {
        return all_are(cells, count, 0.0f) ? COLUMNS_SINES : COLUMNS_NONE;
    }
    return all_are(cells, count, cells[0]) ? COLUMNS_COSINES
           : count != pairs && all_are(cells, pairs, cells[0]) && all_are(cells + pairs, pairs, 0.0f)
               ? COLUMNS_BOTH
               : COLUMNS_NONE;
}

static double cell_of(const struct table *table, const double *radians, int64_t row, int64_t column,
                      double gain, double *room) {
    const int32_t pair = (int32_t)(table->neighbours ? column / 2 : column % table->pairs);
    const bool sine =
        table->columns == COLUMNS_SINES || (table->columns == COLUMNS_BOTH && column >= table->pairs);
    const double angle = (double)row * radians[pair];
    *room = gain * (CELL_ERROR[table->precision] + angle * ANGLE_ERROR);
    return gain * (sine ? sin(angle) : cos(angle));
}

/* The first cell that is not the rule's; false where all are. */
static bool first_wrong(const struct table *table, const double *radians, double gain, int64_t *at) {
    for (int64_t row = 0; row < table->rows; row++) {
        for (int64_t column = 0; column < table->count; column++) {
            double room = 0.0;
            const double wanted = cell_of(table, radians, row, column, gain, &room);
            *at = row * table->count + column;
            if (!(fabs((double)table->cells[*at] - wanted) <= room)) {
                return true;
            }
        }
    }
    return false;
}

static void judge_gain(const struct table *table, double gain, ropemap_comparison *result) {
    static const char *const names[] = {"cosines", "sines", "cosines and sines"};
    const double found = table->gain != 0.0 ? table->gain : gain;
    const double close = CELL_ERROR[table->precision];
    const bool squared = fabs(found - gain * gain) <= close * gain * gain;
    result->matches = fabs(found - gain) <= close * gain;
    (void)snprintf(result->verdict, sizeof result->verdict, "%s", result->matches ? "table" : "attention");
    if (result->matches) {
        (void)snprintf(result->text, sizeof result->text,
                       "%s of the rule's frequencies at positions 0 to %" PRId64 ", times %.9g",
                       names[table->columns], table->rows - 1, found);
        return;
    }
    (void)snprintf(result->parameter, sizeof result->parameter, "attention");
    result->parameter_found = found;
    result->parameter_wanted = gain;
    (void)snprintf(
        result->text, sizeof result->text,
        "%s of the rule's frequencies times %.9g%s; the rule has an attention factor of %.9g, %.9g "
        "on scores",
        names[table->columns], found, squared ? ", the attention factor squared" : "", gain, gain * gain);
}

static void judge_wrong(const struct table *table, const double *radians, double gain, int64_t at,
                        ropemap_comparison *result) {
    double room = 0.0;
    const int64_t row = at / table->count, column = at % table->count;
    const double wanted = cell_of(table, radians, row, column, gain, &room);
    result->pair = (int32_t)(table->neighbours ? column / 2 : column % table->pairs);
    (void)snprintf(result->verdict, sizeof result->verdict, "differs");
    (void)snprintf(result->text, sizeof result->text,
                   "a table of cosines or sines that differs from the rule at position %" PRId64
                   ", pair %d: %.9g where "
                   "the rule has %.9g; compare its inv_freq to find the cause",
                   row, (int)result->pair, (double)table->cells[at], wanted);
    result->found = (double)table->cells[at];
    result->wanted = wanted;
}

/* Holds the table against a rule; the last rule that was tried leaves its words. */
static bool is_of(const struct table *table, const ropemap_spec *spec, rm_comparing *work,
                  ropemap_comparison *result) {
    int64_t at = 0;
    if (!rm_comparing_try(work, spec)) {
        return false;
    }
    const double gain = table->gain != 0.0 ? table->gain : work->attention;
    *result = (ropemap_comparison){.pair = -1, .parameter_found = NAN, .parameter_wanted = NAN};
    if (first_wrong(table, work->trial, gain, &at)) {
        judge_wrong(table, work->trial, gain, at, result);
        return false;
    }
    judge_gain(table, work->attention, result);
    return true;
}

static rm_precision precision_of(const float *cells, int64_t count) {
    return rm_precision_holds(RM_PRECISION_BF16, cells, count)   ? RM_PRECISION_BF16
           : rm_precision_holds(RM_PRECISION_FP16, cells, count) ? RM_PRECISION_FP16
                                                                 : RM_PRECISION_FP32;
}

/*
 * Compares cells [rows, count] with the rule if they are cosines or sines of positions 0, 1, ...; returns
 * false, and does nothing, if they cannot be.
 */
static bool compare_table(rm_comparing *work, const float *cells, int64_t rows, int64_t count,
                          ropemap_comparison *result) {
    const size_t bytes = (size_t)count * sizeof *cells;
    const bool moves = rows > 1 && memcmp(cells, cells + count, bytes) != 0;
    const table_columns columns = moves ? columns_of(cells, count, work->pairs) : COLUMNS_NONE;
    if (columns == COLUMNS_NONE) {
        return false;
    }
    const bool two = count != work->pairs && columns != COLUMNS_BOTH;
    const struct table table = {.cells = cells,
                                .rows = rows,
                                .count = count,
                                .pairs = work->pairs,
                                .columns = columns,
                                .neighbours = two && cells[count] == cells[count + 1],
                                .precision = precision_of(cells, rows * count),
                                .gain = columns == COLUMNS_SINES ? 0.0 : (double)cells[0]};
    const ropemap_scaling *scaling = &work->spec->scaling;
    ropemap_spec at = *work->spec;
    const bool any = at.length == 0.0 && scaling->list_count > 0 && scaling->factors == ROPEMAP_FACTORS_AUTO;
    for (int use = any ? ROPEMAP_FACTORS_SHORT : (int)scaling->factors; use <= ROPEMAP_FACTORS_LONG; use++) {
        at.scaling.factors = (ropemap_factors)use;
        if (is_of(&table, &at, work, result) || !any) {
            break;
        }
    }
    return true;
}

enum { LISTED = 8 }; /* pairs that a message names */

/* How many numbers a pair has, and where. */
enum form { FORM_PAIRS, FORM_HALF, FORM_INTERLEAVED, FORM_COUNT };

/* One row of a buffer under comparison. */
struct row {
    const float *found; /* [count] */
    int64_t count;
    bool holds[RM_PRECISION_COUNT], has[FORM_COUNT];
    enum form form; /* of the reading in `work` */
    bool reversed;  /* the same */
    rm_comparing *work;
    double *wanted; /* [ROPEMAP_MAX_PAIRS] of the rule */
    float *sorted;  /* [count] */
    ropemap_comparison *result;
};

static const struct {
    const char *verdict, *text;
} units[RM_UNIT_COUNT] = {{"match", ""},
                          {"reciprocal", ", kept as 1/inv_freq as MLX does"},
                          {"wavelength", ", kept as wavelengths (2 pi/inv_freq)"},
                          {"turns", ", kept in turns a token (inv_freq/2 pi)"}};

static const struct {
    const char *verdict, *name;
} precisions[RM_PRECISION_COUNT] = {{"", ""}, {"bf16", "bfloat16"}, {"fp16", "float16"}};

RM_PRINTF(2, 3) static void add(ropemap_comparison *result, const char *format, ...) {
    const size_t length = strlen(result->text);
    va_list list;
    va_start(list, format);
    (void)vsnprintf(result->text + length, sizeof result->text - length, format, list);
    va_end(list);
}

static void judge(ropemap_comparison *result, const char *verdict) {
    (void)snprintf(result->verdict, sizeof result->verdict, "%s", verdict);
}

/* ---- readings */

static bool repeats(const float *found, int64_t count, int64_t apart, int64_t step) {
    for (int64_t i = 0; i < count / 2; i++) {
        if (memcmp(&found[i * step], &found[i * step + apart], sizeof *found) != 0) {
            return false;
        }
    }
    return true;
}

static void look(struct row *row) {
    const bool even = row->count % 2 == 0;
    row->has[FORM_PAIRS] = true;
    row->has[FORM_HALF] = even && repeats(row->found, row->count, row->count / 2, 1);
    row->has[FORM_INTERLEAVED] = even && repeats(row->found, row->count, 1, 2);
    for (int precision = 0; precision < RM_PRECISION_COUNT; precision++) {
        row->holds[precision] = rm_precision_holds((rm_precision)precision, row->found, row->count);
    }
}

static int64_t pairs_of(const struct row *row, enum form form) {
    return form == FORM_PAIRS ? row->count : row->count / 2;
}

static void read_as(struct row *row, enum form form, rm_unit unit, rm_precision precision, bool reversed) {
    const int64_t apart = form == FORM_INTERLEAVED ? 2 : 1, pairs = pairs_of(row, form);
    row->form = form;
    row->reversed = reversed;
    row->work->reading = (rm_reading){.stored = reversed ? row->found + apart * (pairs - 1) : row->found,
                                      .apart = reversed ? -apart : apart,
                                      .count = (int32_t)pairs,
                                      .unit = unit,
                                      .precision = precision};
}

/* Calls `try` with every reading of as many pairs as the rule has, the plainest first, until one is right. */
static bool any_reading(struct row *row, bool (*try)(struct row *row)) {
    for (int precision = 0; precision < RM_PRECISION_COUNT; precision++) {
        for (int reversed = 0; reversed < 2 && row->holds[precision]; reversed++) {
            for (int unit = 0; unit < RM_UNIT_COUNT; unit++) {
                for (int form = 0; form < FORM_COUNT; form++) {
                    if (row->has[form] && pairs_of(row, (enum form)form) == row->work->pairs) {
                        read_as(row, (enum form)form, (rm_unit)unit, (rm_precision)precision, reversed != 0);
                        if (try(row)) {
                            return true;
                        }
                    }
                }
            }
        }
    }
    return false;
}

static bool is_wanted(struct row *row) {
    for (int32_t i = 0; i < row->work->reading.count; i++) {
        if (!rm_reading_is(&row->work->reading, i, row->wanted[i])) {
            return false;
        }
    }
    return true;
}

/* ---- results */

/* The largest error of the reading, and the first pair that is beyond float32's rounding. */
static void note_errors(struct row *row) {
    ropemap_comparison *result = row->result;
    rm_reading exact = row->work->reading;
    exact.precision = RM_PRECISION_FP32;
    for (int32_t i = 0; i < exact.count && i < row->work->pairs; i++) {
        const double error = rm_reading_error(&exact, i, row->wanted[i]);
        result->worst = error > result->worst || isnan(error) ? error : result->worst;
        if (result->pair < 0 && !rm_reading_is(&exact, i, row->wanted[i])) {
            result->pair = i;
            result->found = rm_reading_radians(&exact, i);
            result->wanted = row->wanted[i];
        }
    }
}

/* The largest error in radians a token. */
static double widest(const struct row *row) {
    double most = 0.0;
    for (int32_t i = 0; i < row->work->reading.count; i++) {
        most = fmax(most, fabs(rm_reading_radians(&row->work->reading, i) - row->wanted[i]));
    }
    return most;
}

/* How the numbers of a reading are kept, where they are not inv_freq, one a pair and in order. */
static void note_reading(struct row *row) {
    static const char *const layouts[] = {"", "half", "interleaved"};
    const rm_reading *reading = &row->work->reading;
    const bool half = row->work->spec->layout == ROPEMAP_LAYOUT_HALF;
    add(row->result, "%s", units[reading->unit].text);
    if (reading->precision != RM_PRECISION_FP32) {
        add(row->result, ", rounded to %s", precisions[reading->precision].name);
    }
    if (row->form != FORM_PAIRS) {
        add(row->result, ", one an element in the %s layout", layouts[row->form]);
        if ((row->form == FORM_HALF) != half) {
            add(row->result, ": the rule has the other one, so the wrong elements would form pairs");
        }
    }
    if (row->reversed) {
        add(row->result, ", in reverse order: the slowest pair comes first");
    }
}

/* The rule's frequencies, however they are kept: right unless something of them is lost or moved. */
static void judge_reading(struct row *row, const char *what) {
    const rm_reading *reading = &row->work->reading;
    ropemap_comparison *result = row->result;
    note_errors(row);
    add(result, "%s", what);
    note_reading(row);
    if (isfinite(result->worst)) {
        add(result, reading->precision == RM_PRECISION_FP32 ? ", to %.2g" : ": off by up to %.2g of them",
            result->worst);
    }
    if (reading->precision != RM_PRECISION_FP32) {
        add(result, ", %.3g rad at token 131,072", widest(row) * 131072.0);
    }
    const bool other_layout = row->form != FORM_PAIRS &&
                              (row->form == FORM_HALF) != (row->work->spec->layout == ROPEMAP_LAYOUT_HALF);
    judge(result, reading->precision != RM_PRECISION_FP32 ? precisions[reading->precision].verdict
                  : other_layout                          ? "layout"
                  : row->reversed                         ? "reversed"
                                                          : units[reading->unit].verdict);
    result->matches = reading->precision == RM_PRECISION_FP32 && !other_layout && !row->reversed;
    if (result->matches) {
        result->pair = -1;
        result->found = result->wanted = 0.0;
    }
}

/* ---- the rule itself, at the lengths it may have been made for */

static bool has_lists(const ropemap_spec *spec) {
    return spec->scaling.list_count > 0 && spec->scaling.factors == ROPEMAP_FACTORS_AUTO &&
           spec->scaling.short_factors != NULL;
}

static bool is_variant(struct row *row, const ropemap_spec *spec, const char *what) {
    if (!rm_comparing_try(row->work, spec)) {
        return false;
    }
    memcpy(row->wanted, row->work->trial, (size_t)row->work->pairs * sizeof *row->wanted);
    if (!any_reading(row, is_wanted)) {
        return false;
    }
    judge_reading(row, what);
    return true;
}

/* A length of 0 is any: a stack's buffer depends on the prompts it has seen. */
static bool is_at_some_length(struct row *row) {
    const ropemap_scaling *scaling = &row->work->spec->scaling;
    ropemap_spec at = *row->work->spec;
    char what[120];
    if (at.length == 0.0 && has_lists(&at)) {
        for (int use = ROPEMAP_FACTORS_SHORT; use <= ROPEMAP_FACTORS_LONG; use++) {
            at.scaling.factors = (ropemap_factors)use;
            (void)snprintf(what, sizeof what, "the %s list (lengths %s %.15g)", rm_factors_name(use),
                           use == ROPEMAP_FACTORS_SHORT ? "up to" : "beyond", scaling->original_length);
            if (is_variant(row, &at, what)) {
                return true;
            }
        }
    } else if (at.length == 0.0 && scaling->rule == ROPEMAP_SCALING_DYNAMIC) {
        (void)snprintf(what, sizeof what, "the original base (lengths up to %.15g)", scaling->max_length);
        return is_variant(row, &at, what);
    } else {
        return is_variant(row, &at, "the rule's frequencies");
    }
    return false;
}

/* The base of a dynamic rule grows with the length: the length that the buffer shows. */
static bool is_grown(struct row *row) {
    ropemap_spec at = *row->work->spec;
    char what[120];
    for (int unit = 0; unit < RM_UNIT_COUNT; unit++) {
        for (int form = 0; form < FORM_COUNT; form++) {
            if (row->has[form] && pairs_of(row, (enum form)form) == row->work->pairs) {
                read_as(row, (enum form)form, (rm_unit)unit, RM_PRECISION_FP32, false);
                if (rm_comparing_length(row->work, &at)) {
                    (void)snprintf(what, sizeof what, "the base grown for a length of %.15g", at.length);
                    return is_variant(row, &at, what);
                }
            }
        }
    }
    return false;
}

/* ---- the rule's frequencies at other places */

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static int descending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x > y ? -1 : x < y ? 1 : 0;
}

/* The same numbers in any order: both sorted from the highest frequency down. */
static bool is_permuted(struct row *row) {
    rm_reading *reading = &row->work->reading;
    const rm_reading in_place = *reading;
    const bool upwards = reading->unit == RM_UNIT_RECIPROCAL || reading->unit == RM_UNIT_WAVELENGTH;
    const int32_t count = reading->count;
    for (int32_t i = 0; i < count; i++) {
        row->sorted[i] = reading->stored[i * reading->apart];
        row->work->trial[i] = row->wanted[i];
        if (!isfinite(row->sorted[i])) {
            return false;
        }
    }
    qsort(row->sorted, (size_t)count, sizeof *row->sorted, ascending);
    qsort(row->work->trial, (size_t)count, sizeof *row->work->trial, descending);
    *reading = (rm_reading){.stored = upwards ? row->sorted : row->sorted + count - 1,
                            .apart = upwards ? 1 : -1,
                            .count = count,
                            .unit = in_place.unit,
                            .precision = in_place.precision};
    bool same = true;
    for (int32_t i = 0; i < count && same; i++) {
        same = rm_reading_is(reading, i, row->work->trial[i]);
    }
    *reading = in_place;
    return same;
}

static void judge_permuted(struct row *row) {
    note_errors(row);
    int32_t place = row->result->pair;
    for (int32_t i = 0; i < row->work->pairs; i++) {
        if (row->result->pair >= 0 && rm_reading_is(&row->work->reading, i, row->wanted[row->result->pair])) {
            place = i;
        }
    }
    add(row->result, "the rule's frequencies in another order");
    note_reading(row);
    add(row->result, ": pair %d is at index %d", (int)row->result->pair, (int)place);
    judge(row->result, "permuted");
}

/* ---- another rule */

static bool explain_as(struct row *row, enum form form, rm_unit unit, bool reversed) {
    for (int precision = 0; precision < RM_PRECISION_COUNT; precision++) {
        if (row->holds[precision]) {
            read_as(row, form, unit, (rm_precision)precision, reversed);
            if (rm_comparing_explain(row->work)) {
                return true;
            }
        }
    }
    return false;
}

/* Whether the first frequency is the rule's, and the others lie on the same side of it. */
static bool starts_as_rule(struct row *row) {
    const rm_reading *reading = &row->work->reading;
    const double first = rm_reading_radians(reading, 0),
                 last = rm_reading_radians(reading, reading->count - 1);
    return fabs(first / row->wanted[0] - 1.0) < 0.01 &&
           (last > first) == (row->wanted[row->work->pairs - 1] > row->wanted[0]);
}

/* The reading that starts as the rule does; else as the numbers rise or fall. */
static bool explain_form(struct row *row, enum form form) {
    for (int reversed = 0; reversed < 2; reversed++) {
        for (int unit = 0; unit < RM_UNIT_COUNT; unit++) {
            read_as(row, form, (rm_unit)unit, RM_PRECISION_FP32, reversed != 0);
            if (starts_as_rule(row)) {
                return explain_as(row, form, (rm_unit)unit, reversed != 0);
            }
        }
    }
    const float *last = row->found + (pairs_of(row, form) - 1) * (form == FORM_INTERLEAVED ? 2 : 1);
    const bool rises = *last > row->found[0];
    const bool rule_rises = row->wanted[row->work->pairs - 1] > row->wanted[0];
    return explain_as(row, form, rises == rule_rises ? RM_UNIT_RADIANS : RM_UNIT_RECIPROCAL, false);
}

static bool explain_row(struct row *row) {
    const bool doubled = row->count != row->work->pairs;
    const enum form form = doubled && row->has[FORM_HALF]          ? FORM_HALF
                           : doubled && row->has[FORM_INTERLEAVED] ? FORM_INTERLEAVED
                                                                   : FORM_PAIRS;
    if (!explain_form(row, form)) {
        return false;
    }
    const rm_cause *cause = &row->work->cause;
    const size_t length = strlen(row->result->text);
    char how[300];
    note_errors(row);
    note_reading(row);
    (void)snprintf(how, sizeof how, "%s", row->result->text + length);
    row->result->text[length] = '\0';
    add(row->result, "%s%s%s", cause->text, how[0] != '\0' ? ". The buffer is " : "",
        how[0] != '\0' ? how + 2 : "");
    judge(row->result, cause->verdict);
    (void)snprintf(row->result->parameter, sizeof row->result->parameter, "%s", cause->parameter);
    row->result->parameter_found = cause->found;
    row->result->parameter_wanted = cause->wanted;
    return true;
}

/* ---- no rule */

/* Uninitialised memory: few or no numbers that can be frequencies. */
static bool is_uninitialised(const struct row *row) {
    int64_t odd = 0, zeros = 0;
    for (int64_t i = 0; i < row->count; i++) {
        const double value = fabs((double)row->found[i]);
        odd += !isfinite(value) || value > 1e15 || (value > 0.0 && value < 1e-30) || row->found[i] < 0.0f;
        zeros += value == 0.0 && (i >= row->work->pairs || row->wanted[i] != 0.0);
    }
    return odd > 0 || 2 * zeros > row->count;
}

/* The reading that most pairs agree with; the plainest of several. */
static void read_best(struct row *row) {
    int32_t most = -1;
    rm_reading best = {0};
    for (int precision = 0; precision < RM_PRECISION_COUNT; precision++) {
        for (int unit = 0; unit < RM_UNIT_COUNT && row->holds[precision]; unit++) {
            read_as(row, FORM_PAIRS, (rm_unit)unit, (rm_precision)precision, false);
            int32_t agree = 0;
            for (int32_t i = 0; i < row->work->pairs; i++) {
                agree += rm_reading_is(&row->work->reading, i, row->wanted[i]);
            }
            if (agree > most) {
                most = agree;
                best = row->work->reading;
            }
        }
    }
    row->work->reading = best;
}

static void list_differing(struct row *row) {
    ropemap_comparison *result = row->result;
    int32_t differ = 0, listed = 0;
    for (int32_t i = 0; i < row->work->pairs; i++) {
        differ += !rm_reading_is(&row->work->reading, i, row->wanted[i]);
    }
    add(result, "%d of %d pairs differ%s", (int)differ, (int)row->work->pairs,
        units[row->work->reading.unit].text);
    for (int32_t i = 0; i < row->work->pairs && listed < LISTED && differ > 1; i++) {
        if (!rm_reading_is(&row->work->reading, i, row->wanted[i])) {
            add(result, "%s%d", listed++ > 0 ? ", " : ": pairs ", (int)i);
        }
    }
    add(result, "%s; pair %d is %.9g where the rule has %.9g, a relative error of %.2g",
        differ > 1 && differ > listed ? ", and more" : "", result->pair, result->found, result->wanted,
        fabs(result->found - result->wanted) / result->wanted);
    judge(result, "differs");
}

static void judge_unexplained(struct row *row) {
    read_as(row, FORM_PAIRS, RM_UNIT_RADIANS, RM_PRECISION_FP32, false);
    if (row->count == row->work->pairs && !is_uninitialised(row)) {
        read_best(row);
    }
    note_errors(row);
    if (is_uninitialised(row)) {
        int32_t odd = row->result->pair;
        for (int32_t i = (int32_t)row->count - 1; i >= 0; i--) {
            const double value = fabs((double)row->found[i]);
            odd = !isfinite(value) || value > 1e15 || row->found[i] < 0.0f ? i : odd;
        }
        add(row->result, "not frequencies: number %d is %g; this looks like uninitialised memory", (int)odd,
            odd >= 0 ? (double)row->found[odd] : 0.0);
        judge(row->result, "uninitialised");
    } else if (row->count != row->work->pairs) {
        add(row->result, "%" PRId64 " numbers; the rule has %d, one a pair", row->count,
            (int)row->work->pairs);
        judge(row->result, "count");
    } else {
        list_differing(row);
    }
}

/* By either list of divisors, where the length does not decide. */
static bool explain_at_some_length(struct row *row) {
    const ropemap_spec *given = row->work->spec;
    const bool any = given->length == 0.0 && has_lists(given);
    ropemap_spec at = *given;
    bool explained = false;
    for (int i = any ? 0 : 1; i < 2 && !explained; i++) {
        if (any) {
            at.scaling.factors = i == 0 ? ROPEMAP_FACTORS_LONG : ROPEMAP_FACTORS_SHORT;
        }
        row->work->spec = &at;
        if (rm_comparing_try(row->work, &at)) {
            memcpy(row->wanted, row->work->trial, (size_t)row->work->pairs * sizeof *row->wanted);
            explained = explain_row(row);
        }
    }
    row->work->spec = given;
    return explained;
}

static void compare_row(struct row *row) {
    look(row);
    if (is_at_some_length(row)) {
        return;
    }
    if (row->work->spec->scaling.rule == ROPEMAP_SCALING_DYNAMIC && row->work->spec->length == 0.0 &&
        is_grown(row)) {
        return;
    }
    if (explain_at_some_length(row)) {
        return;
    }
    if (any_reading(row, is_permuted)) {
        judge_permuted(row);
        return;
    }
    judge_unexplained(row);
}

/* ---- rows */

/* One result of several rows: of the first that is not as it should be, or else of all. */
static void compare_rows(const float *found, int64_t rows, struct row *row) {
    ropemap_comparison *result = row->result;
    bool differ = false;
    for (int64_t r = 0; r < rows; r++) {
        row->found = found + r * row->count;
        if (r > 0 && memcmp(row->found, row->found - row->count, (size_t)row->count * sizeof *found) == 0) {
            continue;
        }
        *result = (ropemap_comparison){.pair = -1, .parameter_found = NAN, .parameter_wanted = NAN};
        differ = r > 0;
        if (r > 0) {
            add(result, "row %" PRId64 " of %" PRId64 ": ", r, rows);
        }
        compare_row(row);
        if (!result->matches) {
            return;
        }
    }
    if (rows > 1) {
        add(result, differ ? "; the rows before it match too" : ", in each of %" PRId64 " rows", rows);
    }
}

/* Pairs down and copies of them across, as a tensor stacked along its last axis has them. */
static ropemap_status compare_columns(const float *found, int64_t rows, struct row *row,
                                      ropemap_error *error) {
    const int64_t copies = row->count;
    float *across = rm_alloc((uint64_t)(rows * copies), sizeof *across);
    if (across == NULL) {
        return rm_fail_memory(error, "frequencies", (uint64_t)(rows * copies) * sizeof *across);
    }
    for (int64_t i = 0; i < rows * copies; i++) {
        across[i % copies * rows + i / copies] = found[i];
    }
    row->count = rows;
    compare_rows(across, copies, row);
    rm_free(across);
    return ROPEMAP_OK;
}

static ropemap_status compare_all(const float *found, int64_t rows, struct row *row, ropemap_error *error) {
    rm_comparing *work = row->work;
    if (compare_table(work, found, rows, row->count, row->result)) {
        return ROPEMAP_OK;
    }
    if (rows == work->pairs && row->count != work->pairs && row->count != 2 * (int64_t)work->pairs) {
        return compare_columns(found, rows, row, error);
    }
    compare_rows(found, rows, row);
    return ROPEMAP_OK;
}

ropemap_status ropemap_inv_freq_compare(const float *found, int64_t rows, int64_t count,
                                        const ropemap_spec *spec, ropemap_comparison *comparison,
                                        ropemap_error *error) {
    RM_TRY(ropemap_spec_check(spec, error));
    RM_TRY(rm_axes_refuse(spec, "a buffer is compared with one axis only", error));
    if (rows < 1 || count < 1 || count > 2 * ROPEMAP_MAX_PAIRS) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%" PRId64 " numbers in a row, %" PRId64
                       " rows; frequencies are 1 to %d, one a pair or an "
                       "element, in 1 row or more",
                       count, rows, 2 * ROPEMAP_MAX_PAIRS);
    }
    enum { MOST = 2 * ROPEMAP_MAX_PAIRS };
    double *scratch = rm_alloc(3 * MOST, sizeof *scratch);
    rm_twofold *exact = rm_alloc(MOST, sizeof *exact);
    float *sorted = rm_alloc(MOST, sizeof *sorted);
    ropemap_status status = ROPEMAP_OK;
    *comparison = (ropemap_comparison){.pair = -1};
    if (scratch == NULL || exact == NULL || sorted == NULL) {
        status = rm_fail_memory(error, "frequencies", 3 * MOST * sizeof *scratch);
    } else {
        rm_comparing work = {.spec = spec,
                             .pairs = rm_spec_pairs(spec),
                             .trial = scratch,
                             .logs = scratch + MOST,
                             .exact = exact};
        struct row row = {.count = count,
                          .work = &work,
                          .wanted = scratch + 2 * MOST,
                          .sorted = sorted,
                          .result = comparison};
        status = compare_all(found, rows, &row, error);
    }
    rm_free(sorted);
    rm_free(exact);
    rm_free(scratch);
    return status;
}
