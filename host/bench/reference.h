/* reference.h - what stages should have computed, by plain formulas in long double and libm */
/* SPDX-License-Identifier: MIT */
/* The rule is the default one: base 10000, all of head_dim rotated, no scaling; turned exactly, or as a stack
 * in use does. */
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

/*
 * The same where both angles are the same float: its cosine and its sine are off by half an ulp below 1 each,
 * 2^-25, which moves an element by sqrt(2) 2^-25 of the length; both products and their sum are rounded, each
 * by 2^-24 of the length at most: 2.71 * 2^-24 in all. Cosines that were rounded to bfloat16 are the same in
 * both.
 */
#define RM_STACK_ERROR (3.0 * RM_FLOAT_ROUNDING)

typedef struct rm_reference {
    int32_t head_dim;
    ropemap_layout layout;
    ropemap_phase phase;
    /* [head_dim / 2] radians a token: the sum of both, correct to 2^-100 of it; of fp32freq, a float */
    long double frequency[ROPEMAP_MAX_PAIRS], rest[ROPEMAP_MAX_PAIRS];
    float inv_freq[ROPEMAP_MAX_PAIRS]; /* [head_dim / 2] hf-fp32 and bf16: radians a token, as the stack has
                                          them */
    float theta_scale;                 /* ggml-fp32: from the angle of a pair to the next one's */
} rm_reference;

/* A rule's frequencies; NULL where memory is short. Free with rm_free. */
rm_reference *rm_reference_make(int32_t head_dim, ropemap_layout layout, ropemap_phase phase);

/* `row` [head_dim] turned as at `position`, into `turned`. */
void rm_reference_rotate(const rm_reference *reference, const float *row, int64_t position, double *turned);

/* Cosine and sine of a pair's angle at a position below 2^40, correct to 1e-14; not of a stack. */
void rm_reference_turn(const rm_reference *reference, int32_t pair, int64_t position, double *c, double *s);

/* What rotated rows of a backend, or rows that were turned as they were read, may be off by: an element, as a
 * part of its pair's length, and a row, as a part of its own. */
double rm_reference_element_error(const rm_reference *reference);
double rm_reference_row_error(const rm_reference *reference);

/* ---- reference_stack.c */

/* Whether a phase forms float angles. */
bool rm_reference_is_stack(ropemap_phase phase);

/* What the stack has before it sees a position. */
void rm_reference_stack_fill(rm_reference *reference);

/* The angles of all pairs at a position, radians, rounded as the stack rounds them: [head_dim / 2]. */
void rm_reference_stack_angles(const rm_reference *reference, int64_t position, float *angles);

/* Cosine and sine of such an angle: as they are, or rounded where the stack keeps tables of them. */
void rm_reference_stack_turn(const rm_reference *reference, float angle, long double *c, long double *s);

/* The other element of the pair that element `d` is in. */
int32_t rm_reference_partner(const rm_reference *reference, int32_t d);

/* sum of a[i] * b[i]. */
double rm_reference_dot(const double *a, const double *b, int64_t count);

/* A product of vectors of that length in float, of which each element is exact: (d + 1) roundings. */
double rm_reference_product_error(int32_t head_dim, double length_a, double length_b);

#endif
