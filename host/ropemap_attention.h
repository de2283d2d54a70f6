/* ropemap_attention.h - attention from real queries and keys: what rotary pairs, queries and heads do */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_ATTENTION_H
#define ROPEMAP_ATTENTION_H

#include "ropemap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pairs: what each frequency of a real head does ------------------------------------------------------
 */

/* Queries and keys of one head. Heads one after another with the same `keys` share them (GQA): these are read
 * once. */
typedef struct ropemap_head {
    const ropemap_vectors *queries, *keys; /* borrowed */
} ropemap_head;

/* One pair of elements over all rows of queries, or of keys, before the rotation. */
typedef struct ropemap_pair_side {
    double norm;      /* mean length of the two elements, E|x| (Barbero et al. 2024, arXiv 2410.06205) */
    double x, y;      /* their centre, E x */
    double resultant; /* |E x| / E|x|, 0 to 1: the mean resultant length weighted by length, 1 where all rows
                         point the same way (Mao et al. 2026, arXiv 2604.04921); NaN where all are 0 */
} ropemap_pair_side;

/*
 * One pair of a head. With z = x + iy of a query at position m and of a key at n, rotation makes its part of
 * the logit c = g^2 Re(z_q conj(z_k) e^(i theta (m - n))), g the attention factor, 1 where the pair does not
 * rotate. A logit is the sum of c over the pairs, before its scale.
 */
typedef struct ropemap_pair {
    double frequency; /* theta, radians a token; 0: the pair stays as it is */
    ropemap_pair_side query, key;
    double angle;          /* from the key's centre to the query's, radians in [-pi, pi] */
    double mean, variance; /* of c over every query and every key that it may see, each pair of rows once */
    /* The variance over the sum of the variances of all pairs of the head: adds up to 1; NaN where no logit
     * varies. */
    double share;
} ropemap_pair;

typedef struct ropemap_pairs_request {
    ropemap_spec spec;
    const ropemap_head *heads; /* [count], of spec.head_dim elements each; queries are at the same positions
                                  in all, and so are keys. Borrowed */
    int32_t count;
    bool already_rotated; /* the vectors carry their rotation, which is taken off again with the exact phase:
                             16-bit vectors are then off by the rounding of the program that rotated them */
    bool causal;          /* a query sees only keys whose position is not beyond its own; else all keys */
    int32_t threads;      /* 0: one a CPU */
    ropemap_progress progress; /* may be NULL */
    void *progress_user;
} ropemap_pairs_request;

/* What magnitudes are of: queries and keys before the rotation, then both after it. */
enum { ROPEMAP_MAGNITUDES = 4 };

/* Mean |x| of each element over ranges of positions, for pictures (Hooper et al. 2024, arXiv 2401.18079). */
typedef struct ropemap_magnitudes {
    int64_t cells; /* ranges of rows, 1 to as many as there are rows, as ropemap_cell_bounds has them */
    float *values; /* [count, ROPEMAP_MAGNITUDES, head_dim, cells], the caller's; NaN where a row holds one */
} ropemap_magnitudes;

/*
 * Statistics of every pair of every head from one read of the rows, sums in double: pairs [count, head_dim /
 * 2], first those that rotate in the order of their frequencies, then what does not, two elements after
 * another. `magnitudes` may be NULL. A NaN in a row makes its own pair NaN and the shares of its head, no
 * other head. The same bytes with any number of threads. ROPEMAP_USAGE, also for a rule with several axes;
 * ROPEMAP_DATA and ROPEMAP_IO from reading; ROPEMAP_RESOURCES, ROPEMAP_STOPPED.
 */
ROPEMAP_API ropemap_status ropemap_pairs_compute(const ropemap_pairs_request *request, ropemap_pair *pairs,
                                                 const ropemap_magnitudes *magnitudes, ropemap_error *error);

/*
 * The logit that the centres alone make at distances r = 0 .. count - 1, the sum over pairs of
 * g^2 |E q| |E k| cos(theta r + angle), before its scale: values [count], off by 1e-12 of the sum of the
 * terms' magnitudes. `pairs` [head_dim / 2] of one head. ROPEMAP_USAGE, ROPEMAP_RESOURCES.
 */
ROPEMAP_API ropemap_status ropemap_pairs_curve(const ropemap_spec *spec, const ropemap_pair *pairs,
                                               int64_t count, double *values, ropemap_error *error);

/* Pearson's correlation of two curves over distances 1 .. count - 1, each with the weight 1 / r: what the eye
 * sees on a logarithmic axis. NaN where a curve is constant or holds one. */
ROPEMAP_API double ropemap_pairs_correlation(const double *one, const double *other, int64_t count);

/* ---- softmax: what each query does with its keys, and how far it looks ------------------------------------
 */

/*
 * One query's attention over the keys that it sees: p = exp(score - log_sum). A query that sees no key with a
 * score above -infinity is empty: its masses and its entropy are 0, its distance NaN. A query with a score
 * that is NaN or +infinity is NaN in all of them.
 */
typedef struct ropemap_attention_row {
    double log_sum; /* ln of the sum of exp(score), the sink logit's included; -infinity: of nothing */
    float largest;  /* score of a key; -infinity: of none */
    float mass;     /* sum of p over the keys: 1, less what the sink logit has */
    float sink;     /* of that, on keys at positions below sink_tokens */
    float recent;   /* of that, on keys at distances 0 <= m - n < recent */
    float entropy;  /* -sum of p ln p over the keys, nats */
    float distance; /* mean of m - n over the keys, by their p, tokens: keys that come later count below 0 */
} ropemap_attention_row;

typedef struct ropemap_attention_request {
    ropemap_request map; /* its measure is softmax; pool, width and height where a map is made */
    bool rows;           /* keep every query's row */
    bool distances;      /* how the mass lies by distance; ranges in steps of any size */
    int64_t sink_tokens; /* of the rows; 0: 4 */
    int64_t recent;      /* of the rows, tokens; 0: 256 */
    int64_t exact; /* distances below it have a bin each, beyond it bins are 1/8 of an octave; 0: 4096 */
} ropemap_attention_request;

/* Owned by the caller, to be freed with ropemap_attention_free. */
typedef struct ropemap_attention {
    int64_t count;               /* queries */
    ropemap_attention_row *rows; /* [count], NULL where they were not wanted */
    ropemap_attention_row mean;  /* of the queries that are neither empty nor NaN; NaN without any */
    int64_t empty_rows, nan_rows;
    int64_t bins;
    int64_t *edges; /* [bins + 1] rising: bin b holds edges[b] <= |m - n| < edges[b + 1]; NULL: not wanted */
    double *mass;   /* [bins] mean over the same queries; in all 1, less what the sink logit has */
    ropemap_plan plan; /* what ran */
    ropemap_seconds seconds;
} ropemap_attention;

/*
 * One pass over all pairs that the mask leaves: the rows' means, and rows, distances and the map where they
 * are wanted; `map` may be NULL. Both results must be zeroed or freed. Their bytes do not depend on threads
 * or memory. Statuses of ropemap_job_open and ropemap_job_run; ROPEMAP_INTERNAL where a row's p do not sum to
 * what they should.
 */
ROPEMAP_API ropemap_status ropemap_attention_compute(const ropemap_attention_request *request,
                                                     ropemap_map *map, ropemap_attention *attention,
                                                     ropemap_error *error);

ROPEMAP_API void ropemap_attention_free(ropemap_attention *attention); /* leaves it zeroed; NULL is fine */

#ifdef __cplusplus
}
#endif

#endif
