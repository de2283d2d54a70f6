/* clock.c - time what is queued to a GPU by the GPU's own clock */
/* SPDX-License-Identifier: MIT */
#include "host/bench/clock.h"

#include <math.h>

static const double SAMPLE_SECONDS = 200e-6; /* 400 steps of the clock: a quarter of a percent */
static const double RUNS_MOST = 1000.0;
static const int64_t RUNS_A_FLUSH = 8;   /* that a host queues while a cache is overwritten: 40 us or more */
static const double STEP_SECONDS = 1e-9; /* no time is shorter, so that it can be divided by */

int64_t rm_clock_runs(double seconds_of_one) {
    return (int64_t)fmin(fmax(ceil(SAMPLE_SECONDS / fmax(seconds_of_one, STEP_SECONDS)), 1.0), RUNS_MOST);
}

/* Keeps the GPU busy while the host queues the runs, and then brings into the cache what they leave there. */
static ropemap_status queue_ahead(const rm_timing *timing, ropemap_error *error) {
    for (int64_t run = 0; run < timing->runs; run += RUNS_A_FLUSH) {
        RM_TRY(timing->gpu->probe->flush(timing->gpu->context, error));
    }
    return timing->queue(timing->work, error);
}

ropemap_status rm_clock_time(const rm_timing *timing, bool cold, double *seconds, ropemap_error *error) {
    const rm_probe *probe = timing->gpu->probe;
    rm_context *context = timing->gpu->context;
    const int64_t runs = cold ? 1 : timing->runs;
    if (cold) {
        RM_TRY(probe->flush(context, error));
    } else if (runs > 1) {
        RM_TRY(queue_ahead(timing, error));
    }
    RM_TRY(probe->mark(context, 0, error));
    for (int64_t run = 0; run < runs; run++) {
        RM_TRY(timing->queue(timing->work, error));
    }
    RM_TRY(probe->mark(context, 1, error));
    RM_TRY(probe->elapsed(context, seconds, error));
    *seconds = fmax(*seconds, STEP_SECONDS) / (double)runs;
    return ROPEMAP_OK;
}
