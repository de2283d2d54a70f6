/* softmax.h - softmax over every pair that a mask leaves: a map's method, and what else one pass comes to */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_ATTENTION_SOFTMAX_H
#define ROPEMAP_HOST_ATTENTION_SOFTMAX_H

#include "host/map/job.h"

/* What softmax is asked for besides the cells, and what it came to. The caller's, as long as the job. */
typedef struct rm_attention {
    int64_t sink_tokens, recent;
    int64_t exact; /* as in rm_softmax, with the next two; 0: no distances */
    int32_t bins;
    const int64_t *edges;        /* [bins + 1] */
    ropemap_attention_row *rows; /* [queries]; NULL: not kept */
    double *mass;                /* [exact + bins], sums over queries; NULL where exact is 0 */
    ropemap_attention_row mean;  /* of the queries that are neither empty nor NaN */
} rm_attention;

/* ROPEMAP_USAGE where a request of this measure cannot be served, or has what only this measure takes. */
ropemap_status rm_softmax_check(const ropemap_request *request, ropemap_error *error);

/* The keys of a request: those that softmax is over, or its columns. */
ropemap_range rm_softmax_keys(const ropemap_request *request);

#endif
