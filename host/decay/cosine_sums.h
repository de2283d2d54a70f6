/* cosine_sums.h - a rule's sums of cosines: at one distance, and many as one product */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DECAY_COSINE_SUMS_H
#define ROPEMAP_HOST_DECAY_COSINE_SUMS_H

#include "host/device/backend.h"
#include "host/ropemap.h"

/* The cosine of `quarter` quarter turns and `radians` more, which should be within an eighth of a turn. */
double rm_quarter_cosine(unsigned quarter, double radians);

/* B(distance), 0 <= distance < 2^40, off by pairs * 1e-15 + pairs^2 * 2^-53 at most. */
double rm_bound_sum(const ropemap_freqs *freqs, int64_t distance);

/* Whether B(distance) < threshold: computed again in twice the precision of double where double does not
 * decide.
 */
bool rm_bound_sum_below(const ropemap_freqs *freqs, int64_t distance, double threshold);

/*
 * Similarity of equal vectors is S(r) = (2 a^2 B(r) + the elements that do not rotate) / head_dim: it is
 * below a share of S(0), 0 <= share <= 1, where B(r) is below share * (pairs + rest) - rest.
 */
double rm_bound_sum_rest(const ropemap_spec *spec, int32_t pairs, double attention_factor);

/* Sum of rates[i] * sin(phase of pair i) at `distance`, rates [pairs]. */
double rm_bound_sum_sines(const ropemap_freqs *freqs, const double *rates, int64_t distance);

/*
 * B(r + s) is the product of (cos r theta, sin r theta) and (cos s theta, -sin s theta), summed over pairs:
 * rows of every `width`-th distance times rows of s = 0 .. width - 1 give a tile of consecutive distances for
 * 2 * pairs multiplications each. Floats are trusted only `margin` away from what they are compared with;
 * nearer ones are computed again by rm_bound_sum, so that results do not depend on how products add up.
 */

enum { RM_BOUND_WIDTH = 512, RM_BOUND_ROWS = 128 }; /* at most: a tile of 256 KiB */

typedef struct rm_bound_tile {
    rm_context *context;
    int64_t width, rows;     /* distances of a row, rows */
    float *ones;             /* [max(width, rows), 2 * pairs] rows of ones, then zeros: not rotated yet */
    float *near, *far;       /* [width, 2 * pairs], [rows, 2 * pairs] */
    float *values;           /* [rows, width] */
    double margin;           /* what a value may be off by */
    int64_t first, count;    /* distances that `values` holds */
    ropemap_freqs freqs;     /* of the rule, without its attention factor */
    ropemap_freqs backwards; /* its turns the other way, right below 2^20 tokens */
} rm_bound_tile;

/* The distance where a sum is least, and the sum. */
typedef struct rm_bound_least {
    int64_t at;
    double value;
} rm_bound_least;

/* For rules of `pairs` pairs and some `length` distances. Close it after success and after failure. */
ropemap_status rm_bound_tile_open(rm_bound_tile *tile, rm_context *context, int32_t pairs, int64_t length,
                                  ropemap_error *error);

void rm_bound_tile_close(rm_bound_tile *tile);

ropemap_status rm_bound_tile_begin(rm_bound_tile *tile, const ropemap_freqs *freqs, ropemap_error *error);

/* Distances [first, end), or as many of them as the tile holds. */
ropemap_status rm_bound_tile_fill(rm_bound_tile *tile, int64_t first, int64_t end, ropemap_error *error);

/* The tile's first distance with B < threshold, -1: none. */
int64_t rm_bound_tile_below(const rm_bound_tile *tile, double threshold);

/* What the tile's least sum is not below. */
double rm_bound_tile_floor(const rm_bound_tile *tile);

/* Moves `least` to the tile's least sum before distance `end` where that is less. */
void rm_bound_tile_least(const rm_bound_tile *tile, int64_t end, rm_bound_least *least);

#endif
