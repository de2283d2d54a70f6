/* double_double.h - numbers as the unevaluated sum of two doubles */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_RULE_DOUBLE_DOUBLE_H
#define ROPEMAP_HOST_RULE_DOUBLE_DOUBLE_H

#include <math.h>
#include <stdint.h>

/*
 * Just what frequencies need, with relative errors of a few 2^-104. Nothing here depends on the width of long
 * double, so frequencies are the same on every CPU.
 */

/* high + low with |low| <= ulp(high) / 2. */
typedef struct rm_twofold {
    double high, low;
} rm_twofold;

/* Exact when |high| >= |low|. */
static inline rm_twofold rm_twofold_sum(double high, double low) {
    const double sum = high + low;
    return (rm_twofold){.high = sum, .low = low - (sum - high)};
}

static inline rm_twofold rm_twofold_add(rm_twofold a, rm_twofold b) {
    const double sum = a.high + b.high, part = sum - a.high;
    const double rest = (a.high - (sum - part)) + (b.high - part);
    return rm_twofold_sum(sum, rest + (a.low + b.low));
}

static inline rm_twofold rm_twofold_negative(rm_twofold a) {
    return (rm_twofold){.high = -a.high, .low = -a.low};
}

static inline rm_twofold rm_twofold_of(double value) {
    return (rm_twofold){.high = value};
}

static inline rm_twofold rm_twofold_mul(rm_twofold a, rm_twofold b) {
    const double product = a.high * b.high;
    const double rest = fma(a.high, b.high, -product);
    return rm_twofold_sum(product, rest + (a.high * b.low + a.low * b.high));
}

static inline rm_twofold rm_twofold_div(rm_twofold a, double b) {
    const double quotient = a.high / b;
    const double rest = fma(-quotient, b, a.high) + a.low;
    return rm_twofold_sum(quotient, rest / b);
}

static inline rm_twofold rm_twofold_pow(rm_twofold a, int32_t exponent) {
    rm_twofold power = {.high = 1.0};
    for (int32_t left = exponent; left > 0; left >>= 1) {
        if (left & 1) {
            power = rm_twofold_mul(power, a);
        }
        a = rm_twofold_mul(a, a);
    }
    return power;
}

/* x^(-1/n) for x >= 1, n >= 1: Newton's iteration on x r^n = 1, twice from the rounded root. */
static inline rm_twofold rm_twofold_inverse_root(double x, int32_t n) {
    rm_twofold root = {.high = pow(x, -1.0 / n)};
    for (int round = 0; round < 2; round++) {
        const rm_twofold one = rm_twofold_mul(rm_twofold_pow(root, n), (rm_twofold){.high = x});
        const double excess = (one.high - 1.0) + one.low;
        const double change = -root.high * excess / n;
        const rm_twofold sum = rm_twofold_sum(root.high, change);
        root = rm_twofold_sum(sum.high, sum.low + root.low);
    }
    return root;
}

#endif
