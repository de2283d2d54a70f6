/* running_sum.h - running sums carried in two doubles */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_RUNNING_SUM_H
#define ROPEMAP_HOST_MAP_RUNNING_SUM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * sums[t] + rests[t] = values[0] + ... + values[t - 1], t <= count, with an error near 2^-100 of the sum of
 * magnitudes. Differences of two entries lose nothing that a float could show.
 */
typedef struct rm_running {
    double *sums, *rests; /* [count + 1] */
} rm_running;

/* Room for `entries`; *whole becomes false where there is none. Free it also then. */
rm_running rm_running_make(int64_t entries, bool *whole);
void rm_running_free(rm_running running);

/* `squares`: of values^2. */
void rm_running_sum(rm_running running, const double *values, int64_t count, int squares);

/* The running sum of a running sum: entry t is the sum over u < t of (values[0] + ... + values[u - 1]), for
 * t <= count + 1; `twice` holds count + 2 entries. */
void rm_running_twice(rm_running twice, const double *values, int64_t count, int squares);

/* sum + rest += value + small, with the rounding of the larger part kept. */
void rm_running_add(double *sum, double *rest, double value, double small);

/* Entry `end` less entry `first`, as two doubles whose sum it is. */
void rm_running_difference(rm_running running, int64_t first, int64_t end, double *sum, double *rest);

#endif
