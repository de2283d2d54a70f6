/* double_double.h - numbers as the unevaluated sum of two doubles */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_RULE_DOUBLE_DOUBLE_H
#define ROPEMAP_HOST_RULE_DOUBLE_DOUBLE_H

#include <math.h>
#include <stdint.h>

/*
 * Just what frequencies and exact tables need, with relative errors of a few 2^-104. Nothing here depends on
 * the width of long double, so frequencies are the same on every CPU.
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

/* ---- cosines and sines */

/* 2 pi, correct to 2^-105 of itself. */
static const rm_twofold RM_TWO_PI = {.high = 0x1.921fb54442d18p+2, .low = 0x1.1a62633145c07p-52};

/* A cosine and a sine. */
typedef struct rm_exact {
    rm_twofold c, s;
} rm_exact;

/* Rotated by quarter turns, of which two bits count. */
static inline rm_exact rm_exact_quarters(rm_exact rest, unsigned count) {
    const rm_twofold c = (count & 1u) != 0 ? rm_twofold_negative(rest.s) : rest.c;
    const rm_twofold s = (count & 1u) != 0 ? rest.c : rest.s;
    return (count & 2u) != 0 ? (rm_exact){.c = rm_twofold_negative(c), .s = rm_twofold_negative(s)}
                             : (rm_exact){.c = c, .s = s};
}

/*
 * Of `count` quarter turns and a rest of at most an eighth of a turn: Taylor's series from their last terms
 * on, the first that is left out being below 2^-110. The error is 2^-100 of the result.
 */
static inline rm_exact rm_exact_rotation(unsigned count, rm_twofold rest) {
    const rm_twofold angle = rm_twofold_mul(rest, RM_TWO_PI), one = rm_twofold_of(1.0);
    const rm_twofold square = rm_twofold_negative(rm_twofold_mul(angle, angle));
    rm_twofold c = one, s = one;
    for (int k = 13; k > 0; k--) {
        const double even = (double)((2 * k - 1) * (2 * k)), odd = (double)((2 * k) * (2 * k + 1));
        c = rm_twofold_add(one, rm_twofold_div(rm_twofold_mul(c, square), even));
        s = rm_twofold_add(one, rm_twofold_div(rm_twofold_mul(s, square), odd));
    }
    return rm_exact_quarters((rm_exact){.c = c, .s = rm_twofold_mul(s, angle)}, count);
}

#endif
