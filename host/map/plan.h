/* plan.h - which device and method serve a request */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_PLAN_H
#define ROPEMAP_HOST_MAP_PLAN_H

#include "host/map/execution.h"

/* Fills job->device and job->plan: for the backend that the request names, or for the best there is. */
ropemap_status rm_choose(rm_job *job, ropemap_error *error);

/*
 * After ROPEMAP_RESOURCES (`error` says why): plans the job anew with tiles of half the side on the same
 * device, or, where they are small already, on the processors if the request leaves the choice. False where
 * nothing is left to try: then `error` stands as it was.
 */
bool rm_retreat(rm_job *job, const ropemap_error *error);

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
