/* scaling.c - the table of scaling rules: what each takes, what it does to the frequencies, and their check
 */
/* SPDX-License-Identifier: MIT */
#include "host/rule/scaling.h"

#include <math.h>
#include <stddef.h>
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

const double *rm_parameter_list(const ropemap_scaling *scaling, const rm_parameter *parameter) {
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
        return rm_parameter_list(scaling, parameter) != NULL ? (double)scaling->list_count : 0.0;
    }
    return 0.0;
}

static bool in_range(const rm_parameter *parameter, double value) {
    return value >= parameter->low && value <= parameter->high;
}

static ropemap_status check_list(const ropemap_spec *spec, const rm_scaling_row *row,
                                 const rm_parameter *parameter, ropemap_error *error) {
    const double *list = rm_parameter_list(&spec->scaling, parameter);
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

/* ---- what each rule does to the frequencies */

static const double TWO_PI = 6.283185307179586477;

/* The pair, as a real number, that completes `turns` turns within the length. */
static double pair_of(double turns, double base, int32_t rotary_dim, double length) {
    return (double)rotary_dim * log(length / (turns * TWO_PI)) / (2.0 * log(base));
}

rm_ramp_ends rm_yarn_ends(double base, int32_t rotary_dim, double original_length, double beta_fast,
                          double beta_slow, bool untruncated) {
    const double low = pair_of(beta_fast, base, rotary_dim, original_length);
    const double high = pair_of(beta_slow, base, rotary_dim, original_length);
    return (rm_ramp_ends){.low = fmax(untruncated ? low : floor(low), 0.0),
                          .high = fmin(untruncated ? high : ceil(high), (double)(rotary_dim - 1))};
}

static rm_twofold yarn_ramp(rm_ramp_ends ends, int32_t pair, double least_width) {
    const double width = ends.high - ends.low;
    const rm_twofold ramp =
        rm_twofold_div(rm_twofold_of((double)pair - ends.low), width == 0.0 ? least_width : width);
    return ramp.high <= 0.0 ? rm_twofold_of(0.0) : ramp.high >= 1.0 ? rm_twofold_of(1.0) : ramp;
}

/* from + share * (to - from) */
static rm_twofold mix(rm_twofold from, rm_twofold to, rm_twofold share) {
    return rm_twofold_add(from, rm_twofold_mul(share, rm_twofold_add(to, rm_twofold_negative(from))));
}

/* ---- YaRN */

static double yarn_factor(const ropemap_scaling *scaling) {
    return rm_given(scaling->factor, scaling->max_length / scaling->original_length);
}

/* g(s, k): the paper's sqrt(1/t) for k = 1. */
static double yarn_gain(double factor, double k) {
    return factor <= 1.0 ? 1.0 : 0.1 * k * log(factor) + 1.0;
}

static double yarn_attention(const ropemap_scaling *scaling) {
    const double factor = yarn_factor(scaling);
    if (scaling->attention_factor != 0.0) {
        return scaling->attention_factor;
    }
    if (scaling->mscale != 0.0 && scaling->mscale_all_dim != 0.0) {
        return yarn_gain(factor, scaling->mscale) / yarn_gain(factor, scaling->mscale_all_dim);
    }
    return yarn_gain(factor, 1.0);
}

/* How far a pair is interpolated, by its turns within the original length: 1 below beta_slow, 0 above
 * beta_fast. */
static rm_twofold paper_ramp(const ropemap_scaling *scaling, rm_twofold radians) {
    const double slow = rm_given(scaling->beta_slow, 1.0), fast = rm_given(scaling->beta_fast, 32.0);
    const rm_twofold turns =
        rm_twofold_mul(radians, rm_twofold_mul(rm_turns_per_radian, rm_twofold_of(scaling->original_length)));
    if (turns.high <= slow) {
        return rm_twofold_of(1.0);
    }
    return turns.high >= fast
               ? rm_twofold_of(0.0)
               : rm_twofold_div(rm_twofold_add(rm_twofold_of(fast), rm_twofold_negative(turns)), fast - slow);
}

static void rule_yarn(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const ropemap_scaling *scaling = &spec->scaling;
    const rm_ramp_ends ends =
        rm_yarn_ends(spec->base, 2 * pairs, scaling->original_length, rm_given(scaling->beta_fast, 32.0),
                     rm_given(scaling->beta_slow, 1.0), scaling->untruncated);
    const double factor = yarn_factor(scaling);
    rm_plain_frequencies(spec->base, pairs, radians);
    for (int32_t i = 0; i < pairs; i++) {
        const rm_twofold ramp =
            scaling->ramp == ROPEMAP_RAMP_PAPER ? paper_ramp(scaling, radians[i]) : yarn_ramp(ends, i, 0.001);
        radians[i] = mix(radians[i], rm_twofold_div(radians[i], factor), ramp);
    }
    *attention = yarn_attention(scaling);
}

/* ---- llama.cpp: divisors first, then its form of YaRN */

/* A rule that takes one list only has it in long_factors. */
const double *rm_scaling_divisors(const ropemap_spec *spec) {
    const ropemap_scaling *scaling = &spec->scaling;
    const bool is_long =
        scaling->factors == ROPEMAP_FACTORS_LONG || scaling->short_factors == NULL ||
        (scaling->factors == ROPEMAP_FACTORS_AUTO && spec->length > scaling->original_length);
    return is_long && scaling->long_factors != NULL ? scaling->long_factors : scaling->short_factors;
}

static void rule_ggml(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const ropemap_scaling *scaling = &spec->scaling;
    const double scale = rm_given(scaling->freq_scale, 1.0), extension = scaling->ext_factor;
    rm_ramp_ends ends = {0};
    if (extension != 0.0) {
        ends = rm_yarn_ends(spec->base, 2 * pairs, scaling->original_length,
                            rm_given(scaling->beta_fast, 32.0), rm_given(scaling->beta_slow, 1.0), false);
        ends.high = fmax(ends.high, ends.low + 0.001);
    }
    rm_plain_frequencies(spec->base, pairs, radians);
    for (int32_t i = 0; i < pairs; i++) {
        const rm_twofold whole =
            scaling->list_count > 0 ? rm_twofold_div(radians[i], rm_scaling_divisors(spec)[i]) : radians[i];
        const rm_twofold scaled = rm_twofold_mul(whole, rm_twofold_of(scale));
        radians[i] = scaled;
        if (extension != 0.0) {
            const rm_twofold kept =
                rm_twofold_add(rm_twofold_of(1.0), rm_twofold_negative(yarn_ramp(ends, i, 0.001)));
            radians[i] = mix(scaled, whole, rm_twofold_mul(kept, rm_twofold_of(extension)));
        }
    }
    *attention = rm_given(scaling->attn_factor, 1.0) * (extension != 0.0 ? 1.0 - 0.1 * log(scale) : 1.0);
}

/* ---- LongRoPE */

static void rule_longrope(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const ropemap_scaling *scaling = &spec->scaling;
    const double original = scaling->original_length;
    const double factor = rm_given(scaling->factor, rm_given(scaling->max_length, original) / original);
    rm_plain_frequencies(spec->base, pairs, radians);
    for (int32_t i = 0; i < pairs; i++) {
        radians[i] = rm_twofold_div(radians[i], rm_scaling_divisors(spec)[i]);
    }
    *attention = scaling->attention_factor != 0.0 ? scaling->attention_factor
                 : factor <= 1.0                  ? 1.0
                                                  : sqrt(1.0 + log(factor) / log(original));
}

/* Half of the pairs follow one axis and half the other, each like a head of half the size. */
static void rule_vision_2d(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const int32_t half = pairs / 2;
    (void)attention;
    rm_plain_frequencies(spec->base, half, radians);
    for (int32_t i = 0; i < half; i++) {
        radians[half + i] = radians[i];
    }
}

/* pi (1 + i (F/2 - 1) / (D/2 - 1)) radians for each unit of a coordinate that takes `points` steps from -1
 * to 1. */
static void rule_axial(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const double last = spec->scaling.max_freq / 2.0, step = 2.0 / (spec->scaling.points - 1.0);
    const rm_twofold pi = {.high = 0x1.921fb54442d18p+1, .low = 0x1.1a62633145c07p-53};
    (void)attention;
    for (int32_t i = 0; i < pairs; i++) {
        const double share = pairs > 1 ? (double)i / (double)(pairs - 1) : 0.0;
        radians[i] = rm_twofold_mul(pi, rm_twofold_of((1.0 + share * (last - 1.0)) * step));
    }
}

/* Powers of one root, exact to a few i * 2^-104. */
void rm_plain_frequencies(double base, int32_t pairs, rm_twofold *radians) {
    const rm_twofold ratio = rm_twofold_inverse_root(base, pairs);
    rm_twofold power = rm_twofold_of(1.0);
    for (int32_t i = 0; i < pairs; i++) {
        radians[i] = power;
        power = rm_twofold_mul(power, ratio);
    }
}

/* radians[i] *= x^(-(first + i) / n) */
static void slow_down(double x, int32_t n, int32_t first, int32_t pairs, rm_twofold *radians) {
    const rm_twofold ratio = rm_twofold_inverse_root(x, n);
    rm_twofold power = rm_twofold_pow(ratio, first);
    for (int32_t i = 0; i < pairs; i++) {
        radians[i] = rm_twofold_mul(radians[i], power);
        power = rm_twofold_mul(power, ratio);
    }
}

static void rule_none(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    (void)attention;
    rm_plain_frequencies(spec->base, pairs, radians);
}

static void rule_linear(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    rule_none(spec, pairs, radians, attention);
    for (int32_t i = 0; i < pairs; i++) {
        radians[i] = rm_twofold_div(radians[i], spec->scaling.factor);
    }
}

/* (base * growth^(D/(D-2)))^(-2i/D) = base^(-2i/D) * growth^(-i/(D/2 - 1)); a single pair never changes. */
static void grow_base(const ropemap_spec *spec, double growth, int32_t pairs, rm_twofold *radians) {
    rm_plain_frequencies(spec->base, pairs, radians);
    if (pairs > 1) {
        slow_down(growth, pairs - 1, 0, pairs, radians);
    }
}

static void rule_ntk(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    (void)attention;
    grow_base(spec, spec->scaling.factor, pairs, radians);
}

static void rule_alpha(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    (void)attention;
    grow_base(spec, spec->scaling.alpha, pairs, radians);
}

/* Nothing grows before the length passes max_length. */
static void rule_dynamic(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const double factor = spec->scaling.factor, most = spec->scaling.max_length;
    const double length = spec->length > most ? spec->length : most;
    (void)attention;
    grow_base(spec, factor * length / most - (factor - 1.0), pairs, radians);
}

/* (base * s)^(-2i/D) / s^(2/D) = base^(-2i/D) * s^(-(i+1)/(D/2)) */
static void rule_ntk_fixed(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    rule_none(spec, pairs, radians, attention);
    slow_down(spec->scaling.factor, pairs, 1, pairs, radians);
}

/* theta_i / exp(A (i+1)^b), A = ln s / (D/2)^b, so that the last pair is divided by s. The exponential is
 * rounded to double. */
static void rule_ntk_mixed(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    rule_none(spec, pairs, radians, attention);
    for (int32_t i = 0; i < pairs; i++) {
        const double share = pow((double)(i + 1) / (double)pairs, spec->scaling.mixed_b);
        radians[i] = rm_twofold_div(radians[i], exp(log(spec->scaling.factor) * share));
    }
}

/* The first pairs rotate as in a head where all do, the others not at all. */
static void rule_proportional(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians,
                              double *attention) {
    const int32_t rotating = (int32_t)floor(spec->scaling.rotated * (double)spec->head_dim / 2.0);
    rule_none(spec, pairs, radians, attention);
    for (int32_t i = 0; i < pairs; i++) {
        radians[i] = i < rotating ? rm_twofold_div(radians[i], rm_given(spec->scaling.factor, 1.0))
                                  : rm_twofold_of(0.0);
    }
}

/* Pairs with many turns within the original length stay, slow ones are divided, and k blends in between. */
static void rule_llama3(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const ropemap_scaling *scaling = &spec->scaling;
    const double low = scaling->low_freq_factor, high = scaling->high_freq_factor;
    const rm_twofold turns_in_length =
        rm_twofold_mul(rm_turns_per_radian, rm_twofold_of(scaling->original_length));
    rule_none(spec, pairs, radians, attention);
    for (int32_t i = 0; i < pairs; i++) {
        const rm_twofold slow = rm_twofold_div(radians[i], scaling->factor);
        const rm_twofold turns = rm_twofold_mul(radians[i], turns_in_length);
        if (turns.high < low) {
            radians[i] = slow;
        } else if (turns.high <= high && high > low) {
            const rm_twofold k = rm_twofold_div(rm_twofold_add(turns, rm_twofold_of(-low)), high - low);
            const rm_twofold gain = rm_twofold_add(radians[i], rm_twofold_negative(slow));
            radians[i] = rm_twofold_add(slow, rm_twofold_mul(k, gain));
        }
    }
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
    {"none", "base^(-2i/D), unscaled", {{NULL, false}}, rule_none, NULL},
    {"linear",
     "frequencies divided by the factor (position interpolation)",
     {NEEDS(FACTOR)},
     rule_linear,
     NULL},
    {"ntk", "base times factor^(D/(D-2)) (NTK-aware, static)", {NEEDS(FACTOR)}, rule_ntk, NULL},
    {"dynamic",
     "as ntk, with a factor that grows with the length beyond max",
     {NEEDS(FACTOR), NEEDS(MAX_LENGTH)},
     rule_dynamic,
     NULL},
    {"yarn",
     "slow pairs interpolated, fast pairs unchanged; attention scaled by 0.1 ln(factor) + 1 unless the rule "
     "says otherwise",
     {TAKES(FACTOR), NEEDS(ORIGINAL), TAKES(MAX_LENGTH), TAKES(BETA_FAST), TAKES(BETA_SLOW),
      TAKES(UNTRUNCATED), TAKES(RAMP), TAKES(ATTENTION), TAKES(MSCALE), TAKES(MSCALE_ALL)},
     rule_yarn,
     check_yarn},
    {"longrope",
     "a divisor for each pair, of two lists by the length",
     {NEEDS(ORIGINAL), NEEDS(SHORT_LIST), NEEDS(LONG_LIST), TAKES(MAX_LENGTH), TAKES(FACTOR),
      TAKES(ATTENTION), TAKES(USE)},
     rule_longrope,
     check_longrope},
    {"llama3",
     "slow pairs interpolated, fast pairs unchanged (Llama 3.1)",
     {NEEDS(FACTOR), NEEDS(LOW), NEEDS(HIGH), NEEDS(ORIGINAL)},
     rule_llama3,
     check_llama3},
    {"proportional",
     "only the first share of the pairs rotates (p-RoPE)",
     {NEEDS(ROTATED), TAKES(FACTOR)},
     rule_proportional,
     check_proportional},
    {"ntk-fixed", "(base factor)^(-2i/D) / factor^(2/D) (vLLM)", {NEEDS(FACTOR)}, rule_ntk_fixed, NULL},
    {"ntk-mixed",
     "divided by factor^(((i+1)/(D/2))^b) (vLLM)",
     {NEEDS(FACTOR), NEEDS(MIXED_B)},
     rule_ntk_mixed,
     NULL},
    {"alpha", "base times alpha^(D/(D-2)) (Hunyuan)", {NEEDS(ALPHA)}, rule_alpha, NULL},
    {"ggml",
     "llama.cpp's freq_scale, ext_factor, attn_factor and freq_factors",
     {TAKES(FREQ_SCALE), TAKES(EXT_FACTOR), TAKES(ATTN_FACTOR), TAKES(ORIGINAL), TAKES(BETA_FAST),
      TAKES(BETA_SLOW), TAKES(USE), TAKES(DIVISORS)},
     rule_ggml,
     check_yarn},
    {"vision-2d",
     "two axes of an image: half of the pairs each, base^(-4i/D) (Llama 4)",
     {{NULL, false}},
     rule_vision_2d,
     check_vision},
    {"axial",
     "evenly spaced frequencies, pi to pi max-freq/2, over coordinates from -1 to 1",
     {NEEDS(MAX_FREQ), NEEDS(POINTS)},
     rule_axial,
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
