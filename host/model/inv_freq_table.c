/* inv_freq_table.c - tables of cosines and sines, held against a rule */
/* SPDX-License-Identifier: MIT */
#include "host/model/inv_freq_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/*
 * Cosines of float32 angles: the angle is off by the roundings of inv_freq and of its product with the
 * position, 4 of 2^-23 of it, the rest by the rounding of the result, for which a bfloat16 or a binary16 has
 * 2^-8 and 2^-11.
 */
static const double ANGLE_ERROR = 4 * 0x1p-23;

static const double CELL_ERROR[RM_PRECISION_COUNT] = {4 * 0x1p-23, 0x1p-8, 0x1p-11};

/* What the elements of a row are. */
typedef enum rm_columns {
    COLUMNS_COSINES,
    COLUMNS_SINES,
    COLUMNS_BOTH, /* all cosines, then all sines, as vLLM keeps them */
    COLUMNS_NONE  /* it is no table */
} rm_columns;

struct table {
    const float *cells; /* [rows, count] of positions 0, 1, ... */
    int64_t rows, count;
    int32_t pairs;
    rm_columns columns;
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
static rm_columns columns_of(const float *cells, int64_t count, int32_t pairs) {
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
                   "a table of cosines or sines that leaves the rule at position %" PRId64
                   ", pair %d: %.9g where "
                   "the rule has %.9g; its inv_freq would show the cause",
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

bool rm_table_compare(rm_comparing *work, const float *cells, int64_t rows, int64_t count,
                      ropemap_comparison *result) {
    const size_t bytes = (size_t)count * sizeof *cells;
    const bool moves = rows > 1 && memcmp(cells, cells + count, bytes) != 0;
    const rm_columns columns = moves ? columns_of(cells, count, work->pairs) : COLUMNS_NONE;
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
