/* pooled.h - what a cell keeps of its rows: their mean, their second moments */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_POOLED_H
#define ROPEMAP_HOST_MAP_POOLED_H

#include "host/map/closed.h"
#include "host/map/job.h"
#include "host/map/side.h"

/* A worker's memory for pooling rows. */
typedef struct rm_pooling {
    float *raw;     /* [device.rows_at_once, head_dim] rows as they come */
    double *means;  /* [cells at once, head_dim] */
    double *moment; /* [head_dim, head_dim] of one cell; NULL where no second moments are asked */
    rm_runs runs;   /* of rows that are all the same before they are rotated */
} rm_pooling;

/* `cells`: how many are pooled at once, at most. */
ropemap_status rm_pooling_make(rm_pooling *pooling, const rm_job *job, rm_worker *worker, int64_t cells,
                               bool moments, ropemap_error *error);
void rm_pooling_free(rm_pooling *pooling, const rm_job *job, rm_worker *worker);

/* pooling->means[c] = mean of a side's rotated rows in cell first + c, for c < cells. */
ropemap_status rm_pooled_means(const rm_job *job, rm_worker *worker, rm_side side, int64_t first,
                               int64_t cells, rm_pooling *pooling, ropemap_error *error);

/* pooling->moment = mean over the rows of a cell of (x - centre)(x - centre)^T; `centre` [head_dim], NULL for
 * 0. */
ropemap_status rm_pooled_moment(const rm_job *job, rm_worker *worker, rm_side side, int64_t cell,
                                const double *centre, rm_pooling *pooling, ropemap_error *error);

#endif
