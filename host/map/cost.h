/* cost.h - what each method costs: its blocks and bands, workers, memory, operations */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_COST_H
#define ROPEMAP_HOST_MAP_COST_H

#include "host/map/execution.h"

/* Each fills job->plan with the method and its cost; plan.threads are those asked for before, fewer where
 * they do not pay or do not fit. */
void rm_cost_tiled(rm_job *job);
void rm_cost_factored(rm_job *job);
void rm_cost_diagonal(rm_job *job);
void rm_cost_dual_chunk(rm_job *job); /* the diagonal method of that encoding */

/* Whether the factored method takes fewer operations than the tiled one: by the request and the kind of
 * device alone, not by the memory that is allowed. */
bool rm_cost_favours_factored(const rm_job *job);

/* Whether the plan takes no more of a device's memory than its inputs would and 256 MiB, and than it has; the
 * memory that is allowed on the host plays no part. */
bool rm_cost_has_room(const rm_job *job);

#endif
