/* scaling.c - the table of scaling rules: what each is called, takes and does to the frequencies */
/* SPDX-License-Identifier: MIT */
#include "host/spec/scaling.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 32 };

/* base^(-2i/D): powers of one root, exact to a few i * 2^-104. */
static void plain_frequencies(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians) {
    const rm_twofold ratio = rm_twofold_inverse_root(spec->base, pairs);
    rm_twofold power = {.high = 1.0};
    for (int32_t i = 0; i < pairs; i++) {
        radians[i] = power;
        power = rm_twofold_mul(power, ratio);
    }
}

static void linear_frequencies(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians) {
    plain_frequencies(spec, pairs, radians);
    for (int32_t i = 0; i < pairs; i++) {
        radians[i] = rm_twofold_div(radians[i], spec->scaling.factor);
    }
}

/* (base * factor^(D/(D-2)))^(-2i/D) = base^(-2i/D) * factor^(-i/(D/2 - 1)). */
static void ntk_frequencies(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians) {
    plain_frequencies(spec, pairs, radians);
    if (pairs < 2) {
        return; /* pair 0 never changes */
    }
    const rm_twofold ratio = rm_twofold_inverse_root(spec->scaling.factor, pairs - 1);
    rm_twofold power = {.high = 1.0};
    for (int32_t i = 0; i < pairs; i++) {
        radians[i] = rm_twofold_mul(radians[i], power);
        power = rm_twofold_mul(power, ratio);
    }
}

/* In the order of ropemap_scaling_rule. A rule is one function and one row. */
static const rm_scaling_row rows[] = {
    {.name = "none", .help = "none              base^(-2i/D), unscaled", .frequencies = plain_frequencies},
    {.name = "linear",
     .help = "linear:factor=F   frequencies divided by F (position interpolation)",
     .takes_factor = true,
     .frequencies = linear_frequencies},
    {.name = "ntk",
     .help = "ntk:factor=F      base times F^(D/(D-2)) (NTK-aware, static)",
     .takes_factor = true,
     .frequencies = ntk_frequencies},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

const rm_scaling_row *rm_scaling_find(ropemap_scaling_rule rule) {
    return (unsigned)rule < ROW_COUNT ? &rows[rule] : NULL;
}

const char *ropemap_scaling_name(ropemap_scaling_rule rule) {
    const rm_scaling_row *row = rm_scaling_find(rule);
    return row == NULL ? NULL : row->name;
}

const char *ropemap_scaling_help(ropemap_scaling_rule rule) {
    const rm_scaling_row *row = rm_scaling_find(rule);
    return row == NULL ? NULL : row->help;
}

ropemap_status rm_scaling_check(const ropemap_scaling *scaling, ropemap_error *error) {
    const rm_scaling_row *row = rm_scaling_find(scaling->rule);
    if (row == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling: there is no rule number %d", (int)scaling->rule);
    }
    if (!(scaling->factor >= 1.0 && scaling->factor <= 1e9)) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling %s: factor is %g, expected a number from 1 to 1e9",
                       row->name, scaling->factor);
    }
    if (!row->takes_factor && scaling->factor != 1.0) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling %s: factor is %g, but the rule takes none", row->name,
                       scaling->factor);
    }
    return ROPEMAP_OK;
}

/* "none, linear, ntk" */
static void list_names(char *text, size_t size) {
    text[0] = '\0';
    for (size_t i = 0; i < ROW_COUNT; i++) {
        (void)strncat(text, i == 0 ? "" : ", ", size - strlen(text) - 1);
        (void)strncat(text, rows[i].name, size - strlen(text) - 1);
    }
}

static const rm_scaling_row *row_named(const char *name, size_t length) {
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* strtod as in the C locale, whatever the caller's program has set. */
static double number_in_c_locale(const char *text, char **end) {
    const locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    const locale_t before = c == (locale_t)0 ? (locale_t)0 : uselocale(c);
    const double number = strtod(text, end);
    if (c != (locale_t)0) {
        (void)uselocale(before);
        freelocale(c);
    }
    return number;
}

/* One "key=value", without the comma behind it. */
static ropemap_status parse_parameter(const rm_scaling_row *row, const char *text, size_t length,
                                      ropemap_scaling *scaling, ropemap_error *error) {
    const char *equals = memchr(text, '=', length);
    const size_t key = equals == NULL ? length : (size_t)(equals - text);
    if (!row->takes_factor || key != strlen("factor") || memcmp(text, "factor", key) != 0) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling %s: unknown key '%.*s', the rule takes %s", row->name,
                       (int)(key > NAME_BYTES ? NAME_BYTES : key), text,
                       row->takes_factor ? "factor=NUMBER" : "no parameters");
    }
    if (!isnan(scaling->factor)) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling %s: factor is given twice", row->name);
    }
    char number[NAME_BYTES] = {0};
    const size_t digits = equals == NULL ? 0 : length - key - 1;
    char *end = number;
    if (digits > 0 && digits < sizeof number) {
        memcpy(number, equals + 1, digits);
        scaling->factor = number_in_c_locale(number, &end);
    }
    if (end == number || *end != '\0') {
        return rm_fail(error, ROPEMAP_USAGE, "scaling %s: '%.*s', expected factor=NUMBER", row->name,
                       (int)(length > NAME_BYTES ? NAME_BYTES : length), text);
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_scaling_parse(const char *text, ropemap_scaling *scaling, ropemap_error *error) {
    const size_t name = strcspn(text, ":");
    const rm_scaling_row *row = row_named(text, name);
    if (row == NULL) {
        char names[200];
        list_names(names, sizeof names);
        return rm_fail(error, ROPEMAP_USAGE, "scaling '%.*s': unknown rule, expected one of %s",
                       (int)(name > NAME_BYTES ? NAME_BYTES : name), text, names);
    }
    ropemap_scaling parsed = {.rule = (ropemap_scaling_rule)(row - rows),
                              .factor = row->takes_factor ? (double)NAN : 1};
    for (const char *at = text + name; *at != '\0';) {
        at++; /* the colon or a comma */
        const size_t length = strcspn(at, ",");
        RM_TRY(parse_parameter(row, at, length, &parsed, error));
        at += length;
    }
    if (row->takes_factor && isnan(parsed.factor)) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling %s: factor is missing, expected %s:factor=NUMBER",
                       row->name, row->name);
    }
    RM_TRY(rm_scaling_check(&parsed, error));
    *scaling = parsed;
    return ROPEMAP_OK;
}
