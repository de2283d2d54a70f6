/* window.h - sliding windows over the similarity at each distance */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_WINDOW_H
#define ROPEMAP_HOST_MAP_WINDOW_H

#include <stdint.h>

/*
 * maxima[t] = largest of values[t .. t + width - 1] for t <= count - width (van Herk 1992: three comparisons
 * a value at any width). `suffix` is scratch; all arrays hold `count`.
 */
void rm_window_max(const float *values, int64_t count, int64_t width, float *maxima, float *suffix);

/*
 * A running sum carried in two doubles: sums[t] + rests[t] = values[0] + ... + values[t - 1], t <= count,
 * with an error near 2^-100 of the sum of magnitudes. Differences of two entries lose nothing that a float
 * could show. `squares`: of values^2.
 */
typedef struct rm_running {
    double *sums, *rests; /* [count + 1] */
} rm_running;

void rm_running_sum(rm_running running, const double *values, int64_t count, int squares);

/* Running sum of the window sums w[t] = values[t] + ... + values[t + width - 1], t <= count - width: from the
 * running sum of the values. */
void rm_running_window(rm_running windows, rm_running values, int64_t count, int64_t width);

/* The running sum of a running sum: entry t is the sum over u < t of (values[0] + ... + values[u - 1]), for
 * t <= count + 1; `twice` holds count + 2 entries. */
void rm_running_twice(rm_running twice, const double *values, int64_t count, int squares);

/* sum + rest += value + small, with the rounding of the larger part kept. */
void rm_running_add(double *sum, double *rest, double value, double small);

/* Entry `end` less entry `first`, as two doubles whose sum it is. */
void rm_running_difference(rm_running running, int64_t first, int64_t end, double *sum, double *rest);

#endif
