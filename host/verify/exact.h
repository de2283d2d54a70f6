/* exact.h - cosine and sine of a pair at a position, to more bits than any type of a table has */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_VERIFY_EXACT_H
#define ROPEMAP_HOST_VERIFY_EXACT_H

#include "host/ropemap_verify.h"
#include "host/rule/double_double.h"

/* A cosine and a sine. */
typedef struct rm_exact {
    rm_twofold c, s;
} rm_exact;

/*
 * Of a frequency in turns a token, |turns| < 2^18, at a position below 2^40: the error is that of the
 * product, 2^-104 of it, and 2^-100 of the result.
 */
rm_exact rm_exact_rotation(rm_twofold turns, int64_t position);

/* The same in double, by the C library: high parts alone, to 2^-50 of themselves. */
rm_exact rm_near_rotation(rm_twofold turns, int64_t position);

/*
 * The nearest number of that type, ties to even: beyond its largest infinity, below its smallest normal one a
 * subnormal. `value` is 0 or above 2^-900.
 */
double rm_twofold_round(rm_twofold value, ropemap_element element);

#endif
