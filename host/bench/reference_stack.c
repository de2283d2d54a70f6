/* reference_stack.c - the angles of stacks in use, rounding by rounding, then long double */
/* SPDX-License-Identifier: MIT */
/*
 * What the stacks' own sources say, for the default rule: transformers has inv_freq = 1.0 / base **
 * (arange(0, d, 2) / d) and angles position * inv_freq; llama.cpp starts from the position and multiplies by
 * powf(base, -2.0f / d) from pair to pair. All of it is float32, a power of it rounded once. In 16 bits
 * transformers' steps are rounded one by one.
 */
#include "host/bench/reference.h"

#include <math.h>

static const long double base = 10000.0L;

bool rm_reference_is_stack(ropemap_phase phase) {
    return phase != ROPEMAP_PHASE_EXACT && phase != ROPEMAP_PHASE_FP32FREQ;
}

/* Ties to even: the eight significant bits that bfloat16 keeps of a normal number. */
static double bfloat_of(double value) {
    int exponent = 0;
    const double fraction = frexp(value, &exponent);
    return ldexp(nearbyint(ldexp(fraction, 8)), exponent - 8);
}

/* Eleven significant bits, none below 2^-24; what rounds to 2^16 and more is infinite. */
static double half_of(double value) {
    int exponent = 0;
    (void)frexp(value, &exponent);
    const int last = exponent - 11 > -24 ? exponent - 11 : -24;
    const double near = ldexp(nearbyint(ldexp(value, -last)), last);
    return fabs(near) >= 65536.0 ? copysign((double)INFINITY, value) : near;
}

/* A number as a phase of 16 bits keeps it, and as float32 does in the others. */
static double kept(ropemap_phase phase, double value) {
    return phase == ROPEMAP_PHASE_BF16_ANGLES   ? bfloat_of(value)
           : phase == ROPEMAP_PHASE_FP16_ANGLES ? half_of(value)
                                                : value;
}

void rm_reference_stack_fill(rm_reference *reference) {
    const float dim = (float)reference->head_dim, step = -2.0f / dim;
    reference->theta_scale = (float)powl(base, (long double)step);
    for (int32_t pair = 0; pair < reference->head_dim / 2; pair++) {
        const float exponent = (float)(2 * pair) / dim, power = (float)powl(base, (long double)exponent);
        const double inv_freq = (double)(1.0f / power);
        reference->inv_freq[pair] =
            (float)(reference->phase == ROPEMAP_PHASE_BF16_INV_FREQ ? bfloat_of(inv_freq)
                                                                    : kept(reference->phase, inv_freq));
    }
}

void rm_reference_stack_angles(const rm_reference *reference, int64_t position, float *angles) {
    const ropemap_phase phase = reference->phase;
    const float place = (float)kept(phase, (double)(float)position);
    float theta = place;
    for (int32_t pair = 0; pair < reference->head_dim / 2; pair++) {
        angles[pair] = phase == ROPEMAP_PHASE_GGML_FP32
                           ? theta
                           : (float)kept(phase, (double)(place * reference->inv_freq[pair]));
        theta *= reference->theta_scale;
    }
}

void rm_reference_stack_turn(const rm_reference *reference, float angle, long double *c, long double *s) {
    const ropemap_phase phase = reference->phase == ROPEMAP_PHASE_BF16_TABLES
                                    ? ROPEMAP_PHASE_BF16_ANGLES /* its tables are rounded alike */
                                    : reference->phase;
    *c = cosl((long double)angle);
    *s = sinl((long double)angle);
    if (phase == ROPEMAP_PHASE_BF16_ANGLES || phase == ROPEMAP_PHASE_FP16_ANGLES) { /* float32 first */
        *c = (long double)kept(phase, (double)(float)*c);
        *s = (long double)kept(phase, (double)(float)*s);
    }
}
