/* statistics.c - what is said about a list of times */
/* SPDX-License-Identifier: MIT */
#include "host/bench/statistics.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value below which `share` of the sorted values lie. */
static double quantile(const double *sorted, int64_t count, double share) {
    const double place = share * (double)(count - 1);
    const int64_t below = (int64_t)place;
    const int64_t above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

static double relative_deviation(const double *values, int64_t count) {
    if (count < 2) {
        return 0.0;
    }
    double sum = 0.0, square = 0.0;
    for (int64_t i = 0; i < count; i++) {
        sum += values[i];
    }
    const double mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++) {
        square += (values[i] - mean) * (values[i] - mean);
    }
    return sqrt(square / (double)(count - 1)) / mean;
}

rm_statistics rm_statistics_of(double *values, int64_t count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return (rm_statistics){.median = quantile(values, count, 0.5),
                           .p5 = quantile(values, count, 0.05),
                           .p95 = quantile(values, count, 0.95),
                           .deviation = relative_deviation(values, count)};
}
