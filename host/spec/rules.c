/* rules.c - scaling rules that change the base or divide all frequencies alike */
/* SPDX-License-Identifier: MIT */
#include "host/spec/scaling.h"

#include <string.h>

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

/* The first pairs turn as in a head where all do, the others not at all. */
void rm_rule_proportional(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const int32_t turning = (int32_t)floor(spec->scaling.rotated * (double)spec->head_dim / 2.0);
    rm_rule_none(spec, pairs, radians, attention);
    for (int32_t i = 0; i < pairs; i++) {
        radians[i] = i < turning ? rm_twofold_div(radians[i], rm_given(spec->scaling.factor, 1.0))
                                 : rm_twofold_of(0.0);
    }
}

/* Pairs that turn often within the original length stay, slow ones are divided, between them k mixes. */
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
