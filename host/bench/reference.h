/* reference.h - what stages should have computed, by plain formulas in long double and libm */
/* SPDX-License-Identifier: MIT */
/* The rule is the default one: base 10000, all of head_dim rotated, no scaling. */
#ifndef ROPEMAP_HOST_BENCH_REFERENCE_H
#define ROPEMAP_HOST_BENCH_REFERENCE_H

#include "host/bench/bench.h"

/* What rounding to float may cost: half a unit in the last place of 1. */
#define RM_FLOAT_ROUNDING 0x1p-24

/*
 * An element of a rotated pair is off by at most this times the pair's length: 2e-7 for the phase's sine and
 * cosine, and three roundings.
 */
#define RM_ROTATION_ERROR 4e-7

typedef struct rm_reference {
    int32_t head_dim;
    ropemap_layout layout;
    /* [head_dim / 2] radians a token: the sum of both, correct to 2^-100 of it */
    long double frequency[ROPEMAP_MAX_PAIRS], rest[ROPEMAP_MAX_PAIRS];
} rm_reference;

/* A rule's frequencies; NULL where memory is short. Free with rm_free. */
rm_reference *rm_reference_make(int32_t head_dim, ropemap_layout layout);

/* `row` [head_dim] turned as at `position`, into `turned`. */
void rm_reference_rotate(const rm_reference *reference, const float *row, int64_t position, double *turned);

/* Cosine and sine of a pair's angle at a position below 2^40, correct to 1e-14. */
void rm_reference_turn(const rm_reference *reference, int32_t pair, int64_t position, double *c, double *s);

/* The other element of the pair that element `d` is in. */
int32_t rm_reference_partner(const rm_reference *reference, int32_t d);

/* sum of a[i] * b[i]. */
double rm_reference_dot(const double *a, const double *b, int64_t count);

/* A product of vectors of that length in float, of which each element is exact: (d + 1) roundings. */
double rm_reference_product_error(int32_t head_dim, double length_a, double length_b);

#endif
