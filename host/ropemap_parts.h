/* ropemap_parts.h - maps in parts: bands of rows of cells, computed anywhere and in any order, put together
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_PARTS_H
#define ROPEMAP_PARTS_H

#include "ropemap.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Cuts a job's map into `count` parts of about the same work, 1 to the plan's height: part i has the cell
 * rows starts[i] to starts[i + 1] - 1, starts [count + 1], rising. `count` 0: as many as suit the work.
 * Returns how many there are, which is 1 where a method computes no row of cells alone; `starts` may be NULL.
 * The same request cuts the same, however many threads or machines there are.
 */
ROPEMAP_API int64_t ropemap_job_cut(const ropemap_job *job, int64_t count, int64_t *starts);

/* Queries of a part that ropemap_map counts, too. */
typedef struct ropemap_part {
    int64_t first, end; /* cell rows */
    int64_t empty_rows, nan_rows;
} ropemap_part;

/*
 * Computes the cells [part->end - part->first, width] of the part's rows, the bytes that the whole map has
 * there, and fills the rest of `part`. What the job has started stays so for its next part, until
 * ropemap_job_free or ropemap_job_join. A GPU that runs out of memory fails, as nothing smaller has all the
 * same bits. Statuses of ropemap_job_run.
 */
ROPEMAP_API ropemap_status ropemap_job_run_part(ropemap_job *job, ropemap_part *part, float *cells,
                                                ropemap_error *error);

/* The map of whose parts `map` has the plan's size, the cells and the counts of queries: fills in the rest.
 */
ROPEMAP_API void ropemap_job_join(ropemap_job *job, ropemap_map *map);

#ifdef __cplusplus
}
#endif

#endif
