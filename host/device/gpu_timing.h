/* gpu_timing.h - what a benchmark needs of a GPU: queued work, timed by the device's own clock */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DEVICE_GPU_TIMING_H
#define ROPEMAP_HOST_DEVICE_GPU_TIMING_H

#include "host/device/backend.h"

/* Rows [positions, heads, head_dim] of queries and of keys, in the device's memory, all of one type. */
typedef struct rm_gpu_timing_rows {
    const ropemap_freqs *freqs; /* the host's */
    ropemap_layout layout;
    ropemap_dtype dtype; /* not tf32 */
    ropemap_range positions;
    int32_t head_dim;
    int32_t query_heads, key_heads;        /* key_heads = 0: queries alone */
    const float *queries_from, *keys_from; /* 16-bit types take half of the room */
    float *queries_to, *keys_to;
} rm_gpu_timing_rows;

/* Everything here and every stage is queued, takes effect as if in the order of the calls, and returns
 * without waiting, but for `elapsed`. */
typedef struct rm_gpu_timing {
    /* Two marks among what is queued, after all that comes before and before all that comes after; then the
     * seconds between them, after waiting for the second. */
    ropemap_status (*mark)(rm_context *context, int32_t which, ropemap_error *error);
    ropemap_status (*elapsed)(rm_context *context, double *seconds, ropemap_error *error);

    /* Reads more than the second-level cache holds, so that what follows starts cold. */
    ropemap_status (*flush)(rm_context *context, ropemap_error *error);

    /* The ceilings: a copy within the device's memory, and one from the host's (pinned) to it. */
    ropemap_status (*copy)(rm_context *context, const float *from, float *to, int64_t bytes,
                           ropemap_error *error);
    ropemap_status (*upload)(rm_context *context, const float *from, float *to, int64_t bytes,
                             ropemap_error *error);

    /* to = from, fp32, rounded to the type; both in the device's memory. */
    ropemap_status (*convert)(rm_context *context, ropemap_dtype dtype, const float *from, float *to,
                              int64_t count, ropemap_error *error);

    ropemap_status (*rotate)(rm_context *context, const rm_gpu_timing_rows *rows, ropemap_error *error);

    /* Work between the two is recorded and not run; then it is a graph, in place of an earlier one. For calls
     * that ran before, on the compute stream alone: no other may come between, nor one that waits or
     * allocates. Call `record_end` whenever `record_begin` succeeded: then work runs again as it is queued.
     */
    ropemap_status (*record_begin)(rm_context *context, ropemap_error *error);
    ropemap_status (*record_end)(rm_context *context, ropemap_error *error);
    ropemap_status (*graph)(rm_context *context, ropemap_error *error); /* queues it all, by one launch */

    /* Whether fused products do without instructions of warpgroups from now on. */
    void (*by_warps)(rm_context *context, bool wanted);

    /* Bytes of the device's memory that are free, and all. */
    ropemap_status (*memory)(rm_context *context, uint64_t *free_bytes, uint64_t *all_bytes,
                             ropemap_error *error);

    /* A named range for profilers (NVTX), around what is queued between the two. */
    void (*range_begin)(const char *name);
    void (*range_end)(void);
} rm_gpu_timing;

#endif
