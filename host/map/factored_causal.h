/* factored_causal.h - causal maps by factors: the cells that the diagonal cuts */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_FACTORED_CAUSAL_H
#define ROPEMAP_HOST_MAP_FACTORED_CAUSAL_H

#include "host/map/job.h"

/* Computes those cells of cells [height, width] that hold some of their pairs, and settles whether means that
 * are not finite are NaN or an infinity. */
ropemap_status rm_causal_edge(ropemap_job *job, float *cells, ropemap_error *error);

#endif
