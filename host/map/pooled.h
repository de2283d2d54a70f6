/* pooled.h - what a cell keeps of its rows: their mean, their second moments */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_POOLED_H
#define ROPEMAP_HOST_MAP_POOLED_H

#include "host/map/job.h"
#include "host/map/side.h"

enum { RM_POOLED_ROWS = 64 }; /* rows read at a time: they stay in the first- or second-level cache */

/* A worker's memory for pooling rows. */
typedef struct rm_pooling {
    float *raw;     /* [RM_POOLED_ROWS, head_dim] rows as they come */
    float *rotated; /* [RM_POOLED_ROWS, head_dim] */
    float *gram;    /* [head_dim, head_dim] of one group of rows; NULL where no second moments are asked */
    double *moment; /* [head_dim, head_dim] of the cell; likewise */
    double *mean;   /* [head_dim] */
} rm_pooling;

ropemap_status rm_pooling_make(rm_pooling *pooling, const rm_job *job, rm_worker *worker, bool moments,
                               ropemap_error *error);
void rm_pooling_free(rm_pooling *pooling, const rm_job *job, rm_worker *worker);

/* pooling->mean = mean of a side's rotated rows over indices [span.first, span.end). */
ropemap_status rm_pooled_mean(const rm_job *job, rm_worker *worker, rm_side side, rm_span span,
                              rm_pooling *pooling, ropemap_error *error);

/* pooling->moment = mean over the rows of (x - centre)(x - centre)^T; `centre` [head_dim], NULL for 0. */
ropemap_status rm_pooled_moment(const rm_job *job, rm_worker *worker, rm_side side, rm_span span,
                                const double *centre, rm_pooling *pooling, ropemap_error *error);

#endif
