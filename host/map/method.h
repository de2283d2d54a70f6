/* method.h - the ways to compute a map: method_NAME.c, and softmax's in host/attention */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_METHOD_H
#define ROPEMAP_HOST_MAP_METHOD_H

#include "host/map/job.h"

/* A way to compute a map. */
typedef struct rm_method {
    /* Fills job->plan with the method and what it costs; plan.threads are those of the request before, fewer
     * where they do not pay or do not fit. */
    void (*cost)(ropemap_job *job);
    /* Fills cells [rows of job->part, width] as job->plan says. */
    ropemap_status (*run)(ropemap_job *job, float *cells, ropemap_error *error);
    bool in_parts; /* `run` computes any rows; else the whole map alone */
} rm_method;

extern const rm_method rm_method_factored, rm_method_tiled, rm_method_diagonal;
extern const rm_method rm_method_softmax;    /* the tiled method of that measure */
extern const rm_method rm_method_dual_chunk; /* the diagonal method of that encoding */

/* Operations with all the memory that pays. */
double rm_factored_flops(const ropemap_job *job);
double rm_tiled_flops(const ropemap_job *job);

/*
 * Of the tiled method, how many tiles a worker has in turn, so that one is pooled while the next is made, and
 * how many blocks of queries it multiplies in one call, which are a tile's where blocks are small. The first
 * depends on the number of workers; the second does not, as bits may depend on it.
 */
int64_t rm_tile_slots(const ropemap_job *job);
int64_t rm_tile_batch(const ropemap_job *job);

enum {
    RM_TILED_BAND_BLOCKS =
        4, /* blocks of query rows that share one pass over the keys, where cells are few */
    RM_TILE_SLOTS_MOST = 2
};

/* Distances that the diagonal method computes in one call, between two looks at whether to go on. */
int64_t rm_diagonal_at_once(const rm_device *device);

#endif
