/* check.h - what outputs are checked against: random inputs, references in long double, samples of them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_BENCH_CHECK_H
#define ROPEMAP_TOOLS_BENCH_CHECK_H

#include "tools/bench/bench.h"

/* Takes one element into a result. A NaN on either side alone is wrong. */
void check_value(check_result *result, double got, double wanted, double allowed);

/* Fills values [count] with numbers evenly spread over (-reach, reach); value i depends on (seed, i) alone.
 */
void inputs_fill(float *values, int64_t count, double reach, uint64_t seed);

/* The reach for which a vector of `head_dim` elements has a mean square length of 1. */
double inputs_unit_reach(int32_t head_dim);

/* Elements checked of `total`: all of them up to `most` (at least 2), else `most`. */
int64_t picks_count(int64_t total, int64_t most);

/* Number `index` of them: all in order, else the first, the last, and random ones between. */
int64_t pick_at(int64_t total, int64_t most, int64_t index);

/* The rule is the default one: base 10000, all of head_dim rotated, no scaling; rotated exactly, or as a
 * stack in use does. */

/* An element that a number was rounded to is off by no more than this. */
double check_rounding(ropemap_dtype dtype, double magnitude);

/* Of one cosine, as cuda/arith.h promises it. */
#define COSINE_ERROR 2e-7

/* What rounding to float may cost: half a unit in the last place of 1. */
#define FLOAT_ROUNDING 0x1p-24

/*
 * An element of a rotated pair is off by at most this times the pair's length: 2e-7 for the phase's sine and
 * cosine, and three roundings.
 */
#define ROTATION_ERROR 4e-7

/*
 * The same where both angles are the same float: its cosine and its sine are off by half an ulp below 1 each,
 * 2^-25, which moves an element by sqrt(2) 2^-25 of the length; both products and their sum are rounded, each
 * by 2^-24 of the length at most: 2.71 * 2^-24 in all. Cosines that were rounded to bfloat16 are the same in
 * both.
 */
#define STACK_ERROR (3.0 * FLOAT_ROUNDING)

typedef struct check_reference {
    int32_t head_dim;
    ropemap_layout layout;
    ropemap_phase phase;
    /* [head_dim / 2] radians a token: the sum of both, correct to 2^-100 of it; of fp32freq, a float */
    long double frequency[ROPEMAP_MAX_PAIRS], rest[ROPEMAP_MAX_PAIRS];
    float inv_freq[ROPEMAP_MAX_PAIRS]; /* [head_dim / 2] hf-fp32 and bf16: radians a token, as the stack has
                                          them */
    float theta_scale;                 /* ggml-fp32: from the angle of a pair to the next one's */
} check_reference;

/* A rule's frequencies; NULL where memory is short. Free with rm_free. */
check_reference *reference_make(int32_t head_dim, ropemap_layout layout, ropemap_phase phase);

/* `row` [head_dim] rotated as at `position`, into `rotated`. */
void reference_rotate(const check_reference *reference, const float *row, int64_t position, double *rotated);

/* Cosine and sine of a pair's angle at a position below 2^40, correct to 1e-14; not of a stack. */
void reference_turn(const check_reference *reference, int32_t pair, int64_t position, double *c, double *s);

/* What a vector of ones, rotated to a distance below 2^40, and one that is not have in common: the mean of
 * the pairs' cosines. */
double reference_ones(const check_reference *reference, int64_t distance);

/* What rotated rows of a backend, or rows that were rotated as they were read, may be off by: an element, as
 * a part of its pair's length, and a row, as a part of its own. */
double reference_element_error(const check_reference *reference);

/* ---- references that compute as a stack does */

/* Whether a phase forms float angles. */
bool reference_is_stack(ropemap_phase phase);

/* What the stack has before it sees a position. */
void reference_stack_fill(check_reference *reference);

/* The angles of all pairs at a position, radians, rounded as the stack rounds them: [head_dim / 2]. */
void reference_stack_angles(const check_reference *reference, int64_t position, float *angles);

/* Cosine and sine of such an angle: as they are, or rounded where the stack keeps tables of them. */
void reference_stack_turn(const check_reference *reference, float angle, long double *c, long double *s);

/* The other element of the pair that element `d` is in. */
int32_t reference_partner(const check_reference *reference, int32_t d);

/* sum of a[i] * b[i]. */
double reference_dot(const double *a, const double *b, int64_t count);

/* A map of the dot products of all queries with all keys, at positions 0 to positions - 1. */
typedef struct map_check {
    const check_reference *reference;
    const float *queries, *keys; /* [positions, head_dim]; NULL: ones, of length 1 */
    int64_t positions;
    const ropemap_map *map;
    ropemap_pool pool; /* mean, max or std; of ones: max */
    bool on_gpu;
    double *rows; /* [map_check_rows(), head_dim] scratch; of ones: NULL */
} map_check;

/* Rows of scratch for a map of that shape. */
int64_t map_check_rows(const bench_shape *shape);

/* Looks at a sample of cells. */
void map_check_cells(const map_check *check, check_result *result);

#endif
