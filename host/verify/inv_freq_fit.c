/* inv_freq_fit.c - which other rule makes a buffer: one number of it fitted, then compared with all */
/* SPDX-License-Identifier: MIT */
#include "host/rule/scaling.h"
#include "host/verify/verify.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double TWO_PI = 6.283185307179586477;

/*
 * pow and division in float32 stay within a few units in the last place, 1.2e-7 each. bfloat16
 * keeps 8 bits and binary16 11: half a unit in the last place, with room for what came before; binary16 has
 * multiples of 2^-24 below 2^-14 and nothing above 65,504.
 */
static const double CLOSE[RM_PRECISION_COUNT] = {2e-6, 0x1.02p-8, 0x1.02p-11};

static const double FP16_STEP = 0x1p-24, FP16_NORMAL = 0x1p-14, FP16_MOST = 65504.0;

bool rm_precision_holds(rm_precision precision, const float *stored, int64_t count) {
    for (int64_t i = 0; i < count && precision != RM_PRECISION_FP32; i++) {
        const double value = fabs((double)stored[i]);
        uint32_t bits;
        memcpy(&bits, &stored[i], sizeof bits);
        if (precision == RM_PRECISION_BF16 && (bits & 0xffffu) != 0) {
            return false;
        }
        if (precision == RM_PRECISION_FP16 && isfinite(value) &&
            (value < FP16_NORMAL ? fmod(value, FP16_STEP) != 0.0
                                 : (bits & 0x1fffu) != 0 || value > FP16_MOST)) {
            return false;
        }
    }
    return true;
}

static double unit_of_radians(rm_unit unit, double radians) {
    switch (unit) {
    case RM_UNIT_RECIPROCAL:
        return 1.0 / radians;
    case RM_UNIT_WAVELENGTH:
        return TWO_PI / radians;
    case RM_UNIT_TURNS:
        return radians / TWO_PI;
    case RM_UNIT_RADIANS:
    case RM_UNIT_COUNT:
        break;
    }
    return radians;
}

static double stored_at(const rm_reading *reading, int32_t pair) {
    return (double)reading->stored[pair * reading->apart];
}

double rm_reading_radians(const rm_reading *reading, int32_t pair) {
    const double stored = stored_at(reading, pair);
    return reading->unit == RM_UNIT_TURNS ? stored * TWO_PI : unit_of_radians(reading->unit, stored);
}

bool rm_reading_is(const rm_reading *reading, int32_t pair, double radians) {
    const double found = stored_at(reading, pair), wanted = unit_of_radians(reading->unit, radians);
    const bool half = reading->precision == RM_PRECISION_FP16;
    const double least = half ? FP16_STEP * 0.504 : 0.0;
    return found == wanted ||
           (isfinite(wanted) &&
            fabs(found - wanted) <= fmax(CLOSE[reading->precision] * fabs(wanted), least)) ||
           (half && found >= FP16_MOST && wanted >= FP16_MOST);
}

double rm_reading_error(const rm_reading *reading, int32_t pair, double radians) {
    const double found = stored_at(reading, pair), wanted = unit_of_radians(reading->unit, radians);
    return found == wanted ? 0.0 : wanted == 0.0 ? INFINITY : fabs((found - wanted) / wanted);
}

bool rm_comparing_try(rm_comparing *work, const ropemap_spec *spec) {
    const int32_t pairs = rm_spec_pairs(spec);
    if (ropemap_spec_check(spec, NULL) != ROPEMAP_OK) {
        return false;
    }
    work->attention = 1.0;
    if (spec->frequencies != NULL) {
        memcpy(work->trial, spec->frequencies->radians, (size_t)pairs * sizeof *work->trial);
        return true;
    }
    rm_scaling_find(spec->scaling.rule)->rule(spec, pairs, work->exact, &work->attention);
    for (int32_t i = 0; i < pairs; i++) {
        work->trial[i] = work->exact[i].high;
    }
    return true;
}

/* Whether the reading is the first of the rule's frequencies, which may be more. */
static bool comparing_is(rm_comparing *work, const ropemap_spec *spec) {
    const int32_t dim = 2 * rm_spec_pairs(spec);
    if (dim < 2 * work->reading.count || !rm_comparing_try(work, spec)) {
        return false;
    }
    for (int32_t i = 0; i < work->reading.count; i++) {
        if (!rm_reading_is(&work->reading, i, work->trial[i])) {
            return false;
        }
    }
    return true;
}

/*
 * A number is looked for over its whole range where the largest difference between logarithms of frequencies
 * is least, which is a V around the right value, and rounded to the fewest digits that still give every
 * frequency of the buffer to its rounding. What does not give all of them explains nothing.
 */

enum {
    GRID = 200,      /* values tried over the whole range */
    ZOOMS = 26,      /* times that the range is cut to a third */
    ZOOM = 4,        /* values tried on each side of the best */
    DIGITS_MOST = 9, /* more than a float32 has */
    ENOUGH = 3       /* digits that a number which people choose has */
};

/* A number of a rule that is looked for. */
struct sought {
    ropemap_spec spec;
    size_t offset; /* of a double in a ropemap_spec */
    double low, high;
    bool tokens; /* a length: whole, most likely a power of two or a few of them */
};

#define SCALING(field) (offsetof(ropemap_spec, scaling) + offsetof(ropemap_scaling, field))

static void set(struct sought *sought, double value) {
    memcpy((char *)&sought->spec + sought->offset, &value, sizeof value);
}

static double value_of(const ropemap_spec *spec, size_t offset) {
    double value;
    memcpy(&value, (const char *)spec + offset, sizeof value);
    return value;
}

RM_PRINTF(7, 8)
static void explain(rm_comparing *work, int digits, const char *verdict, const char *parameter, double found,
                    double wanted, const char *format, ...) {
    if (digits >= work->cause.digits) {
        return;
    }
    rm_cause *cause = &work->cause;
    va_list list;
    va_start(list, format);
    (void)vsnprintf(cause->text, sizeof cause->text, format, list);
    va_end(list);
    (void)snprintf(cause->verdict, sizeof cause->verdict, "%s", verdict);
    (void)snprintf(cause->parameter, sizeof cause->parameter, "%s", parameter);
    cause->found = found;
    cause->wanted = wanted;
    cause->digits = digits;
}

/* ---- one number */

/* The largest difference of logarithms; infinite where the spec is no rule. */
static double misfit(rm_comparing *work, const ropemap_spec *spec) {
    const int32_t dim = 2 * rm_spec_pairs(spec);
    double worst = 0.0;
    if (dim < 2 * work->reading.count || !rm_comparing_try(work, spec)) {
        return INFINITY;
    }
    for (int32_t i = 0; i < work->reading.count; i++) {
        if (!isnan(work->logs[i])) {
            worst = fmax(worst, work->trial[i] > 0.0 ? fabs(log(work->trial[i]) - work->logs[i]) : INFINITY);
        }
    }
    return worst;
}

static double misfit_at(rm_comparing *work, struct sought *sought, double value) {
    set(sought, fmin(fmax(value, sought->low), sought->high));
    return misfit(work, &sought->spec);
}

/* The value of least misfit: the best of a grid, then of finer and finer ones around it. */
static double best_value(rm_comparing *work, struct sought *sought) {
    double width = log(sought->high / sought->low) / GRID, best = sought->low, least = INFINITY;
    for (int i = 0; i <= GRID; i++) {
        const double value = sought->low * exp(width * i), found = misfit_at(work, sought, value);
        if (found < least) {
            least = found;
            best = value;
        }
    }
    for (int zoom = 0; zoom < ZOOMS && isfinite(least); zoom++) {
        const double centre = best;
        for (int i = -ZOOM; i <= ZOOM; i++) {
            const double value = centre * exp(width * i / ZOOM), found = misfit_at(work, sought, value);
            if (found < least) {
                least = found;
                best = value;
            }
        }
        width /= 3.0;
    }
    return fmin(fmax(best, sought->low), sought->high);
}

static double round_to(double value, int digits) {
    const int places = digits - 1 - (int)floor(log10(value));
    const double scale = pow(10.0, abs(places));
    return places >= 0 ? round(value * scale) / scale : round(value / scale) * scale;
}

/* Sets the shortest value near `value` that gives the buffer, and returns its digits; 0: there is none. */
static int shorten(rm_comparing *work, struct sought *sought, double value) {
    for (int digits = 1; digits <= DIGITS_MOST; digits++) {
        set(sought, round_to(value, digits));
        if (comparing_is(work, &sought->spec)) {
            return digits;
        }
    }
    set(sought, value);
    return comparing_is(work, &sought->spec) ? DIGITS_MOST + 1 : 0;
}

/*
 * Numbers that people choose: of tokens powers of two and a few of them, else powers of two. Where a rule
 * rounds, as YaRN the ends of its ramp, many numbers give the buffer, and one of these is the likely one.
 * 0: none of them does.
 */
static int likely_value(rm_comparing *work, struct sought *sought) {
    static const double starts[] = {4.0, 6.0, 5.0, 7.0};
    for (int i = 0; i < (sought->tokens ? 4 : 1); i++) {
        const double first = (sought->tokens ? 64.0 : 0x1p-5) * starts[i];
        for (double value = first; value <= first * (sought->tokens ? 0x1p18 : 0x1p13); value *= 2.0) {
            set(sought, value);
            if (value >= sought->low && value <= sought->high && comparing_is(work, &sought->spec)) {
                return 1;
            }
        }
    }
    return 0;
}

/* Fits the number, and returns how many digits it needs; 0 where no value gives the buffer. */
static int fit(rm_comparing *work, struct sought *sought) {
    const int likely = likely_value(work, sought);
    if (likely > 0) {
        return likely;
    }
    const double value = best_value(work, sought);
    if (sought->tokens) {
        set(sought, round(value));
        if (comparing_is(work, &sought->spec)) {
            return 1 + (int)log10(value);
        }
    }
    return shorten(work, sought, value);
}

static bool is_tokens(size_t offset) {
    return offset == SCALING(original_length) || offset == SCALING(max_length) ||
           offset == offsetof(ropemap_spec, length);
}

static struct sought base_of(const ropemap_spec *spec) {
    return (struct sought){.spec = *spec, .offset = offsetof(ropemap_spec, base), .low = 1.5, .high = 1e14};
}

static void take_logs(rm_comparing *work) {
    for (int32_t i = 0; i < work->reading.count; i++) {
        const double radians = rm_reading_radians(&work->reading, i);
        const bool coarse = work->reading.precision == RM_PRECISION_FP16 && radians < 0x1p-11 &&
                            unit_of_radians(work->reading.unit, radians) < 1.0; /* multiples of 2^-24 */
        const bool known = radians > 0.0 && isfinite(radians) && !coarse;
        work->logs[i] = known ? log(radians) : NAN;
    }
}

bool rm_comparing_length(rm_comparing *work, ropemap_spec *spec) {
    take_logs(work);
    struct sought sought = {.spec = *spec,
                            .offset = offsetof(ropemap_spec, length),
                            .low = spec->scaling.max_length,
                            .high = 0x1p40,
                            .tokens = true};
    if (fit(work, &sought) == 0) {
        return false;
    }
    *spec = sought.spec;
    return true;
}

/* ---- the rule with something of it changed */

/* " and yarn" in two parts, or nothing where the rule does not scale. */
static const char *and_if_scaled(const rm_comparing *work) {
    return work->spec->scaling.rule == ROPEMAP_SCALING_NONE ? "" : " and ";
}

static const char *name_if_scaled(const rm_comparing *work) {
    const ropemap_scaling_rule rule = work->spec->scaling.rule;
    return rule == ROPEMAP_SCALING_NONE ? "" : ropemap_scaling_name(rule);
}

static ropemap_spec unscaled(const ropemap_spec *spec) {
    ropemap_spec plain = *spec;
    plain.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    return plain;
}

static void other_length(rm_comparing *work) {
    ropemap_spec other = *work->spec;
    const ropemap_scaling *scaling = &work->spec->scaling;
    for (int use = ROPEMAP_FACTORS_SHORT; use <= ROPEMAP_FACTORS_LONG && scaling->list_count > 0; use++) {
        other.scaling.factors = (ropemap_factors)use;
        if (comparing_is(work, &other)) {
            explain(work, 0, "length", "length", NAN, work->spec->length,
                    "the %s list of divisors; at a length of %.15g the rule takes the other",
                    rm_factors_name(use), work->spec->length);
        }
    }
    if (scaling->rule == ROPEMAP_SCALING_DYNAMIC && rm_comparing_length(work, &other)) {
        explain(work, 0, "length", "length", other.length, work->spec->length,
                "the base as it is at a length of %.15g; the rule is compared at a length of %.15g",
                other.length, fmax(work->spec->length, scaling->max_length));
    }
}

static void not_scaled(rm_comparing *work) {
    const ropemap_spec plain = unscaled(work->spec);
    if (work->spec->scaling.rule != ROPEMAP_SCALING_NONE && comparing_is(work, &plain)) {
        explain(work, 0, "unscaled", "scaling", NAN, NAN,
                "base^(-2i/D) without scaling: the rule '%s' was not applied",
                ropemap_scaling_name(work->spec->scaling.rule));
    }
}

/* Exponents -2i/D where D is the head's and not that of the elements that rotate, or the other way round. */
static void other_exponent(rm_comparing *work) {
    ropemap_spec other = *work->spec;
    const ropemap_scaling *scaling = &work->spec->scaling;
    const double rotary = 2.0 * work->pairs, head = (double)work->spec->head_dim;
    other.rotary_dim = other.head_dim;
    if (rotary < head && scaling->list_count == 0 && comparing_is(work, &other)) {
        explain(
            work, 0, "exponent", "dimension", head, rotary,
            "exponents -2i/%g, over the head dim in place of the %g elements that rotate (the same as base "
            "%.6g)",
            head, rotary, pow(work->spec->base, rotary / head));
    }
    other = unscaled(work->spec);
    other.rotary_dim = 2 * (int32_t)(scaling->rotated * head / 2.0);
    if (scaling->rule == ROPEMAP_SCALING_PROPORTIONAL && other.rotary_dim >= 2 &&
        rm_comparing_try(work, &other)) {
        const int32_t rotating = other.rotary_dim / 2;
        for (int32_t i = 0; i < work->reading.count; i++) {
            if (!rm_reading_is(&work->reading, i, i < rotating ? work->trial[i] : 0.0)) {
                return;
            }
        }
        explain(work, 0, "exponent", "dimension", (double)other.rotary_dim, head,
                "exponents -2i/%d, over the elements that rotate in place of the head dim, %g",
                (int)other.rotary_dim, head);
    }
}

static void other_base(rm_comparing *work) {
    struct sought sought = base_of(work->spec);
    int digits = fit(work, &sought);
    if (digits > 0) {
        explain(work, digits, "base", "base", sought.spec.base, work->spec->base,
                "made with base %.10g; the rule has %.10g", sought.spec.base, work->spec->base);
    }
    sought.spec = unscaled(work->spec);
    digits = work->spec->scaling.rule != ROPEMAP_SCALING_NONE ? fit(work, &sought) : 0;
    if (digits > 0) {
        explain(work, digits + 1, "base", "base", sought.spec.base, work->spec->base,
                "made with base %.10g and no scaling; the rule has base %.10g and %s", sought.spec.base,
                work->spec->base, ropemap_scaling_name(work->spec->scaling.rule));
    }
}

/* Flags and words have few values: all are tried. */
static void other_word(rm_comparing *work, const rm_parameter *parameter) {
    ropemap_spec other = *work->spec;
    if (parameter->kind == RM_PARAMETER_FLAG) {
        bool *flag = (bool *)(void *)((char *)&other.scaling + parameter->offset);
        *flag = !*flag;
    } else {
        other.scaling.ramp = other.scaling.ramp == ROPEMAP_RAMP_CODE ? ROPEMAP_RAMP_PAPER : ROPEMAP_RAMP_CODE;
    }
    if (comparing_is(work, &other)) {
        const double found = rm_parameter_value(&other.scaling, parameter);
        explain(work, 1, "parameter", parameter->key, found, 1.0 - found, "made with %s %s; the rule has %s",
                parameter->key,
                parameter->kind == RM_PARAMETER_RAMP ? rm_ramp_name((int)found)
                : found != 0.0                       ? "on"
                                                     : "off",
                parameter->kind == RM_PARAMETER_RAMP ? rm_ramp_name(1 - (int)found)
                : found != 0.0                       ? "it off"
                                                     : "it on");
    }
}

/* YaRN's ramp begins and ends at whole pairs. */
static bool rounds_ends(const rm_comparing *work, size_t offset) {
    const ropemap_scaling *scaling = &work->spec->scaling;
    return (scaling->rule == ROPEMAP_SCALING_YARN || scaling->rule == ROPEMAP_SCALING_GGML) &&
           !scaling->untruncated && scaling->ramp == ROPEMAP_RAMP_CODE &&
           (offset == SCALING(original_length) || offset == SCALING(beta_fast) ||
            offset == SCALING(beta_slow));
}

static void other_number(rm_comparing *work, const rm_parameter *parameter) {
    const double wanted = rm_given(rm_parameter_value(&work->spec->scaling, parameter), parameter->otherwise);
    struct sought sought = {.spec = *work->spec,
                            .offset = offsetof(ropemap_spec, scaling) + parameter->offset,
                            .low = fmax(parameter->low, parameter->usual_low / 64.0),
                            .high = fmin(parameter->high, parameter->usual_high * 64.0)};
    sought.tokens = is_tokens(sought.offset);
    const int digits = fit(work, &sought);
    const double found = value_of(&sought.spec, sought.offset);
    if (digits > 0 && wanted != 0.0) {
        explain(work, digits, "parameter", parameter->key, found, wanted,
                "made with %s %.10g%s; the rule has %.10g", parameter->key, found,
                rounds_ends(work, sought.offset) ? " or one that rounds to the same ramp" : "", wanted);
    } else if (digits > 0) {
        explain(work, digits, "parameter", parameter->key, found, NAN,
                "made with %s %.10g; the rule has none", parameter->key, found);
    }
}

static void other_parameter(rm_comparing *work) {
    const rm_scaling_row *row = rm_scaling_find(work->spec->scaling.rule);
    for (int i = 0; i < RM_PARAMETERS_MOST && row->takes[i].parameter != NULL; i++) {
        const rm_parameter *parameter = row->takes[i].parameter;
        if (parameter->kind == RM_PARAMETER_NUMBER || parameter->kind == RM_PARAMETER_TOKENS) {
            other_number(work, parameter);
        } else if (parameter->kind == RM_PARAMETER_FLAG || parameter->kind == RM_PARAMETER_RAMP) {
            other_word(work, parameter);
        }
    }
}

/* ---- another rule */

static void explain_rule(rm_comparing *work, const ropemap_spec *made, int digits) {
    char found[200], wanted[200], base[80] = "";
    ropemap_scaling_format(&made->scaling, false, found, sizeof found);
    if (work->spec->scaling.rule == ROPEMAP_SCALING_NONE) {
        (void)snprintf(wanted, sizeof wanted, "no scaling");
    } else {
        ropemap_scaling_format(&work->spec->scaling, false, wanted, sizeof wanted);
    }
    const bool other_base = made->base != work->spec->base;
    if (other_base) {
        (void)snprintf(base, sizeof base, " over base %.10g", made->base);
        (void)snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), " over base %.10g",
                       work->spec->base);
    }
    explain(work, digits, "rule", "scaling", NAN, NAN, "made with %.140s%s; the rule has %.140s", found, base,
            wanted);
}

/* Rules of one number. */
static void one_number_rule(rm_comparing *work, const ropemap_spec *plain, ropemap_scaling_rule rule,
                            int spent) {
    struct sought sought = {.spec = *plain, .offset = SCALING(factor), .low = 1.0, .high = 4096.0};
    sought.spec.scaling.rule = rule;
    const int digits = fit(work, &sought);
    if (digits > 0) {
        explain_rule(work, &sought.spec, digits + spent + 1);
    }
}

/* The share of pairs that rotate is counted: the others are 0. */
static void share_that_rotates(rm_comparing *work, const ropemap_spec *plain, int spent) {
    struct sought sought = {.spec = *plain, .offset = SCALING(rotated)};
    int32_t rotating = 0;
    sought.spec.scaling.rule = ROPEMAP_SCALING_PROPORTIONAL;
    sought.spec.head_dim = 2 * work->reading.count;
    sought.spec.rotary_dim = 0;
    while (rotating < work->reading.count && rm_reading_radians(&work->reading, rotating) > 0.0) {
        rotating++;
    }
    if (rotating > 0 && rotating < work->reading.count) {
        const int digits = shorten(work, &sought, (double)rotating / (double)work->reading.count);
        if (digits > 0) {
            explain_rule(work, &sought.spec, digits + spent);
        }
    }
}

/* How much slower the slowest pair is than without scaling. */
static double slowest(rm_comparing *work, const ropemap_spec *plain) {
    double most = 1.0;
    if (!rm_comparing_try(work, plain)) {
        return most;
    }
    for (int32_t i = 0; i < work->reading.count; i++) {
        const double times = isnan(work->logs[i]) ? 1.0 : work->trial[i] / exp(work->logs[i]);
        most = fmax(most, times);
    }
    return most;
}

/* Rules that divide the slowest pairs by a factor, which is seen there, and have one more number. */
static void two_number_rule(rm_comparing *work, const ropemap_spec *plain, ropemap_scaling_rule rule,
                            size_t second, int spent) {
    struct sought sought = {.spec = *plain, .offset = second, .low = 16.0, .high = 0x1p26};
    ropemap_scaling *scaling = &sought.spec.scaling;
    const double factor = slowest(work, plain);
    if (factor < 1.0 + 1e-4) {
        return;
    }
    *scaling = work->spec->scaling.rule == rule ? work->spec->scaling : (ropemap_scaling){.rule = rule};
    scaling->factor = factor;
    if (rule == ROPEMAP_SCALING_LLAMA3) {
        scaling->low_freq_factor = rm_given(scaling->low_freq_factor, 1.0);
        scaling->high_freq_factor = rm_given(scaling->high_freq_factor, 4.0);
    }
    sought.tokens = is_tokens(second);
    if (!sought.tokens) {
        sought.low = 1e-3;
        sought.high = 100.0;
    }
    const int digits = fit(work, &sought);
    if (digits > 0) {
        sought.offset = SCALING(factor);
        explain_rule(work, &sought.spec, digits + spent + shorten(work, &sought, factor));
    }
}

static void other_rule(rm_comparing *work, double base, int spent) {
    ropemap_spec plain = unscaled(work->spec);
    plain.base = base;
    one_number_rule(work, &plain, ROPEMAP_SCALING_LINEAR, spent);
    one_number_rule(work, &plain, ROPEMAP_SCALING_NTK, spent);
    one_number_rule(work, &plain, ROPEMAP_SCALING_NTK_FIXED, spent);
    share_that_rotates(work, &plain, spent);
    two_number_rule(work, &plain, ROPEMAP_SCALING_LLAMA3, SCALING(original_length), spent);
    two_number_rule(work, &plain, ROPEMAP_SCALING_YARN, SCALING(original_length), spent);
    two_number_rule(work, &plain, ROPEMAP_SCALING_NTK_MIXED, SCALING(mixed_b), spent);
}

/* Another rule over another base, which fast pairs show: no rule changes those much. */
static void other_rule_and_base(rm_comparing *work) {
    const int32_t pair = work->reading.count / 8 > 0 ? work->reading.count / 8 : 1;
    const double times = (double)work->reading.count / (double)pair;
    if (pair >= work->reading.count || isnan(work->logs[pair]) || !(work->logs[pair] < 0.0)) {
        return;
    }
    const double base = exp(-work->logs[pair] * times);
    for (int digits = 1; digits <= ENOUGH && isfinite(base); digits++) {
        const double round_base = round_to(base, digits);
        if (fabs(log(round_base / base)) <= 2e-6 * times && fabs(log(base / work->spec->base)) > 1e-4) {
            other_rule(work, round_base, digits);
            return;
        }
    }
}

/* Every frequency divided by one number, over another base. */
static void divided_base(rm_comparing *work) {
    const int32_t last = work->reading.count - 1;
    ropemap_spec other = unscaled(work->spec);
    if (last < 2 || isnan(work->logs[0]) || isnan(work->logs[last])) {
        return;
    }
    const double divisor = exp(-work->logs[0]);
    struct sought sought = base_of(&other);
    sought.spec.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_LINEAR, .factor = divisor};
    int digits = fit(work, &sought);
    if (digits > 0) {
        const double base = sought.spec.base;
        sought.offset = SCALING(factor);
        digits += shorten(work, &sought, divisor);
        explain(work, digits + 1, "base", "base", base, work->spec->base,
                "made with base %.6g and divided by %.6g; the rule has base %.10g%s%s", base,
                sought.spec.scaling.factor, work->spec->base, and_if_scaled(work), name_if_scaled(work));
    }
}

/* ---- another number of pairs */

static void other_share(rm_comparing *work) {
    ropemap_spec other = *work->spec;
    const int32_t dim = 2 * work->reading.count, rotary = 2 * work->pairs, head = other.head_dim;
    const double share = (double)rotary / (double)head;
    other.rotary_dim = dim;
    other.head_dim = dim > head ? dim : head;
    if (other.scaling.list_count > 0 || !comparing_is(work, &other)) {
        return;
    }
    if (dim == head) {
        explain(work, 0, "partial-ignored", "rotary-dim", dim, rotary,
                "frequencies of all %d elements; the rule has %d: the rotary fraction, %g, was not applied",
                (int)dim, (int)rotary, share);
    } else if (dim == 2 * (int32_t)(share * (double)work->pairs)) {
        explain(
            work, 0, "partial-twice", "rotary-dim", dim, rotary,
            "frequencies of %d rotated elements; the rule has %d: the rotary fraction, %g, was applied twice",
            (int)dim, (int)rotary, share);
    } else if (dim < head) {
        explain(work, 0, "rotary-dim", "rotary-dim", dim, rotary,
                "frequencies of %d rotated elements, a share of %g; the rule has %d, a share of %g", (int)dim,
                (double)dim / head, (int)rotary, share);
    } else {
        explain(work, 0, "head-dim", "head-dim", dim, head,
                "frequencies of a head of %d elements; the rule has %d", (int)dim, (int)head);
    }
}

/* The first pairs of more: of the rule's own, or of a head that rotates whole. */
static void cut_short(rm_comparing *work) {
    ropemap_spec other = *work->spec;
    if (comparing_is(work, work->spec)) {
        explain(work, 0, "count", "pairs", work->reading.count, work->pairs,
                "the first %d frequencies of the rule's %d", (int)work->reading.count, (int)work->pairs);
    }
    other.rotary_dim = other.head_dim;
    if (other.scaling.list_count == 0 && comparing_is(work, &other)) {
        explain(work, 1, "exponent", "dimension", other.head_dim, 2.0 * work->reading.count,
                "the first %d of %d frequencies of a head that rotates whole: exponents -2i/%d",
                (int)work->reading.count, (int)other.head_dim / 2, (int)other.head_dim);
    }
}

/* Another number of pairs, and something else. */
static void other_count(rm_comparing *work) {
    ropemap_spec other = unscaled(work->spec);
    other.rotary_dim = 2 * work->reading.count;
    other.head_dim = other.rotary_dim > other.head_dim ? other.rotary_dim : other.head_dim;
    if (work->spec->scaling.rule != ROPEMAP_SCALING_NONE && comparing_is(work, &other)) {
        explain(work, 1, "unscaled", "scaling", NAN, NAN,
                "base^(-2i/%d) of %d pairs without scaling; the rule has %d pairs and %s",
                (int)other.rotary_dim, (int)work->reading.count, (int)work->pairs,
                ropemap_scaling_name(work->spec->scaling.rule));
    }
    struct sought sought = base_of(&other);
    const int digits = work->reading.count > 2 ? fit(work, &sought) : 0;
    if (digits > 0) {
        explain(work, digits + 1, "base", "base", sought.spec.base, work->spec->base,
                "%d pairs of base %.10g without scaling; the rule has %d pairs of base %.10g%s%s",
                (int)work->reading.count, sought.spec.base, (int)work->pairs, work->spec->base,
                and_if_scaled(work), name_if_scaled(work));
    }
}

/* From the explanations that need no number to those that need more: a short one ends the search. */
bool rm_comparing_explain(rm_comparing *work) {
    static void (*const of_equal_count[])(rm_comparing *) = {other_length, not_scaled, other_exponent,
                                                             other_base, other_parameter};
    static void (*const of_another[])(rm_comparing *) = {other_share, cut_short, other_count};
    const bool equal = work->reading.count == work->pairs;
    work->cause = (rm_cause){.digits = 100, .found = NAN, .wanted = NAN};
    if (work->spec->frequencies != NULL) {
        return false; /* a table has no base, rule or share to change */
    }
    take_logs(work);
    for (int i = 0; i < (equal ? 5 : 3) && work->cause.digits > ENOUGH; i++) {
        (equal ? of_equal_count : of_another)[i](work);
    }
    if (equal && work->cause.digits > ENOUGH) {
        other_rule(work, work->spec->base, 0);
    }
    if (equal && work->cause.digits > ENOUGH) {
        divided_base(work);
        other_rule_and_base(work);
    }
    return work->cause.digits < 100;
}
