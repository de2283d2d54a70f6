/* dual_chunk.h - maps of dual chunk attention's positions */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_ENCODING_DUAL_CHUNK_H
#define ROPEMAP_HOST_ENCODING_DUAL_CHUNK_H

#include "host/map/execution.h"

/* What a request says about chunks, defaults filled in. */
typedef struct rm_chunks {
    int64_t chunk, local; /* tokens */
    int64_t length;       /* L = chunk - local: after so many tokens a key's position begins anew */
    int64_t far;          /* the largest distance, and a query's position to keys of no chunk near it */
} rm_chunks;

rm_chunks rm_chunks_of(const ropemap_request *request);

/* Fills map->cells [height, width] as job->plan says. */
ropemap_status rm_map_dual_chunk(rm_job *job, float *cells, ropemap_error *error);

#endif
