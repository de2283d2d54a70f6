/* scaling_rules.c - what each scaling rule does to the frequencies */
/* SPDX-License-Identifier: MIT */
#include "host/rule/scaling.h"

#include <string.h>

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

rm_twofold rm_yarn_ramp(rm_ramp_ends ends, int32_t pair, double least_width) {
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

void rm_rule_yarn(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const ropemap_scaling *scaling = &spec->scaling;
    const rm_ramp_ends ends =
        rm_yarn_ends(spec->base, 2 * pairs, scaling->original_length, rm_given(scaling->beta_fast, 32.0),
                     rm_given(scaling->beta_slow, 1.0), scaling->untruncated);
    const double factor = yarn_factor(scaling);
    rm_plain_frequencies(spec->base, pairs, radians);
    for (int32_t i = 0; i < pairs; i++) {
        const rm_twofold ramp = scaling->ramp == ROPEMAP_RAMP_PAPER ? paper_ramp(scaling, radians[i])
                                                                    : rm_yarn_ramp(ends, i, 0.001);
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

void rm_rule_ggml(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
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
                rm_twofold_add(rm_twofold_of(1.0), rm_twofold_negative(rm_yarn_ramp(ends, i, 0.001)));
            radians[i] = mix(scaled, whole, rm_twofold_mul(kept, rm_twofold_of(extension)));
        }
    }
    *attention = rm_given(scaling->attn_factor, 1.0) * (extension != 0.0 ? 1.0 - 0.1 * log(scale) : 1.0);
}

/* ---- LongRoPE */

void rm_rule_longrope(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
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
void rm_rule_vision_2d(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const int32_t half = pairs / 2;
    (void)attention;
    rm_plain_frequencies(spec->base, half, radians);
    for (int32_t i = 0; i < half; i++) {
        radians[half + i] = radians[i];
    }
}

/* pi (1 + i (F/2 - 1) / (D/2 - 1)) radians for each unit of a coordinate that takes `points` steps from -1
 * to 1. */
void rm_rule_axial(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
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

void rm_rule_none(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    (void)attention;
    rm_plain_frequencies(spec->base, pairs, radians);
}

void rm_rule_linear(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    rm_rule_none(spec, pairs, radians, attention);
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

void rm_rule_ntk(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    (void)attention;
    grow_base(spec, spec->scaling.factor, pairs, radians);
}

void rm_rule_alpha(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    (void)attention;
    grow_base(spec, spec->scaling.alpha, pairs, radians);
}

/* Nothing grows before the length passes max_length. */
void rm_rule_dynamic(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const double factor = spec->scaling.factor, most = spec->scaling.max_length;
    const double length = spec->length > most ? spec->length : most;
    (void)attention;
    grow_base(spec, factor * length / most - (factor - 1.0), pairs, radians);
}

/* (base * s)^(-2i/D) / s^(2/D) = base^(-2i/D) * s^(-(i+1)/(D/2)) */
void rm_rule_ntk_fixed(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    rm_rule_none(spec, pairs, radians, attention);
    slow_down(spec->scaling.factor, pairs, 1, pairs, radians);
}

/* theta_i / exp(A (i+1)^b), A = ln s / (D/2)^b, so that the last pair is divided by s. The exponential is
 * rounded to double. */
void rm_rule_ntk_mixed(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    rm_rule_none(spec, pairs, radians, attention);
    for (int32_t i = 0; i < pairs; i++) {
        const double share = pow((double)(i + 1) / (double)pairs, spec->scaling.mixed_b);
        radians[i] = rm_twofold_div(radians[i], exp(log(spec->scaling.factor) * share));
    }
}

/* The first pairs rotate as in a head where all do, the others not at all. */
void rm_rule_proportional(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const int32_t rotating = (int32_t)floor(spec->scaling.rotated * (double)spec->head_dim / 2.0);
    rm_rule_none(spec, pairs, radians, attention);
    for (int32_t i = 0; i < pairs; i++) {
        radians[i] = i < rotating ? rm_twofold_div(radians[i], rm_given(spec->scaling.factor, 1.0))
                                  : rm_twofold_of(0.0);
    }
}

/* Pairs with many turns within the original length stay, slow ones are divided, and k blends in between. */
void rm_rule_llama3(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const ropemap_scaling *scaling = &spec->scaling;
    const double low = scaling->low_freq_factor, high = scaling->high_freq_factor;
    const rm_twofold turns_in_length =
        rm_twofold_mul(rm_turns_per_radian, rm_twofold_of(scaling->original_length));
    rm_rule_none(spec, pairs, radians, attention);
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
