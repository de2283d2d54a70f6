/* exact.c - cosine and sine of a pair at a position, to more bits than any type of a table has */
/* SPDX-License-Identifier: MIT */
#include "host/verify/verify.h"

#include <math.h>

/* 2 pi, correct to 2^-105 of itself. */
static const rm_twofold TWO_PI = {.high = 0x1.921fb54442d18p+2, .low = 0x1.1a62633145c07p-52};

/* Terms after the first: the next one is below 2^-110 for angles up to pi / 4. */
enum { TERMS = 13 };

/* A phase as quarter turns, of which two bits count, and a rest of at most an eighth of a turn. */
typedef struct quarters {
    unsigned count;
    rm_twofold rest; /* turns */
} quarters;

/* Whole turns are dropped from both parts of the exact product before they are added. */
static quarters reduce(rm_twofold turns, int64_t position) {
    const double product = turns.high * (double)position;
    const double error = fma(turns.high, (double)position, -product);
    const rm_twofold high = rm_twofold_of(product - rint(product)), low = rm_twofold_of(error - rint(error));
    const rm_twofold rest = rm_twofold_of(turns.low * (double)position);
    const rm_twofold phase = rm_twofold_add(rm_twofold_add(high, low), rest);
    const double whole = rint(4.0 * phase.high);
    return (quarters){.count = (unsigned)(int)whole & 3u,
                      .rest = rm_twofold_add(phase, rm_twofold_of(-0.25 * whole))};
}

/* Rotates by the quarter turns. */
static rm_exact add_quarters(rm_exact rest, unsigned count) {
    const rm_twofold c = (count & 1u) != 0 ? rm_twofold_negative(rest.s) : rest.c;
    const rm_twofold s = (count & 1u) != 0 ? rest.c : rest.s;
    return (count & 2u) != 0 ? (rm_exact){.c = rm_twofold_negative(c), .s = rm_twofold_negative(s)}
                             : (rm_exact){.c = c, .s = s};
}

/* Taylor's series from their last terms on. */
rm_exact rm_exact_rotation(rm_twofold turns, int64_t position) {
    const quarters phase = reduce(turns, position);
    const rm_twofold angle = rm_twofold_mul(phase.rest, TWO_PI), one = rm_twofold_of(1.0);
    const rm_twofold square = rm_twofold_negative(rm_twofold_mul(angle, angle));
    rm_twofold c = one, s = one;
    for (int k = TERMS; k > 0; k--) {
        const double even = (double)((2 * k - 1) * (2 * k)), odd = (double)((2 * k) * (2 * k + 1));
        c = rm_twofold_add(one, rm_twofold_div(rm_twofold_mul(c, square), even));
        s = rm_twofold_add(one, rm_twofold_div(rm_twofold_mul(s, square), odd));
    }
    return add_quarters((rm_exact){.c = c, .s = rm_twofold_mul(s, angle)}, phase.count);
}

rm_exact rm_near_rotation(rm_twofold turns, int64_t position) {
    const quarters phase = reduce(turns, position);
    const double angle = phase.rest.high * TWO_PI.high;
    return add_quarters((rm_exact){.c = rm_twofold_of(cos(angle)), .s = rm_twofold_of(sin(angle))},
                        phase.count);
}

/* What a type's numbers are made of. */
static const struct {
    int bits, least; /* of a significand; exponent of the smallest normal number */
    double most;
} TYPES[] = {[ROPEMAP_ELEMENT_FP32] = {24, -126, 0x1.fffffep127},
             [ROPEMAP_ELEMENT_FP64] = {53, -1022, 0x1.fffffffffffffp1023},
             [ROPEMAP_ELEMENT_FP16] = {11, -14, 65504.0},
             [ROPEMAP_ELEMENT_BF16] = {8, -126, 0x1.fep127}};

double rm_twofold_round(rm_twofold value, ropemap_element element) {
    int exponent = 0;
    if (element == ROPEMAP_ELEMENT_FP64 || value.high == 0.0 || !isfinite(value.high)) {
        return value.high;
    }
    (void)frexp(value.high, &exponent);
    const int unit = (exponent - 1 > TYPES[element].least ? exponent - 1 : TYPES[element].least) -
                     (TYPES[element].bits - 1);
    const double units = ldexp(value.high, -unit);
    double whole = rint(units);
    if (fabs(units - whole) == 0.5 && value.low != 0.0) { /* half way but for the low part */
        whole = value.low > 0.0 ? ceil(units) : floor(units);
    }
    const double rounded = ldexp(whole, unit);
    return fabs(rounded) > TYPES[element].most ? copysign((double)INFINITY, rounded) : rounded;
}
