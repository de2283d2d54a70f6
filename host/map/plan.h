/* plan.h - which method serves a request, and what it will cost */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_PLAN_H
#define ROPEMAP_HOST_MAP_PLAN_H

#include "host/map/job.h"

/* Fills job->plan from everything else in the job. */
ropemap_status rm_plan_choose(rm_job *job, ropemap_error *error);

/* Differences between the beginnings of two parts of a diagonal plan: each reaches as far into the next as a
 * cell may. */
int64_t rm_diagonal_stride(const rm_job *job);

/* Distances computed between two looks at whether to go on. */
int64_t rm_diagonal_at_once(const rm_job *job);

/* Cells that the factored method pools in one call. */
int64_t rm_factored_batch(const rm_job *job);

/*
 * Of the tiled method, how many tiles a worker has in turn, so that one is pooled while the next is made, and
 * how many blocks of queries it multiplies in one call, which are a tile's where blocks are small. The first
 * depends on the number of workers; the second does not, as bits may depend on it.
 */
int64_t rm_tile_slots(const rm_job *job);
int64_t rm_tile_batch(const rm_job *job);

/* Tiles that the factored method gives to products of long rows. */
int64_t rm_product_parts(const rm_job *job);

/* Floats that a cell of one side comes to: d means, d(d+1)/2 second moments, or twice that for std. */
int64_t rm_cell_features(const rm_job *job);

enum {
    RM_TILED_BAND_BLOCKS =
        4, /* blocks of query rows that share one pass over the keys, where cells are few */
    RM_TILE_SLOTS_MOST = 2
};

#endif
