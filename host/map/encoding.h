/* encoding.h - similarity against distance for encodings other than RoPE */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_ENCODING_H
#define ROPEMAP_HOST_MAP_ENCODING_H

#include "host/map/job.h"

/* The chunks of a request, defaults filled in. */
typedef struct rm_chunks {
    int64_t chunk, local; /* tokens */
    int64_t length;       /* L = chunk - local: after so many tokens a key's position begins anew */
    int64_t far;          /* the largest distance, and a query's position to keys of no chunk near it */
} rm_chunks;

rm_chunks rm_chunks_of(const ropemap_request *request);

/* Whether values come from here, not from the backend. */
bool rm_encoding_is_own(const ropemap_job *job);

/* Equal vectors with equal entries 1 / sqrt(head_dim), at a distance: similarity = weight * sum of the pairs'
 * cosines + fixed. */
void rm_equal_weights(const ropemap_freqs *freqs, int32_t head_dim, double *weight, double *fixed);

/* Constant vectors at a distance: similarity = weight * sum of the pairs' cosines + fixed, before the
 * measure's scale. */
void rm_encoding_weights(const ropemap_job *job, double *weight, double *fixed);

/* values[t] of constant vectors at distance first + t * step, before the measure's scale; weight as in
 * method_diagonal.c. */
void rm_encoding_values(const ropemap_job *job, double weight, ropemap_range distances, double *values);

#endif
