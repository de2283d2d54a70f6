/* cost.h - what each method costs: its blocks and bands, workers, memory, operations */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_COST_H
#define ROPEMAP_HOST_MAP_COST_H

#include "host/map/job.h"

/* Each fills job->plan with the method and its cost; plan.threads are those asked for before, fewer where
 * they do not pay or do not fit. */
void rm_cost_tiled(rm_job *job);
void rm_cost_factored(rm_job *job);
void rm_cost_diagonal(rm_job *job);
void rm_cost_dual_chunk(rm_job *job); /* the diagonal method of that encoding */

/* Whether the plan keeps within the memory of the host and of the device. */
bool rm_cost_fits(const rm_job *job);

/* Whether it takes no more of a device's memory than its inputs would and 256 MiB. */
bool rm_cost_has_room(const rm_job *job);

#endif
