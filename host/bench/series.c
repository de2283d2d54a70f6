/* series.c - all samples of a row, and what they say together */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/bench/sample.h"
#include "host/bench/statistics.h"

enum { SAMPLES_LEAST = 5, SAMPLES_MOST = 1000 };

static const double NOISY = 0.005; /* relative deviation */

ropemap_status rm_series_make(rm_series *series, const ropemap_bench_options *options, ropemap_error *error) {
    series->room = options->samples != 0 ? options->samples : SAMPLES_MOST;
    double **const columns[] = {&series->own, &series->ceiling, &series->shares, &series->cold,
                                &series->cold_shares};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        *columns[i] = rm_alloc((uint64_t)series->room, sizeof **columns[i]);
        if (*columns[i] == NULL) {
            return rm_fail_memory(error, "samples", (uint64_t)series->room * sizeof **columns[i]);
        }
    }
    return ROPEMAP_OK;
}

void rm_series_free(rm_series *series) {
    rm_free(series->own);
    rm_free(series->ceiling);
    rm_free(series->shares);
    rm_free(series->cold);
    rm_free(series->cold_shares);
}

void rm_series_add(rm_series *series, const rm_sample *sample) {
    const int32_t i = series->count++;
    series->own[i] = sample->own;
    series->ceiling[i] = sample->ceiling;
    series->shares[i] = sample->ceiling / sample->own;
    series->cold[i] = sample->cold;
    series->cold_shares[i] = sample->cold > 0.0 ? sample->cold_ceiling / sample->cold : 0.0;
}

bool rm_series_enough(const rm_series *series, const ropemap_bench_options *options, double elapsed) {
    if (series->count == series->room) {
        return true;
    }
    return options->samples == 0 && series->count >= SAMPLES_LEAST && elapsed >= options->seconds;
}

void rm_series_summarise(rm_series *series, const rm_timed *timed, ropemap_bench_row *row) {
    const rm_benchmark *benchmark = timed->benchmark;
    const rm_statistics own = rm_statistics_of(series->own, series->count);
    row->samples = series->count;
    row->median = own.median;
    row->p5 = own.p5;
    row->p95 = own.p95;
    row->deviation = own.deviation;
    row->noisy = own.deviation > NOISY;
    row->bytes = benchmark->bytes != NULL ? benchmark->bytes(timed->shape) : 0.0;
    row->flops = benchmark->flops != NULL ? benchmark->flops(timed->shape) : 0.0;
    row->rate = (benchmark->by_flops ? row->flops : row->bytes) / own.median * 1e-9;
    row->ceiling_seconds = rm_statistics_of(series->ceiling, series->count).median;
    row->share = rm_statistics_of(series->shares, series->count).median;
    row->cold = rm_statistics_of(series->cold, series->count).median;
    row->cold_share = rm_statistics_of(series->cold_shares, series->count).median;
}
