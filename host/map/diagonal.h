/* diagonal.h - position-independent vectors: one value a distance, then sliding windows */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_DIAGONAL_H
#define ROPEMAP_HOST_MAP_DIAGONAL_H

#include "host/device/backend.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A running sum carried in two doubles: sums[t] + rests[t] = values[0] + ... + values[t - 1], t <= count,
 * with an error near 2^-100 of the sum of magnitudes. Differences of two entries lose nothing that a float
 * could show. `squares`: of values^2.
 */
typedef struct rm_running {
    double *sums, *rests; /* [count + 1] */
} rm_running;

/* Room for `entries`; *whole becomes false where there is none. Free it also then. */
rm_running rm_running_make(int64_t entries, bool *whole);
void rm_running_free(rm_running running);

/* The running sum of a running sum: entry t is the sum over u < t of (values[0] + ... + values[u - 1]), for
 * t <= count + 1; `twice` holds count + 2 entries. */
void rm_running_twice(rm_running twice, const double *values, int64_t count, int squares);

/* sum + rest += value + small, with the rounding of the larger part kept. */
void rm_running_add(double *sum, double *rest, double value, double small);

/* Distances computed in one call, between two looks at whether to go on. */
int64_t rm_diagonal_at_once(const rm_device *device);

#endif
