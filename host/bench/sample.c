/* sample.c - one sample of a benchmark and its ceiling, by the host's clock or the GPU's */
/* SPDX-License-Identifier: MIT */
#include "host/bench/sample.h"

#include "host/bench/clock.h"
#include "host/map/execution.h"

#include <math.h>

/* Whether runs are timed by the GPU's clock; ceilings of a GPU always are. */
static bool queued(const rm_timed *timed) {
    return timed->shape->gpu != NULL && !timed->benchmark->by_wall;
}

static ropemap_status prepare(const rm_timed *timed, ropemap_error *error) {
    return timed->benchmark->prepare != NULL ? timed->benchmark->prepare(timed->state, error) : ROPEMAP_OK;
}

ropemap_status rm_sample_run(const rm_timed *timed, ropemap_error *error) {
    RM_TRY(prepare(timed, error));
    RM_TRY(timed->benchmark->run(timed->state, error));
    const rm_gpu *gpu = timed->shape->gpu;
    return gpu != NULL ? gpu->backend->finish(gpu->context, error) : ROPEMAP_OK;
}

static double work_of(double (*runs)(const rm_shape *), const rm_shape *shape) {
    return runs != NULL ? runs(shape) : 1.0;
}

static ropemap_status time_queued(const rm_timed *timed, rm_queued queue, int64_t runs, bool cold,
                                  double *seconds, ropemap_error *error) {
    const rm_timing timing = {.gpu = timed->shape->gpu, .queue = queue, .work = timed->state, .runs = runs};
    return rm_clock_time(&timing, cold, seconds, error);
}

/* The first run of anything is not like the others: the second one decides. */
static ropemap_status find_runs(const rm_timed *timed, rm_queued queue, int64_t *runs, ropemap_error *error) {
    double seconds = 0.0;
    RM_TRY(time_queued(timed, queue, 1, false, &seconds, error));
    RM_TRY(time_queued(timed, queue, 1, false, &seconds, error));
    *runs = rm_clock_runs(seconds);
    return ROPEMAP_OK;
}

ropemap_status rm_sample_prepare(rm_timed *timed, ropemap_error *error) {
    const rm_benchmark *benchmark = timed->benchmark;
    timed->ceiling_runs = work_of(benchmark->ceiling_runs, timed->shape);
    timed->other_runs = work_of(benchmark->other_ceiling_runs, timed->shape);
    if (timed->shape->gpu == NULL) {
        return benchmark->run_ceiling(timed->state, error);
    }
    RM_TRY(find_runs(timed, benchmark->run_ceiling, &timed->runs_of_ceiling, error));
    if (benchmark->run_other_ceiling != NULL) {
        RM_TRY(find_runs(timed, benchmark->run_other_ceiling, &timed->runs_of_other, error));
    }
    if (queued(timed)) {
        RM_TRY(prepare(timed, error));
        RM_TRY(find_runs(timed, benchmark->run, &timed->runs, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status time_by_host(const rm_timed *timed, rm_queued run, double *seconds,
                                   ropemap_error *error) {
    const double start = rm_seconds_now();
    RM_TRY(run(timed->state, error));
    *seconds = rm_seconds_now() - start;
    return ROPEMAP_OK;
}

static ropemap_status time_ceilings(const rm_timed *timed, bool cold, double *seconds, ropemap_error *error) {
    const rm_benchmark *benchmark = timed->benchmark;
    double first = 0.0, other = 0.0;
    RM_TRY(time_queued(timed, benchmark->run_ceiling, timed->runs_of_ceiling, cold, &first, error));
    if (benchmark->run_other_ceiling != NULL) {
        RM_TRY(time_queued(timed, benchmark->run_other_ceiling, timed->runs_of_other, cold, &other, error));
    }
    *seconds = fmax(first * timed->ceiling_runs, other * timed->other_runs);
    return ROPEMAP_OK;
}

ropemap_status rm_sample_take(const rm_timed *timed, rm_sample *sample, ropemap_error *error) {
    const rm_benchmark *benchmark = timed->benchmark;
    RM_TRY(prepare(timed, error));
    if (timed->shape->gpu == NULL) {
        RM_TRY(time_by_host(timed, benchmark->run, &sample->own, error));
        RM_TRY(time_by_host(timed, benchmark->run_ceiling, &sample->ceiling, error));
        sample->ceiling *= timed->ceiling_runs;
        return ROPEMAP_OK;
    }
    if (!queued(timed)) {
        RM_TRY(time_by_host(timed, benchmark->run, &sample->own, error));
        return time_ceilings(timed, false, &sample->ceiling, error);
    }
    RM_TRY(time_queued(timed, benchmark->run, timed->runs, false, &sample->own, error));
    RM_TRY(time_ceilings(timed, false, &sample->ceiling, error));
    RM_TRY(prepare(timed, error));
    RM_TRY(time_queued(timed, benchmark->run, 1, true, &sample->cold, error));
    return time_ceilings(timed, true, &sample->cold_ceiling, error);
}
