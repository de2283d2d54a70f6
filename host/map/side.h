/* side.h - rows of queries or keys on their way from their source into a backend's memory */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_SIDE_H
#define ROPEMAP_HOST_MAP_SIDE_H

#include "host/map/job.h"

typedef enum rm_side { RM_SIDE_QUERIES, RM_SIDE_KEYS } rm_side;

/* Positions and source of a side. */
ropemap_range rm_side_range(const rm_job *job, rm_side side);
const ropemap_vectors *rm_side_vectors(const rm_job *job, rm_side side);

/*
 * Position indices [first, first + count) of a side as they come from the source, [count, head_dim]: in
 * `scratch`, or where they lie if the source can lend them. ROPEMAP_STOPPED where that was asked for: whoever
 * reads rows can be stopped between two reads.
 */
ropemap_status rm_side_read(const rm_job *job, rm_worker *worker, rm_side side, int64_t first, int64_t count,
                            float *scratch, rm_view *rows, ropemap_error *error);

/*
 * The same rows rotated, into `to` [to.rows >= count, head_dim]; rows of `to` beyond count become zero, so
 * that products keep one shape.
 */
ropemap_status rm_side_rotated(const rm_job *job, rm_worker *worker, rm_side side, int64_t first,
                               int64_t count, float *scratch, rm_view to, ropemap_error *error);

#endif
