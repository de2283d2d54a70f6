/* closed.h - vectors that do not depend on position: cells as closed sums, at a cost that does not depend on
 * N */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_CLOSED_H
#define ROPEMAP_HOST_MAP_CLOSED_H

#include "host/map/job.h"
#include "host/map/side.h"

/* mean[head_dim] of a side's rotated rows over position indices [span.first, span.end). `raw` [head_dim] is
 * the vector itself. */
void rm_closed_mean(const rm_job *job, rm_side side, const float *raw, rm_span span, double *mean);

/* Mean similarity over the pairs of a cell that the diagonal cuts. */
double rm_closed_straddle(const rm_job *job, const float *query, const float *key, rm_span rows,
                          rm_span cols);

#endif
