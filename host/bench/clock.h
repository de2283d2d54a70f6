/* clock.h - time what is queued to a GPU by the GPU's own clock */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_CLOCK_H
#define ROPEMAP_HOST_BENCH_CLOCK_H

#include "host/bench/gpu.h"

typedef ropemap_status (*rm_queued)(void *work, ropemap_error *error);

/* What is timed, `runs` times between two marks. */
typedef struct rm_timing {
    const rm_gpu *gpu;
    rm_queued queue;
    void *work;
    int64_t runs;
} rm_timing;

/* Runs that make a sample long enough for the clock, whose steps are half a microsecond. */
int64_t rm_clock_runs(double seconds_of_one);

/*
 * Seconds of one run. Hot: where runs are short, others go before the first mark and one of their own kind
 * last, so that the GPU never waits for the host between the marks and caches hold what they can. Cold: the
 * cache is overwritten before the first mark, and one run is timed, to half a microsecond.
 */
ropemap_status rm_clock_time(const rm_timing *timing, bool cold, double *seconds, ropemap_error *error);

#endif
