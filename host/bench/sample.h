/* sample.h - one sample of a benchmark and its ceiling, and what many of them say */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_SAMPLE_H
#define ROPEMAP_HOST_BENCH_SAMPLE_H

#include "host/bench/bench.h"
#include "host/bench/gpu.h"

/* A benchmark that is open. */
typedef struct rm_timed {
    const rm_benchmark *benchmark;
    const rm_shape *shape;
    void *state;
    double ceiling_runs, other_runs;              /* of the ceilings, for the work of a run */
    int64_t runs, runs_of_ceiling, runs_of_other; /* in a sample by a GPU's clock */
} rm_timed;

/* Seconds of a run; of the ceilings the slower, for the same work. cold = 0: not looked at. */
typedef struct rm_sample {
    double own, ceiling, cold, cold_ceiling;
} rm_sample;

/* Runs once to the end, prepared, and without a clock. */
ropemap_status rm_sample_run(const rm_timed *timed, ropemap_error *error);

/* Runs the ceilings once, untimed, and finds how many runs make a sample. */
ropemap_status rm_sample_prepare(rm_timed *timed, ropemap_error *error);
ropemap_status rm_sample_take(const rm_timed *timed, rm_sample *sample, ropemap_error *error);

/* All samples of a row, column by column. */
typedef struct rm_series {
    int32_t room, count;
    double *own, *ceiling, *shares, *cold, *cold_shares; /* [room] */
} rm_series;

ropemap_status rm_series_make(rm_series *series, const ropemap_bench_options *options, ropemap_error *error);
void rm_series_free(rm_series *series);
void rm_series_add(rm_series *series, const rm_sample *sample);

/* Whether what was asked for is there, `elapsed` seconds after the beginning. */
bool rm_series_enough(const rm_series *series, const ropemap_bench_options *options, double elapsed);

/* Fills the row's times, rates and shares. */
void rm_series_summarise(rm_series *series, const rm_timed *timed, ropemap_bench_row *row);

#endif
