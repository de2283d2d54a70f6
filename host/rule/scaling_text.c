/* scaling_text.c - a scaling rule and its parameters as text: written and read */
/* SPDX-License-Identifier: MIT */
#include "host/rule/scaling.h"

#include <locale.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BYTES = 40 };

const char *rm_ramp_name(int index) {
    static const char *const names[] = {"code", "paper"};
    return index >= 0 && index < 2 ? names[index] : NULL;
}

const char *rm_factors_name(int index) {
    static const char *const names[] = {"auto", "short", "long"};
    return index >= 0 && index < 3 ? names[index] : NULL;
}

/* ---- writing */

/* Text in a fixed buffer, cut where it is full. */
struct writer {
    char *text;
    size_t size, length;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *to, const char *format, ...) {
    va_list list;
    va_start(list, format);
    const size_t room = to->size - to->length;
    const int wanted = vsnprintf(to->text + to->length, room, format, list);
    va_end(list);
    to->length += wanted < 0 ? 0 : (size_t)wanted < room ? (size_t)wanted : room - 1;
}

/* The fewest digits, from 15 on, that strtod reads back as the same double. */
static void put_number(struct writer *to, double value) {
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    put(to, "%s", text);
}

static void put_value(struct writer *to, const ropemap_scaling *scaling, const rm_parameter *parameter) {
    const double value = rm_parameter_value(scaling, parameter);
    const double *list = rm_parameter_list(scaling, parameter);
    switch (parameter->kind) {
    case RM_PARAMETER_NUMBER:
    case RM_PARAMETER_TOKENS:
    case RM_PARAMETER_FLAG:
        put_number(to, value);
        break;
    case RM_PARAMETER_RAMP:
        put(to, "%s", rm_ramp_name((int)scaling->ramp));
        break;
    case RM_PARAMETER_USE:
        put(to, "%s", rm_factors_name((int)scaling->factors));
        break;
    case RM_PARAMETER_LIST:
        for (int32_t i = 0; i < scaling->list_count; i++) {
            put(to, "%s", i > 0 ? "/" : "");
            put_number(to, list[i]);
        }
        break;
    }
}

void ropemap_scaling_format(const ropemap_scaling *scaling, bool lists, char *text, size_t size) {
    const rm_scaling_row *row = rm_scaling_find(scaling->rule);
    struct writer to = {.text = text, .size = size};
    const char *before = ":";
    put(&to, "%s", row == NULL ? "?" : row->name);
    for (int i = 0; row != NULL && i < RM_PARAMETERS_MOST && row->takes[i].parameter != NULL; i++) {
        const rm_parameter *parameter = row->takes[i].parameter;
        if (rm_parameter_value(scaling, parameter) != 0.0 &&
            (lists || parameter->kind != RM_PARAMETER_LIST)) {
            put(&to, "%s%s=", before, parameter->key);
            put_value(&to, scaling, parameter);
            before = ",";
        }
    }
}

static const char *example(rm_parameter_kind kind) {
    return kind == RM_PARAMETER_FLAG   ? "1"
           : kind == RM_PARAMETER_RAMP ? "code|paper"
           : kind == RM_PARAMETER_USE  ? "auto|short|long"
           : kind == RM_PARAMETER_LIST ? "N/N/..."
                                       : "N";
}

const char *ropemap_scaling_help(ropemap_scaling_rule rule, char *text, size_t size) {
    const rm_scaling_row *row = rm_scaling_find(rule);
    struct writer to = {.text = text, .size = size};
    const char *before = ":";
    if (row == NULL) {
        return NULL;
    }
    put(&to, "%s", row->name);
    for (int i = 0; i < RM_PARAMETERS_MOST && row->takes[i].parameter != NULL; i++) {
        const rm_taken taken = row->takes[i];
        put(&to, "%s%s%s=%s%s", taken.required ? "" : "[", before, taken.parameter->key,
            example(taken.parameter->kind), taken.required ? "" : "]");
        before = ",";
    }
    return row->does;
}

bool ropemap_scaling_parameter(ropemap_scaling_rule rule, int32_t index, ropemap_parameter *parameter) {
    static const ropemap_parameter_kind kinds[] = {
        [RM_PARAMETER_NUMBER] = ROPEMAP_PARAMETER_NUMBER, [RM_PARAMETER_TOKENS] = ROPEMAP_PARAMETER_NUMBER,
        [RM_PARAMETER_FLAG] = ROPEMAP_PARAMETER_FLAG,     [RM_PARAMETER_RAMP] = ROPEMAP_PARAMETER_WORD,
        [RM_PARAMETER_USE] = ROPEMAP_PARAMETER_WORD,      [RM_PARAMETER_LIST] = ROPEMAP_PARAMETER_LIST};
    const rm_scaling_row *row = rm_scaling_find(rule);
    if (row == NULL || index < 0 || index >= RM_PARAMETERS_MOST || row->takes[index].parameter == NULL) {
        return false;
    }
    const rm_parameter *from = row->takes[index].parameter;
    *parameter = (ropemap_parameter){.key = from->key,
                                     .kind = kinds[from->kind],
                                     .required = row->takes[index].required,
                                     .low = from->low,
                                     .high = from->high,
                                     .usual_low = from->usual_low,
                                     .usual_high = from->usual_high,
                                     .otherwise = from->otherwise};
    for (int word = 0; word < 3 && parameter->kind == ROPEMAP_PARAMETER_WORD; word++) {
        parameter->words[word] = from->kind == RM_PARAMETER_RAMP ? rm_ramp_name(word) : rm_factors_name(word);
    }
    return true;
}

/* ---- reading */

/* The part of a text that a message quotes. */
struct piece {
    const char *text;
    size_t length;
};

static int quoted(struct piece piece) {
    return (int)(piece.length > WORD_BYTES ? WORD_BYTES : piece.length);
}

static bool is_word(struct piece piece, const char *word) {
    return strlen(word) == piece.length && memcmp(piece.text, word, piece.length) == 0;
}

static const rm_scaling_row *row_named(struct piece name, ropemap_scaling_rule *rule) {
    for (*rule = ROPEMAP_SCALING_NONE; rm_scaling_find(*rule) != NULL; ++*rule) {
        if (is_word(name, rm_scaling_find(*rule)->name)) {
            return rm_scaling_find(*rule);
        }
    }
    return NULL;
}

/* strtod in the C locale, whatever the program's locale is. */
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

/* A number, with a letter for thousands: k, M or G. */
static bool read_number(struct piece piece, double thousand, double *number) {
    char word[WORD_BYTES] = {0}, *end = word;
    if (piece.length == 0 || piece.length >= sizeof word) {
        return false;
    }
    memcpy(word, piece.text, piece.length);
    *number = number_in_c_locale(word, &end);
    if (end == word) {
        return false;
    }
    const int power = *end == 'k' || *end == 'K' ? 1 : *end == 'M' ? 2 : *end == 'G' ? 3 : 0;
    for (int i = 0; i < power; i++) {
        *number *= thousand;
    }
    return end[power > 0 ? 1 : 0] == '\0' && isfinite(*number);
}

static bool read_word(struct piece piece, const char *(*name)(int), int *index) {
    for (*index = 0; name(*index) != NULL; ++*index) {
        if (is_word(piece, name(*index))) {
            return true;
        }
    }
    return false;
}

/* Numbers separated by slashes. A second list must be as long as the first. */
static bool read_list(struct piece piece, double *list, int32_t *count) {
    int32_t found = 0;
    for (size_t at = 0; at <= piece.length;) {
        struct piece one = {piece.text + at, 0};
        while (at + one.length < piece.length && one.text[one.length] != '/') {
            one.length++;
        }
        if (found == ROPEMAP_MAX_DIVISORS || !read_number(one, 1000.0, &list[found])) {
            return false;
        }
        found++;
        at += one.length + 1;
    }
    const bool agrees = *count == 0 || *count == found;
    *count = found;
    return agrees;
}

static bool take_list(struct piece piece, const rm_parameter *parameter, ropemap_divisors *lists,
                      ropemap_scaling *scaling) {
    const bool is_short = parameter->offset == offsetof(ropemap_scaling, short_factors);
    double *list = lists == NULL ? NULL : is_short ? lists->short_factors : lists->long_factors;
    *(is_short ? &scaling->short_factors : &scaling->long_factors) = list;
    return list != NULL && read_list(piece, list, &scaling->list_count);
}

static bool read_value(struct piece piece, const rm_parameter *parameter, ropemap_divisors *lists,
                       ropemap_scaling *scaling) {
    char *at = (char *)scaling + parameter->offset;
    double number = 0.0;
    int index = 0;
    switch (parameter->kind) {
    case RM_PARAMETER_NUMBER:
    case RM_PARAMETER_TOKENS:
        if (!read_number(piece, parameter->kind == RM_PARAMETER_TOKENS ? 1024.0 : 1000.0, &number)) {
            return false;
        }
        memcpy(at, &number, sizeof number);
        return true;
    case RM_PARAMETER_FLAG:
        *(bool *)at = is_word(piece, "1");
        return *(bool *)at || is_word(piece, "0");
    case RM_PARAMETER_RAMP:
        if (!read_word(piece, rm_ramp_name, &index)) {
            return false;
        }
        scaling->ramp = (ropemap_ramp)index;
        return true;
    case RM_PARAMETER_USE:
        if (!read_word(piece, rm_factors_name, &index)) {
            return false;
        }
        scaling->factors = (ropemap_factors)index;
        return true;
    case RM_PARAMETER_LIST:
        return take_list(piece, parameter, lists, scaling);
    }
    return false;
}

/* Names a rule's keys: "factor, original". */
static void list_keys(const rm_scaling_row *row, char *text, size_t size) {
    struct writer to = {.text = text, .size = size};
    put(&to, "%s", row->takes[0].parameter == NULL ? "no parameters" : "");
    for (int i = 0; i < RM_PARAMETERS_MOST && row->takes[i].parameter != NULL; i++) {
        put(&to, "%s%s", i > 0 ? ", " : "", row->takes[i].parameter->key);
    }
}

/* One "key=value"; `seen` has a bit for each of the rule's parameters that was given. */
static ropemap_status parse_one(const rm_scaling_row *row, struct piece piece, uint32_t *seen,
                                ropemap_divisors *lists, ropemap_scaling *scaling, ropemap_error *error) {
    const char *equals = memchr(piece.text, '=', piece.length);
    const struct piece key = {piece.text, equals == NULL ? piece.length : (size_t)(equals - piece.text)};
    for (int i = 0; i < RM_PARAMETERS_MOST && row->takes[i].parameter != NULL; i++) {
        const rm_parameter *parameter = row->takes[i].parameter;
        if (!is_word(key, parameter->key)) {
            continue;
        }
        if ((*seen >> i & 1u) != 0) {
            return rm_fail(error, ROPEMAP_USAGE, "scaling %s: %s is given twice", row->name, parameter->key);
        }
        *seen |= 1u << i;
        const struct piece value = {equals == NULL ? piece.text : equals + 1,
                                    equals == NULL ? 0 : piece.length - key.length - 1};
        if (!read_value(value, parameter, lists, scaling)) {
            return rm_fail(error, ROPEMAP_USAGE, "scaling %s: '%.*s', expected %s=%s", row->name,
                           quoted(piece), piece.text, parameter->key,
                           parameter->kind == RM_PARAMETER_NUMBER   ? "NUMBER"
                           : parameter->kind == RM_PARAMETER_TOKENS ? "TOKENS"
                                                                    : example(parameter->kind));
        }
        return ROPEMAP_OK;
    }
    char keys[200];
    list_keys(row, keys, sizeof keys);
    return rm_fail(error, ROPEMAP_USAGE, "scaling %s: unknown key '%.*s', the rule takes %s", row->name,
                   quoted(key), piece.text, keys);
}

static ropemap_status unknown_rule(struct piece name, ropemap_error *error) {
    char names[200];
    struct writer to = {.text = names, .size = sizeof names};
    for (ropemap_scaling_rule rule = ROPEMAP_SCALING_NONE; rm_scaling_find(rule) != NULL; rule++) {
        put(&to, "%s%s", rule > 0 ? ", " : "", rm_scaling_find(rule)->name);
    }
    return rm_fail(error, ROPEMAP_USAGE, "scaling '%.*s': unknown rule, expected one of %s", quoted(name),
                   name.text, names);
}

/* Missing and out-of-range parameters are found on their own: everything else in this spec is valid. */
static ropemap_status check_parsed(const ropemap_scaling *scaling, ropemap_error *error) {
    ropemap_spec spec = ropemap_spec_default();
    spec.scaling = *scaling;
    spec.head_dim = scaling->list_count > 0 ? 2 * scaling->list_count : spec.head_dim;
    return rm_scaling_check(&spec, error);
}

ropemap_status ropemap_scaling_parse(const char *text, ropemap_divisors *lists, ropemap_scaling *scaling,
                                     ropemap_error *error) {
    const struct piece name = {text, strcspn(text, ":")};
    ropemap_scaling parsed = {.rule = ROPEMAP_SCALING_NONE};
    const rm_scaling_row *row = row_named(name, &parsed.rule);
    uint32_t seen = 0;
    if (row == NULL) {
        return unknown_rule(name, error);
    }
    for (const char *at = text + name.length; *at != '\0';) {
        at++; /* the colon or a comma */
        const struct piece piece = {at, strcspn(at, ",")};
        RM_TRY(parse_one(row, piece, &seen, lists, &parsed, error));
        at += piece.length;
    }
    for (int i = 0; i < RM_PARAMETERS_MOST && row->takes[i].parameter != NULL; i++) {
        const rm_parameter *parameter = row->takes[i].parameter;
        if ((seen >> i & 1u) != 0 && parameter->low > 0.0 && rm_parameter_value(&parsed, parameter) == 0.0) {
            return rm_fail(error, ROPEMAP_USAGE, "scaling %s: %s is 0, expected a number from %g to %g",
                           row->name, parameter->key, parameter->low, parameter->high);
        }
    }
    RM_TRY(check_parsed(&parsed, error));
    *scaling = parsed;
    return ROPEMAP_OK;
}
