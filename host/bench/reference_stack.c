/* reference_stack.c - the angles of stacks in use, rounding by rounding, then long double */
/* SPDX-License-Identifier: MIT */
/*
 * What the stacks' own sources say, for the default rule: transformers has inv_freq = 1.0 / base **
 * (arange(0, d, 2) / d) and angles position * inv_freq; llama.cpp starts from the position and multiplies by
 * powf(base, -2.0f / d) from pair to pair. All of it is float32, a power of it rounded once.
 */
#include "host/bench/reference.h"

#include <math.h>

static const long double base = 10000.0L;

bool rm_reference_is_stack(ropemap_phase phase) {
    return phase != ROPEMAP_PHASE_EXACT && phase != ROPEMAP_PHASE_FP32FREQ;
}

/* Eight significant bits, ties to even: what bfloat16 keeps of a normal number. */
static double bfloat_of(double value) {
    int exponent = 0;
    const double fraction = frexp(value, &exponent);
    return ldexp(nearbyint(ldexp(fraction, 8)), exponent - 8);
}

void rm_reference_stack_fill(rm_reference *reference) {
    const float dim = (float)reference->head_dim, step = -2.0f / dim;
    reference->theta_scale = (float)powl(base, (long double)step);
    for (int32_t pair = 0; pair < reference->head_dim / 2; pair++) {
        const float exponent = (float)(2 * pair) / dim, power = (float)powl(base, (long double)exponent);
        const float inv_freq = 1.0f / power;
        reference->inv_freq[pair] =
            reference->phase == ROPEMAP_PHASE_BF16_INV_FREQ ? (float)bfloat_of((double)inv_freq) : inv_freq;
    }
}

void rm_reference_stack_angles(const rm_reference *reference, int64_t position, float *angles) {
    const float place = (float)position;
    float theta = place;
    for (int32_t pair = 0; pair < reference->head_dim / 2; pair++) {
        angles[pair] =
            reference->phase == ROPEMAP_PHASE_GGML_FP32 ? theta : place * reference->inv_freq[pair];
        theta *= reference->theta_scale;
    }
}

void rm_reference_stack_turn(const rm_reference *reference, float angle, long double *c, long double *s) {
    *c = cosl((long double)angle);
    *s = sinl((long double)angle);
    if (reference->phase == ROPEMAP_PHASE_BF16_TABLES) { /* float32 first, as the tables are made */
        *c = (long double)bfloat_of((double)(float)*c);
        *s = (long double)bfloat_of((double)(float)*s);
    }
}
