/* reference.c - what stages should have computed, by plain formulas in long double and libm */
/* SPDX-License-Identifier: MIT */
#include "host/bench/reference.h"

#include "host/base/alloc.h"

#include <math.h>

static const long double base = 10000.0L;

/* A number as the sum of two, the second below half a unit in the last place of the first. */
struct pair {
    long double high, low;
};

/* Exact but for 2^-126 of it: fmal gives what rounding takes from the product of the high parts. */
static struct pair multiply(struct pair a, struct pair b) {
    const long double product = a.high * b.high;
    const long double rest = fmal(a.high, b.high, -product) + (a.high * b.low + a.low * b.high);
    const long double high = product + rest;
    return (struct pair){.high = high, .low = rest - (high - product)};
}

static struct pair power(struct pair value, int32_t exponent) {
    struct pair made = {.high = 1.0L};
    for (; exponent > 0; exponent /= 2) {
        made = exponent % 2 != 0 ? multiply(made, value) : made;
        value = multiply(value, value);
    }
    return made;
}

/* r = base^(-1/n) by a step of Newton's: r^n base = 1 + e, so that r (1 - e/n) is off by e^2 alone. */
static struct pair root(int32_t n) {
    struct pair made = {.high = powl(base, -1.0L / (long double)n)};
    const struct pair one = multiply(power(made, n), (struct pair){.high = base});
    const long double e = (one.high - 1.0L) + one.low;
    made.low = -made.high * e / (long double)n;
    return made;
}

rm_reference *rm_reference_make(int32_t head_dim, ropemap_layout layout, ropemap_phase phase) {
    rm_reference *reference = rm_alloc(1, sizeof *reference);
    if (reference != NULL) {
        reference->head_dim = head_dim;
        reference->layout = layout;
        reference->phase = phase;
        const struct pair step = root(head_dim / 2);
        for (int32_t pair = 0; pair < head_dim / 2; pair++) {
            const struct pair frequency = power(step, pair);
            reference->frequency[pair] = frequency.high;
            reference->rest[pair] = frequency.low;
            if (phase == ROPEMAP_PHASE_FP32FREQ) {
                reference->frequency[pair] = (long double)(float)frequency.high;
                reference->rest[pair] = 0.0L;
            }
        }
        rm_reference_stack_fill(reference);
    }
    return reference;
}

/* The angle's high part is exact to libm, which reduces it by all of pi; the rest is below 2^-23. */
static void turn(const rm_reference *reference, int32_t pair, int64_t position, long double *c,
                 long double *s) {
    const long double place = (long double)position, high = place * reference->frequency[pair];
    const long double low = fmal(place, reference->frequency[pair], -high) + place * reference->rest[pair];
    const long double cosine = cosl(high), sine = sinl(high);
    *c = cosine - low * sine;
    *s = sine + low * cosine;
}

void rm_reference_turn(const rm_reference *reference, int32_t pair, int64_t position, double *c, double *s) {
    long double cosine = 0.0L, sine = 0.0L;
    turn(reference, pair, position, &cosine, &sine);
    *c = (double)cosine;
    *s = (double)sine;
}

void rm_reference_rotate(const rm_reference *reference, const float *row, int64_t position, double *turned) {
    const int32_t pairs = reference->head_dim / 2;
    const bool half = reference->layout == ROPEMAP_LAYOUT_HALF;
    const bool stack = rm_reference_is_stack(reference->phase);
    float angles[ROPEMAP_MAX_PAIRS];
    if (stack) {
        rm_reference_stack_angles(reference, position, angles);
    }
    for (int32_t pair = 0; pair < pairs; pair++) {
        const int32_t a = half ? pair : 2 * pair, b = half ? pair + pairs : 2 * pair + 1;
        long double c = 0.0L, s = 0.0L;
        if (stack) {
            rm_reference_stack_turn(reference, angles[pair], &c, &s);
        } else {
            turn(reference, pair, position, &c, &s);
        }
        const long double x = (long double)row[a], y = (long double)row[b];
        turned[a] = (double)(x * c - y * s);
        turned[b] = (double)(x * s + y * c);
    }
}

double rm_reference_element_error(const rm_reference *reference) {
    return rm_reference_is_stack(reference->phase) ? RM_STACK_ERROR : RM_ROTATION_ERROR;
}

/* Both elements of each pair. */
double rm_reference_row_error(const rm_reference *reference) {
    return sqrt(2.0) * rm_reference_element_error(reference);
}

int32_t rm_reference_partner(const rm_reference *reference, int32_t d) {
    const int32_t pairs = reference->head_dim / 2;
    if (reference->layout == ROPEMAP_LAYOUT_HALF) {
        return d < pairs ? d + pairs : d - pairs;
    }
    return d % 2 == 0 ? d + 1 : d - 1;
}

double rm_reference_dot(const double *a, const double *b, int64_t count) {
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

double rm_reference_product_error(int32_t head_dim, double length_a, double length_b) {
    return ((double)head_dim + 1.0) * RM_FLOAT_ROUNDING * length_a * length_b;
}
