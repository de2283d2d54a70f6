/* scaling.c - the table of scaling rules: parameters, their text and their check */
/* SPDX-License-Identifier: MIT */
#include "host/rule/scaling.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(ropemap_scaling, name)

enum {
    FACTOR,
    ORIGINAL,
    MAX_LENGTH,
    LOW,
    HIGH,
    BETA_FAST,
    BETA_SLOW,
    UNTRUNCATED,
    RAMP,
    ATTENTION,
    MSCALE,
    ROTATED,
    MIXED_B,
    ALPHA,
    MSCALE_ALL,
    FREQ_SCALE,
    EXT_FACTOR,
    ATTN_FACTOR,
    USE,
    MAX_FREQ,
    POINTS,
    SHORT_LIST,
    LONG_LIST,
    DIVISORS,
    PARAMETERS
};

/* Key, kind, field, range, range in use, and the default. Each field of ropemap_scaling once, but for
 * DIVISORS, which shares the list of LONG_LIST. */
static const rm_parameter parameters[PARAMETERS] = {
    [FACTOR] = {"factor", RM_PARAMETER_NUMBER, FIELD(factor), 1.0, 1e9, 1.0, 64.0, 0.0},
    [ORIGINAL] = {"original", RM_PARAMETER_TOKENS, FIELD(original_length), 2.0, 0x1p40, 512.0, 1048576.0,
                  0.0},
    [MAX_LENGTH] = {"max", RM_PARAMETER_TOKENS, FIELD(max_length), 1.0, 0x1p40, 512.0, 1048576.0, 0.0},
    [LOW] = {"low", RM_PARAMETER_NUMBER, FIELD(low_freq_factor), 1e-6, 1e6, 0.25, 8.0, 0.0},
    [HIGH] = {"high", RM_PARAMETER_NUMBER, FIELD(high_freq_factor), 1e-6, 1e6, 1.0, 32.0, 0.0},
    [BETA_FAST] = {"beta-fast", RM_PARAMETER_NUMBER, FIELD(beta_fast), 1e-6, 1e9, 8.0, 128.0, 32.0},
    [BETA_SLOW] = {"beta-slow", RM_PARAMETER_NUMBER, FIELD(beta_slow), 1e-6, 1e9, 0.25, 8.0, 1.0},
    [UNTRUNCATED] = {"untruncated", RM_PARAMETER_FLAG, FIELD(untruncated), 0.0, 1.0, 0.0, 0.0, 0.0},
    [RAMP] = {"ramp", RM_PARAMETER_RAMP, FIELD(ramp), 0.0, 1.0, 0.0, 0.0, 0.0},
    [ATTENTION] = {"attention", RM_PARAMETER_NUMBER, FIELD(attention_factor), 1e-6, 1e6, 0.5, 4.0, 0.0},
    [MSCALE] = {"mscale", RM_PARAMETER_NUMBER, FIELD(mscale), 1e-6, 1e6, 0.1, 2.0, 0.0},
    [ROTATED] = {"rotated", RM_PARAMETER_NUMBER, FIELD(rotated), 1e-6, 1.0, 0.05, 1.0, 0.0},
    [MIXED_B] = {"b", RM_PARAMETER_NUMBER, FIELD(mixed_b), 1e-6, 1e3, 0.1, 1.0, 0.0},
    [ALPHA] = {"alpha", RM_PARAMETER_NUMBER, FIELD(alpha), 1.0, 1e9, 1.0, 2000.0, 0.0},
    [MSCALE_ALL] = {"mscale-all-dim", RM_PARAMETER_NUMBER, FIELD(mscale_all_dim), 1e-6, 1e6, 0.1, 2.0, 0.0},
    [FREQ_SCALE] = {"scale", RM_PARAMETER_NUMBER, FIELD(freq_scale), 1e-9, 1.0, 0.015625, 1.0, 1.0},
    [EXT_FACTOR] = {"ext", RM_PARAMETER_NUMBER, FIELD(ext_factor), 0.0, 1.0, 0.0, 1.0, 0.0},
    [ATTN_FACTOR] = {"attn", RM_PARAMETER_NUMBER, FIELD(attn_factor), 1e-6, 1e6, 0.5, 4.0, 1.0},
    [USE] = {"use", RM_PARAMETER_USE, FIELD(factors), 0.0, 2.0, 0.0, 0.0, 0.0},
    [MAX_FREQ] = {"max-freq", RM_PARAMETER_NUMBER, FIELD(max_freq), 2.0, 1e9, 2.0, 512.0, 0.0},
    [POINTS] = {"points", RM_PARAMETER_NUMBER, FIELD(points), 2.0, 0x1p24, 2.0, 256.0, 0.0},
    [SHORT_LIST] = {"short", RM_PARAMETER_LIST, FIELD(short_factors), 0.2, 1e9, 0.0, 0.0, 0.0},
    [LONG_LIST] = {"long", RM_PARAMETER_LIST, FIELD(long_factors), 0.2, 1e9, 0.0, 0.0, 0.0},
    [DIVISORS] = {"divisors", RM_PARAMETER_LIST, FIELD(long_factors), 0.2, 1e30, 0.0, 0.0, 0.0},
};

/* NULL: not given. */
static const double *list_at(const ropemap_scaling *scaling, const rm_parameter *parameter) {
    const bool is_short = parameter->offset == offsetof(ropemap_scaling, short_factors);
    return is_short ? scaling->short_factors : scaling->long_factors;
}

double rm_parameter_value(const ropemap_scaling *scaling, const rm_parameter *parameter) {
    const char *at = (const char *)scaling + parameter->offset;
    double number = 0.0;
    switch (parameter->kind) {
    case RM_PARAMETER_NUMBER:
    case RM_PARAMETER_TOKENS:
        memcpy(&number, at, sizeof number);
        return number;
    case RM_PARAMETER_FLAG:
        return *(const bool *)at ? 1.0 : 0.0;
    case RM_PARAMETER_RAMP:
        return (double)scaling->ramp;
    case RM_PARAMETER_USE:
        return (double)scaling->factors;
    case RM_PARAMETER_LIST:
        return list_at(scaling, parameter) != NULL ? (double)scaling->list_count : 0.0;
    }
    return 0.0;
}

static bool in_range(const rm_parameter *parameter, double value) {
    return value >= parameter->low && value <= parameter->high;
}

static ropemap_status check_list(const ropemap_spec *spec, const rm_scaling_row *row,
                                 const rm_parameter *parameter, ropemap_error *error) {
    const double *list = list_at(&spec->scaling, parameter);
    const int32_t pairs = rm_spec_pairs(spec);
    const int32_t count = spec->scaling.list_count;
    if (count != pairs) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling %s: %s has %d numbers, expected %d, one a pair",
                       row->name, parameter->key, (int)count, (int)pairs);
    }
    for (int32_t i = 0; i < count; i++) {
        if (!in_range(parameter, list[i])) {
            return rm_fail(error, ROPEMAP_USAGE, "scaling %s: %s[%d] is %g, expected a number from %g to %g",
                           row->name, parameter->key, (int)i, list[i], parameter->low, parameter->high);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status check_taken(const ropemap_spec *spec, const rm_scaling_row *row, rm_taken taken,
                                  ropemap_error *error) {
    const rm_parameter *parameter = taken.parameter;
    const double value = rm_parameter_value(&spec->scaling, parameter);
    if (value == 0.0) {
        return taken.required ? rm_fail(error, ROPEMAP_USAGE, "scaling %s: %s is missing, expected %s:%s=%s",
                                        row->name, parameter->key, row->name, parameter->key,
                                        parameter->kind == RM_PARAMETER_LIST ? "NUMBER/NUMBER/..." : "NUMBER")
                              : ROPEMAP_OK;
    }
    if (parameter->kind == RM_PARAMETER_LIST) {
        return check_list(spec, row, parameter, error);
    }
    return in_range(parameter, value)
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "scaling %s: %s is %g, expected a number from %g to %g",
                         row->name, parameter->key, value, parameter->low, parameter->high);
}

static bool is_taken(const rm_scaling_row *row, const rm_parameter *parameter) {
    for (int i = 0; i < RM_PARAMETERS_MOST && row->takes[i].parameter != NULL; i++) {
        const rm_parameter *taken = row->takes[i].parameter;
        if (taken->offset == parameter->offset ||
            (taken->kind == RM_PARAMETER_LIST && parameter->kind == RM_PARAMETER_LIST)) {
            return true;
        }
    }
    return false;
}

/* A factor of 1 changes nothing, so any rule accepts it. */
static ropemap_status check_others(const ropemap_spec *spec, const rm_scaling_row *row,
                                   ropemap_error *error) {
    for (int i = 0; i < DIVISORS; i++) {
        const rm_parameter *parameter = &parameters[i];
        const double value = rm_parameter_value(&spec->scaling, parameter);
        const bool attention = parameter->offset == offsetof(ropemap_scaling, attention_factor);
        const bool neutral = value == 0.0 || (value == 1.0 && strcmp(parameter->key, "factor") == 0) ||
                             (attention && spec->frequencies != NULL && in_range(parameter, value));
        if (!neutral && !is_taken(row, parameter)) {
            return rm_fail(error, ROPEMAP_USAGE, "scaling %s: %s is %g, but the rule has no such parameter",
                           row->name, parameter->key, value);
        }
    }
    return ROPEMAP_OK;
}

ropemap_status rm_scaling_check(const ropemap_spec *spec, ropemap_error *error) {
    const rm_scaling_row *row = rm_scaling_find(spec->scaling.rule);
    if (row == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling: there is no rule number %d", (int)spec->scaling.rule);
    }
    if (spec->scaling.list_count < 0 || spec->scaling.list_count > ROPEMAP_MAX_DIVISORS) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling %s: lists of %d numbers, expected 0 to %d", row->name,
                       (int)spec->scaling.list_count, ROPEMAP_MAX_DIVISORS);
    }
    if (spec->scaling.list_count > 0 && spec->scaling.short_factors == NULL &&
        spec->scaling.long_factors == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling %s: %d divisors, but no list of them", row->name,
                       (int)spec->scaling.list_count);
    }
    for (int i = 0; i < RM_PARAMETERS_MOST && row->takes[i].parameter != NULL; i++) {
        RM_TRY(check_taken(spec, row, row->takes[i], error));
    }
    RM_TRY(check_others(spec, row, error));
    return row->check != NULL ? row->check(spec, error) : ROPEMAP_OK;
}

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
    const double *list = list_at(scaling, parameter);
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

/* ---- parameters checked against each other */

static ropemap_status check_yarn(const ropemap_spec *spec, ropemap_error *error) {
    const ropemap_scaling *scaling = &spec->scaling;
    const double fast = rm_given(scaling->beta_fast, 32.0), slow = rm_given(scaling->beta_slow, 1.0);
    if (scaling->rule == ROPEMAP_SCALING_GGML) {
        if (scaling->ext_factor != 0.0 && scaling->original_length == 0.0) {
            return rm_fail(error, ROPEMAP_USAGE, "scaling ggml: ext needs original");
        }
    } else if (scaling->factor == 0.0 && scaling->max_length < scaling->original_length) {
        return rm_fail(
            error, ROPEMAP_USAGE,
            "scaling yarn: factor is missing, expected factor=NUMBER or max=NUMBER of at least the "
            "original length, %g",
            scaling->original_length);
    }
    return fast >= slow ? ROPEMAP_OK
                        : rm_fail(error, ROPEMAP_USAGE,
                                  "scaling: beta-fast is %g, expected at least beta-slow, %g", fast, slow);
}

static ropemap_status check_llama3(const ropemap_spec *spec, ropemap_error *error) {
    const ropemap_scaling *scaling = &spec->scaling;
    return scaling->high_freq_factor >= scaling->low_freq_factor
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "scaling llama3: high is %g, expected at least low, %g",
                         scaling->high_freq_factor, scaling->low_freq_factor);
}

static ropemap_status check_longrope(const ropemap_spec *spec, ropemap_error *error) {
    const ropemap_scaling *scaling = &spec->scaling;
    if (scaling->factor == 0.0 && scaling->max_length == 0.0 && scaling->attention_factor == 0.0) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "scaling longrope: give factor, max or attention, which set how much cosines grow");
    }
    return ROPEMAP_OK;
}

static ropemap_status check_proportional(const ropemap_spec *spec, ropemap_error *error) {
    return spec->rotary_dim == 0 || spec->rotary_dim == spec->head_dim
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE,
                         "scaling proportional: rotary-dim is %d; leave it at the head dim, %d, and set "
                         "`rotated`",
                         (int)spec->rotary_dim, (int)spec->head_dim);
}

static ropemap_status check_vision(const ropemap_spec *spec, ropemap_error *error) {
    const int32_t dim = 2 * rm_spec_pairs(spec);
    return dim % 4 == 0
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE,
                         "scaling vision-2d: %d elements rotate, expected a multiple of 4", (int)dim);
}

/* ---- the rules, in the order of ropemap_scaling_rule */

#define NEEDS(parameter)                                                                                     \
    { &parameters[parameter], true }

#define TAKES(parameter)                                                                                     \
    { &parameters[parameter], false }

static const rm_scaling_row rows[] = {
    {"none", "base^(-2i/D), unscaled", {{NULL, false}}, rm_rule_none, NULL},
    {"linear",
     "frequencies divided by the factor (position interpolation)",
     {NEEDS(FACTOR)},
     rm_rule_linear,
     NULL},
    {"ntk", "base times factor^(D/(D-2)) (NTK-aware, static)", {NEEDS(FACTOR)}, rm_rule_ntk, NULL},
    {"dynamic",
     "the same, growing with the length beyond max",
     {NEEDS(FACTOR), NEEDS(MAX_LENGTH)},
     rm_rule_dynamic,
     NULL},
    {"yarn",
     "slow pairs interpolated, fast pairs unchanged; attention scaled by 0.1 ln(factor) + 1",
     {TAKES(FACTOR), NEEDS(ORIGINAL), TAKES(MAX_LENGTH), TAKES(BETA_FAST), TAKES(BETA_SLOW),
      TAKES(UNTRUNCATED), TAKES(RAMP), TAKES(ATTENTION), TAKES(MSCALE), TAKES(MSCALE_ALL)},
     rm_rule_yarn,
     check_yarn},
    {"longrope",
     "a divisor for each pair, of two lists by the length",
     {NEEDS(ORIGINAL), NEEDS(SHORT_LIST), NEEDS(LONG_LIST), TAKES(MAX_LENGTH), TAKES(FACTOR),
      TAKES(ATTENTION), TAKES(USE)},
     rm_rule_longrope,
     check_longrope},
    {"llama3",
     "slow pairs interpolated, fast pairs unchanged (Llama 3.1)",
     {NEEDS(FACTOR), NEEDS(LOW), NEEDS(HIGH), NEEDS(ORIGINAL)},
     rm_rule_llama3,
     check_llama3},
    {"proportional",
     "only the first share of the pairs rotates (p-RoPE)",
     {NEEDS(ROTATED), TAKES(FACTOR)},
     rm_rule_proportional,
     check_proportional},
    {"ntk-fixed", "(base factor)^(-2i/D) / factor^(2/D) (vLLM)", {NEEDS(FACTOR)}, rm_rule_ntk_fixed, NULL},
    {"ntk-mixed",
     "divided by factor^(((i+1)/(D/2))^b) (vLLM)",
     {NEEDS(FACTOR), NEEDS(MIXED_B)},
     rm_rule_ntk_mixed,
     NULL},
    {"alpha", "base times alpha^(D/(D-2)) (Hunyuan)", {NEEDS(ALPHA)}, rm_rule_alpha, NULL},
    {"ggml",
     "llama.cpp's freq_scale, ext_factor, attn_factor and freq_factors",
     {TAKES(FREQ_SCALE), TAKES(EXT_FACTOR), TAKES(ATTN_FACTOR), TAKES(ORIGINAL), TAKES(BETA_FAST),
      TAKES(BETA_SLOW), TAKES(USE), TAKES(DIVISORS)},
     rm_rule_ggml,
     check_yarn},
    {"vision-2d",
     "two axes of an image: half of the pairs each, base^(-4i/D) (Llama 4)",
     {{NULL, false}},
     rm_rule_vision_2d,
     check_vision},
    {"axial",
     "evenly spaced frequencies, pi to pi max-freq/2, over coordinates from -1 to 1",
     {NEEDS(MAX_FREQ), NEEDS(POINTS)},
     rm_rule_axial,
     NULL},
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

const rm_scaling_row *rm_scaling_find(ropemap_scaling_rule rule) {
    return (unsigned)rule < ROW_COUNT ? &rows[rule] : NULL;
}

const char *ropemap_scaling_name(ropemap_scaling_rule rule) {
    const rm_scaling_row *row = rm_scaling_find(rule);
    return row == NULL ? NULL : row->name;
}
