/* inputs.c - random inputs, and which elements of an output are looked at */
/* SPDX-License-Identifier: MIT */
#include "host/bench/inputs.h"

#include <math.h>

/* Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators": the output of SplitMix64. */
static uint64_t mix(uint64_t value) {
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

void rm_inputs_fill(float *values, int64_t count, double reach, uint64_t seed) {
    const uint64_t key = mix(seed);
    const double scale = reach * 0x1p-31;
    for (int64_t i = 0; i < count; i++) {
        const int32_t number = (int32_t)(uint32_t)(mix(key + (uint64_t)i) >> 32);
        values[i] = (float)(((double)number + 0.5) * scale);
    }
}

/* The mean square of an even spread over (-r, r) is r^2 / 3. */
double rm_inputs_unit_reach(int32_t head_dim) {
    return sqrt(3.0 / (double)head_dim);
}

int64_t rm_sample_count(int64_t total, int64_t most) {
    return total < most ? total : most;
}

int64_t rm_sample_at(int64_t total, int64_t most, int64_t index) {
    if (total <= most || index == 0) {
        return index;
    }
    return index == most - 1 ? total - 1 : (int64_t)(mix((uint64_t)index) % (uint64_t)total);
}
