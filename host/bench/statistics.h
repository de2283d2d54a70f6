/* statistics.h - what is said about a list of times */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_STATISTICS_H
#define ROPEMAP_HOST_BENCH_STATISTICS_H

#include <stdint.h>

typedef struct rm_statistics {
    double median, p5, p95;
    double deviation; /* standard deviation (n - 1) / mean; 0 for one value */
} rm_statistics;

/* Sorts `values` [count], count >= 1. Percentiles are interpolated between neighbours (Hyndman, Fan 1996,
 * type 7).
 */
rm_statistics rm_statistics_of(double *values, int64_t count);

#endif
