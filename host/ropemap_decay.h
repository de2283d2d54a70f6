/* ropemap_decay.h - similarity against distance, how far a base holds, and which base a length needs */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_DECAY_H
#define ROPEMAP_DECAY_H

#include "ropemap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- similarity against distance, and how far it holds ---------------------------------------------------
 */

/*
 * Similarity S(r) of two equal vectors with equal entries at distances first, first + step, ... (negative
 * ones as their magnitude): (a^2 2 B(r) + D_fixed) / d with B(r) the sum of the pairs' cosines, D_fixed the
 * elements that do not rotate and a the attention factor, values [distances.count]; 1 at 0 where a is 1.
 * Pairs [first_pair, first_pair + pair_count) alone, without what does not rotate, where pair_count > 0. All
 * distances below 2^40 in magnitude. Off by 2e-7 a^2 at most. ROPEMAP_USAGE, ROPEMAP_RESOURCES.
 */
typedef struct ropemap_curve_request {
    ropemap_spec spec;
    ropemap_range distances; /* count >= 1, step >= 1 */
    int32_t first_pair, pair_count;
    int32_t along;             /* 1 to axes.count: distances along that axis, none on the others; 0: on every
                                  axis, which rules with axes of images do not have */
    int32_t threads;           /* 0: one a CPU */
    ropemap_progress progress; /* may be NULL */
    void *progress_user;
} ropemap_curve_request;
ROPEMAP_API ropemap_status ropemap_curve_compute(const ropemap_curve_request *request, double *values,
                                                 ropemap_error *error);

/* RoFormer's bound on the decay (Su et al. 2021, arXiv 2104.09864, section 3.4.3): (2/D) sum over j = 1..D/2
 * of |S_j|, S_j the sum of the first j phasors; values [distances.count]. Errors as above. */
ROPEMAP_API ropemap_status ropemap_curve_roformer(const ropemap_curve_request *request, double *values,
                                                  ropemap_error *error);

/*
 * The mean of q_i . k_j over all pairs of rows at each distance i - j = 0 .. count - 1 of two sources,
 * rotated as the request's spec says unless already_rotated, without N^2: by Fourier transforms of the rows.
 * values [count]. `positions` rows from position `first` on are taken, of vectors in steps of 1.
 * ROPEMAP_USAGE, _DATA, _IO, _RESOURCES.
 */
typedef struct ropemap_mean_request {
    ropemap_spec spec;
    const ropemap_vectors *queries, *keys; /* borrowed */
    bool already_rotated;
    int64_t first, positions;
    int64_t count; /* distances, at most `positions` */
    int32_t threads;
    ropemap_progress progress; /* may be NULL */
    void *progress_user;
} ropemap_mean_request;
ROPEMAP_API ropemap_status ropemap_curve_mean(const ropemap_mean_request *request, double *values,
                                              ropemap_error *error);

/*
 * Where the similarity S(r) above is first below 0, and below half of S(0): elements that do not rotate
 * count, and the attention factor weighs the others against them. Where all rotate it plays no part, and S(r)
 * / S(0) is B(r) / pairs.
 */
typedef struct ropemap_reach {
    int64_t reach;    /* first r >= 1 with S(r) < 0; 0: none below `limit` */
    double value;     /* S(reach) / S(0); where there is none the least one */
    int64_t least_at; /* the distance below min(reach, limit) where S(r) is least */
    double least;     /* S(least_at) / S(0) */
    int64_t half;     /* first r with S(r) / S(0) < 1/2; 0: none */
} ropemap_reach;

/* Looks at every distance below `limit`, 1 to 2^36. Signs are exact: values near 0 are computed again in
 * twice the precision of double. */
ROPEMAP_API ropemap_status ropemap_bound_reach(const ropemap_spec *spec, int64_t limit, int32_t threads,
                                               ropemap_progress progress, void *progress_user,
                                               ropemap_reach *found, ropemap_error *error);

/* A window of bases, or factors, in which S(r) >= keep * S(0) for every r < length. */
typedef struct ropemap_window {
    double low, high;  /* its ends, to a relative 1e-9 */
    bool low_is_edge;  /* `low` is where the search began: smaller bases may hold as well */
    bool high_is_edge; /* `high` is where it ended: larger bases may hold as well */
    int64_t worst_at;  /* at `low`: the distance with the least S(r) */
    double worst;      /* and S there / S(0), keep or a little more */
    int64_t fails_at;  /* just below `low`: a distance with S(r) < keep * S(0); 0 where low_is_edge */
} ropemap_window;

typedef struct ropemap_bound_request {
    ropemap_spec spec; /* its base, or factor, is not looked at */
    bool of_factor;    /* factors of spec.scaling are searched, not bases: of linear, ntk, yarn or llama3 */
    double keep;       /* share of S(0) that similarity keeps, 0 to below 1 */
    int64_t length;    /* 2 to 2^24 */
    double low, high;  /* that are searched, 1 <= low < high; of bases 1 itself is left out; 0: 1, and 1e10 of
                          bases, 1e4 of factors */
    double resolution; /* relative: every window as wide as this is found; 0: 1e-6 */
    int32_t threads;
    ropemap_progress progress; /* may be NULL */
    void *progress_user;
} ropemap_bound_request;

/*
 * Which bases, or factors, keep similarity; for keep = 0 B(r) >= 0 is the condition of "Base of RoPE Bounds
 * Context Length" (Men et al. 2024, arXiv 2405.14591). Every feasible window from the least one on, in
 * ascending order: windows [most], *count how many were found (at most `most`; the search ends when they are
 * full). The feasible set is not an interval, so bases are scanned. ROPEMAP_USAGE, also for a spec with
 * frequencies, which have no base; _RESOURCES, _STOPPED.
 */
ROPEMAP_API ropemap_status ropemap_bound_bases(const ropemap_bound_request *request, ropemap_window *windows,
                                               int32_t most, int32_t *count, ropemap_error *error);

#ifdef __cplusplus
}
#endif

#endif
