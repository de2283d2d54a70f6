/* oracle.h - similarity maps by brute force: slow, plain, sharing no code with the product */
/* SPDX-License-Identifier: MIT */
/*
 * Frequencies and phases are carried as unevaluated sums of two long doubles (errors below 2^-100 of the
 * value with 64-bit significands), so that an angle is right at every position below 2^41. Rotated vectors,
 * scores and pools are plain loops in double and long double.
 */
#ifndef ROPEMAP_TESTS_ORACLE_H
#define ROPEMAP_TESTS_ORACLE_H

#include "host/ropemap.h"

/* high + low, |low| <= half an ulp of high. */
typedef struct oracle_number {
    long double high, low;
} oracle_number;

/* Turns a token of a pair, after the scaling rule. */
oracle_number oracle_frequency(const ropemap_spec *spec, int32_t pair);

/* position * frequency without its whole turns, in [-1/2, 1/2] turns up to rounding. Half positions are fine.
 */
long double oracle_phase(oracle_number frequency, long double position);

/* cos and sin of 2 pi `turns`. */
long double oracle_cos(long double turns);
long double oracle_sin(long double turns);

/* The frequencies of a rule: they take long to make, and closed sums need them for every cell. */
typedef struct oracle_rule {
    int32_t head_dim, pairs;
    oracle_number frequencies[ROPEMAP_MAX_PAIRS]; /* [pairs] */
} oracle_rule;

void oracle_rule_make(const ropemap_spec *spec, oracle_rule *rule);

/* The similarity S(r) of two equal unit vectors with equal entries at distance r. */
long double oracle_similarity(const oracle_rule *rule, int64_t distance);

/* Every pair of a request: vectors as they enter the dot product, and the dot products. */
typedef struct oracle_scores {
    int64_t rows, cols;
    int32_t head_dim;
    double *queries; /* [rows, head_dim] rotated, scaled or normalised */
    double *keys;    /* [cols, head_dim] */
    double *scores;  /* [rows, cols] */
} oracle_scores;

/*
 * `queries` and `keys`: the request's vectors, [., head_dim]; NULL: the unit vector with equal entries.
 * Aborts where memory is short. Free with oracle_scores_free.
 */
void oracle_scores_make(const ropemap_request *request, const float *queries, const float *keys,
                        oracle_scores *scores);
void oracle_scores_free(oracle_scores *scores);

/* First position of cell `cell`: the largest p with p * cells <= cell * count. */
int64_t oracle_cell_first(int64_t count, int64_t cells, int64_t cell);

/* Cells of a side: never more than positions. */
int64_t oracle_cells(int64_t count, int64_t asked);

/* One cell of the map under request->pool and request->mask.causal; NaN without any pair. */
double oracle_cell(const ropemap_request *request, const oracle_scores *scores, int64_t row, int64_t col);

/* All of them, [height, width]; free() them. */
double *oracle_map(const ropemap_request *request, const oracle_scores *scores);

/* Whether a query at position `query` sees a key at position `key`. */
bool oracle_sees(const ropemap_mask *mask, int64_t query, int64_t key);

/* Softmax of the scores of a request, which are dot products. */
typedef struct oracle_attention {
    int64_t rows, cols;
    double *scores;  /* [rows, cols] scaled and capped; -infinity where a key is not seen */
    double *p;       /* [rows, cols] */
    double *log_sum; /* [rows] */
    double largest;  /* magnitude of a finite score */
} oracle_attention;

/* Free with oracle_attention_free. */
void oracle_attention_make(const ropemap_request *request, const oracle_scores *scores,
                           oracle_attention *attention);
void oracle_attention_free(oracle_attention *attention);

/* One cell of the map of p under request->pool; NaN where no query sees a key. */
double oracle_attention_cell(const ropemap_request *request, const oracle_attention *attention, int64_t row,
                             int64_t col);

/*
 * The mean of S over rows [first, first + count) and columns by the Dirichlet kernel: two ranges of equal
 * unit vectors, any counts. Steps must be equal.
 */
long double oracle_mean_full(const oracle_rule *rule, ropemap_range rows, ropemap_range cols);

/*
 * The mean of S over the pairs whose column position is not beyond the row position; NaN without any. Steps
 * must be equal, and the first positions apart by a multiple of them.
 */
long double oracle_mean_causal(const oracle_rule *rule, ropemap_range rows, ropemap_range cols);

#endif
