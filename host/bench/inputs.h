/* inputs.h - random inputs, and which elements of an output are looked at */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_INPUTS_H
#define ROPEMAP_HOST_BENCH_INPUTS_H

#include <stdint.h>

/* Fills values [count] with numbers evenly spread over (-reach, reach); value i depends on (seed, i) alone.
 */
void rm_inputs_fill(float *values, int64_t count, double reach, uint64_t seed);

/* The reach for which a vector of `head_dim` elements has a mean square length of 1. */
double rm_inputs_unit_reach(int32_t head_dim);

/* Elements looked at of `total`: all of them up to `most` (at least 2), else `most`. */
int64_t rm_sample_count(int64_t total, int64_t most);

/* Number `index` of them: all in order, else the first, the last, and random ones between. */
int64_t rm_sample_at(int64_t total, int64_t most, int64_t index);

#endif
