/* factored.h - parts of the factored method: geometric sums of constant vectors, and causal cells */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_FACTORED_H
#define ROPEMAP_HOST_MAP_FACTORED_H

#include "host/base/status.h"
#include "host/map/job.h"

/* A complex number. */
typedef struct rm_phasor {
    double re, im;
} rm_phasor;

/* Means over as many positions as a cell has, from position 0 on: a side's cells have at most two counts of
 * positions, one apart, and each is computed once. Starts zeroed but for its memory. */
typedef struct rm_runs {
    int64_t step;
    int64_t counts[2]; /* of even and of odd counts the one that is here; 0: none */
    rm_phasor *means;  /* [2, pairs] */
} rm_runs;

/* mean[head_dim] of a side's rotated rows over position indices [span.first, span.end). `raw` [head_dim] is
 * the vector itself; `runs` is kept from call to call. */
void rm_closed_mean(const ropemap_job *job, rm_side side, const float *raw, rm_span span, rm_runs *runs,
                    double *mean);

/* Mean similarity over the pairs of a cell that the diagonal cuts. */
double rm_closed_edge(const ropemap_job *job, const float *query, const float *key, rm_span rows,
                      rm_span cols);

/* Computes those cells of cells [height, width] that hold some of their pairs, and settles whether means that
 * are not finite are NaN or an infinity. */
ropemap_status rm_causal_edge(ropemap_job *job, float *cells, ropemap_error *error);

#endif
