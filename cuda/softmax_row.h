/* softmax_row.h - what a query's weights come to once all of its keys are in: the same on both backends */
/* SPDX-License-Identifier: MIT */
/* Like arith.h, a common subset of C17 and C++17 that host/cpu/ includes too. Unlike arith.h it takes
 * logarithms, once a query: the backends' differ by an ulp of a double. */
#ifndef ROPEMAP_CUDA_SOFTMAX_ROW_H
#define ROPEMAP_CUDA_SOFTMAX_ROW_H

#include "cuda/arith.h"
#include "host/ropemap_attention.h"

/* Sums over the keys of a query so far. Weights are powers of two above `reference`, a whole number. */
typedef struct rm_softmax_sums {
    float reference;     /* RM_NO_REFERENCE: no weight yet */
    float largest;       /* score, before its factor */
    double total;        /* of the weights */
    double log;          /* of weight times exponent */
    double place;        /* of weight times index of the key */
    double sink, recent; /* of the weights of those keys */
} rm_softmax_sums;

/* What a weight is multiplied by to become a probability. */
typedef struct rm_softmax_share {
    double top;   /* the reference of all weights, and of the sink logit */
    double sum;   /* of them above it */
    double share; /* 1 / sum; 0 for a query that sees nothing */
    double mass;  /* of the keys: 1, less what the sink logit has */
    bool bad;     /* a NaN among the scores, or +infinity */
} rm_softmax_share;

#define RM_LN_2 0.693147180559945309417

RM_INLINE rm_softmax_share rm_softmax_share_of(const rm_softmax_sums *sums, double sink_logit) {
    const double sink = sink_logit / RM_LN_2, before = (double)sums->reference;
    const double top = sink > before ? ceil(sink) : before;
    const double keys = sums->total * rm_power_of_two(before - top);
    rm_softmax_share share;
    share.sum = keys + (isinf(sink) ? 0.0 : exp2(sink - top));
    share.bad = isnan(share.sum);
    share.top = share.bad ? 0.0 : top;
    share.share = share.bad ? 1.0 : keys > 0.0 ? 1.0 / share.sum : 0.0;
    share.mass = keys > 0.0 ? keys / share.sum : 0.0;
    return share;
}

/* The statistics of a query at `position`, whose keys are `cols`; scores were multiplied by `scale` besides
 * their factor. */
RM_INLINE ropemap_attention_row rm_softmax_row_of(const rm_softmax_sums *sums, const rm_softmax_share *share,
                                                  float scale, int64_t position, ropemap_range cols) {
    const float nan = rm_float_from_bits(0x7fc00000u);
    const double infinity = (double)rm_float_from_bits(0x7f800000u);
    const double before = (double)sums->reference, mass = share->mass;
    const double above = log(share->sum), each = rm_power_of_two(before - share->top) * share->share;
    const double place = sums->place / sums->total, key = (double)cols.first + place * (double)cols.step;
    const double surprise = mass * (above + (share->top - before) * RM_LN_2) - RM_LN_2 * sums->log * each;
    ropemap_attention_row row;
    row.log_sum = share->bad ? (double)nan : share->sum > 0.0 ? share->top * RM_LN_2 + above : -infinity;
    row.largest = share->bad ? nan : sums->largest * scale;
    row.mass = share->bad ? nan : (float)mass;
    row.sink = share->bad ? nan : (float)(sums->sink * each);
    row.recent = share->bad ? nan : (float)(sums->recent * each);
    row.entropy = share->bad ? nan : mass > 0.0 && surprise > 0.0 ? (float)surprise : 0.0f;
    row.distance = share->bad ? nan : (float)((double)position - key);
    return row;
}

#endif
